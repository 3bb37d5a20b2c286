# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every gst-launch-1.0 line that the project shows to its users works.

They are taken from docstrings of plugins_py/ and examples/, from the elements'
documentation comments (``|[ ... ]|``) and from the fenced code blocks of
README.md and docs/, except blocks that are marked as ``text``.  Each runs in
the project's folder, with what needs a sound card or a file replaced.  A
plugin that is no file of the project is the Python block whose first line, or
the line before it, names the file.
"""

import ast
import importlib.util
import pathlib
import re
import socket
import textwrap
import wave
from dataclasses import dataclass, field

import pytest

import processes
import soak

ROOT = processes.ROOT
COMMAND = re.compile(r"^\s*(?:\$ )?((?:\w+=\S* )*gst-launch-1\.0 .*)$", re.MULTILINE)
FENCE = re.compile(r"^( *)```(.*)\n((?:.*\n)*?)\1```", re.MULTILINE)
SOUND_CARD = "auto|alsa|pulse|pipewire|jack|openal|oss4?"
# One for each plugin that comes with the project, and the element's own.
AT_LEAST = {"plugins_py": 4, "gst": 1}
KEY = "key_file=call.key"


@dataclass
class Line:
    """A launch line and where it stands."""

    file: pathlib.Path
    text: str
    plugins: dict[str, str] = field(default_factory=dict)  # name to source

    def __str__(self):
        return f"{self.file}: {' '.join(self.text.split())[15:75]}"


def commands(text):
    """The launch lines in some text, with continued lines joined."""
    joined = re.sub(r"\\\n[ *]*", " ", text)
    return [match[1] for match in COMMAND.finditer(joined)]


def in_docstrings(file):
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            for text in commands(ast.get_docstring(node) or ""):
                yield Line(file, text)


def in_comments(file):
    for block in re.findall(r"\|\[(.*?)\]\|", (ROOT / file).read_text(), re.DOTALL):
        block = re.sub(r"^ \* ?", "", block, flags=re.MULTILINE)
        for text in commands(block):
            yield Line(file, text)


def in_markdown(file):
    document = (ROOT / file).read_text()
    plugins = {}
    for match in FENCE.finditer(document):
        if match[2].strip() in ("python", "py"):
            before = document[: match.start()].rstrip().rpartition("\n")[2]
            first = match[3].partition("\n")[0]
            for name in re.findall(r"[\w./-]+\.py\b", before + " " + first):
                plugins.setdefault(name, textwrap.dedent(match[3]))
    for match in FENCE.finditer(document):
        if match[2].strip() != "text":
            for text in commands(match[3]):
                yield Line(file, text, plugins)


def files(folder, pattern):
    return sorted(p.relative_to(ROOT) for p in (ROOT / folder).glob(pattern))


LINES = [
    *(line for file in files("plugins_py", "**/*.py") for line in in_docstrings(file)),
    *(line for file in files("examples", "*.py") for line in in_docstrings(file)),
    *(line for file in files("gst", "*.cpp") for line in in_comments(file)),
    *(line for file in files(".", "README.md") for line in in_markdown(file)),
    *(line for file in files("docs", "**/*.md") for line in in_markdown(file)),
]


def quiet(text):
    """The line without a sound card, without an end in a file, and with an end."""
    text = re.sub(rf"\b(?:{SOUND_CARD})(?:audio)?sink\b", "fakesink sync=false", text)
    text = re.sub(rf"\b(?:{SOUND_CARD})(?:audio)?src\b", "audiotestsrc", text)
    text = re.sub(r"\bfilesink\s+location=\S+", "fakesink sync=false", text)
    endless = r"\baudiotestsrc\b(?![^!]*\bnum-buffers=)"
    text = re.sub(endless, "audiotestsrc num-buffers=50", text)
    return re.sub(r"\bGST_PLUGIN_PATH=\S*", "", text)  # the tests have their own


def short(text):
    """The line with fewer buffers, as many play as slowly as they sound."""
    if soak.SOAK or CRASHES in text:
        return text
    return re.sub(r"(?<=\bnum-buffers=)\d{3,}", "40", text)


def with_files(line, text, folder):
    """The line with files that only exist in the text, or for its reader."""

    def script(match):
        name = match[1]
        if (ROOT / name).exists() or name not in line.plugins:
            return match[0]
        path = folder / pathlib.Path(name).name
        path.write_text(line.plugins[name])
        return f"script={path}"

    def sound(match):
        if (ROOT / match[2]).exists():
            return match[0]
        with wave.open(str(folder / "sound.wav"), "wb") as wav:
            wav.setnchannels(2)
            wav.setsampwidth(2)
            wav.setframerate(48000)
            wav.writeframes(b"\1\2\3\4" * 48000)
        return f"{match[1]}{folder / 'sound.wav'}"

    def venv(match):
        made = folder / match[1]
        options = ("--without-pip", "--system-site-packages")
        processes.run([processes.PYTHON, "-m", "venv", *options, made])
        return f"venv={made}"

    text = re.sub(r"\bscript=([^\s\"']+)", script, text)
    text = re.sub(r"\bvenv=(\w+)", venv, text)
    if KEY in text:
        text = text.replace(KEY, f"key_file=(string){folder / 'call.key'}")
        if not (folder / "call.key").exists():
            processes.run([ROOT / "examples" / "make-key", folder / "call.key"])
    text = re.sub(r"(\bfilesrc\s+location=)([^\s\"']+)", sound, text)
    # A WAV source reads its path, a WAV sink makes it.
    return re.sub(r"(\bpath=)([^\s\"']+\.wav)", sound, text)


# What a plugin that crashes has a line say; nothing else says any.
CRASHES = "crashes_at_1000.py"
# test_devices.py runs these on a sound server of its own.
DEVICES = ("microphone_source.py", "speaker_sink.py")
RECEIVERS = [line for line in LINES if re.search(r"\budpsrc\b", line.text)]
# The lines that send to them stand in the same file, or with the other half.
SENDERS = {
    "encryption.md": "encryption.md",
    "sframe_decryptor.py": "sframe_encryptor.py",
}


@soak.one_in(3)
@pytest.mark.parametrize(
    "line",
    [each for each in LINES if each.file.name not in DEVICES and each not in RECEIVERS],
    ids=str,
)
def test_launch_line_runs_to_its_end(line, tmp_path):
    text = with_files(line, short(quiet(line.text)), tmp_path)
    command = ["bash", "-euo", "pipefail", "-c", text]
    # Lines with an element of a plugin's own say before them where it lies.
    folder = None
    if re.search(r"\bpy-", text):
        for name, source in line.plugins.items():
            (tmp_path / pathlib.Path(name).name).write_text(source)
        folder = f"{processes.PLUGINS}:{tmp_path}"
    result = processes.run(command, ROOT, GST_PYTHONFILTER_PATH=folder)
    assert result.code == 0, f"{text}\n{result.err}"
    # The second death is told with the end of the stream.
    deaths = 2 if CRASHES in text else 0
    said = result.err + result.out.decode()
    # A compiled plugin runs without Numba as well, and says so.
    without = "there is no Numba" in said
    assert not without or importlib.util.find_spec("numba") is None
    assert said.count("WARNING") == deaths + without, said
    assert "CRITICAL" not in said


@pytest.mark.parametrize("line", RECEIVERS, ids=str)
def test_receiving_line_hears_the_sending_one(line, tmp_path):
    (sender,) = (
        each
        for each in LINES
        if each.file.name == SENDERS[line.file.name] and "udpsink" in each.text
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = f"port={probe.getsockname()[1]}"

    def prepared(each, source, endless):
        text = with_files(each, quiet(each.text), tmp_path).replace("port=5004", port)
        text, count = re.subn(source, endless, text)
        assert count == 1, each.text
        return ["bash", "-euo", "pipefail", "-c", "exec " + text]

    # An endless sender, and a receiver that ends after so many packets.
    tone = r"audiotestsrc num-buffers=\d+"
    sending = processes.start(prepared(sender, tone, "audiotestsrc is-live=true"), ROOT)
    try:
        receiver = prepared(line, r"\budpsrc\b", "udpsrc num-buffers=100")
        result = processes.run(receiver, ROOT)
    finally:
        sending.kill()
        sending.communicate()
    assert result.code == 0, result.err
    assert "CRITICAL" not in result.err and "WARNING" not in result.err, result.err


def test_lines_are_found_where_they_stand():
    found = [line.file.parts[0] for line in LINES]
    for folder, count in AT_LEAST.items():
        assert found.count(folder) >= count
    # A line that the pattern misses is not tested.
    for file in {line.file for line in LINES} & set(files("plugins_py", "**/*.py")):
        shown = (ROOT / file).read_text().count("gst-launch-1.0")
        assert [line.file for line in LINES].count(file) == shown
    if (ROOT / "README.md").exists():
        assert "README.md" in found


def test_replacements_leave_nothing_that_waits_or_sounds():
    assert quiet("gst-launch-1.0 autoaudiosrc ! a ! autoaudiosink") == (
        "gst-launch-1.0 audiotestsrc num-buffers=50 ! a ! fakesink sync=false"
    )
    assert quiet("gst-launch-1.0 audiotestsrc wave=ticks ! a num-buffers=1") == (
        "gst-launch-1.0 audiotestsrc num-buffers=50 wave=ticks ! a num-buffers=1"
    )
    kept = "gst-launch-1.0 audiotestsrc wave=ticks num-buffers=9 ! fakesink"
    assert quiet(kept) == kept
    assert quiet("audiotestsrc num-buffers=1 ! wavenc ! filesink location=x.wav") == (
        "audiotestsrc num-buffers=1 ! wavenc ! fakesink sync=false"
    )


def test_markdown_gives_lines_and_the_plugins_they_use(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    document = tmp_path / "README.md"
    document.write_text(
        "Save this as `half.py`:\n\n```python\nhalf\n```\n\n"
        "```sh\nexport A=1\nGST_DEBUG=3 gst-launch-1.0 a ! \\\n    b\n```\n"
        "```text\ngst-launch-1.0 broken\n```\n"
        "1. a list\n   ```console\n   $ gst-launch-1.0 c\n   output\n   ```\n"
        "gst-launch-1.0 in prose\n"
    )
    lines = list(in_markdown(pathlib.Path("README.md")))
    assert [line.text for line in lines] == [
        "GST_DEBUG=3 gst-launch-1.0 a !  b",
        "gst-launch-1.0 c",
    ]
    assert lines[0].plugins == {"half.py": "half\n"}
    text = with_files(lines[0], "a script=half.py ! b", tmp_path)
    assert text == f"a script={tmp_path / 'half.py'} ! b"
