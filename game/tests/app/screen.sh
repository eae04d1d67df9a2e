#!/usr/bin/env bash
# Sourced by the scripts of the real-window tests: a screen in memory, the client on it, and waiting for what it prints.
# Before it: `game` is the program, `programs` what is needed beside Xvfb and xdotool. After it: `folder` is an empty folder.
for program in Xvfb xdotool "${programs[@]}"; do
    command -v "$program" >/dev/null || { echo "skipped: $program is missing"; exit 77; }
done
icd=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -1)
[ -n "$icd" ] || { echo "skipped: mesa-vulkan-drivers is missing"; exit 77; }
export WGPU_BACKEND=vulkan VK_ICD_FILENAMES=$icd
unset WAYLAND_DISPLAY
# The client speaks the language of its surroundings.
export LC_ALL=C

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
stop() { kill "$client"; wait "$client" 2>/dev/null || true; client=""; }
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
# until_state PATTERN ACTION...: a busy machine draws a few frames a second and misses input, as a person would notice: act again
# until such a state is printed once more.
until_state() {
    local state=$1 before
    shift
    before=$(grep -cE "$state" "$folder/out") || true
    for _ in $(seq 12); do
        "$@"
        for _ in $(seq 50); do
            [ "$(grep -cE "$state" "$folder/out")" -gt "$before" ] && return
            kill -0 "$client" 2>/dev/null || fail "the client ended"
            sleep 0.1
        done
    done
    fail "waited for: $state"
}
