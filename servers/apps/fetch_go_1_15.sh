#!/bin/sh
# Unpacks Debian 11's golang-1.15 into $LASTCALL_CACHE/go-1.15 and builds apps/go/nethttp with it.
#
# The versions are those of $LASTCALL_LOCKS/debian.txt where they are still served, and then they must have the digests
# that it has. Nothing is installed into the system and no root is needed: apt works on a state of its own (sources, lists, cache),
# checks Debian's signatures with Debian's keyring, and the packages are only unpacked. A second run only builds.
set -eu

: "${LASTCALL_CACHE:?is the folder that everything goes into}"
# The mirrors that this machine's apt uses. Debian 11 moves to Debian's archive some time after its support has ended, and
# other distributions never had it: then LASTCALL_DEBIAN_ARCHIVE names a mirror, see https://www.debian.org/distrib/archive
archives="${LASTCALL_DEBIAN_ARCHIVE:-} $(apt-get indextargets --format '$(SITE)' | grep '/debian/*$' | sort -u)"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
packages="golang-1.15-go golang-1.15-src"

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$LASTCALL_CACHE"
cache=$(cd "$LASTCALL_CACHE" && pwd)
go_root=$cache/go-1.15/usr/lib/go-1.15
state=$cache/go-1.15.apt

private_apt() {
    # The sandbox user _apt could not write into a folder that belongs to the caller; a release that has been moved to
    # the archive is no longer renewed, so its Valid-Until has passed.
    apt-get -q \
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State="$state" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none "$@"
}

fetch_from() {
    echo "deb [arch=$(dpkg --print-architecture) signed-by=$keyring] $1 bullseye main" >"$state/sources.list"
    # By default apt only warns about a host that does not serve the release.
    private_apt -o APT::Update::Error-Mode=any update && download
}

download() {
    lock=${LASTCALL_LOCKS:+$LASTCALL_LOCKS/debian.txt}
    wanted=
    for package in $packages; do
        version=$(sed -n "s/^$package=\([^ ]*\).*/\1/p" "${lock:-/dev/null}")
        if [ -n "$version" ] && ! private_apt --print-uris download "$package=$version" >"$state/uris" 2>&1; then
            echo "$package $version is no longer served here; took the version that is;" \
                "what names other versions is not judged of it" >&2
            version=
        fi
        wanted="$wanted $package${version:+=$version}"
    done
    (cd "$state/packages" && private_apt download $wanted)
}

fetch() {
    rm -rf "$state"
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/packages"
    for archive in $archives; do
        if fetch_from "$archive"; then
            return 0
        fi
        echo "bullseye could not be had from $archive" >&2
    done
    echo "Debian 11 could not be had; LASTCALL_DEBIAN_ARCHIVE may name a mirror of it" >&2
    return 1
}

unpack() {
    rm -rf "$cache/go-1.15.part" "$cache/go-1.15"
    mkdir "$cache/go-1.15.part"
    # Before anything is unpacked: it fails when a locked version does not have the locked digest.
    sh "$here/record_debian.sh" "$state"/packages/*.deb >"$cache/go-1.15.part/packages.txt"
    for package in "$state"/packages/*.deb; do
        dpkg -x "$package" "$cache/go-1.15.part"
    done
    mv "$cache/go-1.15.part" "$cache/go-1.15"
    rm -rf "$state"
}

if ! [ -x "$go_root/bin/go" ]; then
    fetch
    unpack
fi
cd "$here/go/nethttp"
# The module needs nothing but the standard library: no network, no go.sum. GOFLAGS may hold flags that 1.15 does not know.
GOROOT=$go_root GOFLAGS=-mod=readonly GOPROXY=off GOTOOLCHAIN=local GOCACHE=$cache/go-1.15-build CGO_ENABLED=0 \
    "$go_root/bin/go" build -o "$cache/go-nethttp-1.15" .
