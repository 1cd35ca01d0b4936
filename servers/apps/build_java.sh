#!/bin/sh
# Builds the program of a PROFILE of apps/java/pom.xml into $LASTCALL_CACHE/java/PROFILE, with the versions of the pom or with
# the newest of the same major ones.
#
#     sh apps/build_java.sh PROFILE
set -eu

: "${LASTCALL_CACHE:?is the folder that everything goes into}"
profile=$1
cd "$(dirname "$0")/java"
if [ -z "${LASTCALL_LOCKS:-}" ]; then
    mkdir -p "$LASTCALL_CACHE/latest"
    rm -rf "$LASTCALL_CACHE/latest/java"
    cp -R . "$LASTCALL_CACHE/latest/java"
    cd "$LASTCALL_CACHE/latest/java"
    profiles=$(sed -n 's|^ *<id>\(.*\)</id>$|\1|p' pom.xml | paste -s -d , -)
    mvn -q -B -P "$profiles" org.codehaus.mojo:versions-maven-plugin:2.18.0:use-latest-releases \
        -DallowMajorUpdates=false -DgenerateBackupPoms=false \
        "-Dmaven.version.ignore=(?i).*[.-](alpha|beta|m|rc|cr|snapshot).*"
fi
mvn -q -B -f pom.xml -P "$profile" "-Dlastcall.output=$LASTCALL_CACHE/java/$profile" clean process-classes
