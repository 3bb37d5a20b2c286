#!/bin/bash
# The main job, from nothing: speech with hiss goes through gst-launch-1.0 and
# a Python plugin that works in the buffers' own memory; the result is a WAV to
# hear, a PNG to see and the element's statistics. Takes seconds the second time.
#   examples/demo.sh        output in build/demo ($BUILD_DIR instead of build)
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Everything here is for Debian's own Python, whichever one is active.
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
build=${BUILD_DIR:-build}
out=$build/demo
log=$out/demo.log

die() { echo "demo: $*" >&2; exit 1; }

# quietly WHAT COMMAND...: its output goes to the log, and on failure to the user.
quietly() {
  local what=$1
  shift
  "$@" </dev/null >"$log" 2>&1 && return
  tail -n 30 "$log" >&2
  die "$what failed (whole log: $log)"
}

# launch OUTPUT ELEMENTS...: shows the line, runs it, shows what the Python
# elements counted. -m prints every message, and with them the statistics.
launch() {
  local wav=$1
  shift
  local shown="$*"
  local read=(filesrc "location=$out/noisy.wav" ! wavparse ! audioconvert)
  local write=(audioconvert ! "audio/x-raw,format=S16LE" ! wavenc ! filesink "location=$wav")
  printf '\n  gst-launch-1.0 -m %s ! \\\n' "${read[*]}"
  printf '    %s ! \\\n    %s\n\n' "${shown//" ! "/" ! \\"$'\n    '}" "${write[*]}"
  quietly "the pipeline above" timeout --foreground 120 gst-launch-1.0 -m "${read[@]}" ! "$@" ! "${write[@]}"
  [ -s "$wav" ] || die "$wav was not written"
  print_stats <"$log" || die "no statistics among the messages (whole log: $log)"
}

# print_stats: the pythonfilter statistics in gst-launch -m output, readable.
print_stats() {
  /usr/bin/python3 -c '
import re, sys
rate, seen = int(sys.argv[1]), 0
for line in sys.stdin:
    found = re.search(r"from element \"(\w+)\" \(element\): pythonfilter-stats, (.*)", line)
    if not found:
        continue
    seen += 1
    counts, times = [], {"call": [], "gil-wait": []}
    stats = re.findall(r"([\w.-]+)=\(guint64\)(\d+)", found[2])
    for key, value in stats:
        part = re.fullmatch(r"(call|gil-wait)-(.*)", key)
        if part:
            times[part[1]].append(f"{part[2]} {int(value) / 1000:.1f}")
        else:
            counts.append(f"{key} {value}")
    print(f"  {found[1]}: " + ", ".join(counts))
    for name, values in times.items():
        print(f"    {name:9} (µs)  " + "  ".join(values))
    stats = {key: int(value) for key, value in stats}
    python, sound = stats["buffers"] * stats["call-mean"] / 1e9, stats["frames"] / rate
    if python:
        print(f"    {sound:.1f} s of sound took {python:.2f} s in Python:",
              f"{sound / python:.0f} times faster than it plays")
sys.exit(not seen)' "$rate"
}

# Only root can install, anybody else is told of all that is missing at once.
[ "$(id -u)" -eq 0 ] || bash packaging/install-packages.sh build run demo
bash packaging/install-packages.sh build
mkdir -p "$out"
# What compiling does not need is installed while it compiles.
bash packaging/install-packages.sh run demo >"$out/packages.log" 2>&1 &
packages=$!
[ -f "$build/build.ninja" ] || {
  echo "configuring in $build/"
  quietly "meson setup" meson setup "$build"
}
ninja -C "$build" -n elements | grep -q 'no work to do' || echo "building"
quietly "the build" ninja -C "$build" elements
wait $packages || { tail -n 30 "$out/packages.log" >&2; die "installing failed"; }

# This is all that an uninstalled run needs.
GST_PLUGIN_PATH=$(realpath "$build")/gst
GST_REGISTRY=$(realpath "$out")/registry.bin
export GST_PLUGIN_PATH GST_REGISTRY

echo "making speech with hiss"
quietly "espeak-ng" espeak-ng -v en-gb -s 165 -g 4 -w "$out/speech.wav" \
  "This voice was made by a synthesizer, and the hiss was added on purpose.
   GStreamer carries the sound, and a Python class changes it on the way.
   When I stop talking, the noise gate closes. Then, there is silence."
rate=48000 block=1024
seconds=$(/usr/bin/python3 -c 'import sys, wave; w = wave.open(sys.argv[1])
print(w.getnframes() / w.getframerate())' "$out/speech.wav")
# One second of hiss before the speech starts, and half a second after it.
blocks=$(/usr/bin/python3 -c "print(int(($seconds + 1.5) * $rate / $block))")
quietly "mixing the hiss" timeout --foreground 120 gst-launch-1.0 \
  audiotestsrc wave=white-noise volume=0.02 "samplesperbuffer=$block" "num-buffers=$blocks" \
  ! "audio/x-raw,format=F32LE,rate=$rate,channels=2" ! mix. \
  filesrc "location=$out/speech.wav" ! wavparse ! audioconvert ! audioresample \
  ! "audio/x-raw,format=F32LE,rate=$rate,channels=2" ! mix.sink_1 \
  audiomixer name=mix sink_1::offset=1000000000 sink_1::volume=0.5 \
  ! audioconvert ! audio/x-raw,format=S16LE ! wavenc ! filesink "location=$out/noisy.wav"
[ -s "$out/noisy.wav" ] || die "$out/noisy.wav was not written"

gate=(pythonfilter script=plugins_py/examples/spectral_noise_gate.py)
equaliser=(pythonfilter script=plugins_py/examples/scipy_equalizer.py
  params="p,bass=-12.0,mid=6.0,treble=-12.0")
echo "through a noise gate in Python:"
launch "$out/gated.wav" "${gate[@]}"
printf '\nthrough the gate, then an equaliser that makes a telephone of it:\n'
launch "$out/equalised.wav" "${gate[@]}" ! "${equaliser[@]}"

printf '\nlevels (peak, and the quietest tenth, where only hiss is):\n'
/usr/bin/python3 examples/plot_comparison.py "$out/comparison.png" \
  "before=$out/noisy.wav" "noise gate=$out/gated.wav" \
  "noise gate and equaliser=$out/equalised.wav" || die "the plot failed"

cat <<END

In $(realpath "$out"):
  to hear   noisy.wav  gated.wav  equalised.wav
  to see    comparison.png
With your own voice, from $PWD:
  export GST_PLUGIN_PATH=$GST_PLUGIN_PATH
  gst-launch-1.0 autoaudiosrc ! audioconvert ! \\
    ${gate[*]} ! \\
    audioconvert ! autoaudiosink
END
