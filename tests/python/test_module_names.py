# SPDX-License-Identifier: LGPL-2.1-or-later
"""A module beside a plugin, as libraries know it: by its plain name."""

import json
import textwrap

import pytest

from application import run_application
from loader_program import PLUGIN, run
from processes import launch, run_python

LINE = "audiotestsrc num-buffers=1 ! pythonfilter script={} isolation={} ! fakesink"
ISOLATIONS = ["none", "process"]
NETS = """
import dataclasses, typing
class Net:
    def __init__(self, gain): self.gain = gain
@dataclasses.dataclass
class Layer:
    net: "Net"
    kind: "typing.ClassVar[int]" = 1
"""
TRAIN = "import pickle, nets; pickle.dump(nets.Net({}), open('model.pkl', 'wb'))"


def play(folder, isolation="none", plugin="plugin.py", timeout=30, **env):
    """What a plugin put into the file `said`, by append()."""
    env = {"SAID": folder / "plugin.py"} | env
    result = launch(LINE.format(folder / plugin, isolation), timeout=timeout, **env)
    assert result.code == 0, result.err
    assert result.out == b""
    return json.loads((folder / "said").read_text())


SAY = """
import json, pathlib
def say(value):
    pathlib.Path(__file__).with_name("said").write_text(json.dumps(value))
"""


def plugin(code, before="", after=""):
    """A plugin that runs code in initialize() and says its `said`."""
    return (
        SAY
        + textwrap.dedent(before)
        + "\nclass Plugin:\n    def process_audio(self, buffer): pass\n"
        + "    def initialize(self):\n"
        + textwrap.indent(textwrap.dedent(code), " " * 8)
        + "\n        say(said)\n"
        + textwrap.dedent(after)
    )


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_model_that_python_saved_loads(files, isolation):
    source = plugin("said = pickle.load(open(__file__[:-9] + 'model.pkl', 'rb')).gain")
    for first in ("import pickle, nets", "import pickle"):
        folder = files({"nets.py": NETS, "plugin.py": first + source})
        assert run_python(TRAIN.format(0.5), cwd=folder).code == 0
        assert play(folder, isolation) == 0.5


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_model_that_a_plugin_saved_loads_in_python(files, isolation):
    source = plugin(
        "said = [pickle.dumps(each).hex() for each in (nets.Net(2), Own())]"
    )
    own = "class Own: gain = 3\n"
    folder = files(
        {"nets.py": NETS, "plugin.py": "import pickle, nets\n" + own + source}
    )
    code = "import pickle, sys; sys.stdout.write(str([pickle.loads(bytes.fromhex(each)).gain for each in sys.argv[1:]]))"
    assert run_python(code, *play(folder, isolation), cwd=folder).out == b"[2, 3]"


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_model_that_the_plugin_as_a_program_saved_loads(files, isolation):
    """Its class is one of `__main__`."""
    source = """
    import pickle
    class Net: gain = 4
    if __name__ == "__main__":
        pickle.dump(Net(), open("model.pkl", "wb"))
    """
    source = textwrap.dedent(source) + plugin(
        "said = pickle.load(open(__file__[:-9] + 'model.pkl', 'rb')).gain"
    )
    folder = files({"plugin.py": source})
    code = "import runpy; runpy.run_path('plugin.py', run_name='__main__')"
    program = (
        "import sys, subprocess; subprocess.check_call([sys.executable, 'plugin.py'])"
    )
    assert code and run_python(program, cwd=folder).code == 0
    assert play(folder, isolation) == 4


LOOK_UPS = {
    "import_module": "importlib.import_module('nets') is nets",
    "a submodule by import_module": "importlib.import_module('tools.gains').GAIN == 5",
    "one that nobody imported": "importlib.import_module('late').GAIN == 6",
    "sys.modules": "sys.modules['nets'] is nets",
    "itself": "sys.modules[__name__].Plugin is Plugin",
    "reload": "importlib.reload(nets) is nets",
    "find_spec": "importlib.util.find_spec('nets').origin == nets.__file__",
    "getsource": "inspect.getsource(nets.Net).startswith('class Net')",
    "getfile": "inspect.getfile(nets.Net) == nets.__file__",
    "getmodule": "inspect.getmodule(nets.Net) is nets",
    "get_type_hints": "typing.get_type_hints(nets.Layer)['net'] is nets.Net",
    "dataclass": "[each.name for each in dataclasses.fields(nets.Layer)] == ['net']",
    "name": "(__name__, nets.__name__, nets.Net.__module__) == ('plugin', 'nets', 'nets')",
    "resource": "pkgutil.get_data('tools', 'text.txt') == b'text'",
    "package in a circle": "tools.first.second.first is tools.first",
    "what is not there": "missing('nothing') == missing('nets.nothing') == 2",
}
PACKAGE = {
    "nets.py": NETS,
    "late.py": "GAIN = 6",
    "tools/__init__.py": "from . import first",
    "tools/first.py": "from . import second",
    "tools/second.py": "from . import first",
    "tools/gains.py": "GAIN = 5",
    "tools/text.txt": "text",
}


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_look_up_by_name_finds_the_module_beside_the_plugin(files, isolation):
    before = """
    import dataclasses, importlib, importlib.util, inspect, pkgutil, sys, typing
    import nets, tools
    def missing(name):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            return 2 if error.name == name and "_pythonfilter" not in str(error) else 1
    """
    checks = "".join(f"    {how!r}: {what},\n" for how, what in LOOK_UPS.items())
    code = "said = {\n" + checks + "}"
    folder = files(PACKAGE | {"plugin.py": plugin(code, before)})
    assert play(folder, isolation) == dict.fromkeys(LOOK_UPS, True)


# ---- who is meant, where several mean something --------------------------------

SEVERAL = """
import pickle, sys
{}
class Plugin:
    def __init__(self):
        self.saved = open({!r}, "rb").read()
    def process_audio(self, buffer):
        import importlib
        net = pickle.loads(self.saved)
        module = importlib.import_module("nets")
        assert type(net) is module.Net and module.__file__ == {!r}
        assert pickle.loads(pickle.dumps(module.Net(7))).gain == 7
        assert sys.modules["nets"].Net is module.Net
        buffer.data *= module.FACTOR * net.gain
"""


@pytest.mark.parametrize("first", ["import nets", ""])
@pytest.mark.parametrize("ours", [True, False])
def test_each_plugin_finds_its_own_of_the_same_name(files, ours, first):
    """Two called plugin.py with a nets.py each, and one of them twice."""
    sources = {}
    for name, factor in (("one", 2), ("two", 30)):
        nets = f"FACTOR = {factor}" + NETS
        path = str(files({}) / name)
        source = SEVERAL.format(first, path + "/model.pkl", path + "/nets.py")
        sources |= {f"{name}/nets.py": nets, f"{name}/plugin.py": source}
    folder = files(sources)
    for name in ("one", "two"):
        assert run_python(TRAIN.format(0.5), cwd=folder / name).code == 0
    code = """
    hosts = [load(f"{each}/plugin.py") for each in ("one", "two", "one")]
    first = [gain(host) for host in hosts + hosts]
    hosts[1].unload()
    second = [gain(hosts[0]), gain(hosts[2])]
    hosts[0].unload()
    second.append(gain(hosts[2]))
    hosts[2].unload()
    tell([first, second, [n for n in sys.modules if n in ("nets", "plugin")]])
    """
    assert run(folder, code, ours) == [[1, 15, 1] * 2, [1, 1, 1], []]


def test_plugin_and_application_have_a_module_of_one_file(files):
    """Each has its own, and whoever asks by the name gets it."""
    source = plugin(
        "nets.Net.gain, said = 1, [pickle.loads(pickle.dumps(nets.Net(9))).gain,"
        " type(pickle.loads(pickle.dumps(nets.Net(9)))) is nets.Net]",
        "import pickle, nets",
    )
    folder = files({"nets.py": NETS, "plugin.py": source})
    code = """
    import pickle, sys
    sys.path.insert(0, {!r})
    {}
    pipeline, p = make("audiotestsrc ! pythonfilter name=p script={}/plugin.py ! fakesink")
    pipeline.set_state(Gst.State.READY)
    import nets
    mine = nets.Net(5)
    same = [pickle.loads(pickle.dumps(mine)).gain, hasattr(nets.Net, "gain"),
            type(pickle.loads(pickle.dumps(mine))) is nets.Net]
    pipeline.set_state(Gst.State.NULL)
    import nets as after
    tell(same + [type(mine) is after.Net, sys.modules["nets"].__file__ == nets.__file__])
    """
    for first in ("import nets", ""):
        told = run_application(folder, code.format(str(folder), first, folder))
        assert told == [5, False, True, True, True]
        assert json.loads((folder / "said").read_text()) == [9, True]


def test_library_is_never_replaced_by_what_lies_beside_a_plugin(files):
    """Not for others, and not by what a library imports in a plugin's call."""
    folder = files(
        {
            "lib/library.py": "def late():\n    import colorsys, other\n    return other.GAIN",
            "lib/other.py": "GAIN = 3",
            "plugin/other.py": "GAIN = 100",
            "plugin/colorsys.py": "1/0",
            "plugin/plugin.py": "import library, other\n"
            "GAIN = library.late() + other.GAIN" + PLUGIN,
        }
    )
    code = """
    sys.path.append("lib")
    host = load("plugin/plugin.py")
    import other
    tell([gain(host), other.GAIN, sys.modules["other"].__file__.endswith("lib/other.py")])
    """
    assert run(folder, code) == [103, 3, True]


# ---- processes -------------------------------------------------------------------

WORK = "import base_plugin, nets\ndef work(x): return nets.Net(x * 2)\n"
CHILDREN = """
import concurrent.futures, multiprocessing, nets
from helper import work
def own(x): return x + 1
"""


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_find_the_plugins_functions(files, isolation, how):
    code = f"""
    context = multiprocessing.get_context({how!r})
    with context.Pool(1) as pool:
        said = [pool.apply(own, (1,)), pool.apply(work, (2,)).gain]
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        net = pool.submit(work, 3).result()
        said += [net.gain, type(net) is nets.Net]
    """
    folder = files(
        {"helper.py": WORK, "nets.py": NETS, "plugin.py": plugin(code, CHILDREN)}
    )
    assert play(folder, isolation) == [2, 4, 6, True]


@pytest.mark.parametrize("other", ["one", "two"])
def test_pools_of_two_elements(files, other):
    """Each pickles on a thread of the pool's, and makes up for ended children."""
    code = """
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        made = [pool.apply(work, (each,)) for each in (1, 2)]
        said = [net.gain for net in made] + [type(net) is nets.Net for net in made]
    """
    beside = {"helper.py": WORK, "nets.py": NETS, "plugin.py": plugin(code, CHILDREN)}
    folder = files(
        {f"{each}/{name}": beside[name] for each in ("one", "two") for name in beside}
    )
    result = launch(
        f"audiotestsrc num-buffers=1 ! pythonfilter script={folder}/one/plugin.py ! "
        f"pythonfilter script={folder}/{other}/plugin.py ! fakesink"
    )
    assert result.code == 0, result.err
    for each in {"one", other}:
        assert json.loads((folder / each / "said").read_text()) == [2, 4, True, True]


# ---- where things lie ------------------------------------------------------------


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_linked_plugin_finds_what_is_beside_its_target_and_beside_the_link(
    files, isolation
):
    folder = files(
        {
            "checkout/echo.py": "import helper, beside, pathlib\n"
            + plugin("said = [helper.GAIN, beside.GAIN]"),
            "checkout/helper.py": "GAIN = 2",
            "plugins/helper.py": "GAIN = 100",
            "plugins/beside.py": "GAIN = 3",
        }
    )
    (folder / "plugins/plugin.py").symlink_to("../checkout/echo.py")
    assert play(folder / "plugins", isolation) == [2, 3]


REVERB = {
    "reverb/__init__.py": "from .core import Reverb",
    "reverb/core.py": """
    from base_plugin import AudioProcessorPlugin
    from . import tables
    from reverb.tables import GAIN
    import beside
    class Reverb(AudioProcessorPlugin):
        def initialize(self):
            from .late import say
            say([tables.GAIN, GAIN, beside.GAIN, type(self).__module__])
        def process_audio(self, buffer): pass
    """,
    "reverb/tables.py": "GAIN = 2",
    "reverb/late.py": SAY.replace("__file__", "os.environ['SAID']").replace(
        "json,", "json, os,"
    ),
    "beside.py": "GAIN = 3",
}


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("script", ["reverb", "reverb/", "reverb/__init__.py"])
def test_package_is_a_plugin(files, script, isolation):
    folder = files(REVERB)
    assert play(folder, isolation, script) == [2, 2, 3, "reverb.core"]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_linked_package_is_a_plugin(files, isolation):
    folder = files({f"checkout/{name}": text for name, text in REVERB.items()})
    (folder / "link").symlink_to("checkout/reverb")
    assert play(folder, isolation, "link") == [2, 2, 3, "link.core"]


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_package_is_loaded_anew_when_a_module_of_it_is_saved(files, isolation):
    core = REVERB["reverb/core.py"].replace("from reverb.tables", "from .tables")
    folder = files(REVERB | {"reverb/core.py": core})
    code = f"""
    os.environ["SAID"] = "{folder}/reverb"
    pipeline, p = make("audiotestsrc is-live=true ! pythonfilter name=p reload=true "
                       "script={folder}/reverb isolation={isolation} ! fakesink")
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_state(10 * Gst.SECOND)
    open("{folder}/reverb/tables.py", "w").write("GAIN = 77")
    wait(pipeline, Gst.MessageType.ELEMENT)
    pipeline.set_state(Gst.State.NULL)
    tell(json.load(open("{folder}/said")))
    """
    assert run_application(folder, code) == [77, 77, 3, "reverb.core"]
