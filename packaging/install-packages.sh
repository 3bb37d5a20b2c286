#!/bin/bash
# Installs the Debian packages of packaging/apt-packages that are missing.
#   packaging/install-packages.sh [SECTION ...]     (default: all sections)
# When nothing is missing it takes a fraction of a second and no network. When
# somebody else installs, it waits for them.
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail
list=$(dirname "${BASH_SOURCE[0]}")/apt-packages
[ $# -gt 0 ] || set -- build run demo encryption tests

wanted=()
for section; do
  mapfile -t names < <(sed -n "/^\[$section\]/,/^\[/{s/#.*//; /^\[/d; s/[[:space:]]*//g; /./p}" "$list")
  [ ${#names[@]} -gt 0 ] || { echo "$0: no section [$section] in $list" >&2; exit 2; }
  wanted+=("${names[@]}")
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "No apt here. Please install the equivalent of: ${wanted[*]}" >&2
  exit 1
fi

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for name in "${wanted[@]}"; do
  grep -qxF "installed $name" <<<"$installed" || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "Some packages are missing. Please run this, then try again:" >&2
  echo "  sudo apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# apt ARGUMENTS...: with its output only when it fails. DPkg::Lock::Timeout is
# for dpkg's lock alone: for those of the lists and of the archives apt-get does
# not wait, so it is asked again.
apt() {
  local until=$((SECONDS + 1800)) told=''
  until apt-get -o DPkg::Lock::Timeout=1800 "$@" </dev/null >"$log" 2>&1; do
    if ! grep -q '^E: Could not get lock' "$log" || [ $SECONDS -ge $until ]; then
      tail -n 25 "$log" >&2
      echo "failed: apt-get $*" >&2
      exit 1
    fi
    [ -n "$told" ] || echo 'waiting for another apt-get'
    told=1
    sleep 1
  done
}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
apt update
# The packages can be installed again, so a power failure may spoil them.
apt install -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "${missing[@]}"
