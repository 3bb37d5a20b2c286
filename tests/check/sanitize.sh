#!/bin/bash
# Builds the project with a sanitizer and runs some of its check programs.
#   sanitize.sh SOURCE BUILD SANITIZERS TEST ...
# for meson. BUILD is kept for the next run.
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail
source=$1 build=$2 sanitizers=$3
shift 3

# Each library is compiled as one file, so no two of its files may call two things
# by one name. Types of a file that is included so are warned of for nothing.
# Who waits here wants the same build.
exec {lock}>"$build.lock"
flock "$lock"
if [ ! -f "$build/build.ninja" ]; then
  meson setup "$build" "$source" -Db_sanitize="$sanitizers" -Db_lundef=false \
    -Dunity=on -Dunity_size=1000 \
    -Doptimization=0 -Dtests=enabled -Dcpp_args=-fno-sanitize-recover=all
fi
targets=()
for test; do
  case $test in
    fuzz-*) targets+=("tests/fuzz/$test") ;;
    exchange | process) targets+=("tests/check/check-$test") all=1 ;;
    *) targets+=(tests/check/checks) all=1 ;;
  esac
done
if [ -n "${all-}" ]; then
  # Python's bridge, and those that stand in for it in some programs, of which none
  # runs by default.
  bridges='\(bridge\|tests/check\)'
  [ "$sanitizers" != address ] || bridges=bridge
  mapfile -t -O ${#targets[@]} targets < <(ninja -C "$build" -t targets all |
    sed -n "s,^\($bridges/bridge\.[^/]*\.so\): .*,\1,p")
  targets+=(gst/libgstpythonfilter.so tests/check/hostile-worker tests/check/functions.so)
fi
ninja -C "$build" "${targets[@]}"

# The scanner is a program without the sanitizer and cannot load the plugin.
export GST_REGISTRY_FORK=no
export PYTHONFILTER_CHECK_FEW=1
# Python and NumPy are loaded once for each program, not for each test.
export CK_FORK=no
# Every object of Python's in memory of its own. Python itself leaks.
export PYTHONMALLOC=malloc
export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
run=(meson test -C "$build" --no-rebuild --verbose --no-suite slow --no-suite soak)
case $sanitizers in
  *thread*)
    # GLib's locks are its own, so what GLib guards with them looks unguarded.
    export TSAN_OPTIONS=halt_on_error=1:ignore_noninstrumented_modules=1
    # Its address space does not survive being random.
    run=(setarch -R "${run[@]}")
    ;;
esac
"${run[@]}" "$@"
