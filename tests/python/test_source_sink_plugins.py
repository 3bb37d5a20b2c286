# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sources and sinks in plugins_py, in pythonsrc and pythonsink.

How each says that it is played; a stream's time, parameters and end; pauses.
Alone, and with WAV files, they have a file each: test_sine_wave_source.py,
test_null_sink.py and test_wav_*.py.
"""

import numpy as np
import pytest
from scipy.io import wavfile

from base_plugin import PluginType
from shipped_plugins import RATE, element, launched, load, program

PLAIN = ["sine_wave_source", "wav_file_source", "wav_file_sink", "null_sink"]


@pytest.mark.parametrize("name", PLAIN)
def test_every_plugin_is_documented_and_describes_itself(name):
    module = load(name)
    line = " ".join(module.__doc__.split())
    assert line.count("gst-launch-1.0") == 1 and ". You hear " in line.replace(
        "autoaudiosink", "."
    ).replace('"', ".")
    element = "pythonsrc" if name.endswith("source") else "pythonsink"
    assert f"{element} script=plugins_py/{name}.py " in line
    info = module.create_plugin().get_info()
    kind = PluginType.AUDIO_SOURCE if "source" in name else PluginType.AUDIO_SINK
    assert info.type is kind and info.description


def test_num_buffers_ends_the_stream(tmp_path):
    source = element("src", "sine_wave_source")
    sink = element("sink", "wav_file_sink", f"path={tmp_path}/out.wav")
    source += " num-buffers=7 blocksize=800"
    launched(f"{source} ! audio/x-raw,channels=2 ! {sink} sync=false")
    assert wavfile.read(tmp_path / "out.wav")[1].shape == (700, 2)


def test_live_source_keeps_the_time():
    code = """
gi.require_version("GstCheck", "1.0")
from gi.repository import GstCheck
clock = GstCheck.TestClock.new()  # its time goes on when somebody waits for it
pipeline.use_clock(clock)
seen = []
def probe(pad, info):
    now = pipeline.get_by_name("s").get_current_running_time()
    buffer = info.get_buffer()
    seen.append((now, buffer.pts, buffer.duration))
    return Gst.PadProbeReturn.OK
pad = pipeline.get_by_name("s").get_static_pad("src")
pad.add_probe(Gst.PadProbeType.BUFFER, probe)
play()
while not wait(0):
    eventually(lambda: clock.peek_id_count() or bus.have_pending())
    clock.peek_id_count() and clock.crank()
stop(seen=seen)
"""
    source = element("src", "sine_wave_source") + " is-live=true num-buffers=150"
    caps = "audio/x-raw,rate=48000,channels=2"
    line = f"{source} name=s ! {caps} ! fakesink sync=false"
    seen = np.array(program(code, line)["seen"], dtype=np.int64)
    now, pts, duration = seen.T
    assert len(seen) == 150
    # Without gaps, each nanosecond counted once ...
    np.testing.assert_array_equal(pts[1:], pts[:-1] + duration[:-1])
    assert pts[-1] - pts[0] == round(149 * 512 * 1e9 / RATE)
    # ... sent when the last sample is due, not before and not after.
    np.testing.assert_array_equal(now, pts + duration)


def test_parameter_changes_while_playing(tmp_path):
    code = """
source = pipeline.get_by_name("s")
sent = count("s")
def change(pad, info):
    if sent() == 40:
        change = Gst.Structure.new_from_string("p,frequency=2000.0")
        source.set_property("params", change)
    return Gst.PadProbeReturn.OK
source.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, change)
play()
wait()
stop()
"""
    source = element("src", "sine_wave_source", "frequency=500.0")
    sink = element("sink", "wav_file_sink", f"path={tmp_path}/out.wav")
    caps = "audio/x-raw,rate=48000,channels=1"
    program(code, f"{source} name=s num-buffers=80 ! {caps} ! {sink}")
    _, got = wavfile.read(tmp_path / "out.wav")
    assert len(got) == 80 * 512
    for part, hertz in ((got[: 38 * 512], 500), (got[-38 * 512 :], 2000)):
        part = part[:9600]
        assert np.abs(np.fft.rfft(part)).argmax() == hertz * 9600 // RATE
    assert np.abs(np.diff(got)).max() < 0.5 * 2 * np.pi * 2000 / RATE


PACED_SINK = """
import time
from base_plugin import AudioSinkPlugin

class Paced(AudioSinkPlugin):
    read_only = True
    taken = 0

    def start(self):
        self.begun = time.monotonic()
        return super().start()

    def get_available_space(self):
        room = int((time.monotonic() - self.begun) * 48000) - self.taken
        return max(0, min(256, room))

    def write_audio(self, buffer):
        self.taken += buffer.get_frame_count()
"""


FULL_SINK = """
import sys
from base_plugin import AudioSinkPlugin

class Full(AudioSinkPlugin):
    def get_available_space(self):
        sys.asked = True
        return getattr(sys, "space", 0)

    def write_audio(self, buffer):
        pass
"""


def test_pause_during_back_pressure_loses_nothing(files):
    """It used to end the stream: FLUSHING went upstream."""
    folder = files({"paced.py": PACED_SINK})
    code = """
sent = count("s")
def stats(name):
    return pipeline.get_by_name("k").get_property("stats")[name]
play()
for _ in range(20):
    seen = stats("frames")
    eventually(lambda: stats("frames") > seen + 1000)
    pipeline.set_state(Gst.State.PAUSED)
    time.sleep(0.01)  # for the clock of the sink, which goes on
    play()
pipeline.send_event(Gst.Event.new_eos())
wait()
stop(sent=sent(), frames=stats("frames"), errors=stats("errors"))
"""
    source = element("src", "sine_wave_source") + " name=s"
    sink = f"pythonsink name=k sync=false script={folder}/paced.py"
    told = program(code, f"{source} ! audio/x-raw,rate=48000 ! {sink}")
    assert told["frames"] == 512 * told["sent"] > 20000 and told["errors"] == 0


def test_long_pause_is_no_lack_of_space(files):
    # A sink may lack space for a second; here it does while the pipeline pauses.
    folder = files({"paced.py": FULL_SINK})
    code = """
play()
eventually(lambda: hasattr(sys, "asked"))
pipeline.set_state(Gst.State.PAUSED)
time.sleep(1.2)
sys.space = 1000
play()
ended = wait() is not None
stop(ended=ended)
"""
    source = element("src", "sine_wave_source") + " num-buffers=20"
    sink = f"pythonsink sync=false script={folder}/paced.py"
    assert program(code, f"{source} ! audio/x-raw,rate=48000 ! {sink}")["ended"]


def test_stop_is_not_held_up_by_a_sink_without_space(files):
    """It would be for a second, and end in an error."""
    folder = files({"full.py": FULL_SINK})
    code = """
pipeline.set_auto_flush_bus(False)
play()
eventually(lambda: hasattr(sys, "asked"))
pipeline.set_state(Gst.State.NULL)
error = bus.pop_filtered(Gst.MessageType.ERROR | Gst.MessageType.WARNING)
stop(error=str(error and error.get_structure().to_string()))
"""
    line = f"{element('src', 'sine_wave_source')} ! pythonsink script={folder}/full.py"
    assert program(code, line) == {"error": "None"}
