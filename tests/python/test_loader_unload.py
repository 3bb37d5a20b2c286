# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left of a plugin that was unloaded, or never loaded: nothing."""

import pytest

import soak
from loader_program import PLUGIN, run

LOADS = soak.count(50, 200)

BIG = {
    "plugin.py": """
    import helper, tools.gains
    import sys; sys.path.insert(0, __file__.rsplit("/", 2)[0])
    from base_plugin import AudioProcessorPlugin
    class Plugin(AudioProcessorPlugin):
        table = list(range(1000))
        def process_audio(self, buffer):
            import late
            buffer.data *= 2
    """,
    "helper.py": "x = [object() for _ in range(100)]",
    "late.py": "",
    "tools/__init__.py": "",
    "tools/gains.py": "",
    "failing.py": "import helper\nimport tools.gains\n1 / 0\n",
}


@pytest.mark.parametrize("plugin", ["plugin.py", "failing.py"])
@pytest.mark.parametrize("ours", [True, False])
def test_nothing_is_left_after_unload(files, plugin, ours):
    folder = files({f"folder/{name}": source for name, source in BIG.items()})
    code = f"""
    def cycle():
        try:
            host = load("folder/{plugin}")
        except ZeroDivisionError:
            return
        gain(host)
        host.shutdown()
        host.unload()
    cycle()
    before = set(sys.modules), list(sys.path), len(sys.meta_path)
    cycle()
    tell([
        sorted(set(sys.modules) - before[0]),
        [each for each in sys.modules if each.startswith("_pythonfilter_")],
        sys.path == before[1], len(sys.meta_path) == before[2],
        len(loader._namespaces)])
    """
    assert run(folder, code, ours) == [[], [], True, True, 0]
    assert not list(folder.rglob("__pycache__"))


@pytest.mark.parametrize("plugin", ["plugin.py", "failing.py"])
@pytest.mark.parametrize("ours", [True, False])
def test_memory_is_flat_over_many_loads(files, plugin, ours):
    """At last: Python 3.13 and 3.14 fill caches of their own for some hundreds."""
    folder = files({f"folder/{name}": source for name, source in BIG.items()})
    code = f"""
    def cycle():
        try:
            host = load("folder/{plugin}")
        except ZeroDivisionError:
            return
        gain(host)
        host.shutdown()
        host.unload()
    def measure():
        gc.collect()
        return sys.getallocatedblocks(), len(gc.get_objects())
    def growth():
        before = measure()
        for _ in range({LOADS}):
            cycle()
        return [after - was for after, was in zip(measure(), before)]
    growth()  # what is loaded or freed once
    for _ in range(2000 // {LOADS}):
        grown = growth()
        if max(grown) < {LOADS} // 2:
            break
    tell(grown)
    """
    blocks, objects = run(folder, code, ours)
    assert blocks < LOADS // 2
    assert objects < LOADS // 2


def test_a_changed_file_is_read_anew(files):
    """Saved again within the second, with the same size."""
    folder = files({"plugin.py": "GAIN = 2" + PLUGIN})
    code = """
    first = load("plugin.py")
    text = open("plugin.py").read()
    open("plugin.py", "w").write(text.replace("GAIN = 2", "GAIN = 3"))
    tell([gain(first), gain(load("plugin.py"))])
    """
    assert run(folder, code) == [2, 3]
