#!/usr/bin/env bash
# One call on a machine with a GPU: `training/gpu.sh NAME MINUTES train.py-arguments...` trains the run NAME for MINUTES (or goes on
# with it) and leaves its weights, log and resumable checkpoint, in parts of 15 MB, in $OUT. See gpu.md.
set -euo pipefail
name="$1" minutes="$2"
shift 2
: "${OUT:?folder for what comes back}"
here="$(cd "$(dirname "$0")" && pwd)"
carried="$here/../gpu"
work="${WORK:-/tmp/fairmate}"
python="${PYTHON:-python3}"
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
mkdir -p "$work/$name"
if [ ! -e "$work/data/complete" ]; then
    "$carried/training-prepare" "$carried/sf_labelled_games.tsv.zst" "$work/data"
    touch "$work/data/complete"
fi
if [ ! -e "$work/$name/checkpoint.pt" ] && ls "$carried/$name".part.* >/dev/null 2>&1; then
    cat "$carried/$name".part.* >"$work/$name/checkpoint.pt"
    cp "$carried/$name.log.jsonl" "$work/$name/log.jsonl"
fi
"$python" "$here/train.py" --data "$work/data" --run "$work/$name" --session-minutes "$minutes" "$@"
"$python" "$here/strip.py" "$work/$name/checkpoint.pt" "$OUT/$name.weights.pt"
cp "$work/$name/log.jsonl" "$OUT/$name.log.jsonl"
split -b 15000000 "$work/$name/checkpoint.pt" "$OUT/$name.part."
