# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Python expects of a program that plugins count on: `__main__`, and children.

multiprocessing's spawn and forkserver start a Python that has to find by its
plain name what a plugin's function is called, or they try again for ever.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import loader
from . import names

_SPAWN = "multiprocessing.spawn"
_ours = False


def install(ours: bool) -> None:
    """`ours`: no application shares this Python, and nobody else is `__main__`."""
    global _ours
    finders: list[Any] = sys.meta_path
    if _SpawnFinder in finders:
        return
    _ours = ours
    finders.insert(0, _SpawnFinder)
    if _SPAWN in sys.modules:
        _teach(sys.modules[_SPAWN])
    if ours:
        _be_main(sys.modules["__main__"])


def _be_main(main: ModuleType) -> None:
    """A model that `python3 plugin.py` saved has classes of `__main__`."""

    def attribute(name: str) -> Any:
        asking = names.asking()
        if asking is not None and not name.startswith("__"):
            return getattr(asking.import_own(asking.stem), name)
        raise AttributeError(f"module '__main__' has no attribute {name!r}")

    vars(main)["__getattr__"] = attribute
    # A child would run it again as its own: the worker's, which no plugin knows.
    vars(main).pop("__file__", None)


class _SpawnFinder:
    """Finds multiprocessing.spawn as it is, and has a word with it."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if name != _SPAWN:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _teach(module)

            vars(spec.loader)["exec_module"] = exec_module
        return spec


def _teach(spawn: Any) -> None:
    prepare: Callable[[str], dict[str, Any]] = spawn.get_preparation_data

    def get_preparation_data(name: str) -> dict[str, Any]:
        data = prepare(name)
        folders = _folders()
        if folders and "sys_path" in data:
            data["sys_path"] = _with(folders, data["sys_path"])
        return data

    spawn.get_preparation_data = get_preparation_data


def _folders() -> list[str]:
    """Where the child has to look, because a plugin starts it."""
    asking = names.asking()
    if asking is not None:
        return list(asking.folders)
    return loader.all_folders() if _ours else []


def _with(folders: list[str], paths: list[str]) -> list[str]:
    """After the standard library, before what is installed, as for the plugin."""
    installed = ("site-packages", "dist-packages")
    first = next(
        (i for i, path in enumerate(paths) if os.path.basename(path) in installed),
        len(paths),
    )
    return [*paths[:first], *folders, *paths[first:], names.PLUGINS]
