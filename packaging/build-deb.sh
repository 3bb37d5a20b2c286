#!/bin/bash
# Builds the Debian packages of the committed HEAD and tries them.
#   packaging/build-deb.sh [--no-try] [SUITE ...]    default: this computer's suite
# In a bare system of each suite (bookworm, trixie, sid): builds them twice, in
# different places, which has to give the same files, and asks lintian. In another
# one, which has neither a compiler nor the sources: installs and plays as somebody
# who may write nothing, upgrades, removes and purges them, which has to leave
# nothing, and runs their autopkgtests (packaging/debian/tests).
# They are in packages/SUITE of the build folder ($BUILD_DIR, or build) then, with
# their sums, and with what is in: the .buildinfo has all that they were built
# with, pythonfilter.manifest all that an installation brings, and *.spdx.json and
# *.cdx.json say it as SBOM where the suite has Debian's debsbom (sid).
# --no-try  only builds them, once
# Needs root, as tests/suites.sh does, which shares its bare systems.
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2016,SC2154
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

version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$project/packaging/debian/changelog")
upstream=${version%-*}

# The sources as upstream's archive, and packaging/debian beside them.
unpack_sources() {
  local there=$box/src/packages tree=pythonfilter-$upstream
  local archive=$there/pythonfilter_$upstream.orig.tar.xz
  git -c safe.directory='*' -C "$project" archive --prefix="$tree/" HEAD | xz -2 >"$archive"
  tar -C "$there" -xf "$archive"
  mv "$there/$tree" "$there/tree"
  cp -r "$there/tree/packaging/debian" "$there/tree/"
}

setup='export DEBIAN_FRONTEND=noninteractive LC_ALL=C'
# Files of apt.conf.d are there from this computer, before their packages are.
apt='apt-get -qq -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold -y'
bare="$apt --no-install-recommends"
# Only what it is told about goes to the result: the rest is a megabyte.
quietly() { "$@" >>"$log" 2>&1 || { tail -n 40 "$log"; return 1; }; }

# In the memory, where a folder's files come in another order.
build_again() {
  set -e
  cp -r /src/packages /dev/shm/again
  mv /dev/shm/again/tree /dev/shm/again/elsewhere
  cd /dev/shm/again
  rm -f -- *.deb *.dsc *.debian.tar.xz
  chown -R builder .
  runuser -u builder -- env HOME=/dev/shm/again/home TZ=Pacific/Auckland LC_ALL=C.UTF-8 bash -c '
    umask 002
    cd elsewhere && debian/rules clean && dpkg-buildpackage -us -uc'
  sha256sum -- *.deb *.dsc *.tar.xz >/src/again.sha256
}

build() {
  local suite=$1
  new_system "$suite" build
  unpack_sources
  quietly enter "$box" "$setup; apt-get -qq update && $bare install build-essential lintian &&
    cd /src/packages/tree && $bare build-dep ./ &&
    useradd -m builder && mkdir /src/packages/home && chown -R builder /src/packages"
  echo "== $suite: building"
  quietly enter "$box" "$setup; runuser -u builder -- bash -c '
    cd /src/packages/tree && HOME=/src/packages/home dpkg-buildpackage -us -uc'"
  (cd "$box/src/packages" && sha256sum -- *.deb *.dsc *.tar.xz) >"$box/src/first.sha256"
  if [ -n "$try" ]; then
    echo "== $suite: building again, elsewhere"
    quietly enter "$box" "$(declare -f build_again); $setup; build_again"
    diff "$box/src/first.sha256" "$box/src/again.sha256"
    echo "== $suite: lintian"
    enter "$box" 'cd /src/packages && runuser -u builder -- lintian --fail-on error,warning *.changes'
  fi
  rm -rf "${results:?}/$suite"
  mkdir -p "$results/$suite"
  find "$box/src/packages" -maxdepth 1 -type f -exec cp -t "$results/$suite" {} +
  cp "$box/src/first.sha256" "$results/$suite/sha256sums"
}

# What is in a system, but for what apt and dpkg write down, and the bytecode that
# root's Python keeps of NumPy where Debian has none (for a second Python).
contents() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /src \
    -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \
    -o -path "/usr/lib/python3/dist-packages/numpy/*.pyc" \) \
    -prune -o -print | sort
}

# What people do after apt install, none of them with anything exported: one who
# may not write into the home folder, and root, for whom nothing is read-only.
play() {
  set -e
  useradd -m player
  mount --bind /home/player /home/player
  mount -o remount,ro,bind /home/player
  local as line set=()
  for as in player root; do
    # root's registry of GStreamer is nothing that packages leave.
    [ $as = player ] || set=(XDG_CACHE_HOME=/tmp/cache)
    for line in \
      'gst-launch-1.0 audiotestsrc num-buffers=50 ! audioconvert ! py-simple-gain gain=0.5 ! fakesink' \
      'gst-launch-1.0 py-sine-wave-source num-buffers=9 ! py-simple-gain isolation=process ! fakesink' \
      'gst-launch-1.0 py-plucked-strings num-buffers=9 ! py-compressor ! fakesink' \
      'gst-inspect-1.0 py-simple-gain | grep -A9 "^  gain  " | grep "Range:"' \
      'gst-inspect-1.0 py-simple-gain | grep "Description  *[A-Z]"' \
      'cd $(mktemp -d) && pythonfilter-workbench new mine && python3 test_mine.py &&
         pythonfilter-workbench --quick mine.py' \
      'cd / && for each in $(py3versions -i); do $each -c "import base_plugin"; done' \
      'man -w pythonfilter-workbench || test -f /usr/share/man/man1/pythonfilter-workbench.1.gz'; do
      echo "+ $as: $line"
      runuser -u "$as" -- env -i PATH=/usr/bin:/bin HOME="$(getent passwd $as | cut -d: -f6)" \
        "${set[@]}" bash -euo pipefail -c "$line"
    done
  done
  umount /home/player
  userdel player
  rm -r /home/player
}

# Each one's version is made a lesser one for the upgrade.
come_and_go() {
  set -e
  cd /src/packages
  contents >/src/before
  mkdir /src/older
  local file
  for file in *.deb; do
    dpkg-deb -R "$file" "/src/older/$file.d"
    sed -i "s/$1/0.0.1-1/" "/src/older/$file.d/DEBIAN/control"
    dpkg-deb -Zgzip -b "/src/older/$file.d" "/src/older/$file"
  done
  dpkg -i /src/older/*.deb
  dpkg -i ./*.deb
  play
  # shellcheck disable=SC2086  # names
  dpkg --remove $2
  # shellcheck disable=SC2086
  dpkg --purge $2
  contents >/src/after
}

# What is in, as far as the suite has what tells it, from a copy of what dpkg
# knew when nothing was there besides.
note_what_is_in() {
  set -e
  mkdir -p /src/in/root/var/lib
  cp -r /var/lib/dpkg /src/in/root/var/lib/
  dpkg-query -W -f '${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n' \
    >/src/in/pythonfilter.manifest
}
list_what_is_in() {
  set -e
  [ -n "$(apt-cache policy debsbom)" ] || return 0
  apt-get -qq -y install debsbom
  cd /src/in
  debsbom generate --root /src/in/root -t spdx -t cdx -o pythonfilter
}

no_compiler='[ -z "$(command -v cc c++ gcc g++)" ]'

try_out() {
  local suite=$1 begin names
  begin="$(declare -f contents play come_and_go note_what_is_in list_what_is_in); set -e; $setup"
  new_system "$suite" try
  cp "$results/$suite"/*.deb "$box/src/packages/"
  rm -f "$box"/src/packages/*-dbgsym_*.deb
  names=$(cd "$box/src/packages" && printf '%s ' *.deb | sed 's/_[^ ]*//g')
  echo "== $suite: apt install, play"
  # Their dependencies come first, and stay: only ours come and go then.
  quietly enter "$box" "$begin
    apt-get -qq update
    $bare install /src/packages/*.deb
    note_what_is_in
    dpkg --purge $names
    $apt install /src/packages/*.deb
    $no_compiler
    play
    dpkg --purge $names"
  echo "== $suite: autopkgtest"
  # Of the sources only what tells of the tests.
  mkdir "$box/src/tests"
  tar -C "$box/src/tests" -xf "$results/$suite/pythonfilter_$version.debian.tar.xz"
  quietly enter "$box" "$begin; $bare install autopkgtest; useradd -m tester"
  enter "$box" "$begin; export LC_ALL=C.UTF-8; $no_compiler
    autopkgtest --no-built-binaries --user=tester /src/packages/*.deb /src/tests -- null"
  echo "== $suite: upgrade, play, remove, purge"
  # With Numba, plugins are compiled, and what comes of that is kept.
  quietly enter "$box" "$begin
    dpkg --purge $names
    $bare install python3-numba || echo 'no Numba in this suite'
    come_and_go '$version' '$names'"
  diff "$box/src/before" "$box/src/after"
  quietly enter "$box" "$begin; list_what_is_in"
  find "$box/src/in" -maxdepth 1 -type f -exec cp -t "$results/$suite" {} +
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
  # Where nothing was ever built, it is not there yet.
  mkdir -p "$cache"
  : >"$log"
  build "$suite"
  [ -z "$try" ] || try_out "$suite"
done
