# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which plugin of a module it is, and in which spellings it is spoken to."""

import pytest

from loader_program import PLUGIN, run

TWO = """
class One:
    def process_audio(self, buffer): buffer.data *= 1
class Two:
    def process_audio(self, buffer): buffer.data *= 2
"""
CHOICES = {
    "create_plugin": (TWO + "def create_plugin(): return Two()", "", 2),
    "createPlugin": (TWO + "def createPlugin(): return Two()", "", 2),
    "class": (TWO, "Two", 2),
    "class before create_plugin": (TWO + "def create_plugin(): 1/0", "Two", 2),
    "one class": ("GAIN = 2" + PLUGIN, "", 2),
    "imported class is no candidate": (
        "from base_plugin import *\nfrom helper import Helper\nGAIN = 2" + PLUGIN, "", 2
    ),
    "abstract class is no candidate": (
        "import abc\nclass Base(abc.ABC):\n"
        "    @abc.abstractmethod\n    def process_audio(self, buffer): ...\n"
        "class Real(Base):\n"
        "    def process_audio(self, buffer): buffer.data *= 2", "", 2
    ),
    "function": ("def process_audio(buffer): buffer.data *= 2", "", 2),
    "camelCase function": ("def processAudio(buffer): buffer.data *= 2", "", 2),
    "camelCase method": (
        "class Plugin:\n    def processAudio(self, buffer): buffer.data *= 2", "", 2
    ),
    "slots": (
        "class Plugin:\n    __slots__ = ()\n"
        "    def process_audio(self, buffer): buffer.data *= 2", "", 2
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", CHOICES)
def test_choice(files, how):
    source, class_name, expected = CHOICES[how]
    helper = "class Helper:\n    def process_audio(self, buffer): 1/0"
    folder = files({"plugin.py": source, "helper.py": helper})
    code = f'tell(gain(load("plugin.py", class_name={class_name!r})))'
    assert run(folder, code) == expected


REFUSALS = {
    "several classes": (TWO, "", "has several plugin classes (One, Two): choose one"),
    "no such class": (TWO, "Three", "has no class 'Three' (plugin classes in it: One"),
    "no plugin": ("x = 1", "", "no function process_audio(buffer)"),
    "None": ("def create_plugin(): pass", "", "create_plugin() returned None"),
    "other kind": (
        "class Plugin:\n    def write_audio(self, buffer): ...",
        "",
        "has no process_audio(); its write_audio() belongs to the element pythonsink",
    ),
    "abstract": (
        "from base_plugin import AudioProcessorPlugin\n"
        "class Plugin(AudioProcessorPlugin): ...",
        "",
        "Plugin lacks process_audio",
    ),
    "async": (
        "class Plugin:\n    async def process_audio(self, buffer): ...",
        "",
        "`async def`",
    ),
    "no argument": (
        "class Plugin:\n    def process_audio(self): ...",
        "",
        "process_audio() is called with the buffer alone",
    ),
    "an argument more": (
        "class Plugin:\n    def process_audio(self, buffer, rate): ...",
        "",
        "arguments do not allow: missing a required argument: 'rate'",
    ),
    "format": (PLUGIN + "    formats = ('U8',)", "", "declares formats = ('U8',)"),
    "channels": (PLUGIN + "    channels = 65", "", "declares channels = 65"),
    "block size": (PLUGIN + "    block_size = 6.4", "", "declares block_size = 6.4"),
    "remainder": (
        PLUGIN + "    block_remainder = 'keep'",
        "",
        "declares block_remainder = 'keep', but only pad, pass exist",
    ),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_refusal(files, how):
    source, class_name, expected = REFUSALS[how]
    folder = files({"plugin.py": source})
    code = f'tell(fails("plugin.py", class_name={class_name!r}))'
    kind, _, message, file, *_ = run(folder, code)
    assert kind == "unusable"
    assert expected in message
    assert file.endswith("plugin.py")


def test_module_by_its_dotted_name(files):
    folder = files({"effects/__init__.py": "", "effects/gain.py": "GAIN = 3" + PLUGIN})
    assert (
        run(
            folder,
            """
        sys.path.append(os.getcwd())
        tell([gain(load(module="effects.gain")),
                          fails(module="effects.none")[:3],
                          fails(module="nowhere.gain")[:3]])
        """,
        )
        == [
            3,
            ["not-found", "", "there is no module 'effects.none' on sys.path"],
            ["not-found", "", "there is no module 'nowhere.gain' on sys.path"],
        ]
    )


def test_a_missing_import_of_a_module_is_its_own_failure(files):
    """Not "there is no module gain": gain is there."""
    folder = files({"gain.py": "import nothing_like_it"})
    assert run(
        folder,
        """
        sys.path.append(os.getcwd())
        tell(fails(module="gain")[:5])
        """,
    ) == [
        "raised", "ModuleNotFoundError", "No module named 'nothing_like_it'",
        str(folder / "gain.py"), 1,
    ]  # fmt: skip


SETTERS = {
    "new": (["set_sample_rate", "set_channel_count", "set_buffer_size"],) * 2,
    "old": (["set_sample_rate", "set_channels"],) * 2,
    "both": (
        ["set_sample_rate", "set_channel_count", "set_channels", "set_buffer_size"],
    ) * 2,
    "camelCase": (["setSampleRate", "setChannels", "setBufferSize"],) * 2,
    "snake first": (
        ["set_sample_rate", "setSampleRate", "set_channels", "setChannels"],
        ["set_sample_rate", "set_channels"],
    ),
    "none": ([],) * 2,
}  # fmt: skip


@pytest.mark.parametrize("style", SETTERS)
def test_setters_before_start(files, style):
    defined, called = SETTERS[style]
    source = "class Plugin:\n    calls = []\n    def process_audio(self, b): ...\n"
    source += "    def start(self): self.calls.append(['start'])\n"
    for name in defined:
        source += f"    def {name}(self, n): self.calls.append([{name!r}, n])\n"
    folder = files({"plugin.py": source})
    code = """
    host = load("plugin.py")
    host.start(44100, 3, 0, "", "")
    tell(host.plugin.calls)
    """
    values = {"rate": 44100, "channel": 3, "size": 512}
    expected = [
        [name, next(v for word, v in values.items() if word in name.lower())]
        for name in called
    ]
    assert run(folder, code) == expected + [["start"]]


@pytest.mark.parametrize("spelling", ["set_parameter", "setParameter"])
def test_parameters_are_strings_and_keys_keep_their_case(files, spelling):
    source = f"""
    class Plugin:
        seen = []
        def process_audio(self, b): ...
        def {spelling}(self, key, value): self.seen.append([key, value])
    """
    folder = files({"plugin.py": source})
    code = """
    host = load("plugin.py")
    host.set_parameter("sampleRate", "48000")
    host.set_parameter("samplerate", "1.50")
    tell(host.plugin.seen)
    """
    assert run(folder, code) == [["sampleRate", "48000"], ["samplerate", "1.50"]]


@pytest.mark.parametrize("value", ["False", "np.False_"])
def test_false_refuses_a_parameter(files, value):
    source = f"""
    import numpy as np
    class Plugin:
        def process_audio(self, b): ...
        def set_parameter(self, key, value): return {value}
    """
    folder = files({"plugin.py": source})
    code = """
    host = load("plugin.py")
    try:
        host.set_parameter("gain", "2")
    except h.PluginError as error:
        tell(h.describe_exception(error))
    """
    kind, _, message, file, line, *_ = run(folder, code)
    assert (kind, message) == ("refused", "refused the parameter gain=2")
    assert (file, line) == (str(folder / "plugin.py"), 5)
