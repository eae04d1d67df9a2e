#!/usr/bin/env bash
# The client in a real window on a screen in memory, drawn by the software GPU, played by mouse and keyboard.
# Parts of the window are compared with the pictures beside this script.
# usage: window.sh GAME [FOLDER FOR PICTURES]; prints what the client printed; exit 0 good, 77 where something is missing, else 1.
# With FAIRMATE_NEW_PICTURES='NAME...' or =all those pictures are made anew instead: look at them before you commit them.
set -euo pipefail
game=$1
pictures=${2:-}
programs=(import convert compare)
# shellcheck source=screen.sh
. "$(dirname "$0")/screen.sh"

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
point() { xdotool mousemove --sync "$1" "$2"; sleep 0.4; xdotool click 1; sleep 0.3; }
picture() { [ -z "$pictures" ] || { sleep 0.3; import -window root -crop 1180x800+0+0 +repage "$pictures/$1.png"; }; }

# shows NAME PART [X,Y X,Y]...: waits until a part of the window (WxH+X+Y), at half its size, looks like the picture of that name
# beside this script. What lies between two corners is masked: figures that differ from run to run. A pixel counts as different from
# a seventh of the range on; so few may, that a missing badge is seen (`sees`), and so many, that a letter may be drawn a little otherwise.
allowed=12
references=$(dirname "$0")/pictures
part() {
    local to=$1 part=$2 masks=()
    shift 2
    while [ $# -ge 2 ]; do
        masks+=(-draw "rectangle $1 $2")
        shift 2
    done
    import -window root -crop "$part" +repage png:- | convert - -fill '#808080' "${masks[@]}" -scale 50% -strip "$to"
}
# differing A B: the number of pixels that differ.
differing() {
    local pixels
    pixels=$(compare -metric AE -fuzz 15% "$1" "$2" null: 2>&1) || true
    [[ $pixels =~ ^[0-9]+$ ]] || fail "compare: $pixels"
    echo "$pixels"
}
renewed() { [[ " ${FAIRMATE_NEW_PICTURES:-} " == *" $1 "* || ${FAIRMATE_NEW_PICTURES:-} == all ]]; }
shows() {
    local name=$1 taken=$folder/$1.png pixels=none
    shift
    # The pointer leaves: what lies under it is drawn otherwise.
    xdotool mousemove --sync 5 5
    if renewed "$name"; then
        sleep 5
        part "$taken" "$@"
        convert "$taken" +dither -colors 64 -define png:compression-level=9 "PNG8:$references/$name.png"
        return
    fi
    for _ in $(seq 60); do
        part "$taken" "$@"
        pixels=$(differing "$taken" "$references/$name.png")
        [ "$pixels" -le $allowed ] && echo "picture $name: $pixels pixels differ" && return
        sleep 0.5
    done
    [ -z "$pictures" ] || cp "$taken" "$pictures/differs-$name.png"
    fail "picture $name: $pixels pixels differ"
}
# sees NAME X,Y X,Y: the comparison is none if it lets that pass: with this part (coordinates as in masks) painted in the colour of
# its corner the picture is another.
sees() {
    local name=$1 from=$2 to=$3 spoilt=$folder/spoilt.png pixels corner colour
    renewed "$name" && return
    corner=$((${from%,*} / 2)),$((${from#*,} / 2))
    colour=$(convert "$folder/$name.png" -format "%[pixel:p{$corner}]" info:)
    convert "$folder/$name.png" -fill "$colour" -draw "rectangle $corner $((${to%,*} / 2)),$((${to#*,} / 2))" "$spoilt"
    pixels=$(differing "$spoilt" "$references/$name.png")
    [ "$pixels" -gt $allowed ] || fail "picture $name: without $from to $to only $pixels pixels differ"
    echo "picture $name: without $from to $to $pixels pixels would differ"
}
# written WHAT PART: that part holds writing, whatever it says: more than an eighth of it is not of the colour of its corner.
written() {
    local ink=$folder/ink.png plain=$folder/plain.png pixels size=${2%%+*}
    import -window root -crop "$2" +repage "$ink"
    convert "$ink" -fill "$(convert "$ink" -format '%[pixel:p{0,0}]' info:)" -draw 'color 0,0 reset' "$plain"
    pixels=$(differing "$ink" "$plain")
    [ $((8 * pixels)) -gt $((${size%x*} * ${size#*x})) ] || fail "no writing: $1 ($pixels pixels)"
    echo "writing: $1, $pixels pixels"
}

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
# What is left of an earlier try goes first.
# No letter of a move in UCI does harm where the stroke that opens the line was missed.
by_keys() { xdotool key Escape; sleep 0.2; xdotool key slash; sleep 0.3; xdotool type --delay 120 "$1"; sleep 0.2; picture typing; xdotool key Return; sleep 0.3; }

start
picture start
# What the network says of itself is masked: its Elo at each level, its name, its digest.
shows start 560x752+310+24 25,309 535,324 25,338 535,374 25,612 535,634
sees start 60,520 130,545
sees start 200,650 360,672
until_state '^Settings' press dialog/button-settings
picture settings
shows settings 560x480+310+160
sees settings 36,376 80,392
until_state '^Start' press dialog/button-done
until_state '^None 0/0' press dialog/button-play
shows board 752x752+19+24
sees board 285,662 370,745
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
until_state '^None' press dialog/button-close
until_state '^Help' press button-help
picture help
shows help 540x550+320+125
sees help 15,55 95,72
until_state '^None' press dialog/button-done
press button-save; sleep 0.5
# Gone without a word and started again: the game goes on where it was, its proofs are checked again.
kill -9 "$client"; wait "$client" 2>/dev/null || true
start
await '^None 3/3 e2e4 \S+ g1f3 \S+ d2d4 [a-h]'
until_state '^ConfirmResign' press button-resign
picture resign
shows resign 420x110+380+345
sees resign 280,65 340,85
until_state '^GameOver 3/3' press dialog/button-resign
picture over
until_state '^None 3/3' press dialog/button-look
xdotool key Left; sleep 1.5
picture policy
stop
# Whole games to mate, by drag and by keyboard: Black has one move each time, whatever the network.
start --start-fen '5b1k/6pp/8/6N1/2Q5/8/8/6K1 w - - 0 1'
until_state '^None 0/0' press dialog/button-play
until_state '^None \S+ g5f7' drag g5 f7
await '^None 1/1 g5f7 h8g8$'
until_state '^ProofCard' press button-proof
picture card
shows card 600x520+290+140 175,30 300,56 20,66 580,126 30,166 560,186 290,258 450,322
sees card 20,30 60,56
sees card 60,140 220,162
sees card 330,410 430,440
until_state '^None' press dialog/button-close
until_state '^None \S+ g5f7 h8g8 f7h6' drag f7 h6
await '^None 2/2 g5f7 h8g8 f7h6 g8h8$'
until_state '^GameOver 2/2 g5f7 h8g8 f7h6 g8h8 c4g8$' drag c4 g8
picture mate
shows over 440x254+370+273
sees over 20,65 200,90
until_state '^None 2/2 g5f7 h8g8 f7h6 g8h8 c4g8$' press dialog/button-look
shows mate 752x752+19+24
sees mate 570,15 650,90
# The badge on the board, and what is left of one beside the moves.
sees mate 725,5 745,28
shows panel 372x764+790+18 10,42 350,82 240,182 334,236 10,300 372,400
sees panel 336,182 360,208
sees panel 280,18 360,34
sees panel 220,692 270,712
written 'badge of a move' 76x10+1044+207
written 'its tick' 14x12+1126+206
stop
start --start-fen '5b1k/6pp/8/6N1/2Q5/8/8/6K1 w - - 0 1'
until_state '^None 0/0' xdotool key Return
until_state '^None \S+ g5f7' by_keys g5f7
await '^None 1/1 g5f7 h8g8$'
until_state '^None \S+ g5f7 h8g8 f7h6' by_keys f7h6
await '^None 2/2 g5f7 h8g8 f7h6 g8h8$'
until_state '^GameOver 2/2 g5f7 h8g8 f7h6 g8h8 c4g8$' by_keys c4g8
stop
"$game" --store "$folder/measured" --measure --idle 15 >"$folder/measure" 2>"$folder/err" || fail "no measurement"
cat "$folder/measure"
# A window that nobody touches wakes every four seconds; one that is drawn all the time would have hundreds of frames.
frames=$(sed -n 's/^idle for .* s: \([0-9]*\) frames.*/\1/p' "$folder/measure")
[ -n "$frames" ] && [ "$frames" -le 20 ] || fail "an idle window draws ${frames:-no} frames"
grep -v '^button' "$folder/out"
echo good
