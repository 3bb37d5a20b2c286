# SPDX-License-Identifier: LGPL-2.1-or-later
"""What gst-launch-1.0 prints and returns when a plugin fails: never a signal."""

import re

import pytest

import soak
from processes import launch

HEAD = """\
class Plugin:
    def process_audio(self, buffer):
"""


def fail(folder, source, name="plugin.py", **more):
    """(exit code, the first ERROR's sentence, all of standard error)."""
    (folder / name).write_text(source)
    # Not a sink that prerolls: gst-launch itself, with identity error-after=1
    # just as well, sometimes misses an error that comes before its main loop.
    line = f"audiotestsrc num-buffers=3 ! pythonfilter script={name} ! fakesink async=false"
    result = launch(line, cwd=folder, **more)
    assert result.out == b""
    errors = re.findall(r"^ERROR: from element [^ ]*: (.*)$", result.err, re.M)
    assert errors, result.err
    return result.code, errors[0], result.err


RAISED = {
    "exception": ("raise ValueError('boom')", "ValueError: boom"),
    "division": ("1 / 0", "ZeroDivisionError: division by zero"),
    "SystemExit": ("raise SystemExit(0)", "SystemExit: 0"),
    "sys.exit": ("import sys; sys.exit()", "SystemExit"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "GeneratorExit": ("raise GeneratorExit", "GeneratorExit"),
    "StopIteration": ("raise StopIteration", "StopIteration"),
    "BaseException": ("raise BaseException('odd')", "BaseException: odd"),
    "MemoryError": ("bytearray(2**62)", "MemoryError"),
    "RecursionError": (
        "self.process_audio(buffer)",
        "RecursionError: maximum recursion depth exceeded",
    ),
    "group": ("raise ExceptionGroup('two', [ValueError(1)])", "ExceptionGroup: two"),
    "two lines": ("raise ValueError('one\\ntwo')", "ValueError: one two"),
    "not UTF-8": (r"raise ValueError('a\udcffb')", r"ValueError: a\udcffb"),
    "NUL": (r"raise ValueError('a\0b')", r"ValueError: a\0b"),
    "percent": ("raise ValueError('100%s %n')", "ValueError: 100%s %n"),
    "long": ("raise ValueError('x' * 100000)", "ValueError: xxxx"),
    "of a library": ("import json; json.loads('x')", "json.decoder.JSONDecodeError: "),
    "of C code": ("__import__('numpy').zeros(-1)", "ValueError: negative dimensions"),
    "caused": ("raise ValueError('b') from KeyError('a')", "ValueError: b"),
}


@soak.one_in(3)
@pytest.mark.parametrize("what", RAISED)
def test_raised(tmp_path, what):
    statement, told = RAISED[what]
    code, sentence, err = fail(tmp_path, f"{HEAD}        {statement}\n")
    place = f"({tmp_path}/plugin.py:3)"
    assert code == 1
    assert sentence.startswith("plugin.py: process_audio() raised " + told)
    assert sentence.endswith(place)
    assert "Traceback (most recent call last)" in err


OWN_CLASSES = {
    "__str__ raises": "def __str__(self): raise ValueError('in __str__')",
    "__str__ exits": "def __str__(self): raise SystemExit",
    "__str__ gives no text": "def __str__(self): return 5",
    "__repr__ raises": "def __repr__(self): raise ValueError('in __repr__')",
    "no arguments": "pass",
}


@pytest.mark.parametrize("what", OWN_CLASSES)
def test_raised_class_of_the_plugin(tmp_path, what):
    source = (
        f"class Odd(Exception):\n    {OWN_CLASSES[what]}\n{HEAD}        raise Odd()\n"
    )
    code, sentence, _ = fail(tmp_path, source)
    assert code == 1
    assert "process_audio() raised plugin.Odd" in sentence
    assert sentence.endswith(f"({tmp_path}/plugin.py:5)")


RESULTS = {
    "False": ("return False", "process_audio() returned False"),
    "numpy.False_": ("return buffer.data[0, 0] > 9", "process_audio() returned False"),
    "text": ("return 'x'", "process_audio() gave str, not an array of float32"),
    "shape": (
        "buffer.data = buffer.data[:, :5]",
        "process_audio() gave an array of shape (1, 5), not (1, 1024)",
    ),
    "dtype": (
        "buffer.data = buffer.data.astype('f8')",
        "process_audio() gave an array of float64, not float32",
    ),
    "deleted": ("del buffer.data", "process_audio() deleted buffer.data"),
}


@pytest.mark.parametrize("what", RESULTS)
def test_bad_result_names_the_method(tmp_path, what):
    statement, told = RESULTS[what]
    code, sentence, _ = fail(tmp_path, f"{HEAD}        {statement}\n")
    assert code == 1
    assert sentence.startswith("plugin.py: " + told)
    assert sentence.endswith(f"({tmp_path}/plugin.py:2)")


GOOD_CALL = HEAD + "        pass\n"
LOADING = {
    "syntax": ("def f(:\n", "cannot be loaded: SyntaxError: ", 1),
    "indentation": ("if 1:\nx = 1\n", "cannot be loaded: IndentationError: ", 2),
    "NUL bytes": ("x = '\0'\n", "cannot be loaded: ", None),
    "import": (
        "\nimport nothing_like_it\n",
        "cannot be loaded: ModuleNotFoundError: No module named 'nothing_like_it'",
        2,
    ),
    "exits": ("import sys\nsys.exit(0)\n", "cannot be loaded: SystemExit: 0", 2),
    "interrupts": ("raise KeyboardInterrupt", "cannot be loaded: KeyboardInterrupt", 1),
    "empty": ("", "has no plugin", None),
    "__init__": (
        GOOD_CALL + "    def __init__(self):\n        1 / 0\n",
        "cannot be loaded: ZeroDivisionError",
        5,
    ),
    "create_plugin": (
        "def create_plugin():\n    return 1 / 0\n",
        "cannot be loaded: ZeroDivisionError",
        2,
    ),
    "initialize raises": (
        GOOD_CALL + "    def initialize(self):\n        1 / 0\n",
        "initialize() raised ZeroDivisionError",
        5,
    ),
    "initialize says False": (
        GOOD_CALL + "    def initialize(self):\n        return False\n",
        "initialize() returned False",
        4,
    ),
}


@soak.one_in(2)
@pytest.mark.parametrize("what", LOADING)
def test_loading_fails(tmp_path, what):
    source, told, line = LOADING[what]
    code, sentence, _ = fail(tmp_path, source)
    assert 0 < code < 256
    assert sentence.startswith("plugin.py: " + told)
    if line:
        assert sentence.endswith(f"({tmp_path}/plugin.py:{line})")


@pytest.mark.parametrize("name", ["nothing.py", ".", "no/folder/x.py"])
def test_no_such_script(tmp_path, name):
    line = f"audiotestsrc ! pythonfilter script={name} ! fakesink"
    result = launch(line, cwd=tmp_path)
    assert 0 < result.code < 256
    told = "is a folder without __init__.py" if name == "." else "there is no such file"
    assert f"{name}: {told}" in result.err


@pytest.mark.parametrize("line", ["", "script=a.py module=b"])
def test_script_or_module_is_needed(line):
    result = launch(f"audiotestsrc ! pythonfilter {line} ! fakesink")
    assert 0 < result.code < 256
    assert re.search("set script=FILE.py or module=NAME|not both", result.err)


def test_bridge_missing(tmp_path):
    code, sentence, _ = fail(tmp_path, GOOD_CALL, GST_PYTHONFILTER_BRIDGE_DIR=tmp_path)
    assert 0 < code < 256
    pattern = r"plugin.py: the bridge to Python 3\.\d+ is missing \(no bridge\.\S+ in "
    assert re.match(pattern + re.escape(str(tmp_path)), sentence)


def test_bridge_broken(tmp_path):
    bridge = f"bridge.{__import__('sys').implementation.cache_tag}.so"
    (tmp_path / bridge).write_text("no library")
    code, sentence, _ = fail(tmp_path, GOOD_CALL, GST_PYTHONFILTER_BRIDGE_DIR=tmp_path)
    assert 0 < code < 256
    assert f"plugin.py: {tmp_path}/{bridge} cannot be used: " in sentence


def test_python_files_missing(tmp_path):
    code, sentence, _ = fail(tmp_path, GOOD_CALL, GST_PYTHONFILTER_PYTHONDIR=tmp_path)
    assert 0 < code < 256
    assert "Python cannot be used: FileNotFoundError" in sentence
    assert f"{tmp_path}/pythonfilter/__init__.py" in sentence


@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("method", ["stop", "shutdown"])
@pytest.mark.parametrize("kind", ["filter", "sink"])
def test_failure_after_the_end_is_seen(tmp_path, kind, method, isolation):
    audio = {"filter": "process_audio", "sink": "write_audio"}[kind]
    (tmp_path / "plugin.py").write_text(
        f"class Plugin:\n    def {audio}(self, buffer): pass\n"
        f"    def {method}(self): raise OSError(28, 'No space left on device')\n"
    )
    after = "! fakesink" if kind == "filter" else ""
    result = launch(
        "audiotestsrc num-buffers=3 ! audioconvert ! "
        f"python{kind} isolation={isolation} script=plugin.py {after}",
        cwd=tmp_path,
    )
    # gst-launch has decided by then that all was well.
    assert result.code == 0
    told = rf"WARNING.*: plugin.py: {method}\(\) raised OSError: .*No space left"
    assert len(re.findall(told, result.err)) == 1
    assert "Traceback" in result.err


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_failure_at_the_end_of_a_recording_is_an_error(tmp_path, isolation):
    (tmp_path / "plugin.py").write_text(
        "class Plugin:\n    def write_audio(self, buffer): pass\n"
        "    def drain(self): raise OSError(28, 'No space left on device')\n"
    )
    result = launch(
        "audiotestsrc num-buffers=3 ! audioconvert ! "
        f"pythonsink isolation={isolation} script=plugin.py",
        cwd=tmp_path,
    )
    assert result.code == 1
    assert "ERROR: from element /GstPipeline:pipeline0/GstPythonSink" in result.err
    assert "plugin.py: drain() raised OSError" in result.err


FORMAT = """\
class Plugin:
    def read_audio(self, buffer):
        buffer.data[:] = 0
    process_audio = read_audio
    def {method}(self, *arguments):
        return 1 / 0
"""


@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("element", ["pythonfilter", "pythonsrc"])
@pytest.mark.parametrize("method", ["set_sample_rate", "set_channels"])
def test_setter_that_fails_is_named(tmp_path, method, element, isolation):
    """Not the start() that comes after it, which the plugin need not have."""
    source = FORMAT.format(method=method)
    (tmp_path / "plugin.py").write_text(source)
    line = f"{element} script=plugin.py isolation={isolation} ! fakesink async=false"
    before = "" if element == "pythonsrc" else "audiotestsrc ! "
    result = launch(before + line, cwd=tmp_path)
    assert result.code == 1
    told = f"plugin.py: {method}() raised ZeroDivisionError: division by zero"
    assert f"{told} ({tmp_path}/plugin.py:6)" in result.err


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_what_a_source_prefers_fails_once_and_by_its_name(tmp_path, isolation):
    source = FORMAT.format(method="get_sample_rate")
    (tmp_path / "plugin.py").write_text(source)
    line = f"pythonsrc script=plugin.py isolation={isolation} ! fakesink async=false"
    result = launch(line, cwd=tmp_path)
    assert result.code == 1
    errors = re.findall(r"^ERROR: from element .*: plugin.py: (.*)", result.err, re.M)
    assert set(errors) == {
        f"get_sample_rate() raised ZeroDivisionError: division by zero ({tmp_path}/plugin.py:6)"
    }
    assert result.err.count("Traceback") == 1


def test_value_that_a_param_refuses_has_no_place_in_our_code(tmp_path):
    (tmp_path / "plugin.py").write_text(
        "from base_plugin import AudioProcessorPlugin, Param\n"
        "class Plugin(AudioProcessorPlugin):\n    gain = Param(1.0, max=2.0)\n"
        "    def process_audio(self, buffer):\n        buffer.discont = 1\n"
    )
    line = "audiotestsrc ! pythonfilter script=plugin.py {} ! fakesink async=false"
    told = {
        "params=p,gain=3": "ValueError: gain = 3: must be a number, at most 2.0\n",
        "params=p,gian=3": "refused the parameter gian=3: there is only gain\n",
        "": f"TypeError: discont is a bool, not int ({tmp_path}/plugin.py:5)\n",
    }
    for more, message in told.items():
        result = launch(line.format(more), cwd=tmp_path)
        assert result.code != 0 and message in result.err, result.err
        assert "base_plugin" not in result.err
