#!/bin/bash
# Builds the project with warnings as errors and runs every test it has.
#   tests/run.sh [--soak]       build folder: $BUILD_DIR, or build
# --soak: what counts by the thousand does so, all programs run under sanitizers
# and valgrind, tests/mutants.py breaks the code, Debian packages are built and
# tried, and at the end Debian bookworm, trixie and sid count as far
# (docs/testing.md says what that adds).
# PYTHONFILTER_SOAK=1 without --soak: the counts alone.
# Installs missing Debian packages first, if it may. Each step's output is in
# the build folder's test-logs. No step has a time limit: a hang is that nothing
# is written for long. The ten slowest tests come at the end. The last line is
# always "N passed, N failed"; a step that cannot run, crashes or runs nothing
# counts as failed.
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2317,SC2329  # steps and trap call the functions
set -uo pipefail
soak=''
case ${1-} in
  '') ;;
  --soak) soak=1 PYTHONFILTER_SOAK=1 ;;
  *) sed -n '2,/^# SPDX/{/SPDX/d; s/^# \{0,1\}//p}' "$0"; [ "$1" = --help ]; exit ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
build=$(realpath -m "${BUILD_DIR:-build}")
logs=$build/test-logs

# Nothing that is set for other work decides here: Debian's own tools and Python,
# and of the environment for the tests only how often they count.
export PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH LC_ALL=C.UTF-8
for name in $(compgen -e); do
  case $name in
    PYTHONFILTER_*) ;;
    GST_* | PYTHON* | VIRTUAL_ENV* | CONDA_* | PYTEST_* | G_* | GI_* | CK_* | MESON* | NINJA* | \
      ASAN_* | UBSAN_* | TSAN_* | LD_PRELOAD | DESTDIR | LANGUAGE | BUILD_DIR) unset "$name" ;;
  esac
done
[ "${PYTHONFILTER_SOAK-}" != 0 ] || unset PYTHONFILTER_SOAK
[ -z "${PYTHONFILTER_SOAK-}" ] || export PYTHONFILTER_SOAK
patience=${PYTHONFILTER_PATIENCE:-$([ -z "${PYTHONFILTER_SOAK-}" ] && echo 20 || echo 120)}

passed=0 failed=0 skipped=0
declare -A jobs begun  # of the steps that are not joined

finish() {
  local rc=$?
  trap '' INT TERM
  if [ ${#jobs[@]} -gt 0 ]; then
    stop_all TERM
    failed=$((failed + 1))
    echo "interrupted"
  fi
  # Nothing run, or an end of this script that no step explains, is a failure.
  if [ "$failed" = 0 ] && { [ "$passed" = 0 ] || [ "$rc" != 0 ]; }; then failed=1; fi
  echo "$passed passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
  trap - EXIT
  exit $((failed > 0))
}
trap finish EXIT
trap 'exit 130' INT TERM

stop_all() {
  local job
  for job in "${jobs[@]}"; do kill "-$1" -- "-$job" 2>/dev/null; done
}

# start NAME FUNCTION [NICE]: runs the function in a bash of its own, beside what
# runs already.
start() {
  local name=$1 function=$2 log=$logs/$1.log
  rm -f "$logs/$name".{log,ended}
  begun[$name]=$EPOCHREALTIME
  # Job control gives the step its own process group, and SIGINT's default.
  set -m
  # shellcheck disable=SC2016  # expanded by the inner shell
  nice -n "${3:-0}" bash -c 'rc=0
    bash -euo pipefail -c "$1" || rc=$?
    echo "$EPOCHREALTIME $rc" >"$2.new"
    mv "$2.new" "$2"' step "$function" "$logs/$name.ended" </dev/null >"$log" 2>&1 &
  jobs[$name]=$!
  set +m
}

# Whether any step, test program or compiler has written anything lately.
progress() {
  local places=("$logs")
  mapfile -t -O 1 places < <(find "$build" -name .ninja_log -o -name meson-logs)
  # Those of another Debian are in a folder of their own.
  [ -n "$(find "${places[@]}" -maxdepth 2 -type f -mmin "-$patience" -print -quit)" ]
}

# join NAME COUNTING [FILE...]: waits for a step and prints what came of it.
# COUNTING is "none" (nothing to count but a failure), "one" (one test; exit
# status 77 means skipped), or what count_results.py finds in the files.
join() {
  local name=$1 counting=$2 job=${jobs[$1]} rc p=0 f=0 s=0 counts='' hung='' look=0 ended
  local log=$logs/$name.log
  shift 2
  printf '%-13s ' "$name"
  # Not by the process: its number may be another one's by now.
  while [ ! -e "$logs/$name.ended" ] && kill -0 "$job" 2>/dev/null; do
    sleep 0.2
    if [ -z "$hung" ] && [ $((look++ % 100)) = 99 ] && ! progress; then
      hung=1
      ps -eo pgid,pid,etime,time,args --forest >"$logs/hung.txt"
      stop_all TERM
      sleep 20
      stop_all KILL
    fi
  done
  unset "jobs[$name]"
  read -r ended rc 2>/dev/null <"$logs/$name.ended" || ended=$EPOCHREALTIME rc=1  # killed
  case $counting in
    none) ;;
    one) if [ "$rc" = 0 ]; then p=1; elif [ "$rc" = 77 ]; then s=1 rc=0; else f=1; fi ;;
    *)
      if counts=$(/usr/bin/python3 tests/count_results.py "$counting" "$@" 2>>"$log"); then
        read -r p f s <<<"${counts##*$'\n'}"
      fi
      [ $((p + f)) -gt 0 ] || rc=1
      ;;
  esac
  [ "$rc" = 0 ] || [ "$f" -gt 0 ] || f=1
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  local ms what=ok
  # A fraction may be written with a comma, whatever LC_ALL says.
  ms=$(((${ended//[.,]/} - ${begun[$name]//[.,]/}) / 1000))
  [ "$counting" = none ] || what="$p passed$([ "$s" = 0 ] || echo ", $s skipped")"
  [ "$f" = 0 ] || what="FAILED: $p passed, $f failed"
  printf '%-32s %4d.%d s\n' "$what" $((ms / 1000)) $((ms / 100 % 10))
  if [ "$f" != 0 ]; then
    [ -z "$hung" ] || echo "  | stopped: nothing was written for $patience minutes (processes: $logs/hung.txt)"
    if [[ $counts == *$'\n'* ]]; then head -n -1 <<<"$counts"; else tail -n 40 "$log"; fi | sed 's/^/  | /'
    echo "  | whole log: $log"
    return 1
  elif [ "$s" != 0 ] && [ "$counting" = one ]; then
    tail -n 1 "$log" | sed 's/^/  | /'
  fi
}

step() { start "$1" "$3" && join "$1" "$2"; }

packages() {
  bash packaging/install-packages.sh
  [ -z "$soak" ] || bash packaging/install-packages.sh soak window
}

configure() {
  if [ -f "$build/build.ninja" ]; then
    meson configure "$build" -Dwerror=true
  else
    meson setup "$build" -Dwerror=true
  fi
}

compile() { ninja -C "$build" all ${soak:+benchmarks}; }

# decides NAME VERSION: a formatter's other versions format otherwise.
decides() {
  version=$("$1" --version)
  [[ $version =~ (^|[^.0-9])$2\. ]] || { echo "skipped, as only version $2 decides: $version"; exit 77; }
}

clang_format() {
  decides clang-format 14
  mapfile -t files < <(find gst bridge tests examples -name '*.[ch]pp' -o -name '*.[ch]')
  [ ${#files[@]} -gt 0 ] || { echo 'no sources found'; exit 1; }
  clang-format --dry-run -Werror "${files[@]}"
}

black_format() {
  decides black 23
  mapfile -t scripts < <(find examples plugins_py tests -type f ! -name '*.*' -exec grep -l '^#!/usr/bin/python3' {} +)
  BLACK_CACHE_DIR=$build/black-cache black --check docs examples plugins_py tests "${scripts[@]}"
}

types() { /usr/bin/python3 -m mypy --config-file .mypy.ini --cache-dir "$build/mypy-cache" plugins_py; }

# meson_tests LOG OPTION...: the names of suites are in tests/*/meson.build.
meson_tests() {
  rm -f "$build/meson-logs/$1.json"
  meson test -C "$build" --no-rebuild --print-errorlogs -t 0 --logbase "$@"
}
check() { meson_tests check --no-suite slow --no-suite soak; }
slow() {
  # One at a time, beside the other steps.
  local more=()
  if [ -n "$soak" ]; then more=(--suite soak); else unset PYTHONFILTER_SOAK; fi
  meson_tests slow --num-processes 1 --suite slow "${more[@]}"
}

python_tests() {
  rm -f "$logs/pytest.xml"
  export GST_PLUGIN_PATH=$build/gst GST_REGISTRY=$build/pytest-registry.bin
  export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
  # Two more than there are processors, as many wait. A file's tests one after the
  # other, as they may need the same device. What hangs says where, and goes on.
  /usr/bin/python3 -m pytest -v -p no:cacheprovider \
    -p xdist -n "$(($(nproc) + 2))" --dist loadfile \
    -o faulthandler_timeout=300 --junitxml="$logs/pytest.xml" tests/python
}

demo() {
  out=$build/demo
  rm -f "$out"/*.wav "$out"/*.png
  BUILD_DIR=$build bash examples/demo.sh
  for file in noisy.wav gated.wav equalised.wav comparison.png; do
    [ -s "$out/$file" ] || { echo "$out/$file is missing or empty"; exit 1; }
  done
  for file in gated.wav equalised.wav; do
    # Only samples: a WAV may end in a chunk of tags.
    if cmp -s -i 44 -n 1000000 "$out/noisy.wav" "$out/$file"; then
      echo "$file is the same as the input"
      exit 1
    fi
  done
}

mutants() { BUILD_DIR=$build tests/mutants.py; }

# Half an hour of the window, with nothing beside it that could make it late.
window() {
  meson test -C "$build" --no-rebuild -v -t 0 --logbase window desk-window --test-args soak
}

suite() {
  [ "$(id -u)" -eq 0 ] || { echo 'skipped, as debootstrap and chroot need root'; exit 77; }
  BUILD_DIR=$build bash tests/suites.sh "$1"
}
debs() {
  [ "$(id -u)" -eq 0 ] || { echo 'skipped, as debootstrap and chroot need root'; exit 77; }
  BUILD_DIR=$build bash packaging/build-deb.sh
}
bookworm() { suite bookworm; }
trixie() { suite trixie; }
sid() { suite sid; }

export build logs soak
export -f packages configure compile decides clang_format black_format types meson_tests \
  check slow python_tests demo mutants window suite debs bookworm trixie sid
mkdir -p "$logs" || exit 1
# Caches and registries go to the home folder, which may be read-only.
if ! probe=$(mktemp -p "${HOME:-/}" .pythonfilter-XXXXXX 2>/dev/null); then
  export HOME=$build/home
  unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME
  mkdir -p "$HOME"
fi
rm -f "$probe"

step packages none packages || exit 1
start clang-format clang_format 10
start black black_format 10
start mypy types 10
step configure none configure && step compile none compile
built=$?
if [ $built = 0 ]; then
  # At the same time, as most tests wait most of the time.
  start slow slow 19
  start check check
  start pytest python_tests
  start demo demo
fi
join clang-format one
join black one
join mypy one
if [ $built = 0 ]; then
  join check meson "$build/meson-logs/check.json"
  join pytest pytest "$logs/pytest.xml"
  join demo one
  join slow meson "$build/meson-logs/slow.json"
  if [ -n "$soak" ]; then
    DESK_MINUTES=${DESK_MINUTES:-30} step window one window
    # At the same time again: each of them waits where another one can go on.
    for each in mutants debs bookworm trixie sid; do start "$each" "$each"; done
    for each in mutants debs bookworm trixie sid; do join "$each" one; done
  fi
  echo
  /usr/bin/python3 tests/count_results.py slowest "$build"/meson-logs/{check,slow}.json "$logs/pytest.xml"
else
  echo 'not built, so not run (one failure each): check, pytest, demo, slow'
  failed=$((failed + 4))
fi
exit 0
