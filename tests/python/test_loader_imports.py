# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which modules a plugin file gets, as the contract's section Module says."""

import textwrap

import pytest

from loader_program import PLUGIN, run
from processes import PLUGINS, run_without_gstreamer

NDA = """
import os, sys
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from base_plugin import AudioProcessorPlugin, AudioBuffer
class Plugin(AudioProcessorPlugin):
    def process_audio(self, buffer):
        buffer.data *= GAIN
        return True
GAIN = 0.5
"""
OWN_BASE = """
class AudioBuffer: pass
class AudioProcessorPlugin:
    home = {home!r}
"""
OWN_GAIN = """
import sys; sys.path.insert(0, __file__.rsplit("/", 2)[0])
from base_plugin import AudioProcessorPlugin
class Plugin(AudioProcessorPlugin):
    def process_audio(self, buffer):
        buffer.data *= len(self.home)
"""


def test_nda_file_gets_our_base_plugin(files):
    folder = files({"plugins/gain.py": NDA})
    assert (
        run(
            folder,
            """
        paths = list(sys.path)
        host = load("plugins/gain.py")
        base = type(host.plugin).__mro__[1]
        ours = base.__module__ == "base_plugin" and sys.modules["base_plugin"].__file__
        tell([gain(host), ours, sys.path == paths])
        """,
        )
        == [0.5, str(PLUGINS / "base_plugin" / "__init__.py"), True]
    )


def test_nda_file_gets_the_base_plugin_of_its_parent_folder(files):
    """Two plugins with two different ones, in one process."""
    folder = files(
        {
            "one/base_plugin.py": OWN_BASE.format(home="x" * 3),
            "one/plugins/gain.py": OWN_GAIN,
            "two/base_plugin.py": OWN_BASE.format(home="x" * 5),
            "two/plugins/gain.py": OWN_GAIN,
            "gain.py": "from base_plugin import *\nGAIN = 7" + PLUGIN,
        }
    )
    assert (
        run(
            folder,
            """
        paths = list(sys.path)
        hosts = [load(f"{each}gain.py") for each in ("one/plugins/", "two/plugins/", "")]
        tell([*map(gain, hosts), sys.path == paths])
        """,
        )
        == [3, 5, 7, True]
    )


# Where else our own base_plugin can be found, which must not become a second one.
ON_SYS_PATH = {
    "nowhere": ("sys.path.remove(loader.names.PLUGINS)", ""),
    "by the application": ("", ""),
    "imported by the application": ("import base_plugin", ""),
    "by the plugin": (
        "sys.path.remove(loader.names.PLUGINS)",
        f"import sys; sys.path.insert(0, {str(PLUGINS)!r})",
    ),
}


@pytest.mark.parametrize("where", ON_SYS_PATH)
def test_buffer_is_an_instance_of_our_audio_buffer(files, where):
    application, plugin = ON_SYS_PATH[where]
    source = """
    from base_plugin import AudioBuffer
    class Plugin:
        def process_audio(self, buffer):
            buffer.data[:] = isinstance(buffer, AudioBuffer)
    """
    folder = files({"plugin.py": plugin + textwrap.dedent(source)})
    assert run(folder, application + '\ntell(gain(load("plugin.py")))') == 1


def test_nothing_needs_numpy_before_the_venv_is_known():
    code = """
from pythonfilter.host import plugin
assert "numpy" not in sys.modules
"""
    # Of an interpreter of its own, as others are copies of one that has NumPy.
    result = run_without_gstreamer(code, PYTHONHASHSEED=1)
    assert result.code == 0, result.err


IMPORTS = {
    "module": ("import helper; GAIN = helper.GAIN", {"helper.py": "GAIN = 5"}),
    "from": ("from helper import GAIN", {"helper.py": "GAIN = 5"}),
    "star": ("from helper import *", {"helper.py": "GAIN = 5"}),
    "as": ("import helper as other; GAIN = other.GAIN", {"helper.py": "GAIN = 5"}),
    "helper's helper": (
        "from helper import GAIN",
        {"helper.py": "from deeper import GAIN", "deeper.py": "GAIN = 5"},
    ),
    "relative": ("from .helper import GAIN", {"helper.py": "GAIN = 5"}),
    "relative module": (
        "from . import helper; GAIN = helper.GAIN",
        {"helper.py": "GAIN = 5"},
    ),
    "package": ("from tools import GAIN", {"tools/__init__.py": "GAIN = 5"}),
    "submodule": (
        "import tools.gains; GAIN = tools.gains.GAIN",
        {"tools/__init__.py": "", "tools/gains.py": "GAIN = 5"},
    ),
    "submodule as": (
        "import tools.gains as gains; GAIN = gains.GAIN",
        {"tools/__init__.py": "", "tools/gains.py": "GAIN = 5"},
    ),
    "submodule from": (
        "from tools.gains import GAIN",
        {"tools/__init__.py": "", "tools/gains.py": "GAIN = 5"},
    ),
    "submodule through package": (
        "from tools import gains; GAIN = gains.GAIN",
        {"tools/__init__.py": "", "tools/gains.py": "GAIN = 5"},
    ),
    "inside a package": (
        "from tools import GAIN",
        {"tools/__init__.py": "from .gains import GAIN", "tools/gains.py": "GAIN = 5"},
    ),
    "package by its own name": (
        "import tools.one; GAIN = tools.one.GAIN",
        {
            "tools/__init__.py": "",
            "tools/one.py": "from tools.two import GAIN",
            "tools/two.py": "GAIN = 5",
        },
    ),
    "folder without __init__": (
        "from tools.gains import GAIN",
        {"tools/gains.py": "GAIN = 5"},
    ),
    "installed module before a folder without __init__": (
        "import scipy; GAIN = 5 if hasattr(scipy, '__version__') else 0",
        {"scipy/notes.py": ""},
    ),
    "importlib": (
        "import importlib; GAIN = importlib.import_module('.helper', __package__).GAIN",
        {"helper.py": "GAIN = 5"},
    ),
    "circle": (
        "import helper; GAIN = helper.get()",
        {
            "helper.py": "import other\ndef get(): return other.GAIN",
            "other.py": "import helper\nGAIN = 5",
        },
    ),
    "parent on sys.path": (
        "import sys, os; sys.path.append(os.path.join(os.path.dirname(__file__), '..'))\n"
        "from above import GAIN",
        {"../above.py": "GAIN = 5"},
    ),
    "subfolder on sys.path": (
        "import sys, os; sys.path.insert(0, os.path.dirname(__file__) + '/lib')\n"
        "from below import GAIN",
        {"lib/below.py": "GAIN = 5"},
    ),
    "one name twice": (
        "from gain import GAIN  # not this file",
        {"gain/__init__.py": "GAIN = 5"},
    ),
    "standard library first": (
        "import json; GAIN = 5 if hasattr(json, 'loads') else 0",
        {"json.py": "1/0"},
    ),
    "standard library, late": (
        "import numpy.linalg, colorsys; GAIN = 5 * hasattr(colorsys, 'rgb_to_hls')",
        {"colorsys.py": "1/0", "re.py": "1/0", "struct.py": "1/0"},
    ),
}


@pytest.mark.parametrize("how", IMPORTS)
def test_import_beside_the_plugin(files, how):
    statement, helpers = IMPORTS[how]
    folder = files(
        {"folder/plugin.py": statement + "\n" + PLUGIN}
        | {f"folder/{name}": source for name, source in helpers.items()}
    )
    assert (
        run(
            folder,
            """
        paths = list(sys.path)
        host = load("folder/plugin.py")
        tell([gain(host), sys.path == paths])
        """,
        )
        == [5, True]
    )


def test_import_inside_a_method(files):
    """Long after loading, and after another plugin with the same names."""
    source = """
    class Plugin:
        def process_audio(self, buffer):
            import helper
            from tools.gains import GAIN
            buffer.data *= GAIN + helper.GAIN
    """
    folder = files(
        {
            f"{name}/{file}": text
            for name, number in (("one", 1), ("two", 20))
            for file, text in {
                "gain.py": source,
                "helper.py": f"GAIN = {number}",
                "tools/__init__.py": "",
                "tools/gains.py": f"GAIN = {number}",
            }.items()
        }
    )
    assert (
        run(
            folder,
            """
        hosts = [load("one/gain.py"), load("two/gain.py")]
        tell([gain(host) for host in hosts + hosts])
        """,
        )
        == [2, 40, 2, 40]
    )


def test_import_inside_a_method_looks_at_no_folder_again(files):
    source = """
    class Plugin:
        def process_audio(self, buffer):
            import numpy, helper
            buffer.data *= helper.GAIN
    """
    folder = files({"plugin.py": source, "helper.py": "GAIN = 5"})
    code = """
    host = load("plugin.py")
    gain(host)
    loader.Namespace.find = None
    tell(gain(host))
    """
    assert run(folder, code) == 5


def test_same_file_twice_shares_nothing(files):
    source = """
    import helper
    class Plugin:
        def process_audio(self, buffer):
            helper.COUNT += 1
            buffer.data *= helper.COUNT
    """
    folder = files({"plugin.py": source, "helper.py": "COUNT = 0"})
    assert (
        run(
            folder,
            """
        one, two = load("plugin.py"), load("plugin.py")
        tell([gain(one), gain(one), gain(two)])
        """,
        )
        == [1, 2, 1]
    )


def test_other_code_keeps_what_is_installed(files):
    """A plugin's helpers have no name there that means something else."""
    folder = files(
        {
            "plugin.py": "import helper, scipy; GAIN = scipy.GAIN" + PLUGIN,
            "helper.py": "",
            "scipy.py": "GAIN = 5",
            "colorsys.py": "1/0",
        }
    )
    assert (
        run(
            folder,
            """
        sys.path[:] = [each for each in sys.path if each]
        host = load("plugin.py")
        import colorsys, importlib.util
        found = ["scipy" in sys.modules, hasattr(sys.modules["helper"], "GAIN")]
        import scipy
        found.append(hasattr(scipy, "GAIN"))
        result = gain(host)
        host.unload()
        found += ["helper" in sys.modules, importlib.util.find_spec("helper") is not None]
        tell([result, found])
        """,
        )
        == [5, [False] * 5]
    )


def test_a_folder_from_elsewhere_stays_on_sys_path(files):
    """What a plugin adds that is not about its own folder is its business."""
    folder = files(
        {
            "plugins/plugin.py": "import sys; sys.path.append('/somewhere/else')\n"
            "GAIN = 1" + PLUGIN
        }
    )
    assert (
        run(folder, 'load("plugins/plugin.py"); tell(sys.path[-1])')
        == "/somewhere/else"
    )
