# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's logging as GStreamer's debug category `pythonplugin`.

Where the element started Python, everything that is logged goes there. In a
Python application only what a plugin's own loggers say does: those that are
called like one of its modules (`logging.getLogger(__name__)`), or below. The
application's handlers get that as well, as if we were not there.

Nothing is queued: what a plugin logged last before it hangs or crashes is what
matters. `log` gives the GIL away meanwhile, as writing to a file does.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

from . import loader
from . import names
from .brief import cut

# (level, file, line, function, text); shows whose call runs on the thread, or
# the element that it was made for.
Log = Callable[[int, str, int, str, str], None]


# A threshold from here on: the category shows nothing at all. What is logged is
# then shown as if there were no handler of ours.
OFF = 1000


class CategoryHandler(logging.Handler):
    """Hands records to `log`."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def handle(self, record: logging.LogRecord) -> bool:
        """Without the handler's lock: `log` may wait for others."""
        passed = self.filter(record)
        if passed:
            # From Python 3.12 on a filter may put another record in its place.
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            self._log(
                record.levelno,
                cut(str(record.pathname)),
                record.lineno,
                cut(record.funcName or ""),
                cut(text).replace("\0", "\\0"),
            )
        except Exception:
            self.handleError(record)


class _AnyoneHandler(CategoryHandler):
    """For loggers of nobody in particular: libraries, and the root's own."""

    def handle(self, record: logging.LogRecord) -> bool:
        if _threshold >= OFF:
            return _show_as_python_does(record, self)
        # Plugins have handlers of their own, which send records on to here.
        return not hasattr(record, _SHOWN) and super().handle(record)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.name == "root" else f"{record.name}: {text}"


# What a record has that a plugin's own handler has seen.
_SHOWN = "_pythonfilter_shown"


class _PluginHandler(CategoryHandler):
    """For the loggers of one plugin's modules."""

    def __init__(self, log: Log, threshold: int) -> None:
        super().__init__(log)
        # Not this handler's level: what is below it goes on as well.
        self.threshold = threshold

    def handle(self, record: logging.LogRecord) -> bool:
        # A logger that was asked for by its name may be another plugin's.
        asking = _plugins.get(getattr(names.asking(), "name", ""))
        handler = asking.handler if asking is not None else self
        setattr(record, _SHOWN, True)
        passed = record.levelno >= handler.threshold and CategoryHandler.handle(
            handler, record
        )
        # As propagation does, which would not ask for the application's level.
        root = logging.getLogger()
        if record.levelno >= root.level and (
            _ours or root.handlers or handler.threshold >= OFF
        ):
            root.callHandlers(record)
        return passed


def _show_as_python_does(record: logging.LogRecord, us: logging.Handler) -> bool:
    """On standard error from WARNING on, unless somebody else has a handler."""
    last = logging.lastResort
    if last is None or record.levelno < last.level:
        return False
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        if any(not isinstance(each, CategoryHandler) for each in logger.handlers):
            return False
        logger = logger.parent
    return bool(last.handle(record))


class _Loggers:
    """The loggers of one plugin, which are called like its modules.

    Another plugin's, and the application's, may be called the same.
    """

    def __init__(self, log: Log, threshold: int) -> None:
        self.handler: _PluginHandler = _PluginHandler(log, threshold)
        self._own: dict[str, dict[str, Any]] = {}

    @contextlib.contextmanager
    def named(self, head: str) -> Iterator[None]:
        """Within it `head`, and what is below it, are this plugin's loggers."""
        others = _take(head)
        _known().update(self._own.get(head, {}))
        if head not in self._own:
            self._open(head)
        try:
            yield
        finally:
            self._own[head] = _take(head)
            # Whoever had the name first is whom everybody else means.
            _known().update(others or self._own[head])

    def _open(self, head: str) -> None:
        logger = logging.getLogger(head)
        logger.propagate = False
        logger.addHandler(self.handler)
        # What neither the category nor the application shows is not even made.
        if self.handler.threshold < logging.getLogger().level:
            logger.setLevel(self.handler.threshold)

    def change_threshold(self, threshold: int) -> None:
        self.handler.threshold = threshold
        below_root = threshold < logging.getLogger().level
        for head, own in self._own.items():
            own[head].setLevel(threshold if below_root else logging.NOTSET)

    def close(self) -> None:
        """Takes the loggers back, which Python would otherwise keep for ever."""
        for head, own in self._own.items():
            if _known().get(head) is own.get(head):
                _take(head)


def _known() -> dict[str, Any]:
    return logging.Logger.manager.loggerDict


def _take(head: str) -> dict[str, Any]:
    """What logging has of this name, and below, and has no more."""
    return {
        name: _known().pop(name)
        for name in list(_known())
        if name == head or name.startswith(head + ".")
    }


_ours = False
_anyone: _AnyoneHandler | None = None
_plugins: dict[str, _Loggers] = {}  # by the names of their namespaces
_threshold = OFF  # when the last plugin was loaded
_root_level = -1  # that we set; -1: none yet


def install(ours: bool, log: Log) -> None:
    """Once, before the first plugin. `ours`: no application shares this Python."""
    global _ours, _anyone
    _ours = ours
    _anyone = _AnyoneHandler(log)
    if ours:
        # Not a handler of the root's: logging.basicConfig() would see that there
        # is one, and do nothing.
        above = logging.Logger("above the root")
        above.addHandler(_anyone)
        logging.getLogger().parent = above
        logging.basicConfig = _basic_config


def _basic_config(
    *, _configure: Callable[..., None] = logging.basicConfig, **options: Any
) -> None:
    """Not where logging.warning() calls it, because the root has no handler.

    That would show each record a second time, and is as good as our own.
    """
    if options or sys._getframe(1).f_globals is not vars(logging):
        _configure(**options)


def set_threshold(threshold: int) -> None:
    """Before each plugin: the least level that the category shows now."""
    global _root_level, _threshold
    _threshold = threshold
    root = logging.getLogger()
    if _ours and (_root_level < 0 or root.level == _root_level):
        # Not above Python's own: a plugin may have handlers of its own.
        _root_level = min(threshold, logging.WARNING)
        root.setLevel(_root_level)


def open_plugin(namespace: loader.Namespace, log: Log) -> None:
    """Before a plugin's file runs."""
    loggers = _plugins[namespace.name] = _Loggers(log, _threshold)
    namespace.around = loggers.named


def change_threshold(name: str, threshold: int) -> None:
    """The least level that a plugin, which open_plugin() was called for, shows now."""
    if name in _plugins:
        _plugins[name].change_threshold(threshold)


def open_module(name: str) -> None:
    """As open_plugin(), for a module that is everybody's."""
    if not _ours and _anyone is not None:
        logging.getLogger(name).addHandler(_anyone)


def close_plugin(namespace: loader.Namespace) -> None:
    """The loggers of a plugin are nobody's any more."""
    namespace.around = None
    loggers = _plugins.pop(namespace.name, None)
    if loggers is not None:
        loggers.close()
