# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is behind a decryptor hears of caps that a frame was sealed with."""

import json
import struct

import pytest

from pushing import Steps, caps_of, names
from sealing import OPUS, RAW, pair, seal

ATTACK = (
    "video/x-h264, stream-format=(string)avc, alignment=(string)au, "
    "codec_data=(buffer)deadbeef"
)
FLOATS = RAW.replace("S16LE", "F32LE")
OTHER_RATE = RAW.replace("48000", "22050")
ISOLATIONS = ["none", "process"]


def with_caps(sealed, original):
    """The caps of a session with those of another stream in them."""
    from _sframe_session import Session

    return Session.of_caps(sealed)[0].clear_caps(original)


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_nothing_is_told_before_an_authentic_frame(isolation, tmp_path):
    steps = Steps(tmp_path, isolation)
    encryptor, _, sealed = pair(steps.key)
    forged = with_caps(sealed, ATTACK)
    steps.begin(forged).frames(b"\0" * 40, b"", *seal(encryptor, b"true"))
    steps.add("gap", 0, 1000).add("allocation", forged)
    steps.add("upstream", "RECONFIGURE").frames(b"\1" * 40).add("output")
    steps.add("flush").add("segment").frames(b"\2" * 40).add("eos")
    rows = steps.run()
    assert [name for row in rows for name in names(row)] == [
        "flush-start",
        "flush-stop",
        "stream-start",
        "eos",
    ]
    output = next(row for row in rows if isinstance(row["result"], list))
    assert [row["result"] for row in rows if row["result"] == [None, "ANY"]]
    assert output["result"] == ["ok"]
    assert "h264" not in json.dumps([row["queries"] + row["seen"] for row in rows])
    assert not any(each[0] == "error" for row in rows for each in row["told"])


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_caps_come_with_the_first_frame(isolation, tmp_path):
    """Also for who comes late, after wrong ones, and once."""
    steps = Steps(tmp_path, isolation)
    encryptor, _, sealed = pair(steps.key)
    frames = seal(encryptor, *[b"%04d" % n for n in range(600)])
    steps.begin(with_caps(sealed, ATTACK)).frames(frames[498])
    steps.add("caps", with_caps(sealed, OTHER_RATE)).frames(frames[499])
    steps.add("caps", sealed).frames(frames[0][:-1]).frames(frames[500], frames[501])
    *before, first = steps.run()
    assert [names(row) for row in before] == [[]] * len(before)
    assert names(first) == ["stream-start", "caps", "segment", "buffer", "buffer"]
    assert caps_of(first) == [RAW]
    assert [bytes.fromhex(each[1]) for each in first["seen"][3:]] == [b"0500", b"0501"]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_caps_of_an_attacker_do_not_interrupt(isolation, tmp_path):
    """The stream goes on where its own caps come again, as nothing had been."""
    steps = Steps(tmp_path, isolation)
    encryptor, _, sealed = pair(steps.key)
    one, two, three, four = seal(encryptor, b"1   ", b"2   ", b"3   ", b"4   ")
    steps.begin(sealed).frames(one)
    steps.add("caps", with_caps(sealed, OTHER_RATE)).add("upstream", "RECONFIGURE")
    steps.add("allocation", sealed).frames(two).add("output")
    steps.add("caps", sealed).frames(three, one).add("caps", sealed).frames(four)
    rows = steps.run()
    assert caps_of(rows[3]) == [RAW]
    assert [name for row in rows[4:] for name in names(row)] == ["buffer", "buffer"]
    assert rows[8]["result"][0] == RAW
    assert "22050" not in json.dumps([row["queries"] for row in rows])


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_new_caps_come_right_before_their_first_frame(isolation, tmp_path):
    steps = Steps(tmp_path, isolation)
    first, _, sealed = pair(steps.key)
    second, _, other = pair(steps.key, OPUS)
    third, _, again = pair(steps.key, OPUS)
    steps.begin(sealed).frames(*seal(first, b"1   "))
    steps.begin(other).add("gap", 5, 5).frames(*seal(first, b"x"))
    steps.frames(*seal(second, b"2")).add("caps", again).frames(*seal(third, b"3"))
    rows = steps.run()
    assert [names(row) for row in rows[4:9]] == [[]] * 5
    assert names(rows[9]) == ["stream-start", "caps", "segment", "buffer"]
    assert caps_of(rows[9]) == [as_gstreamer_writes(OPUS)]
    # A session of the same stream is none of those behind.
    assert names(rows[11]) == ["buffer"]


def as_gstreamer_writes(caps):
    """The same caps."""
    import gi

    gi.require_version("Gst", "1.0")
    from gi.repository import Gst

    Gst.init(None)
    return Gst.Caps.from_string(caps).to_string()


BROKEN = (
    "application/x-sframe",
    "application/x-sframe, session=(string)zz, cipher-suite=(string)none",
)


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_broken_caps_are_dropped_like_broken_frames(isolation, tmp_path):
    """With on-error=drop, and counted; nobody ends a call with a packet."""
    steps = Steps(tmp_path, isolation, more="on-error=drop")
    encryptor, _, sealed = pair(steps.key)
    one, two = seal(encryptor, b"1   ", b"2   ")
    steps.begin(BROKEN[0]).frames(b"a", one).add("caps", BROKEN[1]).frames(b"b")
    steps.add("caps", with_caps(sealed, "audio/x-raw, rate=(int)[ 1, 2 ]"))
    steps.frames(b"c").add("stats", "dropped").begin(sealed).frames(one)
    steps.add("caps", BROKEN[0]).frames(b"d").add("caps", sealed).frames(two)
    rows = steps.run()
    assert [name for row in rows for name in names(row)] == [
        *("stream-start", "caps", "segment", "buffer", "buffer")
    ]
    assert rows[8]["result"] == 4
    told = [each for row in rows for each in row["told"]]
    assert told and {kind for kind, _ in told} == {"warning"}
    assert "cipher-suite is none of" in told[0][1]
    assert len(told) <= 3  # one a second


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_broken_caps_are_an_error_by_default(isolation, tmp_path):
    rows = Steps(tmp_path, isolation).begin(BROKEN[1]).frames(b"a").run()
    told = [each for row in rows for each in row["told"]]
    assert [kind for kind, _ in told] == ["error"]
    assert rows[3]["result"] == ["not-negotiated"]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_encryptor_tells_its_caps_with_the_first_frame(isolation, tmp_path):
    """And of another life another session, to frames and to queries."""
    steps = Steps(tmp_path, isolation, plugin="sframe_encryptor.py")
    steps.begin(RAW).add("output").add("gap", 0, 5).frames(b"\0" * 16)
    steps.add("output").add("gap", 0, 5).add("null").begin(RAW).add("output")
    steps.frames(b"\0" * 16)
    rows = steps.run()
    assert rows[3]["result"] == [None, "application/x-sframe"]
    assert names(rows[4]) == []
    assert names(rows[5]) == ["stream-start", "caps", "segment", "buffer"]
    assert rows[6]["result"][0] == caps_of(rows[5])[0]
    assert names(rows[7]) == ["gap"]
    assert rows[12]["result"] == [None, "application/x-sframe"]
    assert caps_of(rows[13]) and caps_of(rows[13]) != caps_of(rows[5])


SENTENCE = "what comes after it does not take audio/x-raw, but video/x-raw"


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_who_does_not_take_the_caps_is_named(isolation, tmp_path):
    steps = Steps(tmp_path, isolation, more="! video/x-raw ! identity")
    encryptor, _, sealed = pair(steps.key)
    rows = steps.begin(sealed).frames(b"x", *seal(encryptor, b"1   ")).run()
    assert "not-negotiated" in rows[3]["result"]
    assert any(SENTENCE in text for _, text in rows[3]["told"]), rows


CLOSED = """\
from base_plugin import AudioProcessorPlugin, DropBuffer

class Quiet(AudioProcessorPlugin):
    fail_closed = True

    def process_audio(self, buffer):
        if not buffer.data.any():
            raise DropBuffer("silence")
        buffer.data *= 2

def create_plugin():
    return Quiet()
"""


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_plugin_in_place_tells_nothing_before_either(isolation, tmp_path):
    one, two = struct.pack("<4f", *[1] * 4), struct.pack("<4f", *[2] * 4)
    script = tmp_path / "quiet.py"
    script.write_text(CLOSED)
    steps = Steps(tmp_path, isolation)
    steps.line = f"pythonfilter name=it script={script} isolation={isolation}"
    steps.begin(FLOATS).frames(b"\0" * 16).add("gap", 0, 5).frames(one)
    steps.add("eos")
    rows = steps.run()
    assert [names(row) for row in rows] == [
        *([], [], [], [], []),
        ["stream-start", "caps", "segment", "buffer"],
        ["eos"],
    ]
    assert caps_of(rows[5]) == [FLOATS] and rows[5]["seen"][3][1] == two.hex()


TWICE = """\
from base_plugin import AudioProcessorPlugin

class Twice(AudioProcessorPlugin):
    as_bytes = fail_closed = True
    output_caps = "application/x-twice"
    starts = drains = 0

    def start(self):
        self.starts += 1
        return True

    def drain(self):
        self.drains += 1

    def process_audio(self, buffer):
        return [b"%d" % self.starts, b"%d" % self.drains]
"""


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_to_tell_of_caps_starts_nothing_anew(isolation, tmp_path):
    script = tmp_path / "twice.py"
    script.write_text(TWICE)
    steps = Steps(tmp_path, isolation)
    steps.line = f"pythonfilter name=it script={script} isolation={isolation}"
    rows = steps.begin(RAW).frames(b"1234", b"5678").run()
    assert [bytes.fromhex(each[1]) for each in rows[3]["seen"][3:]] == [b"1", b"0"] * 2


def test_another_worker_tells_nothing_before_a_frame_either(tmp_path):
    steps = Steps(tmp_path, "process", more="on-error=drop")
    encryptor, _, sealed = pair(steps.key)
    frames = [each.hex() for each in seal(encryptor, *[b"1234"] * 400)]
    steps.begin(with_caps(sealed, ATTACK)).frames(b"\0" * 40).add("kill")
    steps.add("until", *frames[:40]).add("caps", sealed).add("until", *frames[40:])
    rows = steps.run()
    assert [names(row) for row in rows[:7]] == [[]] * 7
    assert names(rows[7]) == ["stream-start", "caps", "segment", "buffer"]
    assert caps_of(rows[7]) == [RAW]


def test_session_of_another_worker_is_told_with_its_first_frame(tmp_path):
    more = "on-error=drop"
    steps = Steps(tmp_path, "process", plugin="sframe_encryptor.py", more=more)
    steps.begin(RAW).frames(b"1234").add("kill").add("until", *["00" * 4] * 400)
    rows = steps.run()
    assert names(rows[3]) == ["stream-start", "caps", "segment", "buffer"]
    assert names(rows[5]) == ["caps", "buffer"]
    assert caps_of(rows[3]) != caps_of(rows[5])


def test_nothing_that_fits_is_told_at_once(tmp_path):
    script = tmp_path / "twice.py"
    either = "application/x-one; application/x-two"
    script.write_text(TWICE.replace("application/x-twice", either))
    steps = Steps(tmp_path, "none", more="! video/x-raw ! identity")
    steps.line = f"pythonfilter name=it script={script} ! video/x-raw ! identity"
    rows = steps.begin(RAW).frames(b"1234").run()
    told = [each for row in rows for each in row["told"]]
    assert [kind for kind, _ in told] == ["error"], told
    assert "does not take application/x-one, but video/x-raw" in told[0][1]
    assert rows[3]["result"] == ["not-negotiated"]


ONCE = (
    TWICE
    + """\

import pathlib

class Once(Twice):
    def get_output_caps(self, caps):
        if self.posted_before():
            raise ValueError("not again")
        return self.output_caps

    def start(self):
        self.mark.touch()
        return True

    mark = pathlib.Path(__file__).with_suffix(".mark")
    first = None

    def posted_before(self):
        if self.first is None:
            self.first = not self.mark.exists()
        return not self.first

def create_plugin():
    return Once()
"""
)


def test_a_worker_that_takes_no_caps_any_more_gets_no_buffers(tmp_path):
    script = tmp_path / "once.py"
    script.write_text(ONCE)
    steps = Steps(tmp_path, "process")
    steps.line = f"pythonfilter name=it script={script} isolation=process on-error=drop"
    steps.begin(RAW).frames(b"1234").add("kill").add(
        "until told", "not again", "00" * 4
    )
    steps.add("stats", "dropped").add("caps", OTHER_RATE).frames(b"1234")
    rows = steps.run()
    assert names(rows[3])[-1] == "buffer"
    assert names(rows[5]) == [] and names(rows[8]) == []
    assert rows[6]["result"] >= 1 and rows[8]["result"] == ["ok"]
    assert {kind for row in rows for kind, _ in row["told"]} == {"warning"}


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_caps_of_another_type_are_dropped_as_well(isolation, tmp_path):
    """Before a stream and within one; by default they end it."""
    steps = Steps(tmp_path, isolation, more="on-error=drop")
    encryptor, _, sealed = pair(steps.key)
    one, two = seal(encryptor, b"1   ", b"2   ")
    steps.begin(ATTACK).frames(b"a", one).add("caps", sealed).frames(one)
    steps.add("caps", RAW).frames(b"b").add("caps", sealed).frames(two)
    steps.add("stats", "dropped").add("set", "on-error", "fail").add("caps", RAW)
    steps.frames(b"c")
    rows = steps.run()
    out = [name for row in rows for name in names(row)]
    assert out == ["stream-start", "caps", "segment", "buffer", "buffer"]
    assert rows[10]["result"] == 3 and rows[13]["result"] == ["not-negotiated"]
    told = [each for row in rows for each in row["told"]]
    assert "it takes application/x-sframe, and got video/x-h264" in told[0][1]
    assert {kind for kind, _ in told[:-1]} == {"warning"} and told[-1][0] == "error"
