# Bare systems of Debian releases, in folders: sourced by tests/suites.sh and by
# packaging/build-deb.sh, which have set $project, the checkout.
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016,SC2154
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pythonfilter-suites
# What they see as /src/worktree: nothing, as long as nobody says what.
worktree=''

# enter BOX COMMAND [LOGS]: COMMAND by bash in the system in folder BOX; LOGS is
# in the place of the test-logs there.
enter() {
  unshare --mount --pid --fork --kill-child --propagation private bash -euc '
    box=$1 worktree=$2 command=$3 logs=$4
    mount -t proc proc "$box/proc"
    mount -t sysfs sysfs "$box/sys" 2>/dev/null || mount --rbind /sys "$box/sys"
    mount --bind /dev "$box/dev"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$box/dev/pts"
    mount -t tmpfs tmpfs "$box/dev/shm"
    mount -t tmpfs tmpfs "$box/run"
    if [ -n "$worktree" ]; then
      mkdir -p "$box/src/worktree"
      mount --bind "$worktree" "$box/src/worktree"
    fi
    if [ -n "$logs" ]; then
      mkdir -p "$logs" "$box/src/pythonfilter/build/test-logs"
      mount --bind "$logs" "$box/src/pythonfilter/build/test-logs"
    fi
    keep=()
    for name in http_proxy https_proxy no_proxy TERM CI PYTHONFILTER_SOAK; do
      [ -z "${!name-}" ] || keep+=("$name=${!name}")
    done
    exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
      "${keep[@]}" chroot "$box" bash -c "$command"' enter "$1" "$worktree" "$2" "${3-}"
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
  done < <(apt-get indextargets --format '$(REPO_URI)' | awk '!seen[$0]++')
  rm -r "$release"
  return $rc
}

# make_bare SUITE: an archive of a bare one, unless it is there already. Who comes
# while somebody else makes it waits, as two in one folder spoil each other's.
make_bare() (
  local record=$cache/$1.log mirror lock
  mkdir -p "$cache"
  exec {lock}>"$cache/$1.lock"
  flock "$lock"
  [ ! -f "$cache/$1.tar" ] || return 0
  bash "$project/packaging/install-packages.sh" suites || return 1
  mirror=$(archive "$1") || {
    echo "No source of this computer's apt is an archive of Debian that can be reached and has" \
      "'$1'. Add one to /etc/apt/sources.list.d, and run apt-get update."
    return 1
  }
  echo "== $1: making a bare system"
  rm -rf --one-file-system "$cache/$1.new"
  unshare --mount --propagation private debootstrap --variant=minbase "$1" "$cache/$1.new" \
    "$mirror" >"$record" 2>&1 ||
    { tail -n 15 "$record"; return 1; }
  tar -C "$cache/$1.new" -cf "$cache/$1.tar.new" . || return 1
  rm -rf --one-file-system "$cache/$1.new"
  mv "$cache/$1.tar.new" "$cache/$1.tar"
)

# make_system SUITE BOX: a bare one in that folder, unless there is one already.
make_system() {
  local box=$2
  if [ ! -d "$box" ]; then
    make_bare "$1" || return 1
    rm -rf --one-file-system "$box.new"
    mkdir "$box.new"
    tar -C "$box.new" -xf "$cache/$1.tar" || return 1
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
