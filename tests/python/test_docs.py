# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documentation is built without a warning, and its code blocks work.

A fenced block of README.md and docs/ is one of these; anything else fails:

``python``   a plugin, which is run in an element, or a program, which is run.
             It finds plugins of the same page: blocks whose first line, or the
             line before them, names a file.  A part of a program that uses
             ``pipeline``, ``element`` or ``bus`` without making them is given
             them, with the plugin that the page showed last, or an example that
             the line before it names.  Every function of it has to run, and one
             that prints has to print.
``sh``       its commands run, in a folder where the project's files and those
             of the page's blocks are.  A gst-launch-1.0 line runs here if it
             writes a file; test_launch_lines.py runs them all.
``text``     output, or commands that no test can run.
``{...}``    a directive of Sphinx.

A block after "From `examples/…`:" is a part of that program, as it is there;
test_examples.py runs the program.

An indented block is text, and holds no commands.
"""

import ast
import os
import pathlib
import re
import shutil
import textwrap
import wave
from dataclasses import dataclass

import pytest

import processes
import soak
from test_launch_lines import FENCE

ROOT, BUILD = processes.ROOT, processes.BUILD
PAGES = [
    path.relative_to(ROOT)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
]
DIRECTIVES = ("{eval-rst}", "{toctree}")
# Commands that are not run here, and what does it.
ELSEWHERE = {
    "examples/demo.sh": "a step of tests/run.sh",
    "examples/echo.sh": "test_examples.py",
    "examples/secure-call.sh": "test_examples.py",
    "meson setup build": "a step of tests/run.sh",
    "ninja -C build": "a step of tests/run.sh",
    "ninja -C build docs": "test_documentation_is_built",
    "packaging/install-packages.sh": "a step of tests/run.sh",
    "tests/run.sh": "runs this",
}
ELEMENTS = {
    "process_audio": "audiotestsrc num-buffers=10 ! audioconvert"
    " ! pythonfilter script={} ! fakesink",
    "read_audio": "pythonsrc num-buffers=10 script={} ! fakesink",
    "write_audio": "audiotestsrc num-buffers=10 ! audioconvert ! pythonsink script={}",
    "mix_audio": "pythonmixer name=mixer script={} ! fakesink"
    " audiotestsrc num-buffers=10 ! audioconvert ! mixer.sink_{}"
    " audiotestsrc num-buffers=10 ! audioconvert ! mixer.sink_{}",
    "split_audio": "audiotestsrc num-buffers=10 ! audioconvert"
    " ! pythondemixer name=apart script={}"
    " apart.src_{} ! queue ! fakesink apart.src_{} ! queue ! fakesink",
}
# Of what their plugins call their inputs and outputs.
PORTS = (("music", "voice"), ("loud", "quiet"))


# Says at the end which functions of a part never ran, as a callback may not.
AROUND = """\
import sys
ran = set()
sys.setprofile(lambda frame, event, _: ran.add(frame.f_code))
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstController", "1.0")
from gi.repository import GLib, Gst, GstController
Gst.init(None)
pipeline = Gst.parse_launch(
    "{source} ! audioconvert"
    " ! pythonfilter name=element script={plugin} ! fakesink"
)
element = pipeline.get_by_name("element")
bus = pipeline.get_bus()
bus.add_signal_watch()
assert pipeline.set_state(Gst.State.PAUSED) != Gst.StateChangeReturn.FAILURE
assert pipeline.get_state(20 * Gst.SECOND)[0] == Gst.StateChangeReturn.SUCCESS
part = compile({part!r}, "part", "exec")
exec(part)
child = element.get_child_by_name("plugin")
if hasattr(child.props, "gain"):
    child.props.gain = 0.25
loop = GLib.MainLoop()
bus.connect("message::eos", lambda *_: loop.quit())
bus.connect("message::error", lambda *_: print("ERROR") or loop.quit())
pipeline.set_state(Gst.State.PLAYING)
loop.run()
pipeline.set_state(Gst.State.NULL)
for code in part.co_consts:
    if hasattr(code, "co_code") and code not in ran:
        print("ERROR: never ran:", code.co_name)
"""


@dataclass
class Block:
    """A fenced block, and the file that it is to be saved as."""

    page: pathlib.Path
    number: int  # line
    language: str
    text: str
    name: str | None
    program: str | None = None  # that it is a part of

    def __str__(self):
        return f"{self.page}:{self.number}"


def blocks(page, document):
    """The fenced blocks of a page."""
    for match in FENCE.finditer(document):
        before = document[: match.start()]
        names = re.findall(
            r"[\w-]+\.py\b",
            before.rstrip().rpartition("\n")[2] + " " + match[3].partition("\n")[0],
        )
        program = re.search(r"From `(examples/[\w.-]+)`:\n*$", before)
        yield Block(
            page,
            before.count("\n") + 1,
            match[2].strip(),
            textwrap.dedent(match[3]),
            names[0] if match[2].strip() == "python" and names else None,
            program[1] if program else None,
        )


BLOCKS = [b for page in PAGES for b in blocks(page, (ROOT / page).read_text())]
PARTS = [block for block in BLOCKS if block.program]
PYTHON = [b for b in BLOCKS if b.language == "python" and not b.program]
SHELL = [
    page
    for page in PAGES
    if any(block.page == page and block.language == "sh" for block in BLOCKS)
]


def commands(text):
    """The commands of a block without their comments, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", text)
    lines = (re.sub(r"(^|\s+)# .*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]


def runs_here(command):
    """Whether this file runs it."""
    if any(command == each or command.startswith(f"{each} ") for each in ELSEWHERE):
        return False
    return "gst-launch-1.0" not in command or "filesink" in command


def hurried(command):
    """The command, which takes less time where nobody asks for more (a soak)."""
    if soak.SOAK or "--quick" in command:
        return command
    return re.sub(r"(\bpythonfilter-workbench) (?!new )", r"\1 --quick ", command)


def element_line(source, script):
    """What plays the plugin that has this source."""
    named = [names for names in PORTS if f'"{names[0]}"' in source]
    names = named[0] if named else (0, 1)
    return ELEMENTS[audio_method(source)].format(script, *names)


def audio_method(source):
    """Which element runs it, as the name of the method; None for a program."""
    names = {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }
    return next((name for name in ELEMENTS if name in names), None)


def is_part(source):
    """Whether a program uses what it does not make."""
    names = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)]
    made = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return bool({n.id for n in names} & {"pipeline", "element", "bus"} - made)


def program(block, folder):
    """The block, with what is around it where it is a part of a program."""
    if not is_part(block.text):
        return block.text
    source = "audiotestsrc num-buffers=10"
    plugin = processes.PLUGINS / "examples" / (block.name or "")
    if plugin.is_file():
        speech = folder / "speech.wav"
        processes.run(["espeak-ng", "-w", speech, "The quick brown fox jumps"])
        source = f"filesrc location={speech} ! wavparse"
    else:
        shown = [b for b in PYTHON if b.page == block.page and b.number < block.number]
        plugin = folder / "shown.py"
        plugin.write_text(next(b.text for b in reversed(shown) if audio_method(b.text)))
    return AROUND.format(source=source, plugin=plugin, part=block.text)


def save(page, folder):
    """Writes the page's named blocks."""
    for block in PYTHON:
        if block.page == page and block.name:
            (folder / block.name).write_text(block.text)


@soak.one_in(2)
@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_block_works(block, tmp_path):
    save(block.page, tmp_path)
    path = tmp_path / (block.name or "block.py")
    method = audio_method(block.text)
    path.write_text(block.text if method else program(block, tmp_path))
    if method:
        result = processes.launch(element_line(block.text, path))
    else:
        where = f"{processes.PLUGINS}:{tmp_path}"
        command = [processes.PYTHON, path]
        result = processes.run(command, tmp_path, PYTHONPATH=where)
    said = result.err + result.out.decode()
    assert result.code == 0, said
    prints = not method and is_part(block.text) and "print(" in block.text
    assert result.out or not prints, "its print() was not reached"
    # A callback of GLib that raises does not end the program.
    assert not re.search("ERROR|WARNING|CRITICAL|Traceback", said), said


def docstring_examples(module):
    """The literal blocks of its docstrings: whose, and the block."""
    tree = ast.parse((processes.PLUGINS / f"{module}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            doc = ast.get_docstring(node) or ""
            for text in re.findall(r"::\n\n((?:    .*\n|\n)+)", doc + "\n"):
                name = getattr(node, "name", module)
                yield pytest.param(name, textwrap.dedent(text), id=name)


@pytest.mark.parametrize(
    "name, text",
    [
        each
        for path in sorted((processes.PLUGINS / "base_plugin").glob("*.py"))
        for each in docstring_examples(f"base_plugin/{path.stem}")
    ],
)
def test_example_of_the_reference_page_works(name, text, tmp_path):
    path = tmp_path / "example.py"
    path.write_text("from base_plugin import *\n" + text)
    # What a Param's docstring says of its own.
    more = " plugin::gain=0.5 plugin::mode=cold" if name == "Param" else ""
    line = element_line(text, f"{path}{more}")
    result = processes.launch(line)
    assert result.code == 0, result.err
    assert not re.search("ERROR|WARNING|CRITICAL|Traceback", result.err), result.err


def test_the_reference_page_has_examples():
    names = [each.values[0] for each in docstring_examples("base_plugin/_param")]
    assert names == ["Param", "InputParam"]
    assert [*docstring_examples("base_plugin/__init__")]


@pytest.fixture
def folder(tmp_path):
    """The project with its build, a plugin and a sound, to write files in."""
    for path in ROOT.iterdir():
        if path.name not in (".git", BUILD.name, "plugins_py", "build"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "build").symlink_to(BUILD)
    # As installed: the command is in PATH, and not a link.
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "plugins_py", tmp_path / "plugins_py", ignore=ignore)
    shutil.copy(processes.GAIN, tmp_path / "gain.py")
    with wave.open(str(tmp_path / "speech.wav"), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(48000)
        wav.writeframes(b"\1\2\3\4" * 4800)
    return tmp_path


@soak.one_in(2)
@pytest.mark.parametrize("page", SHELL, ids=str)
def test_commands_of_a_page_run_in_their_order(page, folder):
    save(page, folder)
    script = []
    for block in BLOCKS:
        if block.page == page and block.language == "sh":
            for command in filter(runs_here, commands(block.text)):
                script += [f"echo '{block}' >&2", hurried(command)]
    result = processes.run(
        ["bash", "-exuo", "pipefail", "-c", "\n".join(script)],
        folder,
        PATH=f"{folder / 'plugins_py'}:{os.environ['PATH']}",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD=1,
    )
    assert result.code == 0, result.err + result.out.decode()


@pytest.mark.parametrize("block", PARTS, ids=str)
def test_part_of_a_program_is_there(block):
    def plain(text):
        return "\n".join(line.strip() for line in text.strip().splitlines())

    assert plain(block.text) in plain((ROOT / block.program).read_text())


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_block_is_of_a_kind_that_is_tested(block):
    kind = block.language.split()[0] if block.language else ""
    known = ("c", "cpp", "python") if block.program else ("python", "sh", "text")
    assert kind in (*known, *DIRECTIVES), "see the top of this file"
    assert kind != "sh" or commands(block.text)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_command_hides_in_an_indented_block(page):
    document = FENCE.sub("", (ROOT / page).read_text())
    for line in re.findall(r"(?<=\n\n)((?:    .*\n)+)", document):
        for word in re.findall(r"^ +(?:\$ +)?([\w./-]+)(?=.)", line, re.MULTILINE):
            command = (ROOT / word).is_file() and "/" in word or shutil.which(word)
            assert not command, f"{word}: make it a fenced block, sh or text"


def test_what_is_run_elsewhere_is_there():
    for command in ELSEWHERE:
        file = ROOT / command.split()[0]
        assert file.is_file() or shutil.which(command.split()[0]), command
    script = (ROOT / "tests" / "run.sh").read_text()
    for needed in ("examples/demo.sh", "packaging/install-packages.sh", "meson setup"):
        assert needed in script
    for name in ("secure-call.sh", "echo.sh"):
        tested = ROOT / "tests" / "python" / ELSEWHERE[f"examples/{name}"]
        assert name in tested.read_text()


@pytest.mark.parametrize("page", ["elements.md", "reference.md"])
def test_page_that_is_made_is_up_to_date(page):
    program = ROOT / "docs" / "element_reference.py"
    made = processes.run([processes.PYTHON, program, page])
    assert made.code == 0, made.err
    written = (ROOT / "docs" / page).read_text().split("<!-- made -->\n")[1]
    assert written == made.out.decode(), f"{program} --write is due"


def test_each_promise_names_a_test_that_is_there():
    page = (ROOT / "docs" / "security.md").read_text()
    table = page.partition("## What is promised")[2].partition("\n## ")[0]
    rows = re.findall(r"^\|.*\| (.*) \|$", table, re.MULTILINE)[1:]
    sources = "".join(
        path.read_text()
        for path in (ROOT / "tests").rglob("*")
        if path.suffix in (".py", ".cpp")
    )
    for row in rows:
        for name in row.split(", "):
            file = re.fullmatch(r"`(tests/[\w/.-]+)`", name)
            test = re.fullmatch(r"`(test_\w+)`", name)
            assert file or test, name
            assert not file or (ROOT / file[1]).is_file(), name
            assert not test or re.search(
                rf"\b{test[1]}\b\(|\({test[1]}\)", sources
            ), name


def test_documentation_is_built():
    # Warnings are errors there.
    result = processes.run(["ninja", "-C", BUILD, "docs"])
    assert result.code == 0, result.out.decode() + result.err
    html = BUILD / "docs" / "html"
    for page in (ROOT / "docs").glob("*.md"):
        assert (html / page.name).with_suffix(".html").stat().st_size > 4000
    elements = (html / "elements.html").read_text()
    for name in ("pythonfilter", "pythonsrc", "pythonsink"):
        assert f'id="{name}"' in elements
    reference = (html / "reference.html").read_text()
    code = "import base_plugin; print(*base_plugin.__all__)"
    names = processes.run_without_gstreamer(code).out.decode().split()
    assert "AudioBuffer" in names
    for name in names:
        assert f'id="base_plugin.{name}"' in reference, name


def test_costs_are_printed_as_the_page_shows_them():
    # The figures differ, the lines do not.
    program = ROOT / "tests" / "bench" / "numpy_costs.py"
    result = processes.run([processes.PYTHON, program, "--rounds", "1"])
    assert result.code == 0, result.err
    shown = "\n".join(b.text for b in BLOCKS if b.page.name == "performance.md")

    def codes(text):
        return re.findall(r"^ *[\d.]+ +(?:[\d.]+|yes|no) +(\S.*)$", text, re.MULTILINE)

    assert len(codes(shown)) > 15
    assert codes(result.out.decode()) == codes(shown)


def test_the_version_is_the_same_everywhere():
    def first(pattern, path):
        return re.search(pattern, (ROOT / path).read_text(), re.MULTILINE)[1]

    built = first(r"^  version: '([\d.]+)'", "meson.build")
    assert first(r"^## ([\d.]+) ", "CHANGELOG.md") == built
    assert first(r"^pythonfilter \(([\d.]+)-", "packaging/debian/changelog") == built
