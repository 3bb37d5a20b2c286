#!/bin/bash
# Installs the Debian packages of packaging/apt-packages that are missing.
#   packaging/install-packages.sh [SECTION ...]     (default: all sections)
# When nothing is missing it takes a fraction of a second and no network.
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail
list=$(dirname "${BASH_SOURCE[0]}")/apt-packages
[ $# -gt 0 ] || set -- build demo tests

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
run() { "$@" </dev/null >"$log" 2>&1 || { tail -n 25 "$log" >&2; echo "failed: $*" >&2; exit 1; }; }
export DEBIAN_FRONTEND=noninteractive
run apt-get update
run apt-get install -y --no-install-recommends "${missing[@]}"
