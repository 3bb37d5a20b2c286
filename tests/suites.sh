#!/bin/bash
# Builds and tests the committed HEAD on other Debian releases, each in a bare
# debootstrap system in a folder, where apt installs packaging/apt-packages.
#   tests/suites.sh [--new] [--keep] SUITE ...    e.g. trixie sid
#   tests/suites.sh --shell SUITE [COMMAND ...]
# With PYTHONFILTER_SOAK=1 they count to the full numbers (docs/testing.md).
# --new    make the suite's system anew, from the archive of today
# --keep   keep the checkout and its build folder of the call before
# --shell  one command there (default: a shell), which starts in /src/worktree,
#          this working tree, uncommitted files included; build elsewhere, e.g.
#          tests/suites.sh --shell sid 'BUILD_DIR=/tmp/build tests/run.sh'
# Needs root. The archive is the one that this computer's apt uses. The systems
# stay in $XDG_CACHE_HOME/pythonfilter-suites for the next call. What their steps
# print is in test-logs/SUITE of the build folder here ($BUILD_DIR, or build).
# Everything runs in mount and process namespaces of its own: when the command
# ends, however it ends, its mounts and processes are gone. Different suites can
# be run at the same time.
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pythonfilter-suites
logs=$(cd "$project" && realpath -m "${BUILD_DIR:-build}")/test-logs

# enter BOX COMMAND [LOGS]: COMMAND by bash in the system in folder BOX; LOGS is
# in the place of the test-logs there.
enter() {
  # shellcheck disable=SC2016  # expanded by the inner shell
  unshare --mount --pid --fork --kill-child --propagation private bash -euc '
    box=$1 project=$2 command=$3 logs=$4
    mount -t proc proc "$box/proc"
    mount -t sysfs sysfs "$box/sys" 2>/dev/null || mount --rbind /sys "$box/sys"
    mount --bind /dev "$box/dev"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$box/dev/pts"
    mount -t tmpfs tmpfs "$box/dev/shm"
    mount -t tmpfs tmpfs "$box/run"
    mkdir -p "$box/src/worktree"
    mount --bind "$project" "$box/src/worktree"
    if [ -n "$logs" ]; then
      mkdir -p "$logs" "$box/src/pythonfilter/build/test-logs"
      mount --bind "$logs" "$box/src/pythonfilter/build/test-logs"
    fi
    keep=()
    for name in http_proxy https_proxy no_proxy TERM CI PYTHONFILTER_SOAK; do
      [ -z "${!name-}" ] || keep+=("$name=${!name}")
    done
    exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
      "${keep[@]}" chroot "$box" bash -c "$command"' enter "$1" "$project" "$2" "${3-}"
}

# archive SUITE: the URI of Debian's archive that has it, among apt's sources.
# Others may have a suite of that name, but not that label.
archive() {
  local uri release rc=1
  release=$(mktemp -d)
  while read -r uri; do
    # A list of mirrors, which debootstrap cannot read.
    [[ $uri != mirror+file:* ]] ||
      uri=$(sed -n 's/[[:space:]].*//; /^[^#]/{p; q}' "${uri#mirror+file:}")
    rm -f "$release/file"
    if /usr/lib/apt/apt-helper download-file "${uri%/}/dists/$1/Release" "$release/file" \
      >/dev/null 2>&1 && grep -qx 'Label: Debian' "$release/file"; then
      echo "$uri"
      rc=0
      break
    fi
  # shellcheck disable=SC2016  # apt's variable
  done < <(apt-get indextargets --format '$(REPO_URI)' | awk '!seen[$0]++')
  rm -r "$release"
  return $rc
}

# make_system SUITE: a bare one, unless it is there already.
make_system() {
  local box=$cache/$1 log=$cache/$1.log mirror
  if [ ! -d "$box" ]; then
    bash "$project/packaging/install-packages.sh" suites || return 1
    mirror=$(archive "$1") || {
      echo "No source of this computer's apt is an archive of Debian that can be reached and has" \
        "'$1'. Add one to /etc/apt/sources.list.d, and run apt-get update."
      return 1
    }
    echo "== $1: making a bare system"
    rm -rf --one-file-system "$box.new"
    unshare --mount --propagation private debootstrap --variant=minbase "$1" "$box.new" \
      "$mirror" >"$log" 2>&1 ||
      { tail -n 15 "$log"; return 1; }
    mv "$box.new" "$box"
  fi
  # This computer's way to its mirror.
  cp -L /etc/resolv.conf "$box/etc/" 2>/dev/null || true
  cp -r /etc/apt/apt.conf.d/. "$box/etc/apt/apt.conf.d/" 2>/dev/null || true
  if [ -f /etc/ssl/certs/ca-certificates.crt ] && [ ! -e "$box/etc/ssl/certs/ca-certificates.crt" ]; then
    mkdir -p "$box/etc/ssl/certs"
    cp /etc/ssl/certs/ca-certificates.crt "$box/etc/ssl/certs/"
  fi
}

# checkout SUITE: HEAD, in the system's /src/pythonfilter. Root is asked to, but
# the checkout here is mostly somebody else's, which git refuses unless told.
checkout() {
  local there=$cache/$1/src/pythonfilter read="git -c safe.directory='*' upload-pack"
  [ -n "$keep" ] || rm -rf --one-file-system "$there"
  if [ -d "$there/.git" ]; then
    git -C "$there" fetch -q --upload-pack "$read" "$project" HEAD &&
      git -C "$there" reset -q --hard FETCH_HEAD
  else
    mkdir -p "${there%/*}"
    git clone -q --no-local --upload-pack "$read" "$project" "$there"
  fi
}

shell='' new='' keep=''
while [[ ${1-} == --* ]]; do
  case $1 in
    --shell) shell=1 ;;
    --new) new=1 ;;
    --keep) keep=1 ;;
    *) sed -n '2,/^# SPDX/{/SPDX/d; s/^# \{0,1\}//p}' "$0"; [ "$1" = --help ]; exit ;;
  esac
  shift
done
[ $# -gt 0 ] || { echo "usage: tests/suites.sh [--shell] SUITE ... (see --help)" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "$0: debootstrap and chroot need root" >&2; exit 1; }
mkdir -p "$cache"

if [ -n "$shell" ]; then
  suite=$1
  shift
  make_system "$suite"
  enter "$cache/$suite" /src/worktree/packaging/install-packages.sh >&2
  enter "$cache/$suite" "cd /src/worktree && ${*:-exec bash -i}"
  exit
fi

failed=0 results=()
for suite; do
  [ -z "$new" ] || rm -rf --one-file-system "${cache:?}/$suite"
  start=$SECONDS rc=0
  if make_system "$suite" && checkout "$suite"; then
    echo "== $suite: tests/run.sh of $(git -c safe.directory='*' -C "$project" log -1 --format='%h %s')"
    rm -rf "${logs:?}/$suite"
    mkdir -p "$logs/$suite"
    enter "$cache/$suite" "cd /src/pythonfilter && bash tests/run.sh" "$logs/$suite" </dev/null |
      tee "$logs/$suite/run.log" || rc=1
    last=$(tail -n 1 "$logs/$suite/run.log")
  else
    rc=1 last='no system or no checkout'
  fi
  [ $rc = 0 ] || failed=1
  results+=("$suite: $last ($((SECONDS - start)) s)")
done
echo
printf '%s\n' "${results[@]}"
exit $failed
