# Sourced by ./play, ./check and .ci/run: where builds go. The target folder is named after the processor's features, because the
# programs in it are built for this processor (.cargo/config.toml) and may not run on another.
if [ -z "${CARGO_TARGET_DIR:-}" ]; then
    features=$(grep -m1 '^flags' /proc/cpuinfo 2>/dev/null | tr ' ' '\n' | grep -E '^(avx|bmi|fma|sha|gfni|vaes|adx)' | sort | sha256sum | cut -c1-8)
    export CARGO_TARGET_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/fairmate/target-${features:-generic}"
fi
export CARGO_TERM_PROGRESS_WHEN="${CARGO_TERM_PROGRESS_WHEN:-auto}"
