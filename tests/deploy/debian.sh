#!/bin/sh
# A minimal Debian 12 as build/debian.tar, by debootstrap; made once.   tests/deploy/debian.sh
set -eu
cd "$(dirname "$0")/../.."
[ ! -e build/debian.tar ] || exit 0
[ "$(id -u)" -eq 0 ] || { echo "debootstrap needs root"; exit 1; }
command -v debootstrap > /dev/null || { echo "there is no debootstrap"; exit 1; }
mkdir -p build
folder=$(mktemp -d build/debian.XXXXXX)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase bookworm "$folder" > build/debootstrap.log 2>&1 || { tail -n 1 build/debootstrap.log; exit 1; }
rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/var/log/*
chmod 755 "$folder" # else nobody but root gets in
tar -C "$folder" -cf build/debian.tar.new .
mv build/debian.tar.new build/debian.tar
