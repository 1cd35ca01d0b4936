#!/bin/sh
# Unpacks PACKAGE... and what they depend on into $LASTCALL_CACHE/FOLDER, unless PROGRAM is there already.
# The versions are those of $LASTCALL_LOCKS/debian.txt where they are still served, and then they must have the digests
# that it has; packages.txt in FOLDER lists what was taken.
#
#     sh apps/fetch_debian.sh FOLDER PROGRAM PACKAGE...
#
# Nothing is installed: that would need root, and would start services. apt lists the packages that an installation would
# add to this machine; the script downloads those (apt checks their signatures) and only unpacks them. So the adapter of a
# program that finds its libraries or modules by an absolute path must name the folder where they are.
set -eu

: "${LASTCALL_CACHE:?is the folder that everything goes into}"
folder=$1 program=$2
shift 2
apps=$(cd "$(dirname "$0")" && pwd)

PATH="$PATH:/usr/sbin:/usr/local/sbin"
if command -v "$program"; then
    exit 0
fi
mkdir -p "$LASTCALL_CACHE"
cd "$LASTCALL_CACHE"
if [ -s "$folder/packages.txt" ]; then
    # shellcheck disable=SC2046 # package names, without spaces
    wanted=$(sh "$apps/locked_debian.sh" $(cut -d = -f 1 "$folder/packages.txt"))
    # Without package lists apt knows no versions: the unpacked packages stay.
    if [ "$wanted" = "$(cut -d ' ' -f 1 "$folder/packages.txt")" ] || echo "$wanted" | grep -q '=$'; then
        ls "$folder"/usr/*bin/"$program"
        exit 0
    fi
fi

added=$(apt-get --simulate --no-install-recommends install "$@" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
if [ -z "$added" ]; then
    echo "apt knows no way to install $*; 'apt-get update' may be needed first" >&2
    exit 1
fi
rm -rf "$folder.part"
mkdir -p "$folder.part/packages"
# The sandbox user _apt could not write into a folder that belongs to the caller.
# shellcheck disable=SC2086 # package names, without spaces
wanted=$(sh "$apps/locked_debian.sh" $added)
# shellcheck disable=SC2086 # as above
(cd "$folder.part/packages" && apt-get -q -o APT::Sandbox::User="$(id -un)" download $wanted)
# Before anything is unpacked: it fails when a locked version does not have the locked digest.
sh "$apps/record_debian.sh" "$folder.part"/packages/*.deb >"$folder.part/packages.txt"
for package in "$folder.part"/packages/*.deb; do
    dpkg -x "$package" "$folder.part"
done
rm -rf "$folder.part/packages" "$folder"
mv "$folder.part" "$folder"
ls "$folder"/usr/*bin/"$program"
