# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugins in the plugin folders are elements of their own."""

import os
import pathlib
import re
import shutil
import tempfile
import textwrap
import time

import numpy as np
import pytest

from processes import GAIN, PLUGINS, launch, run, run_python, run_without_gstreamer

CAPS = "audio/x-raw,format=F32LE,channels=2,rate=48000"
SOURCE = f"audiotestsrc wave=saw num-buffers=4 ! {CAPS}"
MARKING = """
import pathlib
pathlib.Path({mark!r}).write_text("ran")
from base_plugin import AudioProcessorPlugin, Param, PluginInfo

class Louder(AudioProcessorPlugin):
    '''Makes it louder.'''
    rates = range(8000, 48001)
    channels = (1, 2)
    formats = ("F32", "S16")
    gain = Param(2.0, min=0.0, max=4.0, unit="x", description="How much")
    mode = Param("warm", choices=("warm", "cold"))
    passphrase = Param("correct-horse", secret=True)
    token = Param("battery-staple")
    secrets = "token"

    def get_info(self):
        return PluginInfo("Loudener", "2", "Ada", "Louder than before", self.get_type())

    def process_audio(self, buffer):
        buffer.data *= self.gain
"""
SINK = "class Taker:\n    def write_audio(self, buffer): ...\n"
SOURCE_PLUGIN = "def read_audio(buffer):\n    buffer.data[:] = 0.25\n"


@pytest.fixture
def place(tmp_path):
    """A plugin folder, and the environment that names it."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    env = {
        "GST_PYTHONFILTER_PATH": folder,
        "GST_REGISTRY": tmp_path / "registry.bin",
        "HOME": home,
        "XDG_DATA_HOME": None,
    }
    return folder, env


def inspect(name, env):
    result = run(["gst-inspect-1.0", name], **env)
    assert result.code == 0, result.err
    return result.out.decode()


def names(env):
    """All elements of ours that are named after a plugin."""
    result = run(["gst-inspect-1.0"], **env)
    assert result.code == 0, result.err
    return re.findall(r"pythonfilter:  (py-\S+):", result.out.decode())


def test_description_caps_and_parameters_are_shown_and_nothing_runs(place, tmp_path):
    folder, env = place
    mark = tmp_path / "mark"
    (folder / "lou_der.py").write_text(MARKING.format(mark=str(mark)))
    assert names(env) == ["py-lou-der"]
    text = inspect("py-lou-der", env)
    for each in ("Loudener", "Louder than before", "Ada", "How much (x)"):
        assert each in text
    assert "Range:               0 -               4 Default:               2" in text
    assert "rate: [ 8000, 48000 ]" in text
    assert re.search(r"channels: \{ \(int\)1, \(int\)2 \}", text)
    assert re.search(r"format: \{ \(string\)F32LE, \(string\)S16LE \}", text)
    assert re.search(r"mode .*\n.*writable.*\n.*Enum .*\n.*warm", text)
    # A secret is only written.
    assert re.search(r"passphrase .*\n +flags: writable", text)
    # Nor is what it is by default, here or in the registry.
    kept = env["GST_REGISTRY"].read_bytes()
    for default in ("correct-horse", "battery-staple"):
        assert default not in text and default.encode() not in kept
    assert not mark.exists()
    assert launch(f"{SOURCE} ! py-lou-der ! fakesink", **env).code == 0
    assert mark.exists()


def test_the_element_is_the_plugin(place):
    folder, env = place
    shutil.copy(GAIN, folder)
    line = f"{SOURCE} ! {{}} ! fdsink fd=1"
    plain = launch(line.format("identity"), **env).out
    assert len(plain) == 4 * 1024 * 8
    for properties in ("gain=0.5", "params=p,gain=0.5", "plugin::gain=0.5"):
        quiet = launch(line.format(f"py-simple-gain {properties}"), **env)
        assert quiet.code == 0, quiet.err
        wanted = np.frombuffer(plain, np.float32) * np.float32(0.5)
        assert np.array_equal(np.frombuffer(quiet.out, np.float32), wanted)
    text = inspect("py-simple-gain", env)
    for each in ("The pythonfilter authors", "Multiplies every sample", "Linear gain"):
        assert each in text
    # As any property that is set too early for a bus: said once, and not kept.
    refused = launch(line.format("py-simple-gain gain=50"), **env)
    assert refused.code == 0 and refused.out == plain
    assert refused.err.count("gain = 50: must be a number from 0.0 to 10.0") == 1


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_log_tells_what_becomes_of_a_plugin(place, isolation):
    folder, env = place
    (folder / "told.py").write_text(
        "from base_plugin import AudioSinkPlugin, DropBuffer, Param\n"
        "class Told(AudioSinkPlugin):\n"
        "    gain = Param(1.0)\n"
        "    key = Param('', secret=True)\n"
        "    def get_processing_latency(self): return 0.25\n"
        "    def write_audio(self, buffer): raise DropBuffer\n"
    )
    line = f"{SOURCE} ! py-told isolation={isolation} gain=0.5 key=hidden sync=false"
    log = launch(line, **env, GST_DEBUG="pythonfilter:7").err
    for part in (
        "loads ",
        "gain = 0.5",
        "key = (a secret)",
        " takes audio/x-raw",
        " starts: ",
        " channels, F32LE, interleaved",
        "latency is 0:00:00.250000000",
        "drops buffer",
    ):
        assert part in log, (part, log)
    assert "hidden" not in log


def test_sources_and_sinks(place):
    folder, env = place
    (folder / "quarter.py").write_text(SOURCE_PLUGIN)
    (folder / "taker.py").write_text(SINK)
    assert names(env) == ["py-quarter", "py-taker"]
    result = launch(f"py-quarter num-buffers=2 ! {CAPS} ! fdsink fd=1", **env)
    assert result.code == 0, result.err
    assert set(np.frombuffer(result.out, np.float32)) == {0.25}
    assert launch(f"{SOURCE} ! py-taker", **env).code == 0
    assert "Source/Audio" in inspect("py-quarter", env)


def test_changes_are_noticed(place):
    folder, env = place
    file = folder / "taker.py"
    file.write_text(SINK)
    assert names(env) == ["py-taker"]
    (folder / "other.py").write_text(SOURCE_PLUGIN)
    assert names(env) == ["py-other", "py-taker"]
    file.write_text('"""Takes everything that comes."""\n' + SINK)
    assert "Takes everything that comes." in inspect("py-taker", env)
    file.unlink()
    assert names(env) == ["py-other"]


def test_users_folder_and_the_first_of_a_name(place):
    folder, env = place
    users = env["HOME"] / ".local/share/pythonfilter/plugins"
    users.mkdir(parents=True)
    (users / "taker.py").write_text('"""The second."""\n' + SINK)
    (users / "users.py").write_text(SINK)
    assert names(env) == ["py-taker", "py-users"]
    (folder / "taker.py").write_text('"""The first."""\n' + SINK)
    assert "The first." in inspect("py-taker", env)
    assert names(env) == ["py-taker", "py-users"]


def test_relative_folders_are_left_out_with_a_warning(place):
    folder, env = place
    (folder / "taker.py").write_text(SINK)
    env["GST_PYTHONFILTER_PATH"] = f"plugins::{folder}"
    # With the scan, and with what the registry remembers.
    for command in ("gst-inspect-1.0", "gst-inspect-1.0 py-taker"):
        result = run(command.split(), folder.parent, GST_DEBUG="pythonfilter:2", **env)
        assert b"py-taker" in result.out
        warning = 'GST_PYTHONFILTER_PATH: "plugins" is no absolute path'
        assert result.err.count(warning) == 1, result.err
        assert result.err.count("WARN") == 1, result.err


def test_no_folder_no_element(place):
    _, env = place
    env["GST_PYTHONFILTER_PATH"] = None
    assert names(env) == []
    assert "Not-usable" not in inspect("pythonfilter", env)


def test_several_classes_in_one_file(place):
    folder, env = place
    (folder / "pair.py").write_text(SINK + SINK.replace("Taker", "OtherTaker"))
    assert names(env) == ["py-pair-other-taker", "py-pair-taker"]
    assert launch(f"{SOURCE} ! py-pair-other-taker", **env).code == 0


def test_broken_files_cost_only_themselves(place):
    folder, env = place
    (folder / "good.py").write_text(SINK)
    (folder / "syntax.py").write_text("x = 1\ndef f(:\n")
    (folder / "binary.py").write_bytes(bytes(range(256)))
    (folder / "latin.py").write_bytes(b"x = '\xe9'\n")
    (folder / "nested.py").write_text("x = " + "(" * 5000 + ")" * 5000)
    with open(folder / "huge.py", "wb") as file:
        file.truncate(100 << 20)
    os.mkfifo(folder / "fifo.py")
    (folder / "dangling.py").symlink_to("nowhere")
    (folder / "loop.py").symlink_to("loop.py")
    (folder / "folder.py").mkdir()
    (folder / "_hidden.py").write_text("def")
    (folder / "test_it.py").write_text("def")
    assert names(env) == ["py-good"]
    text = inspect("pythonfilter", env)
    for name, why in {
        "syntax": "line 2: ",
        "binary": "",
        "latin": "",
        "nested": "",
        "huge": "has 104857600 bytes",
        "fifo": "is no regular file",
        "dangling": "is a link to nowhere, which is not there",
        "loop": "Too many levels of symbolic links",
        "folder": "is no regular file",
    }.items():
        assert f"{folder}/{name}.py: {why}" in text, name
    assert "hidden" not in text and "test_it" not in text


PLUGIN = """
from base_plugin import AudioProcessorPlugin, Param
class Hostile(AudioProcessorPlugin):
    {}
    def process_audio(self, buffer): ...
"""
# What costs a parser, or whoever reads what it found, more than it should.
HOSTILE = {
    "unary": "x = " + "-" * 100_000 + "1\n",
    "attributes": "x = a" + ".b" * 100_000 + "\n",
    "calls": "x = a" + "()" * 100_000 + "\n",
    "branches": "if x: pass\n" + "elif x: pass\n" * 20_000,
    "digits": "x = " + "9" * 900_000 + "\n",
    "literals": "x = f'" + "{a}" * 200_000 + "'\n",
    "line": "class C0:\n def process_audio(self, buffer): ...\n"
    + "".join(f"class C{i + 1}(C{i}): ...\n" for i in range(20_000)),
    "classes": "".join(
        f"class C{i}:\n def process_audio(self, buffer): ...\n" for i in range(500)
    ),
    "doubled": "a0 = ('x',)\n"
    + "".join(f"a{i + 1} = (a{i}, a{i})\n" for i in range(60))
    + PLUGIN.format("output_caps = a60"),
    "params": PLUGIN.format("\n    ".join(f"p{i} = Param(1.0)" for i in range(10_000))),
    "caps": PLUGIN.format(f"output_caps = 'a/b, c={'<' * 30_000}1{'>' * 30_000}'"),
    "structures": PLUGIN.format(
        "output_caps = '" + "; ".join(f"a/b{i}" for i in range(3000)) + "'"
    ),
    "structure": PLUGIN.format(
        f"input_caps = 'a/b, c=(structure)' + {'[s,x=(structure)' * 3000!r}"
    ),
    "surrogates": PLUGIN.format("output_caps = '\\ud800'"),
}


@pytest.mark.parametrize("fork", ["yes", "no"])
def test_hostile_files_cost_only_themselves(fork, place):
    folder, env = place
    for name in ("before", "zz"):
        (folder / f"{name}.py").write_text(SINK)
    for name, source in HOSTILE.items():
        (folder / f"{name}.py").write_text(source)
    os.mkfifo(folder / "fifo.py")
    for name in ("zero", "tty", "random"):
        (folder / f"{name}.py").symlink_to(f"/dev/{name}")
    env["GST_REGISTRY_FORK"] = fork
    found = names(env)
    assert {"py-before", "py-zz"} <= set(found), found
    assert "No such element" not in inspect("pythonfilter", env)
    assert launch(f"{SOURCE} ! py-zz", **env).code == 0
    for name in {*found} - {"py-before", "py-zz"}:
        # Whatever it says of itself can be looked at.
        assert name in inspect(name, env)


MISNAMED = """
from base_plugin import AudioProcessorPlugin, Param
class Misnamed(AudioProcessorPlugin):
    {} = Param(1.0)
    def process_audio(self, buffer): ...
"""


@pytest.mark.parametrize("name", ("name", "parent", "größe", "_hidden"))
def test_a_param_that_cannot_be_shown_makes_no_element(name, place):
    folder, env = place
    (folder / "misnamed.py").write_text(MISNAMED.format(name))
    # What a class overrides does no harm, and neither does another class.
    (folder / "good.py").write_text(
        MISNAMED.format(name) + f"class Good(Misnamed):\n    {name} = 1\n"
    )
    (folder / "pair.py").write_text(MISNAMED.format(name) + SINK)
    assert names(env) == ["py-good", "py-pair-taker"]
    assert launch(f"{SOURCE} ! py-good ! fakesink", **env).code == 0
    script = folder / "misnamed.py"
    said = launch(f"{SOURCE} ! pythonfilter script={script} ! fakesink", **env).err
    reason = re.findall(r"has a Param .* and _", said)[0]
    assert f"{script}: {reason}" in inspect("pythonfilter", env)


def test_a_file_that_nobody_may_read():
    """Root may read everything, so somebody else has to try."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        check_a_file_that_nobody_may_read(pathlib.Path(place))


def check_a_file_that_nobody_may_read(folder):
    (folder / "good.py").write_text(SINK)
    (folder / "private.py").write_text(SINK)
    (folder / "private.py").chmod(0)
    (folder / "linked.py").symlink_to(folder / "gone" / "away.py")
    code = f"""
import os
import pythonfilter_reading as reading
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
def problem(name):
    try:
        reading.read(os.path.join({str(folder)!r}, name))
    except reading.Unusable as unusable:
        return str(unusable)
print(problem("private.py"), problem("linked.py"), problem("good.py"), sep="|")
"""
    result = run_without_gstreamer(code)
    assert result.code == 0, result.err
    denied, linked, good = result.out.decode().strip().split("|")
    assert denied == "Permission denied" and good == "None"
    assert linked.endswith("gone/away.py, which is not there")


def test_a_file_that_ends_the_scan_costs_one_more(place, tmp_path):
    """Whatever it is that kills the helper, such as a bug in Python's parser."""
    folder, env = place
    for name in ("before", "crash", "behind"):
        (folder / f"{name}.py").write_text(SINK)
    scripts = tmp_path / "scripts"
    shutil.copytree(PLUGINS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    scan = scripts / "pythonfilter_scan.py"
    text = scan.read_text()
    line = "    text = read(path)\n"
    assert line in text
    crash = f"    if path.endswith('crash.py'): os.kill(os.getpid(), 11)\n{line}"
    scan.write_text(text.replace(line, crash))
    env["GST_PYTHONFILTER_PYTHONDIR"] = scripts
    assert names(env) == ["py-before", "py-behind"]
    assert f"{folder}/crash.py: the scan stopped at it" in inspect("pythonfilter", env)


def test_one_process_scans_and_none_when_it_is_known(place, tmp_path):
    folder, env = place
    for number in range(20):
        (folder / f"taker{number}.py").write_text(SINK)

    def traced():
        log = tmp_path / "strace"
        command = "gst-inspect-1.0 py-taker7".split()
        options = ["-f", "-qq", "-e", "trace=execve,openat", "-o", log]
        assert run(["strace", *options, *command], **env).code == 0
        return log.read_text()

    cold = traced()
    assert len(re.findall(r"execve\(\S*python", cold)) == 1
    assert len(re.findall(r"openat\(.*taker\d+\.py", cold)) == 20
    warm = traced()
    assert not re.search(r"execve\(\S*python", warm)
    assert not re.search(r"openat\(.*taker\d+\.py", warm)
    assert "libpython" not in cold + warm


APPLICATION = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
def fails(call, *arguments):
    try:
        call(*arguments)
    except TypeError:
        return True
"""


def test_properties_before_any_python_and_presets(place, tmp_path):
    folder, env = place
    shutil.copy(GAIN, folder)
    (folder / "other.py").write_text(MARKING.format(mark=str(tmp_path / "mark")))
    code = (
        APPLICATION
        + """
seen = []
gain = Gst.ElementFactory.make("py-simple-gain")
gain.connect("notify::gain", lambda *_: seen.append(gain.props.gain))
assert gain.props.gain == 1.0
gain.props.gain = 0.5
gain.props.gain = 0.5
assert (gain.props.gain, seen) == (0.5, [0.5]), seen
assert fails(gain.set_property, "gain", "loud")
gain.props.params = Gst.Structure.from_string("p,gain=0.25")[0]
assert (gain.props.gain, seen) == (0.25, [0.5, 0.25]), seen
path = gain.props.script
gain.props.script = "other.py"
assert gain.props.script == path
assert gain.set_state(Gst.State.READY) == Gst.StateChangeReturn.SUCCESS
child = gain.get_child_by_name("plugin")
assert child.props.gain == gain.props.gain == 0.25
child.props.gain = 0.75
gain.props.gain = 0.125
assert child.props.gain == 0.125
assert seen == [0.5, 0.25, 0.75, 0.125], seen
gain.set_state(Gst.State.NULL)
assert gain.props.gain == 0.125

assert gain.save_preset("quiet")
other = Gst.ElementFactory.make("py-other")
assert other.get_preset_names() == [] and gain.get_preset_names() == ["quiet"]
gain.props.gain = 3
assert gain.load_preset("quiet") and gain.props.gain == 0.125
one, two = (Gst.ElementFactory.make("pythonfilter") for _ in "12")
one.props.script, two.props.script = path, other.props.script
one.props.params = Gst.Structure.from_string("p,gain=0.5")[0]
one.set_state(Gst.State.READY)
assert one.save_preset("half")
one.set_state(Gst.State.NULL)
assert one.get_preset_names() == ["half"] and two.get_preset_names() == []
assert not two.load_preset("half")
one.props.params = Gst.Structure.from_string("p,gain=0.75")[0]
assert one.load_preset("half") and one.props.script == path
assert one.props.params.get_double("gain")[1] == 0.5, one.props.params.to_string()
"""
    )
    result = run_python(
        code,
        XDG_CONFIG_HOME=tmp_path / "config",
        **{**env, "XDG_DATA_HOME": tmp_path / "data"},
    )
    assert result.code == 0, result.err


def test_a_controller_on_the_element(place):
    folder, env = place
    shutil.copy(GAIN, folder)
    code = (
        APPLICATION
        + f"""
gi.require_version("GstController", "1.0")
from gi.repository import GstController
line = "audiotestsrc wave=square volume=1 num-buffers=2 samplesperbuffer=480 ! {CAPS}"
pipeline = Gst.parse_launch(line + " ! py-simple-gain name=g ! appsink name=s sync=false")
control = GstController.InterpolationControlSource.new()
control.set_property("mode", GstController.InterpolationMode.NONE)
gain = pipeline.get_by_name("g")
gain.add_control_binding(
    GstController.DirectControlBinding.new_absolute(gain, "gain", control))
control.set(0, 0.5)
control.set(10 * Gst.MSECOND, 0.25)
pipeline.set_state(Gst.State.PLAYING)
import struct
peaks = []
for _ in "12":
    data = pipeline.get_by_name("s").emit("pull-sample").get_buffer().extract_dup(0, 8)
    peaks.append(abs(struct.unpack("2f", data)[0]))
pipeline.set_state(Gst.State.NULL)
assert peaks == [0.5, 0.25], peaks
"""
    )
    result = run_python(code, **env)
    assert result.code == 0, result.err


def test_nothing_leaks(place):
    folder, env = place
    shutil.copy(GAIN, folder)
    line = f"{SOURCE} ! py-simple-gain gain=0.5 ! fakesink"
    tracing = {"GST_TRACERS": "leaks", "GST_DEBUG": "GST_TRACER:7"}
    result = launch(line, **env, **tracing)
    assert result.code == 0
    assert "object-alive.class" in result.err
    assert "object-alive, type-name=(string)Gst" not in result.err


def test_the_source_says_what_the_running_plugin_says():
    """For each of the ready plugins that need no device."""
    code = f"""
import pathlib
import pythonfilter_described as described
import pythonfilter_params, pythonfilter_loader
pythonfilter_loader.install(True)
count = 0
for name in ("simple_gain", "sine_wave_source", "null_sink", "wav_file_sink",
             "wav_file_source", "passthrough", "sframe_encryptor", "sframe_decryptor",
             "fernet_encryptor", "fernet_decryptor"):
    path = pathlib.Path({str(PLUGINS)!r}, name + ".py")
    [plugin] = described.plugins(path.read_bytes(), str(path))
    module = pythonfilter_loader.Namespace(str(path)).load()
    for each in pythonfilter_params.Params(getattr(module, plugin.name)).describe():
        key, kind, default, low, high, unit, text, allowed, choices, secret, _ = each
        wanted = [kind, default, low, high, unit, text, allowed,
                  "1" if secret else "", *choices]
        assert plugin.fields["param:" + key] == wanted, (plugin.fields, wanted)
        count += 1
assert count >= 21, count
"""
    result = run_without_gstreamer(code)
    assert result.code == 0, result.err


def test_a_scan_looks_at_each_node_once():
    """ast.walk() takes longer than the parser; what is seen is the same."""
    code = f"""
import ast, pathlib
import pythonfilter_described as described
import pythonfilter_source as source
walk, walked = ast.walk, 0
def counting(node):
    global walked
    for each in walk(node):
        walked += 1
        yield each
def changed(tree):
    names, any_other = set(), False
    for node in walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                names.add(node.attr)
        elif isinstance(node, ast.Global):
            names.update(node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            first = node.args[0] if node.args else None
            if node.func.id in ("setattr", "exec", "eval", "globals", "vars"):
                ours = isinstance(first, ast.Name) and first.id == "self"
                any_other = any_other or not ours
    return names, any_other
def calls(place):
    return [node for node in walk(place) if isinstance(node, ast.Call)]
for path in pathlib.Path({str(PLUGINS)!r}).rglob("*.py"):
    text = path.read_bytes()
    one = source.Source(text, str(path))
    assert (one._changed, one._changes_any) == changed(one.tree), path
    for place in (one.tree, *one.classes.values()):
        assert one.calls(place) == calls(place), path
    if path.name == "spectral_noise_gate.py":
        ast.walk = counting
        described.plugins(text, str(path))
        ast.walk = walk
        assert 0 < walked < text.count(b"\\n"), walked
assert walked
odd = b'''
match x:
    case {{None: 1}} | P(a=1): ...
def f():
    global g, h
    for a.b in c: del d.e
    with i as j.k, l as self.m: [0 for n.o in p]
    (q := 1) if 0 else f"{{setattr(self, s)}}"
    setattr(t, 1) + u.v(eval(*w))
'''
one = source.Source(odd, "odd.py")
assert one._changed == {{"g", "h", "b", "e", "k", "o"}} and one._changes_any
assert (one._changed, one._changes_any) == changed(one.tree)
assert one.calls(one.tree) == calls(one.tree)
"""
    result = run_without_gstreamer(code)
    assert result.code == 0, result.err


HELPER = """
from base_plugin import AudioProcessorPlugin, Param
KIND = "application/x-sealed"

class Base(AudioProcessorPlugin):
    fail_closed = True
    rates = 8000
    depth = Param(3, max=9, description="From the helper")
"""
HELPED = """
from _helper import KIND, Base
class Plugin(Base):
    output_caps = KIND
    block_size = 480
    read_only = True
    def process_audio(self, buffer): ...
"""


def test_what_a_plugin_has_from_a_helper_beside_it(place):
    folder, env = place
    (folder / "_helper.py").write_text(HELPER)
    (folder / "helped.py").write_text(HELPED)
    text = inspect("py-helped", env)
    for each in (
        "From the helper",
        "Fail-closed              yes",
        "Read-only                yes",
        "Block-size               480 frames",
        "application/x-sealed\n",
    ):
        assert each in text, each
    assert "rate: 8000" in text
    assert "Fail-closed" not in inspect("pythonfilter", env)
    (folder / "_helper.py").write_text(HELPER.replace("From the helper", "Changed"))
    assert "Changed" in inspect("py-helped", env)
    # What cannot be read leaves everything open, and breaks only itself.
    for broken in ("def f(:", HELPER.replace("(AudioP", "(Other)\nclass X(AudioP")):
        (folder / "_helper.py").write_text(broken)
        assert "rate: 8000" not in inspect("py-helped", env)
    (folder / "_helper.py").unlink()
    os.mkfifo(folder / "_helper.py")
    assert names(env) == ["py-helped"]


def test_a_sink_shows_what_it_takes(place):
    folder, env = place
    write = "    def write_audio(self, buffer): ...\n"
    for attributes, caps in (
        ("input_caps = 'text/x-raw, format=utf8'", "text/x-raw\n"),
        ("input_caps = 'audio/x-raw, format=S24LE'", "format: S24LE"),
        ("as_bytes = True", "audio/x-raw\n"),
        ("rates = 8000", "rate: 8000"),
    ):
        (folder / "taker.py").write_text(f"class Taker:\n    {attributes}\n{write}")
        _, _, shown = inspect("py-taker", env).partition("SINK template")
        assert caps in shown.partition("Element")[0], (attributes, shown)


def test_a_source_shows_what_it_gives(place):
    folder, env = place
    read = "    def read_audio(self, buffer): ...\n"
    for attributes, caps in (
        ("output_caps = 'text/x-raw, format=utf8'", "text/x-raw\n"),
        ("output_caps = 'audio/x-raw, format=S24LE'", "format: S24LE"),
        ("def get_output_caps(self): return 'a/b'", "ANY"),
        ("rates = 8000", "rate: 8000"),
    ):
        (folder / "giver.py").write_text(f"class Giver:\n    {attributes}\n{read}")
        _, _, shown = inspect("py-giver", env).partition("SRC template")
        assert caps in shown.partition("Element")[0], (attributes, shown)


def test_encryptors_show_where_their_key_can_be(place):
    _, env = place
    env["GST_PYTHONFILTER_PATH"] = PLUGINS
    for name in (
        "sframe-encryptor",
        "sframe-decryptor",
        "fernet-encryptor",
        "fernet-decryptor",
    ):
        text = inspect(f"py-{name}", env)
        assert re.search(r"key-file +: The file that holds the key", text)
        assert "credential " in text and "key-fd " in text
        assert re.search(r"Fail-closed +yes", text)
        assert "application/x-" in text
    assert "device " in inspect("py-microphone-source", env)
    assert "device " in inspect("py-speaker-sink", env)


UNCERTAIN = {
    "decorated": "@change\nclass P:\n    rates = 8000\n    def process_audio(self, b): ...",
    "changed": "class P:\n    rates = 8000\n    def process_audio(self, b): ...\nP.rates = 16000",
    "conditional": "class P:\n    if x:\n        rates = 8000\n    def process_audio(self, b): ...",
    "computed": "class P:\n    rates = f()\n    def process_audio(self, b): ...",
    "inherited": "from x import B\nclass P(B):\n    def process_audio(self, b): ...",
    "made": "class P:\n    rates = 8000\n    def process_audio(self, b): ...\n"
    "def create_plugin():\n    p = P()\n    p = other(p)\n    return p",
}


@pytest.mark.parametrize("what", UNCERTAIN)
def test_what_is_not_certain_narrows_nothing(what):
    code = f"""
import pythonfilter_described as described
[plugin] = described.plugins({UNCERTAIN[what].encode()!r}, "/x/y.py")
assert plugin.fields["kind"] == ["processor"]
assert "rates" not in plugin.fields, plugin.fields
[sure] = described.plugins(
    b"class P:\\n    rates = 8000\\n    def process_audio(self, b): ...", "/x/y.py")
assert sure.fields["rates"] == ["8000:8000"]
"""
    result = run_without_gstreamer(code)
    assert result.code == 0, result.err


# ---- packages, links, and what makes no element --------------------------------

REVERB = {
    "reverb/__init__.py": """
    from .core import Comb
    from base_plugin import AudioProcessorPlugin, Param
    from .bases import Wet
    class Reverb(Wet):
        '''A plugin that is a package.'''
        def process_audio(self, buffer):
            Comb().run(buffer.data)
    """,
    "reverb/bases.py": """
    from base_plugin import AudioProcessorPlugin, Param
    class Wet(AudioProcessorPlugin):
        rates = (8000, 48000)
        wet = Param(0.5, min=0.0, max=1.0)
    """,
    "reverb/core.py": """
    from . import tables
    class Comb:
        def run(self, samples):
            samples *= tables.GAIN
    """,
    "reverb/tables.py": "GAIN = 0.5",
}
FROM_PACKAGE = {
    "made.py": "from reverb import Reverb\ndef create_plugin():\n    return Reverb()\n",
    "derived.py": "import reverb\nclass Mine(reverb.Reverb):\n    '''Derived.'''\n",
    "inner.py": "from reverb.bases import Wet\nclass Mine(Wet):\n"
    "    def process_audio(self, buffer): buffer.data *= 0.5\n",
}


def write(folder, sources):
    for name, source in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(source))


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_package_and_what_comes_from_it_are_elements(place, isolation):
    folder, env = place
    write(folder, REVERB | FROM_PACKAGE)
    assert names(env) == ["py-derived", "py-inner", "py-made", "py-reverb"]
    for name in names(env):
        text = inspect(name, env)
        assert "{ (int)8000, (int)48000 }" in text
        assert re.search(r"wet +: ", text)
        line = f"{SOURCE} ! {name} wet=0.25 isolation={isolation} ! fakesink"
        result = launch(line, **env)
        assert result.code == 0, result.err
    assert "A plugin that is a package." in inspect("py-reverb", env)


def test_a_package_that_comes_changes_or_goes_is_noticed(place):
    folder, env = place
    write(folder, {"gain.py": SOURCE_PLUGIN})
    now = time.time()

    def later(seconds):
        """GStreamer compares whole seconds."""
        os.utime(folder, (now + seconds,) * 2)

    assert names(env) == ["py-gain"]
    write(folder, REVERB)
    later(10)
    assert names(env) == ["py-gain", "py-reverb"]
    bases = REVERB["reverb/bases.py"].replace("wet =", "wetness =")
    write(folder, {"reverb/bases.py": bases})
    assert "wetness" in inspect("py-reverb", env)
    shutil.rmtree(folder / "reverb")
    later(20)
    assert names(env) == ["py-gain"]


def test_linked_plugin_has_what_its_helpers_say(place, tmp_path):
    folder, env = place
    write(tmp_path / "checkout", {"echo.py": FROM_PACKAGE["made.py"]} | REVERB)
    (folder / "echo.py").symlink_to("../checkout/echo.py")
    (folder / "room").symlink_to("../checkout/reverb")
    assert names(env) == ["py-echo", "py-room"]
    for name in names(env):
        assert re.search(r"wet +: ", inspect(name, env))
        result = launch(f"{SOURCE} ! {name} ! fakesink", **env)
        assert result.code == 0, result.err


NO_ELEMENT = {
    "elsewhere.py": "from scipy import signal\ndef create_plugin():\n    return signal.Plugin()\n",
    "chosen.py": "def create_plugin():\n    plugin = make()\n    return plugin\n",
}
# That are no plugins, and nobody needs to hear of.
HELPERS = {
    "tables.py": "GAIN = 0.5\ndef gain(): return GAIN\n",
    "nets.py": "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x): return x\n",
    "bases.py": "from base_plugin import AudioProcessorPlugin\n"
    "class Base(AudioProcessorPlugin):\n    rates = 8000\n",
    "package/__init__.py": "",
}


def test_plugin_that_makes_no_element_is_listed_with_the_reason(place):
    folder, env = place
    write(folder, NO_ELEMENT | HELPERS)
    env["GST_PYTHONFILTER_PATH"] = f"here/plugins:{folder}:.."
    assert names(env) == []
    text = inspect("pythonfilter", env)
    for name in NO_ELEMENT:
        assert f"{folder}/{name}: makes no element: it has a create_plugin()" in text
    for name in HELPERS:
        assert f"{folder}/{name}" not in text
    for entry in ("here/plugins", ".."):
        assert (
            f"{entry}: is no absolute path, as those in GST_PYTHONFILTER_PATH" in text
        )
