#!/bin/sh
# Builds the program of apps/go/NAME into $LASTCALL_CACHE/OUTPUT, with the modules of its go.sum or with the newest.
#
#     sh apps/build_go.sh NAME OUTPUT
set -eu

: "${LASTCALL_CACHE:?is the folder that everything goes into}"
here=$(cd "$(dirname "$0")" && pwd)
name=$1 output=$2

cd "$here/go/$name"
if [ -n "${LASTCALL_LOCKS:-}" ] || ! [ -s go.sum ]; then
    exec sh "$here/locked_go.sh" build -mod=readonly -buildvcs=false -o "$LASTCALL_CACHE/$output" .
fi
# The newest versions are recorded in the cache: the sources do not change.
newest=$LASTCALL_CACHE/latest/go/$name
mkdir -p "$newest"
cp go.mod go.sum "$newest"
# By name, because "go get -u" asks the proxy for our own modules, too.
modules=$(go list -modfile="$newest/go.mod" -m -f '{{if not (or .Main .Replace)}}{{.Path}}@latest{{end}}' all)
# shellcheck disable=SC2086 # names, one word each
go get -modfile="$newest/go.mod" $modules
go mod tidy -modfile="$newest/go.mod"
go build -modfile="$newest/go.mod" -buildvcs=false -o "$LASTCALL_CACHE/$output" .
