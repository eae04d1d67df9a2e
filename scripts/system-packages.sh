#!/usr/bin/env bash
# Installs the Debian/Ubuntu packages that Fairmate needs and that are missing, and says so.
# usage: scripts/system-packages.sh GROUP...      groups: build (compiling), run (the client), test (a screen and a screen reader's half for tests),
#        browser (the page's test), wasm (compiling the page's module without rustup)
set -euo pipefail
declare -A groups=(
    [build]="build-essential pkg-config libwayland-dev libxkbcommon-dev libasound2-dev"
    [run]="libwayland-client0 libxkbcommon0 libxkbcommon-x11-0 libx11-xcb1 libxcursor1 libxi6 libxrandr2 libvulkan1 mesa-vulkan-drivers"
    [test]="xvfb xauth xdotool x11-utils imagemagick dbus at-spi2-core python3-gi gir1.2-atspi-2.0"
    [browser]="chromium"
    [wasm]="rustc-web cargo-web rust-web-src lld-22"
)
missing=()
for group in "$@"; do
    for package in ${groups[$group]:?"unknown group $group"}; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
done
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "Please install with your system's package manager: ${missing[*]}" >&2
    exit 0
fi
echo "Installing system packages: ${missing[*]}"
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
$sudo apt-get -o DPkg::Lock::Timeout=300 update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
