# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages and links among the plugins of a folder, and what makes no element."""

import os
import re
import shutil
import textwrap
import time

import pytest

from plugin_folder import SOURCE, SOURCE_PLUGIN, inspect, names
from processes import launch

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
        place = (
            rf"{re.escape(str(folder))}/{name}:\d+: makes no element: it has a create_"
        )
        assert re.search(place, text)
    for name in HELPERS:
        assert f"{folder}/{name}" not in text
    for entry in ("here/plugins", ".."):
        assert (
            f"{entry}: is no absolute path, as those in GST_PYTHONFILTER_PATH" in text
        )
