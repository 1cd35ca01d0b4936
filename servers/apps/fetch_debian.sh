#!/bin/sh
# Unpacks PACKAGE... and what they depend on into $LASTCALL_CACHE/FOLDER, unless PROGRAM is there already.
#
#     sh apps/fetch_debian.sh FOLDER PROGRAM PACKAGE...
#
# Nothing is installed: that would take root, and start services. apt says which packages an installation would add to
# this machine; those are downloaded, their signatures checked by apt, and only unpacked. So a program that finds its
# libraries or modules by an absolute path must be told by its adapter where they are.
set -eu

: "${LASTCALL_CACHE:?is the folder that everything goes into}"
folder=$1 program=$2
shift 2

PATH="$PATH:/usr/sbin:/usr/local/sbin"
if command -v "$program"; then
    exit 0
fi
mkdir -p "$LASTCALL_CACHE"
cd "$LASTCALL_CACHE"
for place in "$folder/usr/sbin/$program" "$folder/usr/bin/$program"; do
    if [ -x "$place" ]; then
        echo "$LASTCALL_CACHE/$place"
        exit 0
    fi
done

added=$(apt-get --simulate --no-install-recommends install "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
if [ -z "$added" ]; then
    echo "apt knows no way to install $*; 'apt-get update' may be needed first" >&2
    exit 1
fi
rm -rf "$folder.part"
mkdir -p "$folder.part/packages"
# The sandbox user _apt could not write into a folder that belongs to the caller.
# shellcheck disable=SC2086 # names of packages, one word each
(cd "$folder.part/packages" && apt-get -q -o APT::Sandbox::User="$(id -un)" download $added)
for package in "$folder.part"/packages/*.deb; do
    dpkg -x "$package" "$folder.part"
done
rm -rf "$folder.part/packages" "$folder"
mv "$folder.part" "$folder"
ls "$folder"/usr/*bin/"$program"
