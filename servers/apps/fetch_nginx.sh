#!/bin/sh
# Unpacks the system's package of nginx into $LASTCALL_CACHE/nginx, unless an nginx is installed.
#
# It is not installed, because that would take root and start a service on port 80. Its libraries are those of nearly
# every Debian and Ubuntu; where one is missing, the last line says which.
set -eu

: "${LASTCALL_CACHE:?is the folder that everything goes into}"
PATH="$PATH:/usr/sbin:/usr/local/sbin"
if command -v nginx; then
    exit 0
fi
mkdir -p "$LASTCALL_CACHE/nginx"
cd "$LASTCALL_CACHE/nginx"
rm -f ./*.deb
# The program is in the package nginx since Debian 12 and Ubuntu 24.04, and was in nginx-light and nginx-core before.
for package in nginx nginx-light nginx-core; do
    if apt-get -q -o APT::Sandbox::User="$(id -un)" download "$package" && dpkg -x "$package"_*.deb . && [ -x usr/sbin/nginx ]; then
        exec usr/sbin/nginx -v
    fi
done
echo "no package of nginx could be had; 'apt-get update' may be needed first" >&2
exit 1
