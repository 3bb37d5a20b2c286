"""Names output caps that no reader should have to take."""

import os

from base_plugin import AudioProcessorPlugin

DEPTH = 12000
KINDS = {
    "nested": "a/b, x=(GstStructure)" + "[s, x=(structure)" * DEPTH + "]" * DEPTH,
    "lists": "a/b, x=" + "{" * DEPTH + "1" + "}" * DEPTH,
    "caps": "a/b, x=(GstCaps)[" + "[" * DEPTH,
    "structures": "; ".join(f"a/b{i}" for i in range(10000)),
    "values": "a/b, x={" + "1, " * 20000 + "1}",
    "name": "a" * 300 + "/b",
    "field": "a/b, " + "x" * 300 + "=1",
    "fields": "a/b" + "".join(f", f{i}=1" for i in range(20000)),
    "features": "a/b(" + ", ".join(f"m:F{i}" for i in range(20000)) + ")",
    "long": "a/b, x=(string)" + "x" * 10_000_000,
    "taglist": 'a/b, x=(taglist)"title=x"',
    "no-caps": "a/b, x=",
    "rate-0": "audio/x-raw, format=F32LE, rate=0, channels=1, layout=interleaved",
    "channels": "audio/x-raw, format=F32LE, rate=8000, layout=interleaved, "
    "channels=1073741825, channel-mask=(bitmask)0",
}


# And what has to pass all the same.
HONEST = (
    "audio/x-opus, channel-mapping-family=(int)0, channels=(int)2, rate=(int)48000, "
    "streamheader=(buffer)< 4f70757348656164010138010000000000, 4f707573 >",
    "video/x-h264(memory:SystemMemory, meta:X), codec_data=(buffer)0142c01e, "
    'profile=(string)main, framerate=(fraction)30/1, level=(string)"3.1"',
    "audio/x-vorbis, streamheader=< (buffer)0176, (buffer)0376 >, x=(boolean)true",
    "audio/x-raw, format=S16LE, layout=interleaved, rate=8000, channels=3, "
    "channel-mask=(bitmask)0x0000000000000007",
    'a/b, x="; [ ( <", y=(string)"\\"{"',
)
KINDS |= {f"honest-{i}": caps for i, caps in enumerate(HONEST)}


class OutputCaps(AudioProcessorPlugin):
    output_caps = "ANY"

    def get_output_caps(self, caps):
        return KINDS[os.environ["PYTHONFILTER_ATTACK"]]

    def process_audio(self, buffer):
        return b"\0" * 600
