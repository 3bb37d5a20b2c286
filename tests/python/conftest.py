# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets the tests import base_plugin, as the element does for plugins.

And cleans this process's environment before any of them: see processes.py.
"""

import pathlib
import sys
import textwrap

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "plugins_py"), str(HERE / "support")]

import processes  # noqa: E402, F401  (cleans it)
import soak  # noqa: E402

# So that an assertion which fails there shows its values, as in a test.
pytest.register_assert_rewrite("contract", "shipped_plugins")

# So that with several at a time none is left alone with one of these at the end.
LONGEST = (
    *("test_exit.py", "test_docs.py", "test_devices.py", "test_examples.py"),
    *("test_encryption.py", "test_references.py", "test_launch_lines.py"),
    *("test_workers_die.py", "test_steady_state.py", "test_sframe_plugins.py"),
)


def pytest_configure(config):
    config.addinivalue_line("markers", "one_in(count): see soak.py")


def pytest_collection_modifyitems(config, items):
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))
    if not soak.SOAK:
        tests = {}
        for item in items:
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
        # Who asks for a test has all of it.
        asked = {argument.partition("[")[0] for argument in config.args}
        left_out = {
            item
            for test, cases in tests.items()
            if test not in asked
            for item in not_by_default(cases)
        }
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=[*left_out])


def not_by_default(cases):
    other = in_the_other_isolation(cases)
    return other + of_many([case for case in cases if case not in other])


def in_the_other_isolation(cases):
    """Where there are many cases in both isolations, each has one of them by turns."""
    which = getattr(cases[0], "callspec", None)
    if not which or "isolation" not in which.params:
        return []
    return [item for item, number in zip(cases, numbers(cases)) if number % 2]


def of_many(cases):
    """All but each so-manieth, where the test says so (soak.one_in)."""
    marker = cases[0].get_closest_marker("one_in")
    return [item for i, item in enumerate(cases) if marker and i % marker.args[0]]


def numbers(items):
    """For each what its parameters are, as numbers, in sum; 0 if there is only one."""
    columns = set()  # one alone of those that are always together
    for name in items[0].callspec.params:
        values = [id(item.callspec.params[name]) for item in items]
        first = [*dict.fromkeys(values)]
        columns.add(tuple(map(first.index, values)))
    several = [column for column in columns if any(column)]
    return map(sum, zip(*several)) if len(several) > 1 else [0] * len(items)


@pytest.fixture
def files(tmp_path):
    """files({"a/gain.py": source, …}) writes them below one folder, its result."""

    def write(sources):
        for name, source in sources.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source))
        return tmp_path

    return write


@pytest.fixture(scope="module")
def server():
    """A server, whose workers know nothing of those of other files."""
    from worker_host import WorkerHost

    with WorkerHost() as host:
        yield host


@pytest.fixture(scope="module")
def worker(server):
    return server.spawn()


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
