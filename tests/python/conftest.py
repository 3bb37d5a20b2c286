# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets the tests import base_plugin, as the element does for plugins.

And cleans this process's environment before any of them: see processes.py.
"""

import pathlib
import sys
import textwrap

import pytest

import processes  # noqa: F401  (cleans it)

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "plugins_py"))
# So that an assertion which fails there shows its values, as in a test.
pytest.register_assert_rewrite("contract", "shipped_plugins")


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
