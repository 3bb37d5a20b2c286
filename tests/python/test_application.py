# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python programs with gst-python, whose interpreter is already running."""

import pytest

from application import run_application
from processes import GAIN, run_python


def test_plugin_runs_in_the_applications_interpreter(files):
    source = """
    import sys
    class Plugin:
        def process_audio(self, buffer):
            sys.application.append(buffer.data.shape)
    """
    folder = files({"plugin.py": source})
    code = """
    sys.application = []
    play(make("audiotestsrc num-buffers=2 ! pythonfilter script=plugin.py ! fakesink")[0])
    tell(sys.application)
    """
    assert run_application(folder, code) == [[1, 1024]] * 2


# One expression each, whose value may not change when a pipeline runs.
GLOBALS = {
    "switch interval": "sys.getswitchinterval()",
    "gc enabled": "gc.isenabled()",
    "gc frozen": "gc.get_freeze_count()",
    "gc threshold": "gc.get_threshold()",
    "gc callbacks": "len(gc.callbacks)",
    "stdout": "id(sys.stdout)",
    "stderr": "id(sys.stderr)",
    "path": "list(sys.path)",
    "argv": "list(sys.argv)",
    "prefix": "[sys.prefix, sys.executable]",
    "excepthook": "id(sys.excepthook)",
    "thread excepthook": "id(threading.excepthook)",
    "import": "id(__import__)",
    "print": "id(print)",
    "signals": "[repr(signal.getsignal(s)) for s in sorted(signal.valid_signals())]",
    "blocked signals": "len(signal.pthread_sigmask(signal.SIG_BLOCK, []))",
    "wakeup descriptor": "repr(signal.set_wakeup_fd(-1))",
    "locale": "__import__('locale').setlocale(__import__('locale').LC_ALL)",
    "environment": "dict(os.environ)",
    "directory": "os.getcwd()",
    "trace": "repr([sys.gettrace(), sys.getprofile()])",
    "recursion limit": "sys.getrecursionlimit()",
    "numpy errors": "np.geterr()",
    "random": "hash(np.random.get_state()[1].tobytes())",
    "logging": "[[repr(logging.getLogger(n).handlers), logging.getLogger(n).level] "
    "for n in ['', *sorted(logging.Logger.manager.loggerDict)]]",
    "warnings": "repr(__import__('warnings').filters)",
    "modules of ours": "[m for m in sys.modules if m.startswith('_pythonfilter_')]",
    "main": "sorted(k for k in vars(sys.modules['__main__']) if k not in "
    "('before', 'after', 'message'))",
}


def test_nothing_global_changes(tmp_path):
    measure = "{" + ",".join(f"{k!r}: {v}" for k, v in GLOBALS.items()) + "}"
    code = f"""
    import locale, logging
    os.environ["VIRTUAL_ENV"] = "/nowhere"
    before = after = message = None
    before = {measure}
    message = play(make("audiotestsrc num-buffers=2 ! "
                        "pythonfilter script={GAIN} ! fakesink")[0])
    after = {measure}
    assert message.type == Gst.MessageType.EOS, message.parse_error()
    tell({{name: [before[name], after[name]] for name in before
           if before[name] != after[name]}})
    """
    assert run_application(tmp_path, code) == {}


def test_parameters_change_while_playing(tmp_path):
    """The value is in force from the next buffer on, and can be read back."""
    code = f"""
    pipeline, p = make("appsrc name=in format=time caps=" + CAPS +
                       " ! pythonfilter name=p script={GAIN} ! appsink name=out sync=false")
    source, sink = pipeline.get_by_name("in"), pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    heard = []
    for gain in (1.0, 0.5, 0.25, "0.125", 2):
        p.props.params = params(gain=gain)
        source.emit("push-buffer", Gst.Buffer.new_wrapped(np.ones((64, 2), "f4").tobytes()))
        buffer = sink.emit("pull-sample").get_buffer()
        heard.append(float(np.frombuffer(buffer.extract_dup(0, 512), "f4").mean()))
    heard.append(fields(p.props.params))
    pipeline.set_state(Gst.State.NULL)
    tell(heard)
    """
    heard = run_application(tmp_path, code)
    assert heard[:5] == [1, 0.5, 0.25, 0.125, 2]
    assert float(heard[5]["gain"]) == 2


# Which GStreamer calls a mistake, with a critical of its own.
@pytest.mark.parametrize("isolation", ("none", "process"))
@pytest.mark.parametrize("kind", ("filter", "src", "sink"))
def test_an_element_may_be_dropped_in_ready(kind, isolation, tmp_path):
    method = {"filter": "process", "src": "read", "sink": "write"}[kind]
    script = tmp_path / "plugin.py"
    script.write_text(
        "from base_plugin import BasePlugin, Param\n"
        "class Plugin(BasePlugin):\n    gain = Param(1.0)\n"
        f"    def {method}_audio(self, buffer): ...\n"
    )
    code = f"""
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
element = Gst.ElementFactory.make("python{kind}")
element.props.script = {str(script)!r}
element.props.isolation = {isolation!r}
assert element.set_state(Gst.State.READY) == Gst.StateChangeReturn.SUCCESS
child = element.get_child_by_name("plugin")
child.props.gain = 0.5
del element
assert child.get_parent() is None and child.props.gain == 0.5
"""
    result = run_python(code)
    assert result.code == 0, result.err
    assert result.err.count("CRITICAL") == 1, result.err
    assert "Trying to dispose element" in result.err


def test_statistics_are_read_while_playing_and_after(tmp_path):
    code = f"""
    pipeline, p = make("audiotestsrc num-buffers=50 samplesperbuffer=100"
                       " ! pythonfilter name=p script={GAIN} ! fakesink")
    started = pipeline.set_state(Gst.State.PLAYING)
    assert started != Gst.StateChangeReturn.FAILURE
    while p.props.stats.get_value("buffers") < 50:
        assert p.props.stats.get_value("buffers") * 100 <= 5000
    wait(pipeline)
    message = fields(p.props.stats)
    pipeline.set_state(Gst.State.NULL)
    tell([message, fields(p.props.stats)])
    """
    playing, stopped = run_application(tmp_path, code)
    assert playing["buffers"] == 50
    assert playing["frames"] == 5000
    assert playing["errors"] == playing["copies"] == playing["escapes"] == 0
    assert 0 < playing["call-min"] <= playing["call-p50"] <= playing["call-max"]
    # Those of the last run, until the next READY.
    assert stopped["frames"] == 5000


def test_statistics_come_as_a_message_at_eos(tmp_path):
    code = f"""
    pipeline, p = make("audiotestsrc num-buffers=5 ! "
                       "pythonfilter name=p script={GAIN} ! fakesink")
    pipeline.set_state(Gst.State.PLAYING)
    structure = wait(pipeline, Gst.MessageType.ELEMENT).get_structure()
    pipeline.set_state(Gst.State.NULL)
    tell([structure.get_name(), structure.get_value("buffers")])
    """
    assert run_application(tmp_path, code) == ["pythonfilter-stats", 5]


def test_error_details(files):
    source = """
    class Plugin:
        def process_audio(self, buffer):
            if buffer.pts > 40_000_000:
                self.helper()
        def helper(self):
            raise LookupError("not here")
    """
    folder = files({"plugin.py": source})
    code = """
    message = play(make("audiotestsrc num-buffers=9 samplesperbuffer=480 ! "
        "audio/x-raw,rate=48000 ! pythonfilter script=plugin.py name=p ! fakesink")[0])
    error, debug = message.parse_error()
    details = message.parse_error_details()
    tell([error.message, error.domain, debug, details.get_name(), fields(details)])
    """
    text, domain, debug, name, details = run_application(folder, code)
    sentence = "process_audio() raised LookupError: not here"
    assert text == f"plugin.py: {sentence} ({folder}/plugin.py:7)"
    assert domain == "gst-stream-error-quark"
    assert "Traceback (most recent call last)" in debug
    assert "line 5, in process_audio" in debug
    assert "line 7, in helper" in debug
    assert name == "python-exception"
    assert details == {
        "kind": "raised",
        "phase": "process_audio",
        "type": "LookupError",
        "message": "not here",
        "file": f"{folder}/plugin.py",
        "line": 7,
        "function": "helper",
        "plugin": "plugin.py",
        "pts": 50_000_000,
        "count": 1,
    }


@pytest.mark.parametrize("size", [1, 64, 1000, 4096])
def test_samples_are_exact_from_appsrc_to_appsink(tmp_path, size):
    code = f"""
    pipeline, p = make("appsrc name=in format=time caps=" + CAPS + " ! pythonfilter "
        "name=p script={GAIN} params=p,gain=0.5 ! appsink name=out sync=false")
    source, sink = pipeline.get_by_name("in"), pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    samples = np.random.default_rng(1).uniform(-1, 1, (8 * {size}, 2)).astype("f4")
    for i, part in enumerate(np.split(samples, 8)):
        buffer = Gst.Buffer.new_wrapped(part.tobytes())
        buffer.pts, buffer.duration = i * 10, 10
        assert source.emit("push-buffer", buffer) == Gst.FlowReturn.OK
    source.emit("end-of-stream")
    got, times = [], []
    while True:
        sample = sink.emit("pull-sample")
        if sample is None:
            break
        buffer = sample.get_buffer()
        got.append(buffer.extract_dup(0, buffer.get_size()))
        times.append([buffer.pts, buffer.duration])
    pipeline.set_state(Gst.State.NULL)
    tell([b"".join(got) == (samples * np.float32(0.5)).tobytes(), times])
    """
    exact, times = run_application(tmp_path, code)
    assert exact
    assert times == [[i * 10, 10] for i in range(8)]


def test_pad_probes_in_python_on_both_sides(tmp_path):
    code = f"""
    pipeline, p = make("audiotestsrc num-buffers=100 samplesperbuffer=64 ! "
                       "pythonfilter name=p script={GAIN} params=p,gain=0.5 ! fakesink")
    seen = {{"sink": [], "src": []}}
    def probe(pad, info):
        buffer = info.get_buffer()
        samples = np.frombuffer(buffer.extract_dup(0, buffer.get_size()), "f4")
        seen[pad.get_name()].append(samples)
        return Gst.PadProbeReturn.OK
    for name in seen:
        p.get_static_pad(name).add_probe(Gst.PadProbeType.BUFFER, probe)
    message = play(pipeline)
    tell([message.type == Gst.MessageType.EOS, len(seen["sink"]),
          all(np.array_equal(a * np.float32(0.5), b)
              for a, b in zip(seen["sink"], seen["src"], strict=True))])
    """
    assert run_application(tmp_path, code) == [True, 100, True]
