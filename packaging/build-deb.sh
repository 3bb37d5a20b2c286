#!/bin/bash
# Builds the Debian packages of the committed HEAD and tries them.
#   packaging/build-deb.sh [--no-try] [SUITE ...]    default: this computer's suite
# In a bare system of each suite (bookworm, trixie, sid): builds them twice, which
# has to give the same files, and asks lintian. In another one, which has neither
# a compiler nor the sources: installs, upgrades, removes and purges them, which
# has to leave nothing, and runs their autopkgtests (packaging/debian/tests).
# They are in packages/SUITE of the build folder ($BUILD_DIR, or build) then.
# --no-try  only builds them, once
# Needs root, as tests/suites.sh does, which shares its bare systems.
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
results=$(cd "$project" && realpath -m "${BUILD_DIR:-build}")/packages
# shellcheck source=packaging/systems.sh
. "$project/packaging/systems.sh"

# new_system SUITE NAME: a bare system, in $box.
new_system() {
  box=$cache/deb-$1-$2
  rm -rf --one-file-system "$box"
  make_system "$1" "$box"
  mkdir -p "$box/src/packages"
}

# The sources as upstream's archive, and packaging/debian beside them.
unpack_sources() {
  local tree version
  version=$(sed -n '1s/.*(\([^-]*\)-.*/\1/p' "$project/packaging/debian/changelog")
  tree=pythonfilter-$version
  git -c safe.directory='*' -C "$project" archive --prefix="$tree/" HEAD |
    xz -2 >"$box/src/packages/pythonfilter_$version.orig.tar.xz"
  tar -C "$box/src/packages" -xf "$box/src/packages/pythonfilter_$version.orig.tar.xz"
  mv "$box/src/packages/$tree" "$box/src/packages/tree"
  cp -r "$box/src/packages/tree/packaging/debian" "$box/src/packages/tree/"
}

apt='apt-get -qq -o Dpkg::Options::=--force-unsafe-io -y --no-install-recommends'
# Only what it is told about goes to the result: the rest is a megabyte.
quietly() { "$@" >"$log" 2>&1 || { tail -n 40 "$log"; return 1; }; }

build() {
  local suite=$1
  new_system "$suite" build
  unpack_sources
  quietly enter "$box" "export DEBIAN_FRONTEND=noninteractive LC_ALL=C; apt-get -qq update &&
    $apt install build-essential lintian && cd /src/packages/tree && $apt build-dep ./ &&
    useradd -m builder && chown -R builder /src/packages"
  local once='cd /src/packages && rm -rf home && mkdir home && cd tree &&
    HOME=/src/packages/home dpkg-buildpackage -us -uc'
  echo "== $suite: building"
  quietly enter "$box" "runuser -u builder -- bash -c '$once'"
  [ -z "$try" ] || {
    mkdir "$box/src/first"
    cp "$box"/src/packages/*.deb "$box/src/first/"
    echo "== $suite: building again"
    quietly enter "$box" "runuser -u builder -- bash -c 'cd /src/packages/tree && debian/rules clean; $once'"
    for file in "$box"/src/first/*.deb; do
      cmp "$file" "$box/src/packages/${file##*/}"
    done
    echo "== $suite: lintian"
    enter "$box" 'cd /src/packages && runuser -u builder -- lintian --fail-on error,warning *.changes'
  }
  rm -rf "${results:?}/$suite"
  mkdir -p "$results/$suite"
  find "$box/src/packages" -maxdepth 1 -type f -exec cp -t "$results/$suite" {} +
}

# What is in a system, but for what apt and dpkg write down.
contents='find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp'
contents+=' -o -path /src -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache'
contents+=' -o -path /var/log \) -prune -o -print | sort'

try_out() {
  local suite=$1 version
  new_system "$suite" try
  cp "$results/$suite"/*.deb "$box/src/packages/"
  echo "== $suite: install, upgrade, remove, purge"
  # Their dependencies are there before, and stay: only ours come and go.
  quietly enter "$box" "export DEBIAN_FRONTEND=noninteractive LC_ALL=C; apt-get -qq update &&
    $apt install /src/packages/*.deb && dpkg --purge \$(cd /src/packages &&
      for file in *.deb; do echo \${file%%_*}; done)"
  local names='$(cd /src/packages && for file in *.deb; do echo ${file%%_*}; done)'
  quietly enter "$box" "export LC_ALL=C; cd /src/packages; set -e
    $contents >/src/before
    mkdir /src/older
    for file in *.deb; do
      dpkg-deb -R \$file /src/older/\$file.d
      sed -i 's/0.2.0-1/0.1.9-1/' /src/older/\$file.d/DEBIAN/control
      dpkg-deb -Zgzip -b /src/older/\$file.d /src/older/\$file
    done
    dpkg -i /src/older/*.deb
    dpkg -i *.deb
    dpkg --remove $names
    dpkg --purge $names
    $contents >/src/after
    diff /src/before /src/after"
  echo "== $suite: autopkgtest"
  cp "$results/$suite"/*.dsc "$results/$suite"/*.xz "$box/src/packages/"
  enter "$box" "export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8; $apt install autopkgtest \
    >/dev/null && autopkgtest /src/packages/*.deb /src/packages/*.dsc -- null"
}

try=1
while [[ ${1-} == --* ]]; do
  case $1 in
    --no-try) try='' ;;
    *) sed -n '2,/^# SPDX/{/SPDX/d; s/^# \{0,1\}//p}' "$0"; [ "$1" = --help ]; exit ;;
  esac
  shift
done
[ "$(id -u)" -eq 0 ] || { echo "$0: debootstrap and chroot need root" >&2; exit 1; }
[ $# -gt 0 ] || set -- "$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")"
for suite; do
  log=$cache/deb-$suite.log
  build "$suite"
  [ -z "$try" ] || try_out "$suite"
done
