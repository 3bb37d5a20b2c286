# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loads each plugin file into a namespace of its own.

Plugins import helper modules that lie beside them with a plain `import`. Done
by sys.path, two folders' `helper.py` would become one module, a `json.py`
would replace the standard library for the whole process, and two `gain.py`
would be one plugin. So a plugin's file and its helpers become
`_pythonfilter_N.name`, and the plugin's own `import` statements look there
first (after the standard library). Nothing changes for any other code.
"""

from __future__ import annotations

import builtins
import functools
import importlib.machinery
import importlib.util
import itertools
import os
import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any

PREFIX = "_pythonfilter_"
HERE = os.path.dirname(os.path.abspath(__file__))
OUR_BASE_PLUGIN = os.path.join(HERE, "base_plugin.py")
# What it imports, each one before those that need it.
PARTS = ("base_plugin_buffer", "base_plugin_messages", "base_plugin_param")

_serial = itertools.count(1)
_namespaces: dict[str, Namespace] = {}
_plugin_folders: set[str] = set()  # also of plugins that are gone, for errors
# sys.path is read before and after a plugin's module runs, one at a time.
_loading = threading.RLock()


@functools.lru_cache(maxsize=None)
def base_plugin() -> ModuleType:
    """Our own base_plugin, even where the application has another one."""
    known = sys.modules.get("base_plugin")
    if known and _same_file(getattr(known, "__file__", None), OUR_BASE_PLUGIN):
        return known
    for name in PARTS:
        # sys.path may not lead here.
        sys.modules[name] = _run_ours(name)
    return _run_ours("base_plugin")


def _run_ours(name: str) -> ModuleType:
    path = os.path.join(HERE, f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _same_file(one: str | None, other: str) -> bool:
    return one is not None and os.path.realpath(one) == os.path.realpath(other)


def is_plugin_file(file: str) -> bool:
    return os.path.dirname(file) in _plugin_folders


def _print(*values: Any, file: Any = None, **options: Any) -> None:
    """print() of plugins: standard output belongs to the application."""
    builtins.print(*values, file=sys.stderr if file is None else file, **options)


class Namespace:
    """One plugin file, the helper modules beside it, and their `import`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = f"{PREFIX}{next(_serial)}"
        self.folders = [os.path.dirname(path)]
        self.builtins = {
            **vars(builtins),
            "__import__": self._import,
            "print": _print,
        }
        # Not looked for again: an import inside a method costs no file access.
        self._elsewhere: set[str] = set()
        self._paths_before = list(sys.path)
        package = ModuleType(self.name, "The modules of one plugin.")
        package.__path__ = []
        sys.modules[self.name] = package
        _namespaces[self.name] = self
        _plugin_folders.update(self.folders)

    def load(self) -> ModuleType:
        stem = os.path.splitext(os.path.basename(self.path))[0]
        name = f"{self.name}.{stem.replace('.', '_')}"
        with _loading:
            self._paths_before = list(sys.path)
            spec = importlib.util.spec_from_file_location(
                name, self.path, loader=_PrivateLoader(self, name, self.path)
            )
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            try:
                spec.loader.exec_module(module)
            finally:
                self.adopt_paths()
        return module

    def adopt_paths(self) -> None:
        """Takes what the plugin put on sys.path for itself as its own folders.

        NDA's plugins insert the parent of their folder, which would otherwise
        stay there for everybody.
        """
        home = self.folders[0]
        for entry in [each for each in sys.path if each not in self._paths_before]:
            folder = os.path.abspath(entry)
            if _related(folder, home):
                sys.path.remove(entry)
                if folder not in self.folders:
                    self.folders.append(folder)
                    _plugin_folders.add(folder)

    def files(self) -> list[str]:
        """Of the plugin and of the helpers that it has imported so far."""
        modules = [
            module
            for name, module in list(sys.modules.items())
            if _is_in(name, self.name)
        ]
        files = [getattr(module, "__file__", None) for module in modules]
        return [self.path] + [file for file in files if file]

    def forget(self) -> None:
        _namespaces.pop(self.name, None)
        for name in [each for each in sys.modules if _is_in(each, self.name)]:
            del sys.modules[name]

    def find(self, tail: str, folders: Sequence[str]) -> Any:
        for folder in folders:
            finder = importlib.machinery.FileFinder(
                folder,
                (
                    importlib.machinery.ExtensionFileLoader,
                    importlib.machinery.EXTENSION_SUFFIXES,
                ),
                (
                    functools.partial(_PrivateLoader, self),  # type: ignore[arg-type]
                    importlib.machinery.SOURCE_SUFFIXES,
                ),
            )
            spec = finder.find_spec(f"{self.name}.{tail}")
            if spec is not None:
                return spec
        return None

    def _search_folders(self) -> list[str]:
        new = [each for each in sys.path if each not in self._paths_before]
        related = [
            os.path.abspath(each)
            for each in new
            if _related(os.path.abspath(each), self.folders[0])
        ]
        return self.folders + related

    def find_module(self, tail: str, path: Sequence[str] | None) -> Any:
        return self.find(tail, path or self._search_folders())

    def _has(self, head: str) -> bool:
        if head in sys.stdlib_module_names:
            return False
        spec = self.find(head, self._search_folders())
        # Our own base_plugin, seen from a plugin in its folder, is shared.
        if spec is None or _same_file(spec.origin, OUR_BASE_PLUGIN):
            return False
        # A folder without __init__.py gives way to any module, as in PEP 420.
        return spec.loader is not None or (
            head not in sys.modules and importlib.util.find_spec(head) is None
        )

    def _import(
        self,
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> Any:
        head = name.partition(".")[0]
        if level == 0 and head not in self._elsewhere:
            private = f"{self.name}.{head}"
            if private in sys.modules or self._has(head):
                full = f"{self.name}.{name}"
                if fromlist:
                    return builtins.__import__(full, globals, locals, fromlist, 0)
                builtins.__import__(full, globals, locals)
                return sys.modules[private]
        found = builtins.__import__(name, globals, locals, fromlist, level)
        if level == 0:
            self._elsewhere.add(head)
        return found


class _PrivateLoader(importlib.machinery.SourceFileLoader):
    """Runs a module with its plugin's `import`, always from its source.

    No .pyc: it is keyed by whole seconds, so that a file saved twice in one
    would be stale, and a plugin's folder may not be ours to write to.
    """

    def __init__(self, namespace: Namespace, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._namespace = namespace

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self._namespace.builtins
        super().exec_module(module)


class _PrivateFinder:
    """Answers for `_pythonfilter_N.…` and for nothing else."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if not name.startswith(PREFIX):
            return None
        head, _, tail = name.partition(".")
        namespace = _namespaces.get(head)
        return namespace.find_module(tail, path) if namespace and tail else None


class _BasePluginFinder:
    """Answers for base_plugin when nobody else does."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "base_plugin":
            return None
        return importlib.machinery.ModuleSpec(name, cls)  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: Any) -> ModuleType:
        return base_plugin()

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        pass


class _SameBasePluginFinder(_BasePluginFinder):
    """Answers for base_plugin where sys.path would give a second copy of ours."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "base_plugin":
            return None
        found = importlib.machinery.PathFinder.find_spec(name)
        if found is None or not _same_file(found.origin, OUR_BASE_PLUGIN):
            return None
        return super().find_spec(name)


def install() -> None:
    """Adds the finders; they leave every other import alone."""
    finders: list[Any] = sys.meta_path
    if _PrivateFinder not in finders:
        finders[:0] = [_PrivateFinder, _SameBasePluginFinder]
        finders.append(_BasePluginFinder)


def _related(folder: str, home: str) -> bool:
    return _contains(folder, home) or _contains(home, folder)


def _contains(folder: str, inner: str) -> bool:
    return inner == folder or inner.startswith(folder.rstrip("/") + "/")


def _is_in(module: str, namespace: str) -> bool:
    return module == namespace or module.startswith(namespace + ".")
