#!/usr/bin/env bash
# Installs mosquitto and nats-server from Debian's archive, without root, into the folder .debian, unless they are there.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly folder=$PWD/.debian
readonly packages=(mosquitto nats-server libcjson1 libdlt2 libev4t64 libmosquitto1 libuv1t64 libwebsockets19t64 libwrap0)

if [[ -f $folder/fetched && $(<"$folder/fetched") == "${packages[*]}" ]]; then
  exit 0
fi
rm -rf "$folder"
mkdir -p "$folder/archives" "$folder/root"
cd "$folder/archives"
apt-get --quiet=2 -o "APT::Sandbox::User=$(id -un)" download "${packages[@]}"
for archive in *.deb; do
  dpkg-deb --extract "$archive" "$folder/root"
done
# The file is written last, so an interrupted run is repeated.
printf '%s' "${packages[*]}" >"$folder/fetched"
