#!/usr/bin/env bash
# The browser verifier (verifier-web).
# usage: scripts/web.sh build                the module verifier-web/www/verifier.wasm.gz, from its sources
#        scripts/web.sh page FILE            the page around it in one file, to be opened from a disk
#        scripts/web.sh test [FOLDER]        the page in a real browser; screenshots go to FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh
module=verifier-web/www/verifier.wasm.gz
sources=verifier-web/www/verifier.sources
exports=(start input output panic_text panic_length set_key open_bundle open_proof verify verify_tampered)

# Says which tool chain can make WebAssembly and sets `cargo`, `linker` and what they need. Rustup's target where it is installed,
# else Debian's packages for it, whose standard library is built along.
find_tools() {
    build_std=()
    if rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown; then
        cargo=cargo
        linker=("$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld" -flavor wasm)
        return
    fi
    if ! apt-cache show rustc-web >/dev/null 2>&1; then
        echo "web: there is no Rust for WebAssembly here: run  rustup target add wasm32-unknown-unknown" >&2
        return 1
    fi
    scripts/system-packages.sh wasm
    cargo=/usr/bin/cargo
    linker=("$(printf '%s\n' /usr/bin/wasm-ld-* | sort -V | tail -1)")
    build_std=(-Zbuild-std=std,panic_abort)
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 PATH="/usr/bin:$PATH"
}

# Builds the module as FILE. It is linked here and not by cargo: cargo would export what the bindings of unused random number
# generators export, and so the module would have imports.
build() {
    (
        find_tools
        export CARGO_TARGET_DIR="$CARGO_TARGET_DIR/web"
        export CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_PANIC=abort CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
        export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="$web_flags"
        "$cargo" rustc --locked --release -p verifier-web --lib --crate-type staticlib --target wasm32-unknown-unknown "${build_std[@]}"
        out="$CARGO_TARGET_DIR/wasm32-unknown-unknown/release"
        "${linker[@]}" --no-entry --gc-sections -O2 --strip-all --stack-first -z stack-size=1048576 \
            "${exports[@]/#/--export=}" "$out/libverifier_web.a" -o "$out/verifier.wasm"
        gzip -n9 <"$out/verifier.wasm" >"$1"
        # What it was made of, by the compiler's own list.
        tr ' ' '\n' <"$out/libverifier_web.d" | sed -n "s|^$PWD/\(.*\.rs\)$|\1|p" | grep -v /build.rs | sort -u | xargs sha256sum >"$2"
        echo "built $1: $(wc -c <"$out/verifier.wasm") bytes, $(wc -c <"$1") compressed"
    )
}
web_flags="${FAIRMATE_WEB_FLAGS:-}"

find_browser() {
    for name in chromium chromium-browser google-chrome; do
        # Ubuntu's /usr/bin/chromium-browser only says that there is a snap.
        if command -v "$name" >/dev/null && "$name" --version >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    return 1
}

skip() {
    echo "skipped: the page in a browser ($1)"
    exit 0
}

test_page() {
    command -v npm >/dev/null || skip "npm is missing, node 20 or later; playwright-core comes from there"
    if ! find_browser >/dev/null; then
        apt-cache show chromium >/dev/null 2>&1 || skip "no Chromium is installed, and this system has no package of it"
        scripts/system-packages.sh browser || skip "Chromium can't be installed"
    fi
    browser=$(find_browser) || skip "Chromium does not start"
    lock=verifier-web/browser/package-lock.json stamp=verifier-web/browser/node_modules/.set-up
    if ! cmp -s "$lock" "$stamp"; then
        npm ci --prefix verifier-web/browser --ignore-scripts --no-audit --no-fund --silent || skip "playwright-core can't be installed from npm"
        cp "$lock" "$stamp"
    fi
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    # Of the whole workspace, so that what ./check has built before is not built again with other features.
    cargo build --quiet --locked --workspace --example page
    "$CARGO_TARGET_DIR/debug/examples/page" "$folder/page.html" --cases "$folder"
    node verifier-web/browser/test.mjs "$folder" "$browser" "$@"
    if ! stale=$(sha256sum --check --quiet "$sources" 2>/dev/null); then
        printf '%s\n' "$stale" | sed 's/^/  changed since the module was built: /'
        echo "The committed module is older than its sources; its verdicts are those of today's verifier all the same (above)."
        echo "scripts/web.sh build renews it."
    fi
}

case "${1:-}" in
    build) build "$module" "$sources" ;;
    page) cargo run --quiet --locked -p verifier-web --example page -- "${2:?usage: scripts/web.sh page FILE}" ;;
    test) shift && test_page "$@" ;;
    *) sed -n '3,5s/^# //p' "$0" >&2 && exit 2 ;;
esac
