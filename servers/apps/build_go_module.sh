#!/bin/sh
# Builds PACKAGE of a published Go module into $LASTCALL_CACHE/OUTPUT, at the version in $LASTCALL_LOCKS/go.txt or the newest.
#
#     sh apps/build_go_module.sh MODULE PACKAGE VARIABLE OUTPUT
#
# A program that is built as the main module does not know its own version, so the linker sets it in VARIABLE. The build runs
# in the module's own folder, because "go install" refuses a module that replaces others.
set -eu

: "${LASTCALL_CACHE:?is the folder that everything goes into}"
go="sh $(cd "$(dirname "$0")" && pwd)/locked_go.sh"
module=$1 package=$2 variable=$3 output=$4

version=
if [ -n "${LASTCALL_LOCKS:-}" ]; then
    version=$(sed -n "s|^$module ||p" "$LASTCALL_LOCKS/go.txt")
fi
if [ -z "$version" ]; then
    version=$($go list -m -f '{{.Version}}' "$module@latest")
fi
folder=$($go mod download -json "$module@$version" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p')
mkdir -p "$(dirname "$LASTCALL_CACHE/$output")"
cd "$folder"
CGO_ENABLED=0 $go build -mod=readonly -o "$LASTCALL_CACHE/$output" -ldflags "-s -w -X $variable=$version" "$package"
