# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the plugins in plugins_py share; no test itself.

A plugin alone, the samples it gets or should give, and pipelines that play it.
"""

import importlib.util
import json
import pathlib
import wave

import numpy as np

import processes
import waiting
from base_plugin import AudioBuffer

PLUGINS = processes.PLUGINS
RATE = 48000


def file_of(name):
    """That of a plugin in plugins_py, or of one of its examples."""
    path = PLUGINS / f"{name}.py"
    return path if path.exists() else PLUGINS / "examples" / path.name


def load(name):
    """Its module, a new one each time."""
    spec = importlib.util.spec_from_file_location(name, file_of(name))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def started(name, channels=1, rate=RATE, **parameters):
    """A plugin in the state in which the element first gives it a buffer."""
    plugin = load(name).create_plugin()
    assert plugin.initialize() is True
    for key, value in parameters.items():
        assert plugin.set_parameter(key, str(value)) is not False
    plugin.set_sample_rate(rate)
    plugin.set_channels(channels)
    assert plugin.start() is True
    return plugin


def buffer_of(samples):
    """The AudioBuffer of an element: over interleaved memory."""
    samples = np.asarray(samples)
    buffer = AudioBuffer(len(samples), 0)
    buffer.data = np.array(samples.T, order="C").T
    return buffer


def read(plugin, frames, dtype=np.float32):
    """What a source gives, in the memory it was given: all of it, or less."""
    buffer = buffer_of(np.full((plugin.get_channel_count(), frames), 9, dtype))
    view = buffer.data
    given = plugin.read_audio(buffer)
    assert buffer.data is view, "rebound: costs a copy in the pipeline"
    if given is True:
        return view
    assert np.shares_memory(given, view) and given.shape[1] < frames
    np.testing.assert_array_equal(given, view[:, : given.shape[1]])
    return given


def write(plugin, samples):
    """Gives a sink samples that it may not change."""
    buffer = buffer_of(samples)
    buffer.data.flags.writeable = False
    assert plugin.write_audio(buffer) is True


def noise(channels, frames, seed=1, rms=0.1):
    rng = np.random.default_rng(seed)
    return (rms * rng.standard_normal((channels, frames))).astype(np.float32)


def sine(frequency, rate, first, frames):
    """The exact tone: phases are fractions of whole numbers."""
    over, under = float(frequency).as_integer_ratio()
    whole = under * rate
    turns = [(n * over % whole) / whole for n in range(first, first + frames)]
    return np.sin(2 * np.pi * np.array(turns))


def write_pcm(path, width, frames, channels=2, rate=44100):
    """A WAV file by the standard library: whole numbers from one end to the other."""
    full = 2 ** (8 * width - 1)
    values = np.linspace(-full, full - 1, frames * channels).astype(np.int64)
    raw = values.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw.tobytes())
    return (values / full).reshape(-1, channels).T


def element(kind, name, params=""):
    """A plugin in plugins_py as part of a launch line."""
    params = f'params="p,{params}"' if params else ""
    return f"python{kind} script={PLUGINS / name}.py {params}"


def launched(line, **more):
    """The result of a line that succeeds, without a warning."""
    result = processes.launch(line, **more)
    assert result.code == 0, f"{line}\n{result.err}"
    assert "CRITICAL" not in result.err and "WARNING" not in result.err, result.err
    return result


PRELUDE = (
    pathlib.Path(waiting.__file__).read_text()
    + """
import json, os, sys, time
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
pipeline = Gst.parse_launch(sys.argv[1])
bus = pipeline.get_bus()

def play():
    pipeline.set_state(Gst.State.PLAYING)

def wait(seconds=PATIENCE, types=Gst.MessageType.EOS | Gst.MessageType.ERROR):
    message = bus.timed_pop_filtered(int(seconds * Gst.SECOND), types)
    if message and message.type == Gst.MessageType.ERROR:
        sys.exit(str(message.parse_error()))
    return message

def count(name):
    # How many buffers left an element: a function.
    passed = []
    def probe(pad, info):
        passed.append(info.get_buffer().pts)
        return Gst.PadProbeReturn.OK
    pad = pipeline.get_by_name(name).get_static_pad("src")
    pad.add_probe(Gst.PadProbeType.BUFFER, probe)
    return lambda: len(passed)

def stop(**answer):
    pipeline.set_state(Gst.State.NULL)
    print(json.dumps(answer))
"""
)


def program(code, line, **more):
    """Runs a Python program that plays `line`; what it gave to stop()."""
    result = processes.run_python(PRELUDE + code, line, **more)
    assert result.code == 0, f"{line}\n{result.err}"
    return json.loads(result.out)
