# SPDX-License-Identifier: LGPL-2.1-or-later
"""The encryptor in a pipeline that seeks, pauses, renegotiates and starts again."""

import collections

import pytest

import processes
import sealing
from _sframe import decode_header
from _sframe_session import Session
from application import run_application

CODE = f"""
    frames, told = [], []
    pipeline = Gst.parse_launch(
        "audiotestsrc samplesperbuffer=100 name=source ! capsfilter name=caps "
        "caps=audio/x-raw,rate=48000 ! pythonfilter name=e params=p,key_file=call.key "
        "script={processes.PLUGINS}/sframe_encryptor.py ! fakesink")
    source, e = map(pipeline.get_by_name, ("source", "e"))

    def note(pad, info):
        buffer = info.get_buffer()
        frames.append([pad.get_current_caps().to_string(), buffer.extract_dup(0, 17).hex()])
        return Gst.PadProbeReturn.OK

    e.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, note)

    def until(true):
        eventually(lambda: read() or true())

    def read():
        while message := pipeline.get_bus().pop_filtered(
            Gst.MessageType.ERROR | Gst.MessageType.WARNING | Gst.MessageType.EOS):
            told.append(message.type.first_value_nick)

    def go_on(state=Gst.State.PLAYING):
        pipeline.set_state(state)
        pipeline.get_state(PATIENCE * Gst.SECOND)
        seen = len(frames)
        until(lambda: len(frames) > seen + 25)
"""


def numbers_of(frames):
    """(KID, CTR) of each, which has to be of the session in its caps."""
    for caps, frame in frames:
        kid, ctr, _ = decode_header(bytes.fromhex(frame))
        assert kid == int(Session.of_caps(caps)[0].number, 16)
        yield kid, ctr


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_no_counter_comes_twice_whatever_happens_to_the_stream(isolation, tmp_path):
    sealing.write_key(tmp_path / "call.key")
    code = """
    for start in range(4):
        go_on()
        for rate in 44100, 48000:
            for position in 0, 1:
                flags = Gst.SeekFlags.FLUSH
                assert pipeline.seek_simple(Gst.Format.TIME, flags, position * Gst.SECOND)
                go_on()
            pipeline.set_state(Gst.State.PAUSED)
            pipeline.get_state(PATIENCE * Gst.SECOND)
            go_on()
            caps, before = Gst.Caps.from_string(f"audio/x-raw,rate={rate}"), frames[-1][0]
            pipeline.get_by_name("caps").set_property("caps", caps)
            until(lambda: frames[-1][0] != before)  # which rate, nobody can see
            go_on()
        warnings = len(told)
        e.emit("reload")  # which is refused: the new code knows no counter
        until(lambda: len(told) > warnings)
        go_on()
        pipeline.set_state(Gst.State.READY if start % 2 else Gst.State.NULL)
    pipeline.set_state(Gst.State.NULL)
    tell([frames, told])
    """
    env = {"GST_PYTHONFILTER_ISOLATION": isolation}
    frames, told = run_application(tmp_path, CODE + code, **env)
    assert told == ["warning"] * 4
    numbers = [*numbers_of(frames)]
    assert len(set(numbers)) == len(numbers) > 1000
    sessions = collections.defaultdict(list)
    for kid, ctr in numbers:
        sessions[kid].append(ctr)
    # Seeks, pauses, other caps and the reload are all within one session.
    assert len(sessions) == 4
    assert all(counters == sorted(counters) for counters in sessions.values())
    assert all(counters[0] == 0 for counters in sessions.values())


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_key_that_is_set_in_ready_seals_the_caps(isolation, tmp_path):
    """As a window does, whose plugins are loaded before anybody names a key."""
    sealing.write_key(tmp_path / "call.key")
    code = f"""
    plugin = "pythonfilter isolation={isolation} script={processes.PLUGINS}/sframe_"
    pipeline = Gst.parse_launch(
        "audiotestsrc num-buffers=20 samplesperbuffer=100 ! audio/x-raw,rate=48000 ! "
        f"{{plugin}}encryptor.py name=e ! {{plugin}}decryptor.py name=d ! "
        "fakesink async=false")
    pipeline.set_state(Gst.State.READY)
    for name in "ed":
        pipeline.get_by_name(name).get_child_by_name("plugin").props.key_file = "call.key"
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(
        PATIENCE * Gst.SECOND, Gst.MessageType.ERROR | Gst.MessageType.EOS)
    caps = pipeline.get_by_name("e").get_static_pad("src").get_current_caps()
    stats = pipeline.get_by_name("d").props.stats
    tell([message.type.first_value_nick, stats.get_value("dropped"), caps.to_string()])
    pipeline.set_state(Gst.State.NULL)
    """
    end, dropped, caps = run_application(tmp_path, code)
    assert (end, dropped) == ("eos", 0) and "sealed-caps" in caps


@pytest.mark.parametrize("policy, end", [("fail", "error"), ("drop", "eos")])
def test_nothing_leaves_when_the_counter_is_used_up(policy, end, tmp_path):
    sealing.write_key(tmp_path / "call.key")
    code = f"""
    e.set_property("params", params(key_file="call.key", frame_limit="20"))
    e.set_property("on-error", {policy!r})
    source.set_property("num-buffers", 50)
    pipeline.set_state(Gst.State.PLAYING)
    until(lambda: {end!r} in told)
    tell([frames, told, e.get_property("stats").get_value("dropped")])
    pipeline.set_state(Gst.State.NULL)
    """
    frames, told, dropped = run_application(tmp_path, CODE + code)
    assert [ctr for _, ctr in numbers_of(frames)] == [*range(20)]
    assert ("warning" in told, dropped) == (
        (True, 30) if policy == "drop" else (False, 0)
    )
