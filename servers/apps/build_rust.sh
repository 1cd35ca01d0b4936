#!/bin/sh
# Builds PACKAGE of apps/rust into $LASTCALL_CACHE/rust, with the crates of its Cargo.lock or with the newest that fit.
#
#     sh apps/build_rust.sh PACKAGE
set -eu

: "${LASTCALL_CACHE:?is the folder that everything goes into}"
cd "$(dirname "$0")/rust"
if [ -z "${LASTCALL_LOCKS:-}" ]; then
    mkdir -p "$LASTCALL_CACHE/latest"
    rm -rf "$LASTCALL_CACHE/latest/rust"
    cp -R . "$LASTCALL_CACHE/latest/rust"
    cd "$LASTCALL_CACHE/latest/rust"
    cargo update
fi
cargo build --release --locked -p "$1" --target-dir "$LASTCALL_CACHE/rust"
