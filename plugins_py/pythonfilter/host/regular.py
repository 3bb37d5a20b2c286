# SPDX-License-Identifier: LGPL-2.1-or-later
"""The methods of a plugin that are to be called now and then: base_plugin's every.

They are known by what every() leaves in them, not by where that comes from.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple


class Regular(NamedTuple):
    """One of them, and how often it is called."""

    name: str
    interval_ns: int
    call: Callable[[], object]


def regular_methods(plugin: Any) -> list[Regular]:
    found = []
    kind = type(plugin)
    attributes: dict[str, object] = {}
    for each in () if inspect.ismodule(plugin) else reversed(kind.__mro__):
        attributes.update(vars(each))
    for name, method in sorted(attributes.items()):
        if not isinstance(method, FunctionType):
            continue
        ms = vars(method).get("every_ms")
        if isinstance(ms, float):
            call = method.__get__(plugin, kind)
            found.append(Regular(name, round(ms * 1e6), call))
    return found
