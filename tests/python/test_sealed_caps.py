# SPDX-License-Identifier: LGPL-2.1-or-later
"""Caps within caps: what GStreamer makes of ours, and we of GStreamer's."""

import contextlib
import itertools
import random
import time

import gi
import pytest

gi.require_version("Gst", "1.0")
gi.require_version("GstAudio", "1.0")
from gi.repository import Gst, GstAudio  # noqa: E402

from _sealed_caps import quote, read, unquote, write  # noqa: E402

Gst.init(None)
TYPE = "application/x-sframe"


def gst_written(text):
    """Caps with this string as GStreamer writes them."""
    caps = Gst.Caps.new_empty_simple(TYPE)
    caps.set_value("original-caps", text)
    return caps.to_string()


def gst_read(caps):
    """GStreamer's string in these caps, or None if there is none."""
    parsed = Gst.Caps.from_string(caps)
    if parsed is None or parsed.get_size() != 1:
        return None
    structure = parsed.get_structure(0)
    if not hasattr(structure, "get_string"):  # from gst-python 1.26 on
        with structure as structure:
            return structure.get_string("original-caps")
    return structure.get_string("original-caps")


def check(text):
    """There and back again, ours and GStreamer's the same byte for byte."""
    ours = write(TYPE, {"original-caps": text})
    assert ours == gst_written(text)
    assert gst_read(ours) == text
    assert read(ours, TYPE) == {"original-caps": text}
    assert unquote(quote(text)) == text


def raw_caps():
    """All formats and layouts of raw audio, at some rates and channel counts."""
    known = getattr(GstAudio.AudioFormat, "__enum_values__", None)
    # An enum.IntEnum in newer PyGObject.
    formats = known.values() if known else list(GstAudio.AudioFormat)
    names = [GstAudio.AudioFormat.to_string(each) for each in formats]
    names = [each for each in names if each not in (None, "UNKNOWN", "ENCODED")]
    assert len(names) >= 30 and "S24LE" in names
    for name, layout, rate, channels in itertools.product(
        names, ("interleaved", "non-interleaved"), (8000, 192000), (1, 2, 6, 64)
    ):
        yield (
            f"audio/x-raw, format={name}, layout={layout}, rate={rate}, "
            f"channels={channels}, channel-mask=(bitmask)0x{(1 << channels) - 1:x}"
        )


def test_all_formats_of_raw_audio_come_back():
    many = [Gst.Caps.from_string(caps).to_string() for caps in raw_caps()]
    assert len(set(many)) > 400
    for text in many:
        check(text)


@pytest.mark.parametrize(
    "caps",
    [
        "audio/x-opus",
        "audio/x-opus, streamheader=(buffer)< 4f7075734865616401013801, 4f707573 >",
        "audio/mpeg, mpegversion=(int)4, codec_data=(buffer)1190, framed=(boolean)true",
        "audio/x-raw(memory:SystemMemory), rate=(int)48000",
        "audio/x-raw(memory:Other, meta:GstAudioMeta), rate=(int)48000",
        "audio/x-raw, format=(string){ S16LE, F32LE }, rate=(int)[ 1, 2147483647 ]",
        r'audio/x-raw, title=(string)"a\ \"quoted\"\,\ one\;\\", rate=(int)1',
        "audio/x-raw, ratio=(fraction)30000/1001, gain=(double)-1.5e-07",
        r'x/y, c=(GstCaps)[ a/b, c=(int)1; d/e ], s=(structure)[ n, t=(string)"u\ v" ]',
        'application/x-rtp, media=(string)audio, encoding-name=(string)"L16\\377"',
        "ANY",
        "EMPTY",
        "NULL",
        "",
        " ",
        "a;b",
        "tab\there, line\nbreak, bell\a, del\x7f, é, 音, 🎧",
    ],
)
def test_odd_caps_come_back_also_nested(caps):
    parsed = Gst.Caps.from_string(caps) if "/" in caps else None
    text = parsed.to_string() if parsed else caps
    for _ in range(4):
        check(text)
        text = write(TYPE, {"session": "0123456789012345", "original-caps": text})
        assert Gst.Caps.from_string(text).to_string() == text


def test_random_strings_come_back():
    generator = random.Random(3)
    alphabet = "".join(map(chr, range(1, 128))) + '\\"' * 4 + "0134567é\xff\u2028🎧"
    for _ in range(3000):
        check("".join(generator.choices(alphabet, k=generator.randrange(12))))


def test_what_gstreamer_cannot_read_we_cannot_either():
    """And what both can read is the same, whoever wrote it."""
    generator = random.Random(4)
    alphabet = [*'\\"\\"01378a ,;=é', "\\101"]
    both = 0
    for _ in range(20000):
        inner = "".join(generator.choices(alphabet, k=generator.randrange(8)))
        caps = f'{TYPE}, original-caps=(string)"{inner}"'
        expected = gst_read(caps)
        try:
            fields = read(caps, TYPE)
        except ValueError:
            # Of NUL GStreamer makes the end of the string, and no mistake.
            assert expected is None or "\\000" in inner, inner
        else:
            assert fields.get("original-caps") == expected, inner
            both += 1
    assert both > 1000


@pytest.mark.parametrize(
    "rest",
    [
        ", original-caps=(string)audio/x-opus",
        " , original-caps = ( string ) audio/x-opus ",
        '(memory:SystemMemory), original-caps=(string)"audio/x-opus";',
        r', a=(int)5, b=(string){ "x\,y", z }, original-caps=(string)audio/x-opus',
        ", c=(GstCaps)[ a/b, original-caps=(string)no ]"
        ", original-caps=(string)audio/x-opus",
        r', before=(string)"original-caps\=\(string\)no"'
        ", original-caps=(string)audio/x-opus",
    ],
)
def test_field_is_found_among_others(rest):
    assert gst_read(TYPE + rest) == "audio/x-opus"
    assert read(TYPE + rest, TYPE)["original-caps"] == "audio/x-opus"


@pytest.mark.parametrize(
    "caps",
    [
        "",
        "ANY",
        "audio/x-raw",
        f"{TYPE}2, original-caps=(string)a",
        f"{TYPE} original-caps=(string)a",
        f"{TYPE}, original-caps",
        f"{TYPE}, original-caps=(string)",
        f'{TYPE}, original-caps=(string)"a',
        f'{TYPE}, original-caps=(string)"a"b',
        f"{TYPE}, original-caps=(string)a b",
        f"{TYPE}, original-caps=(string)NULL",
        f'{TYPE}, original-caps=(string)"\\000"',
        f'{TYPE}, original-caps=(string)"\\377"',
        f"{TYPE}, original-caps=(string)a, b=[1,2",
        f"{TYPE}, original-caps=(string)a; {TYPE}, original-caps=(string)b",
        f"{TYPE}, original-caps=(string)a, original-caps=(string)b",
        f"{TYPE}, , original-caps=(string)a",
    ],
)
def test_broken_caps_are_refused(caps):
    with pytest.raises(ValueError):
        read(caps, TYPE)


@pytest.mark.parametrize(
    "caps", ["original-caps=(int)5", "original-caps=5", "other=(string)b"]
)
def test_field_of_another_type_is_none(caps):
    assert "original-caps" not in read(f"{TYPE}, {caps}", TYPE)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_string_that_no_caps_can_hold_is_refused(text):
    with pytest.raises(ValueError):
        quote(text)


@pytest.mark.parametrize(
    "more",
    [
        "x=(buffer)" + "de" * 250_000,
        "x=" + " " * 500_000 + "1",
        "x=" + "<" * 250_000 + ">" * 250_000,
        "x={" + '"a",' * 120_000 + "}",
        'x=(string)"' + "\\377" * 120_000 + '"',
    ],
)
def test_hostile_caps_are_gone_through_once(more):
    """Not once for each character: one packet would hold the receiver for long."""
    caps = f"{TYPE}, original-caps=(string)a, {more}"
    began = time.thread_time()
    with contextlib.suppress(ValueError):
        read(caps, TYPE)
    # Of processor time, which a busy machine makes no longer; it was seconds.
    assert time.thread_time() - began < 1


@pytest.mark.parametrize("more", ["x=" + "1" * 600_000, ", ".join(["x=1"] * 100)])
def test_caps_longer_than_any_are_refused(more):
    with pytest.raises(ValueError, match="than any") as caught:
        read(f"{TYPE}, original-caps=(string)a, {more}", TYPE)
    assert len(str(caught.value)) < 200
