#!/usr/bin/env bash
# From raw games to a quantised network, in one command. Stopped at any moment, it goes on where it was when run again.
#
#   GAMES=/path/sf_labelled_games.tsv.zst OUT=/path/to/run training/run.sh
#
# Optional: OWN_GAMES (what label.py wrote), CHANNELS, BLOCKS, START (float checkpoint of that shape, or a .model to grow from; the
# shipped network if not given, START= for none), RATE, MINUTES (plan of the float training, of which 80 % run), QAT_MINUTES,
# WORKERS (one per core), SEED, VENV.
set -euo pipefail
: "${GAMES:?path of sf_labelled_games.tsv.zst}" "${OUT:?folder for data, checkpoints and the network}"
here="$(cd "$(dirname "$0")" && pwd)"
mkdir -p "$OUT"
OUT="$(cd "$OUT" && pwd)"
venv="${VENV:-$OUT/venv}"
data="$OUT/data"
workers="${WORKERS:-$(nproc)}" channels="${CHANNELS:-64}" blocks="${BLOCKS:-5}"
digest=$(sed -n 's/^default = "\(.*\)"/\1/p' "$here/../assets/models/index.toml")
START="${START-$here/../assets/models/$digest.model}"
export OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r "$here/requirements.txt"
fi
if [ ! -e "$data/complete" ]; then
    cargo run --release --manifest-path "$here/prepare/Cargo.toml" -- "$GAMES" ${OWN_GAMES:+"$OWN_GAMES"} "$data"
    touch "$data/complete"
fi
common=(--data "$data" --workers "$workers" --seed "${SEED:-1}")
nice -n 10 "$venv/bin/python" "$here/train.py" "${common[@]}" --run "$OUT/float" \
    --channels "$channels" --blocks "$blocks" --minutes "${MINUTES:-80}" --stop-at 0.8 --rate "${RATE:-2e-3}" ${START:+--start "$START"}
nice -n 10 "$venv/bin/python" "$here/train.py" "${common[@]}" --run "$OUT/qat" --stage qat \
    --channels "$channels" --blocks "$blocks" --start "$OUT/float/checkpoint.pt" --minutes "${QAT_MINUTES:-16}" --rate 2e-4
"$venv/bin/python" "$here/quantise.py" "$OUT/qat/checkpoint.pt" "$OUT/network.quant"
"$venv/bin/python" "$here/evaluate.py" --data "$data" --checkpoint "$OUT/float/checkpoint.pt" \
    --quant "$OUT/network.quant"
"$venv/bin/python" "$here/curves.py" "$OUT/float" "$OUT/qat" "$OUT/curves.png"
