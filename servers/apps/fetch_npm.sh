#!/bin/sh
# Installs an npm package into $LASTCALL_CACHE/FOLDER: exactly what $LASTCALL_LOCKS/npm/FOLDER locks, or else the newest.
#
#     sh apps/fetch_npm.sh FOLDER PACKAGE@RANGE
set -eu

: "${LASTCALL_CACHE:?is the folder that everything goes into}"
folder=$1 package=$2
lock=${LASTCALL_LOCKS:+$LASTCALL_LOCKS/npm/$folder}

mkdir -p "$LASTCALL_CACHE/$folder"
cd "$LASTCALL_CACHE/$folder"
if [ -n "$lock" ] && [ -d "$lock" ]; then
    cp "$lock/package.json" "$lock/package-lock.json" .
    npm ci --no-audit --no-fund
else
    rm -rf package.json package-lock.json node_modules
    npm install --no-audit --no-fund --prefix . "$package"
fi
