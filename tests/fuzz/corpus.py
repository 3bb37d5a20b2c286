# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a fuzzer with what it begins with: records and replies of workers, caps,
headers of SFrame.

corpus.py records|replies|caps|sframe PROGRAM ARGUMENT...

The program is given a folder with a file for each, and the arguments.
"""

import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "python" / "support"))

import sframe_vectors as published


def reply(asked, outputs_size, *words, table=(), frame=0, linked=0, said=(0, 0)):
    """`asked`: bits of what the plugin may; words of the reply, then the table."""
    head = struct.pack("=BBIQQ", asked, frame, outputs_size, words[0], linked)
    words += (*said, *table)
    return head + struct.pack(f"={len(words)}Q", *words)


REPLIES = {
    "ok": reply(4 + 16, 0, 7, 0, 0, 0, 0, 0, 1000),
    "escaped": reply(4 + 16, 0, 7, 0, 1 + 8, 0, 0, 3, 1000),
    "failed": reply(4 + 16, 0, 7, 1, 0, 0, 0, 1, 1000),
    "dropped": reply(4 + 16, 0, 7, 2, 0, 0, 0, 1, 1000),
    "declined": reply(1 + 2, 0, 7, 3, 0, 0, 0, 0, 1000),
    "end": reply(1 + 2, 0, 7, 4, 0, 0, 0, 0, 1000),
    "no-space": reply(4 + 8, 4096, 7, 5, 0, 0, 8192, 0, 0),
    "none": reply(4 + 8, 4096, 7, 0, 4, 0, 0, 0, 1000),
    "one": reply(4 + 8, 4096, 7, 0, 4, 1, 80, 0, 1000, table=[64]),
    "frames": reply(4 + 8, 4096, 7, 0, 4, 3, 4096, 0, 1000, table=[8, 0, 128], frame=8),
    "split": reply(4 + 16, 0, 7, 0, 0, 0, 0, 0, 1000, linked=11, said=(2, 9)),
    "many": reply(4 + 8, 1 << 20, 7, 0, 4, 100, 1 << 20, 0, 1, table=[33] * 100),
}


def fields(*texts):
    """A record without its first length."""
    parts = [text if isinstance(text, bytes) else text.encode() for text in texts]
    rest = b"".join(struct.pack("=I", len(part)) + part for part in parts)
    return struct.pack("=I", len(parts)) + rest


PARAMETER = fields(
    *("gain", "kind", "float", "default", "1.0", "minimum", "0", "maximum", "2"),
    *("unit", "dB", "description", "How loud", "allowed", "0 to 2", "curve", "1"),
)
CHOICE = fields("colour", "kind", "choice", "choice", "red", "choice", "blue")
PORT = fields(
    *("voice", "format", "F32", "format", "S16", "channels", "1 2", "optional", "1"),
    *("description", "Who speaks"),
)
RECORDS = {
    "empty": fields(),
    "ok": fields("ok"),
    "capabilities": fields(
        *("ok", "audio_name", "process_audio", "format", "F32", "format", "S16"),
        *("interleaved", "1", "rate", "8000 48000", "channels", "1 2"),
        *("file", "/tmp/gain.py", "secret", "key", "block_size", "480"),
        *("input_caps", "audio/x-raw", "output_caps", "application/x-sframe"),
        *("parameter", PARAMETER, "parameter", CHOICE, "converts", "1"),
    ),
    "mixer": fields(
        *("ok", "audio_name", "mix_audio", "format", "F32", "output_zero", "1"),
        *("port", fields("music"), "port", PORT, "output_like", "music"),
        *("passthrough", "voice", "input_parameter", PARAMETER, "has_add_input", "1"),
    ),
    "inputs": fields(
        *("ok", "audio_name", "mix_audio", "port_count", "1 64", "port", fields("%u")),
    ),
    "failure": fields(
        *("failure", "raised", "process_audio", "ValueError", "it is wrong"),
        *("/tmp/gain.py", "12", "process_audio", "Traceback …\n"),
    ),
    "message": fields(
        *("message", "level", "peak", "d", "-3.5", "count", "i", "12"),
        *("clipped", "b", "1", "who", "s", "gain", "all", "ad", fields("1", "2.5")),
        *("names", "as", fields("a", "é"), "flags", "ab", fields("0", "1")),
    ),
    "failed": fields(
        "failed",
        "raised",
        "unlock",
        "ValueError",
        "no lock",
        "/tmp/gain.py",
        "7",
        "unlock",
        "Traceback",
    ),
    "log": fields("log", "30", "/tmp/gain.py", "7", "start", "it is late", "0"),
    "mapped": fields("mapped", "1", "audio/x-raw", "/tmp/gain.py", "1", "f"),
    "bytes": fields(b"ok", b"\xff\xfe\x00\xc3", b"\xf0\x9f\x8e\xb5", b"\xed\xa0\x80"),
}


CAPS = {
    "any": b"ANY",
    "audio": b"audio/x-raw(memory:SystemMemory, meta:X), format={S16LE, F32LE}, "
    b"rate=[ 1, 2147483647 ], channel-mask=(bitmask)0x3; audio/x-raw",
    "video": b"video/x-h264, codec_data=(buffer)0142c01e, profile=(string)main, "
    b"pixel-aspect-ratio=(fraction)1/1, framerate=[ 0/1, 30/1, 1/1 ]",
    "headers": b'audio/x-vorbis, streamheader=(buffer)< 0176, 0376 >, x="a\\"b;,("',
    "nested": b"a/b, x={ < [ 1, 2 ], { (int)3 } > }, y=(GstStructure)[s, z=(i)1]",
    "escapes": b"a/b, x=\x1b[2J\x9b\xc2\x9b\x07",
}


# As published, with something of a frame behind them.
HEADERS = {
    header: bytes.fromhex(header) + b"\1\2\3" for _, _, header in published.HEADERS
}
CORPORA = {"records": RECORDS, "replies": REPLIES, "caps": CAPS, "sframe": HEADERS}


def main():
    name, program, *arguments = sys.argv[1:]
    command = [sys.executable, program] if program.endswith(".py") else [program]
    with tempfile.TemporaryDirectory() as folder:
        for each, data in CORPORA[name].items():
            (pathlib.Path(folder) / each).write_bytes(data)
        return subprocess.call([*command, folder, *arguments])


if __name__ == "__main__":
    sys.exit(main())
