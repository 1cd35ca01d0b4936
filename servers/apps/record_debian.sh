#!/bin/sh
# Prints, for each .deb file, PACKAGE=VERSION ARCHITECTURE sha256:DIGEST, as $LASTCALL_LOCKS/debian.txt has it.
#
#     sh apps/record_debian.sh FILE.deb...
#
# Fails when a file of a locked version does not have the locked contents.
set -eu

lock=${LASTCALL_LOCKS:+$LASTCALL_LOCKS/debian.txt}
for file in "$@"; do
    package=$(dpkg-deb -f "$file" Package)
    version=$(dpkg-deb -f "$file" Version)
    architecture=$(dpkg-deb -f "$file" Architecture)
    digest=sha256:$(sha256sum "$file" | cut -d ' ' -f 1)
    # The lock has the digest of one architecture; another one's packages have other contents.
    locked=$(awk -v named="$package=$version" -v architecture="$architecture" \
        '$1 == named && $2 == architecture { print $3 }' "${lock:-/dev/null}")
    if [ -n "$locked" ] && [ "$locked" != "$digest" ]; then
        echo "$package $version has the digest $digest, locked is $locked: the mirror serves another file under this" \
            "version; nothing was unpacked; to take it all the same, correct $lock" >&2
        exit 1
    fi
    echo "$package=$version $architecture $digest"
done
