# SPDX-License-Identifier: LGPL-2.1-or-later
"""How often a test does what it counts by the hundred or the thousand.

By default a few times, so that everything is tried while somebody waits; with
PYTHONFILTER_SOAK=1 (tests/run.sh --soak) as often as it takes to see what is
rare. docs/testing.md lists both numbers.
"""

import os

import pytest

SOAK = os.environ.get("PYTHONFILTER_SOAK", "0") not in ("", "0")


def count(few, many, variable=""):
    """`many` in a soak, else `few`; the number in a variable decides for both."""
    return int(os.environ.get(variable) or (many if SOAK else few))


def one_in(count):
    """Decorates a test of which each case starts processes, and tries the same way as
    the others: by default one of so many runs, and all where the test is asked for.
    """
    return pytest.mark.one_in(count)
