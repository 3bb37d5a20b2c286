# SPDX-License-Identifier: LGPL-2.1-or-later
"""Methods that are called now and then: what base_plugin has as every."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

_LONGEST_MS = 24 * 3600 * 1000

Method = TypeVar("Method", bound=Callable[[Any], object])


def every(ms: float) -> Callable[[Method], Method]:
    """Has a method called so often, in ms, on a thread of its own::

        class Meter(AudioSinkPlugin):
            class State:
                peak: float

            @compiled
            def write_audio(data, params, state, stream):
                ...

            @every(100)
            def show(self):
                self.post("level", peak=self.state.peak)

    It is for what may take its time, as the stream does not wait for it: to post
    what a compiled method measures, to look after a file.  The calls begin with
    the first buffer, come only where buffers have come since the last one, and
    end before ``stop``; one that is late is left out, and two never overlap.
    All other methods may run meanwhile, and the audio method as well: each number
    of ``self.state`` is whole, but two may be those of two buffers.

    What it raises is a warning, and the next call comes all the same.
    """
    good = isinstance(ms, (int, float)) and not isinstance(ms, bool)
    if not (good and 1 <= ms <= _LONGEST_MS):
        given = "no number" if callable(ms) else repr(ms)
        raise TypeError(
            f"every() takes milliseconds, from 1 to {_LONGEST_MS}, as in @every(100), "
            f"and got {given}"
        )

    def mark(method: Method) -> Method:
        is_plain = inspect.isfunction(method)
        if not is_plain or inspect.iscoroutinefunction(method):
            raise TypeError(f"every({ms}) is for a plain method, not {method!r}")
        _check_arguments(method, ms)
        vars(method)["every_ms"] = float(ms)
        return method

    return mark


def _check_arguments(method: Callable[..., object], ms: float) -> None:
    try:
        inspect.signature(method).bind(None)
    except TypeError:
        given = ", ".join(inspect.signature(method).parameters)
        raise TypeError(
            f"{method.__name__}({given}) is called every {ms} ms with self, and "
            "nothing else"
        ) from None
