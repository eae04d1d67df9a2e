#!/usr/bin/env bash
# Runs libFuzzer on every decoder (docs/fuzzing.md) and prints the number of inputs each saw. Needs cargo-fuzz (cargo install cargo-fuzz)
# and a C++ compiler.
# usage: scripts/fuzz.sh SECONDS [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/../engine-circuit"
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET...]}
shift
. ../scripts/env.sh
# The instrumented build has flags of its own, and a stable compiler takes them only with this.
export CARGO_TARGET_DIR="$CARGO_TARGET_DIR/fuzz" RUSTC_BOOTSTRAP=1
corpus="$CARGO_TARGET_DIR/corpus"
# No address sanitizer: the code is safe Rust, and runs three times as often without. Optimised, but with checks for overflow.
options=(-O --sanitizer none --fuzz-dir fuzz)
cargo fuzz build "${options[@]}"
program() { find "$CARGO_TARGET_DIR" -path "*/release/$1" -type f -perm -u+x | head -1; }
for target in ${*:-proof model verifying_key client_message server_message position pgn bundle}; do
    folder="$corpus/$target"
    log="$CARGO_TARGET_DIR/$target.log"
    artifacts="$CARGO_TARGET_DIR/artifacts/$target/"
    mkdir -p "$artifacts" "$folder"
    if FAIRMATE_FUZZ_SEEDS="$folder" nice -n 15 "$(program "$target")" -max_total_time="$seconds" -max_len=65536 -timeout=60 -rss_limit_mb=4096 \
        -artifact_prefix="$artifacts" -print_final_stats=1 "$folder" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "$target: $runs inputs in $seconds s, nothing found, $(find "$folder" -type f | wc -l) in the corpus"
    else
        echo "$target: FAILED, see $log" >&2
        exit 1
    fi
done
