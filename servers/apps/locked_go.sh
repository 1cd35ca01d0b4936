#!/bin/sh
# Runs go with the toolchain that $LASTCALL_LOCKS/go.txt locks; go downloads it if it is not the installed one.
#
#     sh apps/locked_go.sh build ...
#
# Without a lock, or when that toolchain is not available, the installed go runs; in the second case a line says so.
set -eu

toolchain=$(sed -n 's/^toolchain //p' "${LASTCALL_LOCKS:+$LASTCALL_LOCKS/}${LASTCALL_LOCKS:+go.txt}" 2>/dev/null || true)
if [ -n "$toolchain" ]; then
    if GOTOOLCHAIN="$toolchain" go version >/dev/null 2>&1; then
        export GOTOOLCHAIN="$toolchain"
    else
        echo "$toolchain is locked and could not be had; $(go env GOVERSION) builds in its place" >&2
    fi
fi
exec go "$@"
