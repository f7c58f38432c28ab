#!/usr/bin/env bash
# Installs the proxies that the tests use, from Debian's archive and without root, into the folder .debian.
# Packages that the machine has already are not fetched. If a package cannot be fetched, the script fails.
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly folder=$PWD/.debian
readonly needed=(
  squid squid-common squid-langpack tinyproxy-bin microsocks
  libecap3 libltdl7 libnetfilter-conntrack3 libnfnetlink0 libtdb1
)

is_installed() {
  [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Lists of packages that are missing or out of date cannot be renewed in /var without root, so apt uses own folders.
download_with_own_lists() {
  local options=(
    -o "Dir::State=$folder/apt/state" -o "Dir::State::status=/var/lib/dpkg/status"
    -o "Dir::Cache=$folder/apt/cache" -o "APT::Sandbox::User=$(id -un)"
  )
  mkdir -p "$folder/apt/state/lists/partial" "$folder/apt/cache/archives/partial"
  apt-get "${options[@]}" --quiet=2 update
  apt-get "${options[@]}" --quiet=2 download "$@"
}

missing=()
for package in "${needed[@]}"; do
  is_installed "$package" || missing+=("$package")
done

if [[ -f $folder/fetched && $(<"$folder/fetched") == "${missing[*]}" ]]; then
  exit 0
fi

rm -rf "$folder"
mkdir -p "$folder/archives" "$folder/root"
if ((${#missing[@]} > 0)); then
  cd "$folder/archives"
  apt-get --quiet=2 -o "APT::Sandbox::User=$(id -un)" download "${missing[@]}" ||
    download_with_own_lists "${missing[@]}"
  for archive in *.deb; do
    dpkg-deb --extract "$archive" "$folder/root"
  done
fi
# The file is written last, so an interrupted run is repeated.
printf '%s' "${missing[*]}" >"$folder/fetched"
printf 'Fetched from Debian: %s\n' "${missing[*]:-nothing}"
