# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loads each plugin file into a namespace of its own.

Plugins import helper modules that lie beside them with a plain `import`. Done
by sys.path, two folders' `helper.py` would become one module, a `json.py`
would replace the standard library for the whole process, and two `gain.py`
would be one plugin. So a plugin's file and its helpers become
`_pythonfilter_N.name`, and the plugin's own `import` statements look there
first (after the standard library). To themselves, and to libraries that look a
class up by its module's name, they are called `name` (names.py).
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib.machinery
import importlib.util
import itertools
import os
import sys
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, ContextManager

from . import names

PREFIX = "_pythonfilter_"
OUR_BASE_PLUGIN = os.path.join(names.PLUGINS, "base_plugin", "__init__.py")

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
    # The parts of our base_plugin are found by its name, which may be another one's,
    # and which is to be ours only once somebody imports it and finds no other.
    others = _take_out("base_plugin")
    try:
        spec = importlib.util.spec_from_file_location("base_plugin", OUR_BASE_PLUGIN)
        assert spec is not None and spec.loader is not None
        sys.modules["base_plugin"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        parts = _take_out("base_plugin")
        sys.modules.update(others or parts)
        if not others:
            del sys.modules["base_plugin"]
    return module


def _take_out(package: str) -> dict[str, ModuleType]:
    """Removes a package and what is in it from sys.modules."""
    return {name: sys.modules.pop(name) for name in _modules_in(package)}


def _same_file(one: str | None, other: str) -> bool:
    return one is not None and os.path.realpath(one) == os.path.realpath(other)


def is_plugin_file(file: str) -> bool:
    return os.path.dirname(file) in _plugin_folders


def all_folders() -> list[str]:
    """The folders of all plugins that are loaded, those of the first one first."""
    namespaces = list(_namespaces.values())
    return list(dict.fromkeys(each for one in namespaces for each in one.folders))


def all_files() -> list[str]:
    """The files of all plugins that are loaded, and of their helpers."""
    return [file for one in list(_namespaces.values()) for file in one.files()]


def _print(*values: Any, file: Any = None, **options: Any) -> None:
    """print() of plugins: standard output belongs to the application."""
    builtins.print(*values, file=sys.stderr if file is None else file, **options)


class Namespace:
    """One plugin, the helper modules beside it, and their `import`.

    `path` is that of a file, or of a folder that is a package.
    """

    def __init__(self, path: str) -> None:
        if os.path.basename(path) == "__init__.py":
            path = os.path.dirname(path)
        self.is_package = os.path.isdir(path)
        self.path = os.path.join(path, "__init__.py") if self.is_package else path
        self.name = f"{PREFIX}{next(_serial)}"
        stem = os.path.basename(path)
        self.stem = stem if self.is_package else os.path.splitext(stem)[0]
        # Where a link leads to comes first: Python itself looks only there.
        homes = [os.path.dirname(each) for each in (os.path.realpath(path), path)]
        self.folders: list[str] = list(dict.fromkeys(homes))
        self._homes = tuple(self.folders)
        self.builtins = {
            **vars(builtins),
            "__import__": self._import,
            "print": _print,
        }
        # Not looked for again: an import inside a method costs no file access.
        self._elsewhere: set[str] = set()
        # What is to be as it is for this plugin while a module of its own runs.
        self.around: Callable[[str], ContextManager[None]] | None = None
        # Whether what lies beside the plugin has its plain name for others too.
        self._public: dict[str, bool] = {}
        self._paths_before = list(sys.path)
        package = ModuleType(self.name, "The modules of one plugin.")
        package.__path__ = []
        sys.modules[self.name] = package
        _namespaces[self.name] = self
        _plugin_folders.update(self.folders)
        if self.is_package:
            _plugin_folders.update((path, os.path.realpath(path)))
        names.open_owner(self)

    def load(self) -> ModuleType:
        name = f"{self.name}.{self.stem.replace('.', '_')}"
        with _loading:
            self._paths_before = list(sys.path)
            spec = importlib.util.spec_from_file_location(
                name,
                self.path,
                loader=_PrivateLoader(self, name, self.path),
                submodule_search_locations=(
                    [os.path.dirname(self.path)] if self.is_package else None
                ),
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
        for entry in [each for each in sys.path if each not in self._paths_before]:
            folder = os.path.abspath(entry)
            if self._is_near(folder):
                sys.path.remove(entry)
                if folder not in self.folders:
                    self.folders.append(folder)
                    _plugin_folders.add(folder)

    def _is_near(self, folder: str) -> bool:
        return any(
            _contains(folder, home) or _contains(home, folder) for home in self._homes
        )

    def files(self) -> list[str]:
        """The files of the plugin and of the helpers that it has imported so far."""
        modules = _modules_in(self.name).values()
        files = [getattr(module, "__file__", None) for module in modules]
        return [self.path] + [file for file in files if file]

    def forget(self) -> None:
        """Nothing of it is left for others to find."""
        names.close_owner(self)
        _namespaces.pop(self.name, None)
        for name in _modules_in(self.name):
            del sys.modules[name]

    # -- its modules

    def find(self, tail: str, folders: Sequence[str]) -> Any:
        for folder in folders:
            finder = importlib.machinery.FileFinder(
                folder,
                (
                    functools.partial(_PrivateExtension, self),  # type: ignore[arg-type]
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
        new = [os.path.abspath(e) for e in sys.path if e not in self._paths_before]
        return self.folders + [each for each in new if self._is_near(each)]

    def find_module(self, tail: str, path: Sequence[str] | None) -> Any:
        return self.find(tail, path or self._search_folders())

    def might_have(self, head: str) -> bool:
        """Whether something beside the plugin has that name."""
        return any(
            os.path.exists(os.path.join(folder, name))
            for folder in self.folders
            for name in (f"{head}.py", head)
        )

    def _spec_of(self, head: str) -> Any:
        """What lies beside the plugin and is meant by `head`: its spec; None: nothing."""
        if head in sys.stdlib_module_names:
            return None
        spec = self.find(head, self._search_folders())
        # Our own base_plugin, seen from a plugin in its folder, is shared.
        if spec is None or _same_file(spec.origin, OUR_BASE_PLUGIN):
            return None
        # A folder without __init__.py gives way to any module, as in PEP 420.
        others = spec.loader is None and (
            head in sys.modules
            and not names.is_plugins(head)
            or _found_elsewhere(head) is not None
        )
        return None if others else spec

    def has(self, head: str) -> bool:
        """Whether the plugin means a module of its own by this name."""
        return f"{self.name}.{head}" in sys.modules or self._spec_of(head) is not None

    def import_own(self, name: str) -> ModuleType:
        """The module that the plugin means by this name."""
        full = f"{self.name}.{name}"
        known = sys.modules.get(full)
        return known if known is not None else self._import_full(full)

    def _import_full(self, full: str) -> ModuleType:
        try:
            builtins.__import__(full)
            return sys.modules[full]
        except ModuleNotFoundError as error:
            if not _is_in(error.name or "", self.name):
                raise
            plain = self.plain(error.name or "")
            raise ModuleNotFoundError(
                f"No module named {plain!r}", name=plain
            ) from None

    def plain(self, full: str) -> str:
        """The name without this namespace's."""
        return full[len(self.name) + 1 :]

    def run(self, module: ModuleType, execute: Callable[[], object]) -> None:
        """Executes a module under the name that its classes are to have."""
        full = module.__spec__.name if module.__spec__ else module.__name__
        name = self.plain(full)
        public = self.is_public(name)
        if public:
            self._show_parents(name)
            module.__name__ = name
            names.bind(name, self, module, self._is_applications(name))
        head = module.__name__.partition(".")[0]
        try:
            with self.around(head) if self.around else contextlib.nullcontext():
                execute()
        except BaseException:
            if public:
                names.unbind(name, self)
            raise

    def _show_parents(self, name: str) -> None:
        """Folders without __init__.py, which nobody executes."""
        while name := name.rpartition(".")[0]:
            parent = sys.modules.get(f"{self.name}.{name}")
            if parent is not None and parent.__name__ != name:
                parent.__name__ = name
                names.bind(name, self, parent, False)

    def is_public(self, name: str) -> bool:
        """Whether others may know a module by its plain name.

        Not if they mean another file by it.
        """
        head = name.partition(".")[0]
        if head not in self._public:
            self._public[head] = self._may_be_public(head)
        return self._public[head]

    def _may_be_public(self, head: str) -> bool:
        if head in sys.stdlib_module_names or head in (
            "base_plugin",
            "numpy",
            "__main__",
        ):
            return False
        if head in sys.modules and not names.is_plugins(head):
            origin = getattr(sys.modules[head], "__file__", None)
        else:
            spec = _found_elsewhere(head)
            origin = spec.origin if spec is not None and spec.loader else None
            if origin is None:
                return True
        return self._is_own_file(head, origin)

    def _is_own_file(self, head: str, origin: str | None) -> bool:
        return origin is not None and os.path.realpath(origin) in {
            os.path.realpath(os.path.join(folder, name))
            for folder in self.folders
            for name in (f"{head}.py", os.path.join(head, "__init__.py"))
        }

    def _is_applications(self, name: str) -> bool:
        """Whether an application can import the same file by this name."""
        head = name.partition(".")[0]
        known = head in sys.modules and not names.is_plugins(head)
        return not _ours and (known or _found_elsewhere(head) is not None)

    # -- its `import`

    def _import(
        self,
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> Any:
        if level:
            package = (globals or {}).get("__package__") or ""
            if fromlist and _is_in(package, self.name):
                full = importlib.util.resolve_name("." * level + name, package)
                return self._import_from(full, fromlist)
            return builtins.__import__(name, globals, locals, fromlist, level)
        head = name.partition(".")[0]
        if head not in self._elsewhere and self.has(head):
            full = f"{self.name}.{name}"
            if fromlist:
                return self._import_from(full, fromlist)
            self._import_full(full)
            return sys.modules[f"{self.name}.{head}"]
        found = builtins.__import__(name, globals, locals, fromlist, level)
        self._elsewhere.add(head)
        return found

    def _import_from(self, full: str, fromlist: Sequence[str]) -> ModuleType:
        """With the submodules among what is wanted, as Python's own does it.

        Python's own would ask for them by the module's plain name.
        """
        module = self._import_full(full)
        if not hasattr(module, "__path__"):
            return module
        wanted = list(fromlist)
        if "*" in wanted:
            wanted += getattr(module, "__all__", ())
        for name in wanted:
            inner = f"{full}.{name}"
            if name == "*" or hasattr(module, name):
                continue
            try:
                builtins.__import__(inner)
            except ModuleNotFoundError as error:
                if error.name != inner:
                    raise
            # In a circle of imports it is there before its package knows it.
            if inner in sys.modules and not hasattr(module, name):
                setattr(module, name, sys.modules[inner])
        return module


class _PrivateLoader(importlib.machinery.SourceFileLoader):
    """Runs a module with its plugin's `import`, always from its source.

    No .pyc: it is keyed by whole seconds, so that a file saved twice in one
    would be stale, and a plugin's folder may not be ours to write to.
    """

    def __init__(self, namespace: Namespace, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._namespace = namespace

    def get_filename(self, name: str | None = None) -> str:
        """Whichever of its two names it is called by."""
        return str(self.path)

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename()
        return self.source_to_code(self.get_data(path), path)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__builtins__"] = self._namespace.builtins
        code = self.get_code("")
        self._namespace.run(module, lambda: exec(code, vars(module)))


class _PrivateExtension(importlib.machinery.ExtensionFileLoader):
    """Runs a module that was compiled."""

    def __init__(self, namespace: Namespace, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._namespace = namespace

    def exec_module(self, module: ModuleType) -> None:
        execute = super().exec_module
        self._namespace.run(module, lambda: execute(module))


class _PrivateFinder:
    """Answers for `_pythonfilter_N.…` and for nothing else."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if not name.startswith(PREFIX):
            return None
        head, _, tail = name.partition(".")
        namespace = _namespaces.get(head)
        return namespace.find_module(tail, path) if namespace and tail else None


class _PlainFinder:
    """Answers for plain names, where a plugin asks for its own modules.

    That is `importlib.import_module("nets")` in a plugin's code, for the one that
    is asked first (`near`). The one that is asked last does so also for libraries
    that a plugin's code calls: pickle, which reads a model whose class is there.
    """

    def __init__(self, near: bool) -> None:
        self._near = near

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        head = name.partition(".")[0]
        if not _namespaces or head in sys.stdlib_module_names or head == "base_plugin":
            return None
        namespace = names.asking(self._near)
        if (
            namespace is None
            or not namespace.has(head)
            or not namespace.is_public(head)
        ):
            return None
        loader: Any = _PlainLoader(namespace)
        return importlib.machinery.ModuleSpec(name, loader)


class _PlainLoader:
    """Gives the module that there is, or is made, in a namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._spec: Any = None

    def create_module(self, spec: Any) -> ModuleType:
        module = self._namespace.import_own(spec.name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        name = module.__spec__.name if module.__spec__ else ""
        module.__spec__ = self._spec
        names.show(name)


def _found_elsewhere(name: str) -> Any:
    """The spec of what a name is without plugins; None: nothing."""
    finder: Any
    for finder in list(sys.meta_path):
        ours = isinstance(finder, (_PlainFinder, _BasePluginFinder))
        if ours or finder is _PrivateFinder:
            continue
        # This finder knows of distutils alone, and fills Python's caches at each
        # question.
        if type(finder).__module__ == "_distutils_hack":
            continue
        find = getattr(finder, "find_spec", None)
        spec = find(name, None) if find is not None else None
        if spec is not None:
            return spec
    return None


class _BasePluginFinder:
    """Answers for base_plugin: `first`, where sys.path would give a second copy of
    ours, or else when nobody else does."""

    def __init__(self, first: bool) -> None:
        self._first = first

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "base_plugin":
            return None
        if self._first:
            found = importlib.machinery.PathFinder.find_spec(name)
            if found is None or not _same_file(found.origin, OUR_BASE_PLUGIN):
                return None
        return importlib.machinery.ModuleSpec(name, self)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> ModuleType:
        return base_plugin()

    def exec_module(self, module: ModuleType) -> None:
        pass


_ours = False


def install(ours: bool) -> None:
    """Adds the finders; they leave every other import alone.

    `ours`: no application shares this Python.
    """
    global _ours
    _ours = ours
    names.follow_threads()
    finders: list[Any] = sys.meta_path
    if _PrivateFinder not in finders:
        first = _BasePluginFinder(first=True), _PlainFinder(near=True)
        finders[:0] = [_PrivateFinder, *first]
        finders += [_BasePluginFinder(first=False), _PlainFinder(near=False)]


def _contains(folder: str, inner: str) -> bool:
    return inner == folder or inner.startswith(folder.rstrip("/") + "/")


def _modules_in(namespace: str) -> dict[str, ModuleType]:
    start = namespace + "."
    return {
        name: module
        for name, module in list(sys.modules.items())
        if name.startswith(start) or name == namespace
    }


def _is_in(module: str, namespace: str) -> bool:
    return module == namespace or module.startswith(namespace + ".")
