# SPDX-License-Identifier: LGPL-2.1-or-later
"""plugin::NAME on gst-launch-1.0 lines, and properties set by applications."""

import numpy as np
import pytest

from application import run_application
import soak
from processes import GAIN, PLUGINS, launch

CAPS = "audio/x-raw,format=F32LE,channels=1,rate=48000"
TYPED = """
from base_plugin import AudioProcessorPlugin, Param
class Typed(AudioProcessorPlugin):
    gain = Param(1.0, min=0.0, max=4.0, description="Linear gain")
    mode = Param("warm", choices=("cold", "warm"))
    def process_audio(self, buffer):
        buffer.data[:] = self.gain * (10 if self.mode == "cold" else 1)
"""


def first_sample(line):
    result = launch(f"{line} ! fdsink fd=1")
    assert result.code == 0, result.err
    return np.frombuffer(result.out, np.float32)[0]


@pytest.fixture
def typed(files):
    return files({"typed.py": TYPED}) / "typed.py"


def test_a_property_is_set_on_the_line(typed):
    line = f"audiotestsrc num-buffers=2 ! {CAPS} ! pythonfilter script={typed}"
    assert first_sample(line) == 1
    assert first_sample(f"{line} plugin::gain=0.5") == np.float32(0.5)
    assert first_sample(f"{line} plugin::mode=cold plugin::gain=0.25") == 2.5
    # What is known at the start counts from the first buffer on, also together.
    assert first_sample(f'{line} params="p,gain=3" plugin::mode=cold') == 30


def test_out_of_range_is_a_warning_with_the_range(typed):
    line = f"audiotestsrc num-buffers=1 ! {CAPS} ! pythonfilter script={typed}"
    result = launch(f"{line} plugin::gain=7 ! fakesink", "-e")
    assert result.code == 0
    assert f"{typed}: gain = 7: must be a number from 0.0 to 4.0" in result.out.decode()


def test_unknown_names_are_told(typed):
    line = f"audiotestsrc num-buffers=1 ! {CAPS} ! pythonfilter script={typed}"
    result = launch(f"{line} plugin::gian=1 ! fakesink", "-e")
    assert "plugin::gian" in result.out.decode()
    result = launch(f"{line} params=p,gian=1 ! fakesink", "-e")
    assert result.code != 0
    assert "refused the parameter gian=1: there is only gain, mode" in result.err


def test_a_text_of_the_wrong_type_is_told_where_the_docs_say(typed):
    """plugin::gain=loud never reaches the element."""
    line = f"audiotestsrc num-buffers=1 ! {CAPS} ! "
    quiet = f"{line} pythonfilter script={typed} plugin::gain=loud ! fakesink"
    result = launch(quiet, GST_DEBUG="1", GST_DEBUG_NO_COLOR="1")
    assert result.code == 0
    assert 'could not set property "gain"' in result.err
    result = launch(f"{line} pythonfilter script={typed} params=p,gain=loud ! fakesink")
    assert result.code != 0
    assert "gain = loud: must be a number from 0.0 to 4.0" in result.err
    own = {"GST_PYTHONFILTER_PATH": typed.parent}
    for wrong in ("gain=loud", "gian=1"):
        result = launch(f"{line} py-typed {wrong} ! fakesink", **own)
        assert result.code != 0
        assert f'property "{wrong[:4]}"' in result.err


def test_shipped_plugins_have_properties(tmp_path):
    """A tone of the sine source, in the file of the WAV sink, quieter by half."""
    path = tmp_path / "tone.wav"
    result = launch(
        f"pythonsrc script={PLUGINS}/sine_wave_source.py num-buffers=4 "
        f"plugin::frequency=12000 plugin::amplitude=1 ! {CAPS} ! "
        f"pythonfilter script={GAIN} plugin::gain=0.5 ! "
        f"pythonsink script={PLUGINS}/wav_file_sink.py plugin::path={path}"
    )
    assert (result.code, result.err) == (0, "")
    samples = np.frombuffer(path.read_bytes()[-4 * 512 * 4 :], np.float32)
    np.testing.assert_allclose(samples[:4], [0, 0.5, 0, -0.5], atol=1e-6)


def test_an_application_sets_reads_and_hears_of_them(typed):
    code = """
    pipeline, p = make("audiotestsrc ! pythonfilter name=p script=typed.py ! fakesink")
    pipeline.set_state(Gst.State.PAUSED)
    pipeline.get_state(Gst.CLOCK_TIME_NONE)
    child = p.get_child_by_name("plugin")
    heard = []
    child.connect("notify::gain", lambda it, spec: heard.append(it.props.gain))
    child.props.gain = 0.5
    Gst.ChildProxy.set_property(p, "plugin::gain", 2.0)
    child.set_property("gain", 7.0)
    spec = child.find_property("gain")
    tell([heard, Gst.ChildProxy.get_property(p, "plugin::gain"), spec.minimum, spec.maximum,
          spec.default_value, spec.blurb, child.props.mode.value_nick,
          fields(p.props.params)])
    pipeline.set_state(Gst.State.NULL)
    """
    assert run_application(typed.parent, code) == [
        [0.5, 2.0], 2.0, 0.0, 4.0, 1.0, "Linear gain", "warm", {"gain": 2.0},
    ]  # fmt: skip


def test_setters_that_hold_the_gil_wait_for_nobody(typed):
    """As those of recent PyGObject do, from threads, while buffers flow."""
    code = """
    import ctypes
    holding = ctypes.PyDLL("libgobject-2.0.so.0")  # keeps the GIL
    setter = holding.g_object_set
    setter.argtypes = ctypes.c_void_p, ctypes.c_char_p
    pipeline, p = make("audiotestsrc samplesperbuffer=32 ! "
                       "pythonfilter name=p script=typed.py ! fakesink sync=false")
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_state(Gst.CLOCK_TIME_NONE)
    child = p.get_child_by_name("plugin")
    def set_gain(first):
        for i in range(2000):
            setter(hash(child), b"gain", ctypes.c_double((first + i) % 400 / 100),
                   ctypes.c_void_p())
    def read():
        for i in range(2000):
            child.props.gain
            p.props.params
    run_in_threads(lambda: set_gain(0), lambda: set_gain(100), read)
    child.props.gain = 3.5
    before = p.props.stats.get_value("buffers")
    while p.props.stats.get_value("buffers") < before + 3:
        time.sleep(0.001)
    error = pipeline.get_bus().pop_filtered(
        Gst.MessageType.ERROR | Gst.MessageType.WARNING)
    tell([error is None, child.props.gain, fields(p.props.params)["gain"]])
    pipeline.set_state(Gst.State.NULL)
    """
    assert run_application(typed.parent, code) == [True, 3.5, 3.5]


# ---- texts ---------------------------------------------------------------------

TEXTS = """
from base_plugin import AudioProcessorPlugin, Param
class Texts(AudioProcessorPlugin):
    dither = Param("auto", choices=("auto", "yes", "no", "1.10", "1.20", "2", "02"))
    tag = Param("x")
    key = Param("x", secret=True)
    def process_audio(self, buffer):
        with open(__file__ + ".said", "w") as file:
            print(self.dither, self.tag, self.key, file=file)
"""
# What GStreamer takes for numbers, truth values and fractions.
WRITTEN = {
    "params=p,tag=(string)1.10": "auto 1.10 x",
    "params=p,key=(string)0123": "auto x 0123",
    "plugin::tag=1.10": "auto 1.10 x",
    "'plugin::tag=a b, c=d'": "auto a b, c=d x",
    "plugin::tag=äöü/@100%": "auto äöü/@100% x",
    # As it is written in a shell.
    r"""'params="p,tag=(string)\"a b, c=d\""'""": "auto a b, c=d x",
    r"""'params="p,tag=\"äöü {1; 2}\""'""": "auto äöü {1; 2} x",
    r"""'params="p,key=(string)\"\""'""": "auto x",
    "params=p,tag=/dev/snd": "auto /dev/snd x",
    "params=p,tag=12:30:00": "auto 12:30:00 x",
    "params=p,tag=2026-01-31": "auto 2026-01-31 x",
    "plugin::tag=yes plugin::key=0123": "auto yes 0123",
    "params=p,tag=warm": "auto warm x",
    "params=p,dither=no": "no x x",
    "params=p,dither=yes": "yes x x",
    "params=p,dither=1.10": "1.10 x x",
    "plugin::dither=no": "no x x",
}
LOST = {
    "tag=1.10": "the value 1.1",
    "tag=0123": "the value 83",
    "tag=1e3": "the value 1000",
    "tag=yes": "the value true",
    "tag=1/2": "the value 1/2",
    "tag={a,b}": "the value { (string)a, (string)b }",
    "tag=[1,5]": "the value [ 1, 5 ]",
    "dither=2": "the value 2",
    "dither=1.30": "the value 1.3",
    "key=0123": "a number or a truth value",
}


@soak.one_in(3)
@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("written", WRITTEN)
def test_text_arrives_as_it_was_written(tmp_path, written, isolation):
    (tmp_path / "plugin.py").write_text(TEXTS)
    line = f"script=plugin.py isolation={isolation} {written}"
    result = launch(f"audiotestsrc num-buffers=1 ! pythonfilter {line} ! fakesink",
                    cwd=tmp_path)  # fmt: skip
    assert result.code == 0, result.err
    assert (tmp_path / "plugin.py.said").read_text().strip() == WRITTEN[written]


@soak.one_in(2)
@pytest.mark.parametrize("written", LOST)
def test_text_that_gstreamer_has_read_as_something_else_is_refused(tmp_path, written):
    (tmp_path / "plugin.py").write_text(TEXTS)
    result = launch(f"audiotestsrc ! pythonfilter script=plugin.py params=p,{written}"
                    " ! fakesink", cwd=tmp_path)  # fmt: skip
    assert result.code != 0
    name = written.partition("=")[0]
    told = f"plugin.py: {name} is a text, and GStreamer takes what params gives it for"
    way = f'as in params="p,{name}=(string)...", or write plugin::{name}=...'
    assert f"{told} {LOST[written]}, which is no text: " in result.err
    assert way in result.err
    assert name != "key" or "83" not in result.err
