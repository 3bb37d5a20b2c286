# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin sets for its thread, also in calls that are made beside that.

All of a plugin's calls are made by one thread, which nobody else uses: what it
sets with np.seterr(), decimal and contextvars holds, and hits no other plugin.
Only unlock() and the questions for caps come on threads of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any

import numpy as np

# NumPy 1 has its error state in the thread, NumPy 2 in a context variable.
_get_errors: Any = getattr(np, "geterrobj", None)
_set_errors: Any = getattr(np, "seterrobj", None)


class Surroundings:
    """What one plugin has set for its thread."""

    def __init__(self) -> None:
        self._context = Context()
        self._errors: list[Any] | None = None  # after the last call
        self._changes: list[Callable[[], Any]] = []
        self.changed: Callable[[], None] = lambda: None  # by a call beside

    def run(self, thread: Callable[[], None]) -> None:
        """All that the plugin's thread does."""
        self._context.run(thread)

    def on_this_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """A call where plugins have no threads of their own, as in the workbench."""
        if _get_errors is None:
            return self._context.run(function, *arguments)
        outer = [*_get_errors()]
        if self._errors is not None:
            _set_errors([*self._errors])
        try:
            return self._context.run(function, *arguments)
        finally:
            self._errors = [*_get_errors()]
            _set_errors(outer)

    def before_call(self) -> None:
        """On the plugin's thread: what was set beside it holds there as well."""
        while self._changes:
            self._changes.pop(0)()

    def after_call(self) -> None:
        if _get_errors is not None:
            self._errors = _get_errors()

    def beside(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls it on this thread, which is a new one, perhaps during a call.

        A context is for one thread at a time, so this is in a copy.
        """
        before = self._context.copy()
        copy = before.copy()
        try:
            return copy.run(self._with_errors, function, *arguments)
        finally:
            self._changes += [
                partial(variable.set, value)
                for variable, value in copy.items()
                if before.get(variable, before) is not value
            ]
            if self._changes:
                self.changed()

    def _with_errors(self, function: Callable[..., Any], *arguments: Any) -> Any:
        if _get_errors is None:
            return function(*arguments)
        if self._errors is not None:
            _set_errors([*self._errors])
        before = [*_get_errors()]
        try:
            return function(*arguments)
        finally:
            now = _get_errors()
            if now != before:
                self._changes.append(partial(_set_errors, now))
