# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a plugin declares something: asked only to say what is wrong with it."""

from __future__ import annotations

import ast
import inspect
import sys
from typing import Any

from ..reading import Unusable, read


def line_of(plugin: Any, name: str, file: str) -> tuple[str, int]:
    """(file, line) of what a plugin's class, or its module, binds to a name.

    The line is 0 where the source does not say, or is another one by now.
    """
    if inspect.ismodule(plugin):
        return file, _line_in(file, "", name)
    for cls in type(plugin).__mro__:
        if name in vars(cls):
            place = _file_of(cls) or file
            return place, _line_in(place, cls.__qualname__, name)
    return file, 0


def _file_of(cls: type) -> str | None:
    """Two plugins may each have a module of one name: code knows better."""
    for each in vars(cls).values():
        if inspect.isfunction(each) and each.__qualname__.startswith(cls.__qualname__):
            return each.__code__.co_filename
    return getattr(sys.modules.get(cls.__module__), "__file__", None)


def _line_in(file: str, cls: str, name: str) -> int:
    try:
        body = ast.parse(read(file)).body
    except (Unusable, OSError, SyntaxError, ValueError, RecursionError):
        return 0
    for part in filter(None, cls.split(".")):
        inside = [
            each
            for each in body
            if isinstance(each, ast.ClassDef) and each.name == part
        ]
        body = inside[-1].body if inside else []
    lines = [
        each.lineno
        for each in body
        if isinstance(each, (ast.Assign, ast.AnnAssign))
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
        if isinstance(target, ast.Name) and target.id == name
    ]
    return lines[-1] if lines else 0
