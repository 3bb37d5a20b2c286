# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another worker may give other caps: an encryptor's session is a new one."""

import pytest

import processes
import soak
import sealing
from _sframe import decode_header
from application import run_application

RATE, SIZE = 48000, 480
AUDIO = f"audio/x-raw,format=S16LE,rate={RATE},channels=2"

# What goes through `between` and what arrives at the sink, and what is warned of.
CODE = """
    between, caps, arrived, warned = [], set(), [], []

    def note(pad, info):
        buffer = info.get_buffer()
        data = buffer.extract_dup(0, buffer.get_size())
        if pad.get_parent_element().get_name() == "between":
            between.append(data[:17].hex())
            caps.add(pad.get_current_caps().to_string())
        else:
            arrived.append(data.hex())
        return Gst.PadProbeReturn.OK

    def launch(line):
        pipeline = Gst.parse_launch(line)
        for name in "between", "sink":
            pad = pipeline.get_by_name(name).get_static_pad("sink")
            pad.add_probe(Gst.PadProbeType.BUFFER, note)
        pipeline.set_state(Gst.State.PLAYING)
        return pipeline

    def until(true):
        eventually(lambda: read() or true())

    def read():
        while message := pipeline.get_bus().pop():
            kind = message.type.first_value_nick
            if kind in ("eos", "warning", "error"):
                details = message.get_structure()
                warned.append(kind + (details.to_string() if details else ""))

    def kill(name):
        pid = pipeline.get_by_name(name).get_property("stats").get_value("worker-pid")
        os.kill(pid, signal.SIGKILL)
        return pid
"""


def element(role, key):
    return (
        f"pythonfilter name={role} script={processes.PLUGINS}/sframe_{role}.py "
        f"on-error=drop isolation=process params=p,key_file={key}"
    )


@soak.one_in(2)
@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("victim", ["encryptor", "decryptor"])
def test_the_stream_goes_on_when_a_worker_was_killed(victim, live, tmp_path):
    key = sealing.write_key(tmp_path / "call.key")
    source = f"audiotestsrc wave=white-noise samplesperbuffer={SIZE} "
    source += "is-live=true" if live else "! identity sleep-time=3000"
    line = (
        f"{source} ! {AUDIO} ! {element('encryptor', key)} ! identity name=between "
        f"! {element('decryptor', key)} ! fakesink name=sink async=false"
    )
    code = f"""
    pipeline = launch({line!r})
    until(lambda: len(arrived) > 30)
    kill({victim!r})
    until(lambda: any("lost" in each for each in warned))
    seen = len(arrived)
    until(lambda: len(arrived) > seen + 30)
    seen = len(arrived)
    kill({victim!r})
    until(lambda: len(arrived) > seen + 30)
    read()
    pipeline.set_state(Gst.State.NULL)
    tell([between, sorted(caps), arrived, warned])
    """
    frames, caps, arrived, warned = run_application(tmp_path, CODE + code)
    assert len(caps) == (3 if victim == "encryptor" else 1)
    # A session has a key of its own, and no counter twice.
    numbers = [decode_header(bytes.fromhex(frame))[:2] for frame in frames]
    assert len(set(numbers)) == len(numbers)
    assert len({kid for kid, _ in numbers}) == len(caps)
    # What arrives is audio, and what did not was dropped.
    assert {len(data) for data in arrived} == {2 * SIZE * 4}
    assert len(set(arrived)) == len(arrived)
    assert warned and not [each for each in warned if not each.startswith("warning")]


GIVES_ITS_PID = """
import os

class Plugin:
    input_caps, output_caps = "audio/x-raw", "application/x-out"
    as_bytes = True

    def get_output_caps(self, caps):
        return f"application/x-out,pid=(int){os.getpid()}"

    def start(self):
        if os.path.exists("dies"):
            os.remove("dies")
            os.kill(os.getpid(), 9)

    def process_audio(self, buffer):
        return b"%d" % os.getpid()
"""


def test_caps_that_downstream_refuses_end_the_stream(tmp_path):
    """And nothing of the other caps goes out under the old ones."""
    (tmp_path / "plugin.py").write_text(GIVES_ITS_PID)
    code = f"""
    pipeline = launch("audiotestsrc samplesperbuffer={SIZE} ! identity sleep-time=3000 ! {AUDIO} "
        "! pythonfilter name=p script=plugin.py on-error=drop isolation=process "
        "! capsfilter name=only ! identity name=between ! fakesink name=sink async=false")
    until(lambda: len(arrived) > 10)
    only = pipeline.get_by_name("between").get_static_pad("sink").get_current_caps()
    pipeline.get_by_name("only").set_property("caps", only)
    seen = len(arrived)
    until(lambda: len(arrived) > seen + 10)
    pid = kill("p")
    until(lambda: any(each.startswith("error") for each in warned))
    pipeline.set_state(Gst.State.NULL)
    tell([sorted(set(arrived)), (b"%d" % pid).hex(), warned])
    """
    arrived, first, warned = run_application(tmp_path, CODE + code)
    assert arrived == [first]
    assert "lost" in warned[0] and "not-negotiated" in "".join(warned)


@pytest.mark.parametrize("live", [True, False])
def test_the_stream_goes_on_when_the_next_worker_dies_in_start(live, tmp_path):
    (tmp_path / "plugin.py").write_text(GIVES_ITS_PID)
    source = f"audiotestsrc samplesperbuffer={SIZE} "
    source += "is-live=true" if live else "! identity sleep-time=3000"
    code = f"""
    pipeline = launch("{source} ! {AUDIO} "
        "! pythonfilter name=p script=plugin.py on-error=drop isolation=process "
        "! identity name=between ! fakesink name=sink async=false")
    until(lambda: len(arrived) > 10)
    open("dies", "w").close()
    kill("p")
    until(lambda: len(set(arrived)) == 2)
    stats = pipeline.get_by_name("p").get_property("stats")
    pipeline.set_state(Gst.State.NULL)
    tell([len(caps), stats.get_value("restarts"), os.path.exists("dies"), warned])
    """
    caps, restarts, dies, warned = run_application(tmp_path, CODE + code)
    assert (caps, restarts, dies) == (2, 2, False)
    assert warned and not [each for each in warned if not each.startswith("warning")]
