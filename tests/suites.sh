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
logs=$(cd "$project" && realpath -m "${BUILD_DIR:-build}")/test-logs
# shellcheck source=packaging/systems.sh
. "$project/packaging/systems.sh"
worktree=$project

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

if [ -n "$shell" ]; then
  suite=$1
  shift
  make_system "$suite" "$cache/$suite"
  enter "$cache/$suite" /src/worktree/packaging/install-packages.sh >&2
  enter "$cache/$suite" "cd /src/worktree && ${*:-exec bash -i}"
  exit
fi

failed=0 results=()
for suite; do
  [ -z "$new" ] || rm -rf --one-file-system "${cache:?}/$suite" "$cache/$suite.tar"
  start=$SECONDS rc=0
  if make_system "$suite" "$cache/$suite" && checkout "$suite"; then
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
