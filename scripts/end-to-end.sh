#!/usr/bin/env bash
# One game of the shipped network against a random mover: each of its moves proven in one batch proof and verified; then the
# same proof against another game, which must be rejected.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
digest=$(sed -n 's/^default = "\(.*\)"/\1/p' assets/models/index.toml)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "assets/models/$digest.model" "assets/models/$digest.vk" "$folder"
model="$folder/$digest.model" key="$folder/$digest.vk"
engine() { cargo run --quiet --locked -p engine-circuit --bin engine -- "$@"; }
engine model check "$model"
engine selfplay --model "$model" --side white --seed 1 --max-plies 80 --out "$folder/game.pgn"
engine prove-game --model "$model" --pgn "$folder/game.pgn" --side white --out "$folder/game.proof" --json
engine verify-game --vk "$key" --pgn "$folder/game.pgn" --side white --proof "$folder/game.proof"
engine selfplay --model "$model" --side white --seed 2 --max-plies 80 --out "$folder/other.pgn"
if engine verify-game --vk "$key" --pgn "$folder/other.pgn" --side white --proof "$folder/game.proof" 2>"$folder/reason"; then
    echo "a proof was accepted for another game" >&2
    exit 1
fi
echo "rejected for another game, as it must be: $(cat "$folder/reason")"
