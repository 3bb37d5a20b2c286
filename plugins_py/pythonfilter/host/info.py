# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who a plugin is, as scan/describe.py reads it from the source."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from ..kinds import one_line


def info_of(plugin: object, module: ModuleType, told: object) -> dict[str, str]:
    """By what its get_info() told, if anything, then by its class and its module.

    They are called as the bridge calls them.
    """
    is_module = inspect.ismodule(plugin)
    place: Any = plugin if is_module else type(plugin)
    docs = [vars(place).get("__doc__"), module.__doc__]
    texts = [each.strip() for each in docs if isinstance(each, str)]
    written = {
        "title": "" if is_module else place.__name__,
        "version": getattr(module, "__version__", ""),
        "author": getattr(module, "__author__", ""),
        "description": next(filter(None, texts), "").partition("\n")[0],
    }
    return {
        key: one_line(getattr(told, "name" if key == "title" else key, ""))
        or one_line(text)
        for key, text in written.items()
    }
