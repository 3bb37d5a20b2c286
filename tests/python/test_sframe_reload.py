# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a decryptor has heard outlives its code: a reload lets nothing in twice."""

import json

import pytest

import processes
import sealing
import sframe_decryptor
from application import run_application
from base_plugin import DropBuffer

CODE = f"""
    told = json.load(open("told.json"))
    pipeline = Gst.parse_launch(
        "appsrc name=in format=time ! pythonfilter name=p params=p,key_file=call.key "
        "script={processes.PLUGINS}/sframe_decryptor.py ! fakesink name=out async=false")
    source, bus = pipeline.get_by_name("in"), pipeline.get_bus()
    source.set_property("caps", Gst.Caps.from_string(told["caps"]))
    arrived, reloaded = [], []
    pipeline.get_by_name("out").get_static_pad("sink").add_probe(
        Gst.PadProbeType.BUFFER, lambda pad, info: arrived.append(1) or Gst.PadProbeReturn.OK)
    pipeline.set_state(Gst.State.PLAYING)

    def push(frames):
        # And waits until they are through: the last one, which is none, is in hand.
        frames = [*frames, "00"]
        p = pipeline.get_by_name("p")
        before = p.get_property("stats").get_value("buffers")
        for frame in frames:
            source.emit("push-buffer", Gst.Buffer.new_wrapped(bytes.fromhex(frame)))
        through = before + len(frames)
        eventually(lambda: p.get_property("stats").get_value("buffers") >= through)
        while message := bus.pop_filtered(Gst.MessageType.ELEMENT):
            if message.get_structure().get_name() == "pythonfilter-reloaded":
                reloaded.append(message.get_structure().get_value("state-carried"))
        return len(arrived)

    frames = told["frames"]
    first, later = frames[:50], frames[50:]
    answers = [push(first), push(first)]
    for count in 1, 2:
        assert pipeline.get_by_name("p").emit("reload")
        while len(reloaded) < count:
            push([later.pop(0)])
            time.sleep(0.1)
        answers += [push(first + frames[50 : -len(later)]) - (len(frames) - len(later))]
    answers.append(push([later.pop(0)]) - (len(frames) - len(later)))
    pipeline.set_state(Gst.State.NULL)
    tell([answers, reloaded])
"""


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_replayed_frames_are_refused_after_a_reload(isolation, tmp_path):
    key = sealing.write_key(tmp_path / "call.key")
    encryptor, _, caps = sealing.pair(key)
    frames = [each.hex() for each in sealing.seal(encryptor, *[bytes(8)] * 1000)]
    (tmp_path / "told.json").write_text(json.dumps({"caps": caps, "frames": frames}))
    env = {"GST_PYTHONFILTER_ISOLATION": isolation}
    answers, reloaded = run_application(tmp_path, CODE, **env)
    # Each frame once, before the reloads and after both.
    assert answers == [50, 50, 0, 0, 0]
    assert reloaded == [True, True]


def taken_over(decryptor, key, caps):
    other = sealing.made(sframe_decryptor, key)
    sealing.negotiate(other, caps)
    other.set_state(decryptor.get_state())
    return other


def test_accounts_windows_and_order_are_handed_over(tmp_path):
    key = sealing.write_key(tmp_path / "call.key")
    encryptor, decryptor, first = sealing.pair(key, window=16)
    old = sealing.seal(encryptor, *[b"x"] * 20)
    for frame in old[:10] + old[12:15] + old[10:11]:
        decryptor.process_audio(sealing.buffer(frame))
    other = taken_over(decryptor, key, first)
    assert sealing.counts(other) == sealing.counts(decryptor) == (14, 1, 0, 0, 1)
    # The one that is next after the last, which came late; it is no break.
    buffer = sealing.buffer(old[11])
    other.process_audio(buffer)
    assert not buffer.discont
    # And of a session that is not the one of now.
    encryptor.stop()
    second = sealing.negotiate(encryptor, sealing.RAW)
    other.stop()
    sealing.negotiate(other, second)
    third = taken_over(other, key, first)
    for frame in old[:15]:
        with pytest.raises(DropBuffer, match="replayed|too late"):
            third.process_audio(sealing.buffer(frame))


def test_state_has_no_key(tmp_path):
    key = sealing.write_key(tmp_path / "call.key")
    encryptor, decryptor, _ = sealing.pair(key)
    decryptor.process_audio(sealing.buffer(sealing.seal(encryptor, b"x")[0]))
    state = decryptor.get_state()
    assert json.loads(json.dumps([*state["windows"].values()])) == [[1024, 1, 0]]
    assert set(state) == {"windows", "expected", "accounts"}


@pytest.mark.parametrize("window", [(0, 0, 0), (4, 16, 9), (4, -1, 9), (4, 1, -2)])
def test_state_that_cannot_be_is_refused(window, tmp_path):
    key = sealing.write_key(tmp_path / "call.key")
    _, decryptor, _ = sealing.pair(key)
    state = decryptor.get_state()
    state["windows"] = {("0" * 16, "AES_128_GCM_SHA256_128", False): window}
    with pytest.raises(ValueError, match="window"):
        decryptor.set_state(state)
