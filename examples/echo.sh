#!/bin/bash
# A loudspeaker plays speech into a room, a microphone in it hears the echo and
# somebody who speaks there. echo_canceller.py and webrtcdsp each take the echo
# out, and it is measured what is left of it, and of whoever spoke.
#   examples/echo.sh      output in build/echo ($BUILD_DIR instead of build)
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Everything here is for Debian's own Python, whichever one is active.
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
build=${BUILD_DIR:-build}
out=$build/echo
if [ $# -gt 0 ]; then
  sed -n '2,5s/^# \?//p' "$0"
  exit 2
fi

die() { echo "echo: $*" >&2; exit 1; }

# quietly WHAT COMMAND...: shows what it printed only when it fails.
quietly() {
  local what=$1
  shift
  "$@" </dev/null >"$out/$what.log" 2>&1 && return
  tail -n 30 "$out/$what.log" >&2
  die "$what failed (whole log: $out/$what.log)"
}

bash packaging/install-packages.sh build run
mkdir -p "$out"
[ -f "$build/build.ninja" ] || quietly configuring meson setup "$build"
quietly building ninja -C "$build" elements
command -v espeak-ng >/dev/null || die "espeak-ng, which speaks here, is missing: apt install espeak-ng"
GST_PLUGIN_PATH=$(realpath "$build")/gst
GST_REGISTRY=$(realpath "$out")/registry.bin
export GST_PLUGIN_PATH GST_REGISTRY

quietly loudspeaker espeak-ng -v en-us -s 160 -w "$out/loudspeaker.wav" \
  "Good morning. The results of the first quarter are on the screen behind me.
   Sales in the north went up by seven percent, and those in the south stayed where they were.
   We opened two new shops in March, and a third one will follow in June.
   Let us look at the costs next. Transport became cheaper, but energy did not,
   and the rent of the new shops is not in these numbers yet.
   I would like to hear what you think about the plan for the summer."
quietly speaker espeak-ng -v en-gb+f3 -s 150 -w "$out/speaker.wav" \
  "May I ask something here? Does that include the online shop, or only the houses in the city?"
quietly room /usr/bin/python3 examples/echo_room.py make "$out"

# measured NAME FILE: one line of the table.
measured() {
  printf '%-19s' "$1"
  /usr/bin/python3 examples/echo_room.py measure "$out" "$out/$2"
}

# play NAME ELEMENTS...: both recordings go through it.
play() {
  local name=$1
  shift
  quietly "$name" timeout --foreground 120 gst-launch-1.0 "$@"
  [ -s "$out/$name.wav" ] || die "nothing came out (see $out/$name.log)"
}

measured microphone microphone.wav
play cancelled pythonmixer name=canceller script=plugins_py/echo_canceller.py \
  ! audioconvert ! "audio/x-raw,format=S16LE" ! wavenc ! filesink "location=$out/cancelled.wav" \
  filesrc "location=$out/microphone.wav" ! wavparse ! audioconvert ! canceller.sink_microphone \
  filesrc "location=$out/far_end.wav" ! wavparse ! audioconvert ! canceller.sink_far_end
measured echo_canceller.py cancelled.wav
if gst-inspect-1.0 --exists webrtcdsp; then
  # Both in one thread, so that each block of the far end comes before the
  # microphone's of that time; of all that it can do the echo alone.
  play webrtcdsp filesrc "location=$out/both.wav" blocksize=1280 ! wavparse ! deinterleave name=apart \
    apart.src_0 ! webrtcechoprobe ! fakesink async=false \
    apart.src_1 ! webrtcdsp noise-suppression=false high-pass-filter=false gain-control=false \
    ! wavenc ! filesink async=false "location=$out/webrtcdsp.wav"
  measured webrtcdsp webrtcdsp.wav
else
  echo "webrtcdsp is missing, so it is not compared: apt install gstreamer1.0-plugins-bad"
fi
cat <<END

To hear it: $(realpath "$out")/microphone.wav and cancelled.wav.
END
