# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plain names of plugins' modules, for code that knows no namespace.

A module beside a plugin is `_pythonfilter_N.nets` to the import system, and
`nets` to itself, so that its classes say `nets` as well: pickle, inspect,
dataclasses, typing and importlib.import_module() look that up in sys.modules.
There it is the module itself as long as nobody else can mean another one by
that name. Otherwise it is a Shared, which is to each plugin its own module: who
asks is told by the frames on the stack. docs/decisions.md has the reasons.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
import threading
from collections.abc import Iterator
from types import FrameType, ModuleType
from typing import Any, Protocol

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
# Where base_plugin and the plugins that come with it are.
PLUGINS = os.path.dirname(_PACKAGE)


class Owner(Protocol):
    """A namespace: what one plugin's `import` looks into."""

    def might_have(self, head: str) -> bool:
        """Whether there is a module of that name beside the plugin."""

    def import_own(self, name: str) -> ModuleType:
        """The plugin's own module with this plain name."""


def asking(near: bool = False) -> Any:
    """The namespace whose code is on the stack, the innermost; None: no plugin's.

    `near`: only what called the import system, and not a library in between.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        # A plugin's code, and all that it defines, has builtins of its own.
        owner = getattr(frame.f_builtins.get("__import__"), "__self__", None)
        if hasattr(owner, "import_own"):
            return owner
        if near and not _imports(frame.f_code.co_filename):
            return None
        frame = frame.f_back
    if near:
        return None
    owner = getattr(_acting, "owner", None)
    # Not current_thread(), which makes an object for a thread that has none.
    thread = getattr(threading, "_active", {}).get(threading.get_ident())
    return owner or getattr(thread, _STARTED_BY, None)


# What a thread has that a plugin has started, itself or through a library: a
# process pool pickles what it was given on a thread of its own.
_STARTED_BY = "_pythonfilter_started_by"


def follow_threads() -> None:
    """Lets threads know whose they are."""
    start = threading.Thread.start
    if hasattr(start, "__wrapped__"):
        return

    @functools.wraps(start)
    def start_as(thread: threading.Thread) -> None:
        owner = asking()
        if owner is not None:
            setattr(thread, _STARTED_BY, owner)
        start(thread)

    setattr(threading.Thread, "start", start_as)


def _imports(file: str) -> bool:
    return (
        file.startswith("<frozen importlib")
        or file == importlib.__file__
        or file.startswith(_PACKAGE + os.sep)
    )


_acting = threading.local()


@contextlib.contextmanager
def acting_for(owner: Owner | None) -> Iterator[None]:
    """Within it this thread asks for `owner` where no plugin's code is running."""
    _acting.owner = owner
    try:
        yield
    finally:
        del _acting.owner


# What is asked of a module while others are imported through it. Anybody may
# ask for the other names with underscores, of every module that there is.
_USED = ("__path__", "__spec__")


class Shared(ModuleType):
    """Stands in sys.modules for several modules of one name."""

    def __init__(self, name: _Name) -> None:
        super().__init__(name.name)
        object.__setattr__(self, "_meant", name.meant)

    def __getattribute__(self, name: str) -> Any:
        used = name in _USED or not name.startswith("__")
        return getattr(object.__getattribute__(self, "_meant")(used), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(object.__getattribute__(self, "_meant")(True), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(object.__getattribute__(self, "_meant")(True), name)

    def __dir__(self) -> list[str]:
        return dir(object.__getattribute__(self, "_meant")(True))

    def __repr__(self) -> str:
        return repr(object.__getattribute__(self, "_meant")(False))


class _Name:
    """One name in sys.modules, and who means what by it."""

    def __init__(self, name: str, application: bool) -> None:
        self.name = name
        self.head = name.partition(".")[0]
        self.modules: dict[Owner, ModuleType] = {}
        # The owners that have a file of that name, which they may come to import.
        self.rivals: set[Owner] = set()
        # The application's module of that name; and whether there may still be one.
        self.outside: ModuleType | None = sys.modules.get(name)
        self.application = application
        self._shared: Shared | None = None

    def show(self) -> None:
        """Puts into sys.modules what is right now."""
        alone = self.outside is None and not self.application
        if not self.modules:
            del _names[self.name]
            if self.outside is not None:
                sys.modules[self.name] = self.outside
            else:
                sys.modules.pop(self.name, None)
        elif alone and len(self.modules) == 1 and self.rivals <= self.modules.keys():
            (sys.modules[self.name],) = self.modules.values()
        else:
            self._shared = self._shared or Shared(self)
            sys.modules[self.name] = self._shared

    def meant(self, used: bool) -> ModuleType:
        """The module that whoever asks means; `used`: and wants to have."""
        owner = asking()
        if owner in self.modules:
            return self.modules[owner]
        if owner is not None and owner.might_have(self.head):
            found: ModuleType = owner.import_own(self.name)
            return found
        if self.outside is None and self.application and used and self.modules:
            self.outside = self._import_outside()
        # A thread of nobody's, such as one that C code has made.
        for module in (self.outside, *self.modules.values()):
            if module is not None:
                return module
        raise ModuleNotFoundError(f"No module named {self.name!r}", name=self.name)

    def _import_outside(self) -> ModuleType | None:
        sys.modules.pop(self.name, None)
        try:
            return importlib.import_module(self.name)
        except ModuleNotFoundError:
            return None
        finally:
            if self._shared is not None:
                sys.modules[self.name] = self._shared


_names: dict[str, _Name] = {}
_owners: set[Owner] = set()
_lock = threading.RLock()


def open_owner(owner: Owner) -> None:
    """From here on it may mean modules of its own by any name."""
    with _lock:
        for name in list(_names.values()):
            if owner.might_have(name.head):
                name.rivals.add(owner)
                name.show()
        _owners.add(owner)


def close_owner(owner: Owner) -> None:
    """The modules of `owner` are nobody's any more."""
    with _lock:
        _owners.discard(owner)
        for name in list(_names.values()):
            name.modules.pop(owner, None)
            name.rivals.discard(owner)
            name.show()


def bind(name: str, owner: Owner, module: ModuleType, application: bool) -> None:
    """`module` is what `owner` means by `name`.

    `application`: others can import the same file by this name, as an
    application that lies beside the plugin.
    """
    with _lock:
        known = _names.get(name)
        if known is None:
            known = _names[name] = _Name(name, application)
            known.rivals = {each for each in _owners if each.might_have(known.head)}
        known.modules[owner] = module
        known.show()


def unbind(name: str, owner: Owner) -> None:
    """The module that `owner` means by `name` could not be loaded after all."""
    with _lock:
        known = _names.get(name)
        if known is not None and known.modules.pop(owner, None) is not None:
            known.show()


def show(name: str) -> None:
    """After the import system has put something else into sys.modules."""
    with _lock:
        if name in _names:
            _names[name].show()


def is_plugins(name: str) -> bool:
    """Whether sys.modules has it for a plugin."""
    return name in _names
