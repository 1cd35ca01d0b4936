#!/bin/sh
# Prints, for each .deb file, PACKAGE=VERSION ARCHITECTURE sha256:DIGEST, as $LASTCALL_LOCKS/debian.txt has it.
#
#     sh apps/record_debian.sh FILE.deb...
#
# Fails when a file of a locked version does not have the locked contents.
set -eu

lock=${LASTCALL_LOCKS:+$LASTCALL_LOCKS/debian.txt}
for file in "$@"; do
    named="$(dpkg-deb -f "$file" Package)=$(dpkg-deb -f "$file" Version) $(dpkg-deb -f "$file" Architecture)"
    line="$named sha256:$(sha256sum "$file" | cut -d ' ' -f 1)"
    if grep -qF "$named " "${lock:-/dev/null}" && ! grep -qxF "$line" "$lock"; then
        echo "$named has other contents than the locked package" >&2
        exit 1
    fi
    echo "$line"
done
