#!/bin/bash
# Builds the project with warnings as errors and runs every test it has.
#   tests/run.sh [--quick]      build folder: $BUILD_DIR, or build
# --quick leaves out the slow ones (valgrind, sanitizers: meson's suite "slow").
# Installs missing Debian packages first, if it may. Each step's output is in
# the build folder's test-logs. The last line is always "N passed, N failed";
# a step that cannot run, crashes or runs nothing counts as failed.
# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck disable=SC2317,SC2329  # step and trap call the functions
set -uo pipefail
export LC_ALL=C.UTF-8
# What a user's shell says to GStreamer and Python is no business of a test.
for name in "${!GST_@}" "${!PYTHON@}" VIRTUAL_ENV; do
  [[ $name = PYTHONFILTER_* ]] || unset "$name"
done
quick=''
case ${1-} in
  '') ;;
  --quick) quick=1 ;;
  *) sed -n '2,/^# SPDX/{/SPDX/d; s/^# \{0,1\}//p}' "$0"; [ "$1" = --help ]; exit ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
build=$(realpath -m "${BUILD_DIR:-build}")
logs=$build/test-logs
passed=0 failed=0 skipped=0 job=''

finish() {
  local rc=$?
  trap '' INT TERM
  [ -z "$job" ] || { kill -- "-$job" 2>/dev/null; failed=$((failed + 1)); echo interrupted; }
  # Nothing run, or an end of this script that no step explains, is a failure.
  if [ "$failed" = 0 ] && { [ "$passed" = 0 ] || [ "$rc" != 0 ]; }; then failed=1; fi
  echo "$passed passed, $failed failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
  trap - EXIT
  exit $((failed > 0))
}
trap finish EXIT
trap 'exit 130' INT TERM

# step NAME SECONDS COUNTING FUNCTION: runs the function (a bash of its own, with
# a time limit). COUNTING is "none" (nothing to count but a failure), "one" (one
# test; exit status 77 means skipped), or arguments of count_results.py.
step() {
  local name=$1 limit=$2 counting=$3 function=$4 log=$logs/$1.log
  local start=$EPOCHREALTIME rc=0 p=0 f=0 s=0 counts=''
  printf '%-13s ' "$name"
  # Job control gives the step its own process group, and SIGINT's default.
  set -m
  timeout -k 10 "$limit" bash -euo pipefail -c "$function" </dev/null >"$log" 2>&1 &
  job=$!
  set +m
  wait "$job" || rc=$?
  job=''
  case $counting in
    none) ;;
    one) if [ $rc = 0 ]; then p=1; elif [ $rc = 77 ]; then s=1 rc=0; else f=1; fi ;;
    *)
      # shellcheck disable=SC2086  # two words
      if counts=$(/usr/bin/python3 tests/count_results.py $counting 2>>"$log"); then
        read -r p f s <<<"${counts##*$'\n'}"
      fi
      [ $((p + f)) -gt 0 ] || rc=1
      ;;
  esac
  [ $rc = 0 ] || [ "$f" -gt 0 ] || f=1
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  # A fraction may be written with a comma, whatever LC_ALL says.
  local ms=$(((${EPOCHREALTIME//[.,]/} - ${start//[.,]/}) / 1000))
  local what=ok
  [ "$counting" = none ] || what="$p passed$([ "$s" = 0 ] || echo ", $s skipped")"
  [ "$f" = 0 ] || what="FAILED: $p passed, $f failed"
  printf '%-32s %4d.%d s\n' "$what" $((ms / 1000)) $((ms / 100 % 10))
  if [ "$f" != 0 ]; then
    [ $rc != 124 ] || echo "  | stopped after $limit s"
    if [[ $counts == *$'\n'* ]]; then head -n -1 <<<"$counts"; else tail -n 40 "$log"; fi | sed 's/^/  | /'
    echo "  | whole log: $log"
    return 1
  elif [ "$s" != 0 ] && [ "$counting" = one ]; then
    tail -n 1 "$log" | sed 's/^/  | /'
  fi
}

packages() { bash packaging/install-packages.sh; }

configure() {
  if [ -f "$build/build.ninja" ]; then
    meson configure "$build" -Dwerror=true
  else
    meson setup "$build" -Dwerror=true
  fi
}

compile() { ninja -C "$build"; }

clang_format() {
  version=$(clang-format --version)
  [[ $version =~ version\ 14\. ]] || { echo "skipped, as only version 14 decides: $version"; exit 77; }
  dirs=()
  for dir in gst bridge tests/check tests/bench examples; do
    [ ! -d "$dir" ] || dirs+=("$dir")
  done
  mapfile -t files < <(find "${dirs[@]}" -name '*.[ch]pp' -o -name '*.[ch]')
  [ ${#files[@]} -gt 0 ] || { echo 'no sources found'; exit 1; }
  clang-format --dry-run -Werror "${files[@]}"
}

types() { /usr/bin/python3 -m mypy --config-file .mypy.ini --cache-dir "$build/mypy-cache" plugins_py; }

meson_tests() {
  rm -f "$build/meson-logs/testlog.json"
  choice=()
  [ -z "$quick" ] || choice=(--no-suite slow)
  meson test -C "$build" --no-rebuild --print-errorlogs "${choice[@]}"
}

python_tests() {
  rm -f "$logs/pytest.xml"
  export GST_PLUGIN_PATH=$build/gst GST_REGISTRY=$build/pytest-registry.bin
  export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
  # A file's tests one after the other, as they may need the same device.
  /usr/bin/python3 -m pytest -q -p no:cacheprovider -p xdist -n 2 --dist loadfile \
    --junitxml="$logs/pytest.xml" tests/python
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

export build logs quick
export -f packages configure compile clang_format types meson_tests python_tests demo
mkdir -p "$logs" || exit 1

step packages 1800 none packages || exit 1
step configure 120 none configure && step compile 600 none compile
built=$?
step clang-format 60 one clang_format
step mypy 300 one types
if [ $built = 0 ]; then
  step meson-test 1500 "meson $build" meson_tests
  step pytest 1200 "pytest $logs/pytest.xml" python_tests
  step demo 300 one demo
else
  echo 'not built, so not run (one failure each): meson-test, pytest, demo'
  failed=$((failed + 3))
fi
exit 0
