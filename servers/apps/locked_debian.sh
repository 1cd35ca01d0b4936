#!/bin/sh
# Prints PACKAGE=VERSION for each PACKAGE: the version locked in $LASTCALL_LOCKS/debian.txt, or apt's own choice.
#
#     LASTCALL_LOCKS=locks sh apps/locked_debian.sh PACKAGE...
#
# Debian's mirrors drop a version when a newer one replaces it, and other distributions have other versions: then the script
# takes apt's choice, and says so on stderr.
set -eu

lock=${LASTCALL_LOCKS:+$LASTCALL_LOCKS/debian.txt}
for package in "$@"; do
    locked=$(sed -n "s/^$package=\([^ ]*\).*/\1/p" "${lock:-/dev/null}")
    candidate=$(apt-cache policy "$package" | sed -n 's/^ *Candidate: //p')
    if [ -n "$locked" ] && [ "$locked" != "$candidate" ]; then
        if apt-cache madison "$package" | cut -d '|' -f 2 | grep -qxF " $locked "; then
            candidate=$locked
        else
            echo "$package $locked is no longer served here; took $candidate;" \
                "what names other versions is not judged of it" >&2
        fi
    fi
    echo "$package=$candidate"
done
