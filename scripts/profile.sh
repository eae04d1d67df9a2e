#!/usr/bin/env bash
# Where a proof's time goes, by function (perf's software clock), and as a flame graph where inferno is installed.
# usage: scripts/profile.sh MODEL [engine bench options...]        e.g. scripts/profile.sh big.model --positions 20 --batch 1
# Instructions of one function, for before and after (valgrind 3.19 knows not all AVX2 forms and may stop at one):
#   valgrind --tool=callgrind --toggle-collect='engine_circuit::infer::infer' engine eval --model MODEL --fen FEN
set -euo pipefail
model=$(realpath "${1:?usage: scripts/profile.sh MODEL [engine bench options...]}")
shift
options=("$@")
[ ${#options[@]} -gt 0 ] || options=(--positions 20 --batch 1)
cd "$(dirname "$0")/.."
. scripts/env.sh
command -v perf >/dev/null || { echo "perf is missing: apt-get install linux-perf" >&2; exit 2; }
# Names of lines and inlined callers, in a folder of its own: otherwise every build would replace the programs that are used.
export CARGO_PROFILE_RELEASE_DEBUG=line-tables-only
target="$CARGO_TARGET_DIR/profile"
cargo build --quiet --locked --release -p engine-circuit --bin engine --target-dir "$target"
engine="$target/release/engine"
out=$(mktemp -d)
"$engine" bench --model "$model" "${options[@]}" --json >"$out/warm.json"      # builds the weights' cache
RAYON_NUM_THREADS=1 perf record --quiet -e cpu-clock -F 499 -g -o "$out/perf" "$engine" bench --model "$model" "${options[@]}" --json
perf report -i "$out/perf" --no-children -g none --percent-limit 0.7 2>/dev/null | grep -v '^#' | grep . | cut -c1-160
if command -v inferno-flamegraph >/dev/null; then
    perf script -i "$out/perf" 2>/dev/null | inferno-collapse-perf | inferno-flamegraph >"$out/flame.svg"
    echo "flame graph: $out/flame.svg"
else
    echo "for a flame graph of $out/perf: cargo install inferno, then run this again"
fi
