#!/usr/bin/env bash
# Formats checked, tests run, artefacts and gas snapshots compared with what is committed. Skips, and says why, where npm is missing:
# `cargo test` runs the committed artefacts there all the same.
set -euo pipefail
cd "$(dirname "$0")/../contracts"
status=0
tools/set-up || status=$?
if [ "$status" = 3 ]; then
    echo "skipped: forge tests, fresh artefacts and gas snapshots (the reason is above)"
    exit 0
elif [ "$status" != 0 ]; then
    exit "$status"
fi
tools/forge fmt --check
tools/artifacts --check
FORGE_SNAPSHOT_CHECK=true tools/forge test
