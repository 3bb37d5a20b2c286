# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's logging as GStreamer's debug category `pythonplugin`.

Where the element started Python, everything that is logged goes there. In a
Python application only what a plugin's own loggers say does: those below the
name of its module (`logging.getLogger(__name__)`). The application's handlers
get that as well, as if we were not there.

Nothing is queued: what a plugin logged last before it hangs or crashes is what
matters. `log` gives the GIL away meanwhile, as writing to a file does.
"""

from __future__ import annotations

import logging
from typing import Callable

import pythonfilter_loader as loader

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
                str(record.pathname),
                record.lineno,
                record.funcName or "",
                text.replace("\0", "\\0"),
            )
        except Exception:
            self.handleError(record)


class _AnyoneHandler(CategoryHandler):
    """For loggers of nobody in particular: libraries, and the root's own."""

    def handle(self, record: logging.LogRecord) -> bool:
        if _threshold >= OFF:
            return _show_as_python_does(record, self)
        # Plugins have handlers of their own, which send records on to here.
        return not record.name.startswith(loader.PREFIX) and super().handle(record)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.name == "root" else f"{record.name}: {text}"


class _PluginHandler(CategoryHandler):
    """For the loggers of one plugin's modules."""

    def __init__(self, log: Log, threshold: int) -> None:
        super().__init__(log)
        # Not this handler's level: what is below it goes on as well.
        self.threshold = threshold

    def handle(self, record: logging.LogRecord) -> bool:
        passed = record.levelno >= self.threshold and super().handle(record)
        # As propagation does, which would not ask for the application's level.
        root = logging.getLogger()
        if record.levelno >= root.level and (root.handlers or self.threshold >= OFF):
            root.callHandlers(record)
        return passed


def _show_as_python_does(record: logging.LogRecord, us: logging.Handler) -> bool:
    """On standard error from WARNING on, unless somebody else has a handler."""
    last = logging.lastResort
    if last is None or record.levelno < last.level:
        return False
    if any(handler is not us for handler in logging.getLogger().handlers):
        return False
    return bool(last.handle(record))


_ours = False
_anyone: _AnyoneHandler | None = None
_threshold = OFF  # when the last plugin was loaded
_root_level = -1  # that we set; -1: none yet


def install(ours: bool, log: Log) -> None:
    """Once, before the first plugin. `ours`: no application shares this Python."""
    global _ours, _anyone
    _ours = ours
    _anyone = _AnyoneHandler(log)
    if ours:
        logging.getLogger().addHandler(_anyone)


def set_threshold(threshold: int) -> None:
    """Before each plugin: the least level that the category shows now."""
    global _root_level, _threshold
    _threshold = threshold
    root = logging.getLogger()
    if _ours and (_root_level < 0 or root.level == _root_level):
        # Not above Python's own: a plugin may have handlers of its own.
        _root_level = min(threshold, logging.WARNING)
        root.setLevel(_root_level)


def open_plugin(name: str, log: Log) -> None:
    """Before a plugin's file, a module below `name`, runs."""
    logger = logging.getLogger(name)
    logger.propagate = False
    logger.addHandler(_PluginHandler(log, _threshold))
    # What neither the category nor the application shows is not even made.
    if _threshold < logging.getLogger().level:
        logger.setLevel(_threshold)


def change_threshold(name: str, threshold: int) -> None:
    """Of a plugin that open_plugin() was called for."""
    logger = logging.getLogger(name)
    for handler in logger.handlers:
        if isinstance(handler, _PluginHandler):
            handler.threshold = threshold
    below_root = threshold < logging.getLogger().level
    logger.setLevel(threshold if below_root else logging.NOTSET)


def open_module(name: str) -> None:
    """The same for a module that is everybody's."""
    if not _ours and _anyone is not None:
        logging.getLogger(name).addHandler(_anyone)


def close_plugin(name: str) -> None:
    """Its loggers would otherwise stay for ever, as Python keeps them all."""
    known = logging.Logger.manager.loggerDict
    for each in list(known):
        if each == name or each.startswith(name + "."):
            del known[each]
