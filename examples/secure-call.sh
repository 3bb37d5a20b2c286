#!/bin/bash
# A call that nobody else understands: one process encrypts speech in Python and
# sends it as RTP over UDP, a second receives and decrypts it, a third listens
# with a wrong key. What was heard is compared with what was said.
#   examples/secure-call.sh [--opus]    output in build/secure-call
#                                       ($BUILD_DIR instead of build)
# SPDX-License-Identifier: LGPL-2.1-or-later
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Everything here is for Debian's own Python, whichever one is active.
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
build=${BUILD_DIR:-build}
out=$build/secure-call
encode=() decode=()
case ${1:-} in
  '') ;;
  --opus)
    encode=(audioresample ! "audio/x-raw,rate=48000" ! opusenc !)
    decode=(! opusdec ! audioconvert ! audioresample ! "audio/x-raw,format=S16LE,rate=22050")
    ;;
  *)
    sed -n '2,6s/^# \?//p' "$0"
    exit 2
    ;;
esac

die() { echo "secure-call: $*" >&2; exit 1; }

# quietly WHAT COMMAND...: shows what it printed only when it fails.
quietly() {
  local what=$1
  shift
  "$@" </dev/null >"$out/$what.log" 2>&1 && return
  tail -n 30 "$out/$what.log" >&2
  die "$what failed (whole log: $out/$what.log)"
}

bash packaging/install-packages.sh build run demo encryption
mkdir -p "$out"
[ -f "$build/build.ninja" ] || quietly configuring meson setup "$build"
quietly building ninja -C "$build" elements
GST_PLUGIN_PATH=$(realpath "$build")/gst
GST_REGISTRY=$(realpath "$out")/registry.bin
export GST_PLUGIN_PATH GST_REGISTRY

quietly speech espeak-ng -v en-gb -s 165 -w "$out/said.wav" \
  "This is a secret. It goes over the network as random bytes,
   and only whoever has the key can hear it."
rm -f "$out"/{call,wrong}.key "$out"/heard.wav
for key in call wrong; do
  quietly make-key examples/make-key "$out/$key.key"
done

# Ports that are free now.
read -r port spy_port < <(/usr/bin/python3 -c '
import socket
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*[each.getsockname()[1] for each in sockets])')

# receive NAME PORT KEY ELEMENTS...: in the background; -m prints the statistics.
receivers=()
receive() {
  local name=$1 from=$2 key=$3
  shift 3
  gst-launch-1.0 -e -m udpsrc address=127.0.0.1 "port=$from" buffer-size=2000000 \
    caps="application/x-rtp,media=application,clock-rate=90000,encoding-name=X-GST" \
    ! rtpjitterbuffer latency=200 ! rtpgstdepay \
    ! pythonfilter name=decryptor script=plugins_py/sframe_decryptor.py "params=p,key_file=$out/$key.key" on-error=drop \
    "$@" >"$out/$name.log" 2>&1 &
  receivers+=($!)
  # The first packets carry the caps, so nobody speaks before it listens.
  local hex
  hex=$(printf '0100007F:%04X' "$from")
  for _ in {1..1200}; do
    grep -q "$hex" /proc/net/udp && return
    kill -0 $! 2>/dev/null || break
    sleep 0.05
  done
  tail -n 20 "$out/$name.log" >&2
  die "the $name did not start listening"
}
trap 'kill "${receivers[@]}" 2>/dev/null || true' EXIT

echo "listening: the receiver, and a spy with another key"
receive receiver "$port" call "${decode[@]}" ! wavenc ! filesink "location=$out/heard.wav"
receive spy "$spy_port" wrong ! fakesink async=false
echo "speaking"
quietly sender timeout --foreground 120 gst-launch-1.0 -m \
  filesrc "location=$out/said.wav" ! wavparse ! audioconvert ! "audio/x-raw,format=S16LE" \
  ! "${encode[@]}" pythonfilter name=encryptor script=plugins_py/sframe_encryptor.py "params=p,key_file=$out/call.key" \
  ! rtpgstpay config-interval=1 ! multiudpsink "clients=127.0.0.1:$port,127.0.0.1:$spy_port"
sleep 1  # what is still on its way, and the receiver's 200 ms
kill -INT "${receivers[@]}"
wait "${receivers[@]}" || true
[ -s "$out/heard.wav" ] || die "nothing was heard (see $out/receiver.log)"

# stat NAME FIELD: from the statistics at the end of its log.
stat() {
  sed -n "s/.*pythonfilter-stats.*[ ,]$2=(guint64)\([0-9]*\).*/\1/p" "$out/$1.log" | tail -n 1
}
echo
printf '%-9s %8s %8s\n' '' frames dropped
for who in sender receiver spy; do
  printf '%-9s %8s %8s\n' "$who" "$(stat $who buffers)" "$(stat $who dropped)"
done
echo
/usr/bin/python3 examples/compare_speech.py "$out/said.wav" "$out/heard.wav" ${encode:+--lossy}
[ "$(stat spy buffers)" = "$(stat spy dropped)" ] || die "the spy got something"
echo "the spy: none of $(stat spy buffers) frames"
grep -m1 '^WARNING' "$out/spy.log" || true
cat <<END

To hear it: $(realpath "$out")/said.wav and heard.wav.
With a microphone: autoaudiosrc in place of filesrc and wavparse, and
autoaudiosink in place of wavenc and filesink.
END
