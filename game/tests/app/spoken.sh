#!/usr/bin/env bash
# What a screen reader hears of the client in a real window: spoken.py reads its accessibility tree from outside, through AT-SPI.
# usage: spoken.sh GAME; exit 0 good, 77 where something is missing, else 1.
set -euo pipefail
if [ -z "${FAIRMATE_OWN_BUS:-}" ]; then
    command -v dbus-run-session >/dev/null || { echo "skipped: dbus-run-session is missing"; exit 77; }
    # A bus of its own with sockets of its own: nothing of a desktop that runs beside it is touched.
    own=$(mktemp -d)
    trap 'rm -rf "$own"' EXIT
    env -u DISPLAY FAIRMATE_OWN_BUS=1 XDG_RUNTIME_DIR="$own" dbus-run-session -- bash "$0" "$@"
    exit
fi
game=$1
programs=()
[ -x /usr/libexec/at-spi-bus-launcher ] || { echo "skipped: at-spi2-core is missing"; exit 77; }
# Debian's Python: its bindings are not for others.
reader=(/usr/bin/python3 "$(dirname "$0")/spoken.py")
"${reader[@]}" available || exit
# shellcheck source=screen.sh
. "$(dirname "$0")/screen.sh"
"${reader[@]}" "on" || fail "no accessibility bus"
start
"${reader[@]}" listen || fail "the screen reader did not hear what it should"
echo good
