#!/usr/bin/env bash
# Where a proof's time goes: instructions by function, one thread, without and with what a function calls (callgrind; no special
# rights needed, other work on the machine does not disturb it), and with perf allowed a flame graph besides.
# usage: scripts/profile.sh MODEL [engine bench options...]        e.g. scripts/profile.sh big.model --positions 2 --batch 1
set -euo pipefail
model=$(realpath "${1:?usage: scripts/profile.sh MODEL [engine bench options...]}")
shift
options=("$@")
[ ${#options[@]} -gt 0 ] || options=(--positions 2 --batch 1)
cd "$(dirname "$0")/.."
. scripts/env.sh
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 2; }
# Names and inlined callers, in a folder of its own: otherwise every build would replace the programs that are used.
export CARGO_PROFILE_RELEASE_DEBUG=line-tables-only
target="$CARGO_TARGET_DIR/profile"
cargo build --quiet --locked --release -p engine-circuit --bin engine --target-dir "$target"
engine="$target/release/engine"
out=$(mktemp -d)
"$engine" bench --model "$model" "${options[@]}" --json >"$out/warm.json"      # builds the weights' cache
RAYON_NUM_THREADS=1 valgrind --quiet --tool=callgrind --callgrind-out-file="$out/callgrind" "$engine" bench --model "$model" "${options[@]}" --json >/dev/null
for inclusive in no yes; do
    printf '\n== instructions by function, %s\n' "$([ $inclusive = yes ] && echo "with what it calls" || echo "its own")"
    callgrind_annotate --inclusive=$inclusive --auto=no "$out/callgrind" | grep -E '\([ 0-9.]+%\)' | sed -E 's/ \[[^]]*\]$//' | cut -c1-170 | head -40
done
if command -v perf >/dev/null && perf record --quiet -e cpu-clock -F 499 --call-graph dwarf,16384 -o "$out/perf" "$engine" bench --model "$model" "${options[@]}" --json >/dev/null 2>&1; then
    if command -v inferno-flamegraph >/dev/null; then
        perf script -i "$out/perf" 2>/dev/null | inferno-collapse-perf | inferno-flamegraph >"$out/flame.svg"
        echo "flame graph: $out/flame.svg"
    else
        echo "for a flame graph of $out/perf: cargo install inferno, then run this again"
    fi
fi
