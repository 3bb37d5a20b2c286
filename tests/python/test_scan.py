# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the scan of the plugin folders finds, and what it costs."""

import os
import pathlib
import re
import shutil
import tempfile

import pytest

from plugin_folder import SINK, SOURCE, SOURCE_PLUGIN, inspect, names
import soak
from processes import PLUGINS, launch, run, run_without_gstreamer


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
        "syntax": ":2: ",
        "binary": "",
        "latin": "",
        "nested": "",
        "huge": ": has 104857600 bytes",
        "fifo": ": is no regular file",
        "dangling": ": is a link to nowhere, which is not there",
        "loop": ": Too many levels of symbolic links",
        "folder": ": is no regular file",
    }.items():
        assert f"{folder}/{name}.py{why}" in text, name
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
    # First of them, as those before it are looked through once more.
    "a_literals": "x = f'" + "{a}" * 200_000 + "'\n",
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
# More than there are attempts, if each of them ended one.
HOSTILE |= {f"line_{i}": HOSTILE["line"] for i in range(2)}


@soak.one_in(2)
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


@soak.one_in(2)
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
    assert f"{script}:4: {reason}" in inspect("pythonfilter", env)


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
from pythonfilter import reading
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
    scan = scripts / "pythonfilter" / "scan" / "scan.py"
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


def test_the_source_says_what_the_running_plugin_says():
    """For each of the ready plugins that need no device."""
    code = f"""
import pathlib
from pythonfilter.scan import describe as described
from pythonfilter import loader
from pythonfilter.host import info, params
loader.install(True)
count = 0
for name in ("simple_gain", "sine_wave_source", "null_sink", "wav_file_sink",
             "wav_file_source", "passthrough", "sframe_encryptor", "sframe_decryptor",
             "fernet_encryptor", "fernet_decryptor"):
    path = pathlib.Path({str(PLUGINS)!r}, name + ".py")
    [plugin] = described.plugins(path.read_bytes(), str(path))
    module = loader.Namespace(str(path)).load()
    cls = getattr(module, plugin.name)
    for key, text in info.info_of(cls.__new__(cls), module, None).items():
        assert plugin.fields.get(key, [""]) == [text], (key, text)
    wanted = params.Params(cls).described()
    assert tuple(plugin.parameters) == wanted, (plugin.parameters, wanted)
    count += len(wanted)
assert count >= 21, count
"""
    result = run_without_gstreamer(code)
    assert result.code == 0, result.err


def test_a_scan_looks_at_each_node_once():
    """ast.walk() takes longer than the parser; what is seen is the same."""
    code = f"""
import ast, pathlib
from pythonfilter.scan import describe as described
from pythonfilter.scan import reader as source
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
    one = source.SourceText(text, str(path))
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
one = source.SourceText(odd, "odd.py")
assert one._changed == {{"g", "h", "b", "e", "k", "o"}} and one._changes_any
assert (one._changed, one._changes_any) == changed(one.tree)
assert one.calls(one.tree) == calls(one.tree)
"""
    result = run_without_gstreamer(code)
    assert result.code == 0, result.err


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
from pythonfilter.scan import describe as described
[plugin] = described.plugins({UNCERTAIN[what].encode()!r}, "/x/y.py")
assert plugin.fields["kind"] == ["processor"]
assert "rate" not in plugin.fields, plugin.fields
[sure] = described.plugins(
    b"class P:\\n    rates = 8000\\n    def process_audio(self, b): ...", "/x/y.py")
assert sure.fields["rate"] == ["8000 8000"]
"""
    result = run_without_gstreamer(code)
    assert result.code == 0, result.err
