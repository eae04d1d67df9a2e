#!/usr/bin/env bash
# The client in a real window on a screen in memory, drawn by the software GPU, played by mouse and keyboard.
# usage: window.sh GAME [FOLDER FOR PICTURES]; prints what the client printed; exit 0 good, 77 where something is missing, else 1.
set -euo pipefail
game=$1
pictures=${2:-}
for program in Xvfb xdotool import; do
    command -v $program >/dev/null || { echo "skipped: $program is missing"; exit 77; }
done
icd=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -1)
[ -n "$icd" ] || { echo "skipped: mesa-vulkan-drivers is missing"; exit 77; }
export WGPU_BACKEND=vulkan VK_ICD_FILENAMES=$icd
unset WAYLAND_DISPLAY

folder=$(mktemp -d)
trap 'kill $client $screen 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
client="" screen=""
# Without -noreset the server starts over when its last client leaves, and refuses those who come meanwhile.
# Another server may take the same number at the same moment: the screen counts once it answers.
for _ in 1 2 3 4 5; do
    : >"$folder/display"
    Xvfb -noreset -displayfd 3 -screen 0 1280x900x24 -nolisten tcp 3>"$folder/display" 2>"$folder/xvfb.log" &
    screen=$!
    for _ in $(seq 100); do
        export DISPLAY=:$(cat "$folder/display")
        [ "$DISPLAY" != : ] && xdotool getdisplaygeometry >/dev/null 2>&1 && break 2
        kill -0 "$screen" 2>/dev/null || break
        sleep 0.1
    done
    kill "$screen" 2>/dev/null || true
    screen=""
done
[ -n "$screen" ] || { echo "FAILED: no screen"; cat "$folder/xvfb.log"; exit 1; }

start() {
    "$game" --store "$folder/store" --print-state "$@" >"$folder/out" 2>"$folder/err" &
    client=$!
    for _ in $(seq 200); do
        window=$(xdotool search --name '^Fairmate$' 2>/dev/null | head -1) && [ -n "$window" ] && break
        sleep 0.1
    done
    xdotool windowmove --sync "$window" 0 0 || true
    xdotool windowfocus "$window" || true
    await '^\S'
    sleep 1
}
fail() { echo "FAILED: $1"; cat "$folder/out" "$folder/err"; exit 1; }
# await PATTERN [SECONDS]: waits until the client has printed such a state.
await() {
    for _ in $(seq $((${2:-60} * 10))); do
        grep -qE "$1" "$folder/out" && return
        kill -0 "$client" 2>/dev/null || fail "the client ended"
        sleep 0.1
    done
    [ -n "${2:-}" ] && return 1
    fail "waited for: $1"
}
# until_state PATTERN ACTION...: a busy machine draws a few frames a second and misses input, as a person would notice: act again.
until_state() {
    local state=$1
    shift
    for _ in $(seq 12); do
        "$@"
        await "$state" 5 && return
    done
    fail "waited for: $state"
}
# The window has 1180 x 800 pixels: the board begins at 19,24 with squares of 94.
x() { echo $((19 + 94 * ($(printf %d "'${1:0:1}") - 97) + 47)); }
y() { echo $((24 + 94 * (8 - ${1:1:1}) + 47)); }
at() { xdotool mousemove --sync "$(x "$1")" "$(y "$1")"; sleep 0.15; }
drag() {
    at "$1"; xdotool mousedown 1; sleep 0.15
    xdotool mousemove --sync $((($(x "$1") + $(x "$2")) / 2)) $((($(y "$1") + $(y "$2")) / 2)); sleep 0.15
    [ -z "${3:-}" ] || picture "$3"
    at "$2"; xdotool mouseup 1; sleep 0.15
}
click() { at "$1"; xdotool click 1; sleep 0.15; }
point() { xdotool mousemove --sync "$1" "$2"; sleep 0.2; xdotool click 1; sleep 0.3; }
picture() { [ -z "$pictures" ] || { sleep 0.3; import -window root -crop 1180x800+0+0 +repage "$pictures/$1.png"; }; }

# press NAME: clicks a button where the client last said it is.
press() {
    local at=""
    for _ in $(seq 100); do
        at=$(grep "^button $1 " "$folder/out" | tail -1 | cut -d' ' -f3-) || true
        [ -n "$at" ] && break
        sleep 0.1
    done
    [ -n "$at" ] || fail "no button $1"
    # shellcheck disable=SC2086
    point $at
}

by_clicks() { click g1; picture hints; click f3; }
by_keys() { xdotool key slash; sleep 0.3; xdotool type --delay 120 "$1"; sleep 0.2; picture typing; xdotool key Return; sleep 0.3; }

start
picture start
press dialog/button-settings
await '^Settings'
picture settings
press dialog/button-done
await '^Start'
until_state '^None 0/0' press dialog/button-play
sleep 0.5
until_state '^None \S+ e2e4' drag e2 e4 drag
await '^None 1/1 e2e4 [a-h]'
until_state '^None \S+ e2e4 \S+ g1f3' by_clicks
await '^None 2/2 e2e4 \S+ g1f3 [a-h]'
until_state '^None \S+ e2e4 \S+ g1f3 \S+ d2d4' by_keys d4
await '^None 3/3 e2e4 \S+ g1f3 \S+ d2d4 [a-h]'
xdotool key f; sleep 0.5
picture flipped
xdotool key f; sleep 0.3
until_state '^ProofCard' press button-proof
picture proof
press dialog/button-tamper; sleep 1.5
picture tamper
press dialog/button-close
until_state '^Help' press button-help
picture help
press dialog/button-done
press button-save; sleep 0.5
# Gone without a word and started again: the game goes on where it was, its proofs are checked again.
kill -9 "$client"; wait "$client" 2>/dev/null || true
start
await '^None 3/3 e2e4 \S+ g1f3 \S+ d2d4 [a-h]'
until_state '^ConfirmResign' press button-resign
picture resign
until_state '^GameOver 3/3' press dialog/button-resign
picture over
press dialog/button-look
await '^None 3/3'
xdotool key Left; sleep 1.5
picture policy
grep -v '^button' "$folder/out"
echo good
