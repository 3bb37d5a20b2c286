#!/bin/bash
# Builds a fuzz target with clang's sanitizers and runs so many inputs.
#   libfuzzer.sh CLANG PYTHON SOURCE TARGET RUNS FILE...
# for meson; without an end: RUNS is -1.
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail
clang=$1 python=$2 source=$3 target=$4 runs=$5
shift 5
files=()
for file; do files+=("$(realpath "$file")"); done
read -ra gst < <(pkg-config --cflags --libs gstreamer-1.0)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"  # where it leaves an input that fails
"$clang" -std=c++17 -O1 -g -fno-exceptions -fno-rtti \
  -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
  "$source/$target.cpp" "${files[@]}" "${gst[@]}" -o fuzz
# GStreamer loses memory of its own when it refuses some caps.
[ "$target" != caps ] || export ASAN_OPTIONS=detect_leaks=0
"$python" "$source/corpus.py" "$target" ./fuzz -runs="$runs" -seed=6 -max_len=4096 \
  -print_final_stats=1 2>log || { tail -n 60 log; exit 1; }
grep -E '^(Done|stat)' log
