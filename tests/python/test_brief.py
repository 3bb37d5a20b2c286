# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin gives is counted before a text is made of it."""

import builtins
import collections
import tracemalloc

import numpy as np
import pytest

from pythonfilter import brief, failures

HUGE = 5_000_000


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def in_itself():
    value = {}
    value["it"] = [value]
    return value


LARGE = {
    "text": ("x" * HUGE, "str of length 5000000: 'xxx"),
    "bytes": (bytes(HUGE), "bytes of length 5000000: b'"),
    "bytearray": (bytearray(HUGE), "bytearray of length 5000000"),
    "number": (1 << HUGE, "int of 5000001 bits"),
    "unwritable": (10**4400, "int of 14617 bits"),
    "list": ([1] * HUGE, "list of length 5000000"),
    "nested": (nested(100_000), "list of length 1, too large to show"),
    "in-itself": (in_itself(), "dict of length 1, too large to show"),
    "dict": (dict.fromkeys(range(100_000)), "dict of length 100000"),
    "key": ({"x" * HUGE: 1}, "dict of length 1"),
    "deque": (collections.deque([bytes(HUGE)]), "deque of length 1"),
    "array": (np.zeros(HUGE, "u1"), "ndarray of length 5000000"),
    "inner": ([[["x" * HUGE]]], "list of length 1"),
}


@pytest.fixture(autouse=True)
def nothing_is_made_of_it():
    """Of what is large here, a text would be larger than anything else."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("kind", LARGE)
def test_what_is_large_is_told_and_not_shown(kind):
    value, says = LARGE[kind]
    assert brief.is_large(value)
    assert brief.shown(value).startswith(says)
    assert len(brief.shown(value)) < 600


class Unable:
    def __repr__(self):
        raise ValueError("no")


@pytest.mark.parametrize(
    "value, text",
    [
        ("x", "'x'"),
        ([1, (2.5, {"a": None})], "[1, (2.5, {'a': None})]"),
        (range(10**18), "range(0, 1000000000000000000)"),
        (np.zeros(100_000), repr(np.zeros(100_000))),
        (Unable(), "Unable (its repr() raised ValueError)"),
    ],
)
def test_what_is_not_is_shown(value, text):
    assert brief.shown(value) == text


def told(error):
    """What is said of an exception: (message, traceback)."""
    kind, type, message, file, line, function, trace = failures.describe_exception(
        error
    )
    return message, trace


def raised(make, *values, cause=None):
    try:
        raise make(*values) from cause
    except Exception as error:
        return error


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("make", [ValueError, KeyError, OSError])
def test_an_exception_of_it_is_told(make, kind):
    value, says = LARGE[kind]
    message, trace = told(raised(make, 1, value))
    assert message.startswith(f"1, {says}") and len(message) < 700
    assert "in raised" in trace and len(trace) < 20_000


def test_a_text_by_itself_is_cut_as_ever():
    error = raised(ValueError, LARGE["text"][0])
    message, trace = told(error)
    assert message.startswith("xxx") and message.endswith("(4983666 characters more)")


@pytest.mark.parametrize("way", ["cause", "group", "note"])
def test_what_comes_with_it_is_no_longer(way):
    large = raised(ValueError, LARGE["bytes"][0])
    if way == "cause":
        error = raised(ValueError, "short", cause=large)
    elif way == "group":
        group = getattr(builtins, "ExceptionGroup", None)
        if group is None:
            pytest.skip("there is none before Python 3.11")
        error = raised(group, "short", [large])
    else:
        error = raised(ValueError, "short")
        error.__notes__ = [LARGE["bytes"][0]]
    message, trace = told(error)
    assert message.startswith("short")
    assert "in raised" in trace and len(trace) < 20_000


def test_a_syntax_error_may_say_anything():
    error = SyntaxError("x")
    error.filename, error.msg = "file.py", LARGE["list"][0]
    message, trace = told(error)
    assert message == "list of length 5000000, too large to show"
