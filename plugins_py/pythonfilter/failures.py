# SPDX-License-Identifier: LGPL-2.1-or-later
"""Failures: in one sentence, or as an exception of the plugin's code."""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, FunctionType
from typing import Any

from . import loader, names
from .brief import MOST_TEXT, cut, is_large, shown


@dataclass(eq=False)
class PluginError(Exception):
    """A failure that is told in one sentence and needs no traceback.

    kind: "not-found", "unusable", "refused" or "bad-result"; type: the class
    of exception it stands for, or "".
    """

    kind: str
    message: str
    file: str = ""
    line: int = 0
    function: str = ""
    type: str = ""
    details: str = ""  # more than the one sentence, for whoever asks

    def __str__(self) -> str:
        return self.message


def unusable(message: str, file: str, place: object = None) -> PluginError:
    """What is wrong with the plugin in `file`, at a function of it."""
    return PluginError("unusable", message, *place_of(place, file))


def place_of(thing: object, file: str) -> tuple[str, int, str]:
    """(file, line, function) of a function or method; `file` for all else."""
    function = inspect.unwrap(thing) if callable(thing) else None
    function = getattr(function, "__func__", function)
    if not isinstance(function, FunctionType):
        return file, 0, ""
    code = function.__code__
    return code.co_filename, code.co_firstlineno, function.__name__


# ---- exceptions -------------------------------------------------------------


# What base_plugin refuses, somebody else has asked for.
_MACHINERY = (
    os.path.join(names.PLUGINS, "base_plugin", ""),
    os.path.join(names.PLUGINS, "pythonfilter", ""),
    "<frozen ",
)
_MOST_FRAMES = 2000  # a plugin may set a limit of recursion of its own


def is_machinery(file: str) -> bool:
    return file.startswith(_MACHINERY)


def _own(summary: traceback.StackSummary) -> traceback.StackSummary:
    """Without the frames of ours and of the import machinery."""
    return traceback.StackSummary.from_list(
        [frame for frame in summary if not is_machinery(frame.filename)]
    )


def describe_exception(
    error: BaseException,
) -> tuple[str, str, str, str, int, str, str]:
    """(kind, type, message, file, line, function, traceback) of an exception."""
    kind, name, message, file, line, function, trace = _describe(error)
    return (
        kind,
        as_c_string(cut(name)),
        as_c_string(cut(message)),
        as_c_string(cut(file)),
        line,
        as_c_string(cut(function)),
        as_c_string(_cut_middle(trace)),
    )


def as_c_string(text: str) -> str:
    """Without NULs and lone surrogates, which UTF-8 and a GstMessage lack."""
    shown = text.replace("\0", "\\0").encode("utf-8", "backslashreplace")
    return shown.decode("utf-8")


def _describe(error: BaseException) -> tuple[str, str, str, str, int, str, str]:
    if isinstance(error, PluginError):
        return (
            error.kind,
            error.type,
            str(error),
            error.file,
            error.line,
            error.function,
            error.details or str(error),
        )
    name = type(error).__qualname__
    if type(error).__module__ not in ("builtins", "__main__"):
        name = f"{type(error).__module__}.{name}"
        name = name.removeprefix("base_plugin.")
        if name.startswith(loader.PREFIX):
            name = name.partition(".")[2]
    try:
        message = cut(_text_of(error))
    except BaseException as nested:  # its __str__ is the plugin's code as well
        message = f"(its __str__ raised {type(nested).__name__})"
    message = " ".join(message.split())
    if _is_called(error, "DropBuffer"):
        # Whoever sends bad packets decides how many, and a traceback is slow.
        return "dropped", name, message, "", 0, "", ""
    if _is_called(error, "CallFailed"):
        # base_plugin's, for a compiled method, of which there is no traceback.
        place = place_of(getattr(error, "function", None), "")
        return "refused", "", message, *place, message
    frames = _own(traceback.extract_tb(error.__traceback__, -_MOST_FRAMES))
    file, line, function = "", 0, ""
    if frames:
        last = _deepest_plugin_frame(frames)
        file, line, function = last.filename, last.lineno or 0, last.name
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
        message = error.msg if isinstance(error.msg, str) else shown(error.msg)
    kind = "end-of-stream" if _is_called(error, "EndOfStream") else "raised"
    return kind, name, message, file, line, function, _format(error, frames)


# The exceptions whose text is str() or repr() of what they were made with.
_OF_ARGUMENTS = (BaseException.__str__, KeyError.__str__, OSError.__str__)


def _is_endless(error: BaseException) -> bool:
    """Whether an exception has a text that would take long to make."""
    if isinstance(error, SyntaxError):
        return is_large((error.msg, error.filename, error.text), 2 * MOST_TEXT)
    told = error.args
    # A text by itself is there already.
    there = len(told) == 1 and type(told[0]) is str
    kind = type(error).__str__
    return (
        kind in _OF_ARGUMENTS
        and not (there and kind is BaseException.__str__)
        and is_large(told)
    )


def _text_of(error: BaseException) -> str:
    if _is_endless(error):
        return ", ".join(shown(each) for each in error.args[:10])
    return str(error)


def _is_called(error: BaseException, name: str) -> bool:
    """By name: a plugin may bring a base_plugin of its own."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def _deepest_plugin_frame(
    frames: traceback.StackSummary,
) -> traceback.FrameSummary:
    """The innermost line of the plugin's own folder, not of a library."""
    for frame in reversed(frames):
        if loader.is_plugin_file(frame.filename):
            return frame
    return frames[-1]


def _format(error: BaseException, frames: traceback.StackSummary) -> str:
    try:
        if not any(map(_is_endless, _chain(error))):
            whole = traceback.TracebackException.from_exception(
                error, limit=-_MOST_FRAMES
            )
            whole.stack = frames
            _cut_messages(whole)
            return _cut_middle("".join(whole.format()).rstrip())
    except BaseException:  # a repr in it raised
        pass
    return _cut_middle("".join(frames.format()).rstrip())


_CHAINED = (BaseException, traceback.TracebackException)


def _chain(error: Any) -> Iterator[Any]:
    """An exception, or a TracebackException, and those that it came from."""
    waiting, seen = [error], {id(error)}
    while waiting:
        each = waiting.pop()
        yield each
        others = [each.__cause__, each.__context__]
        others += getattr(each, "exceptions", None) or []
        for other in others:
            # There may be a hundred thousand: each is looked at once.
            if isinstance(other, _CHAINED) and id(other) not in seen:
                seen.add(id(other))
                waiting.append(other)


def _cut_middle(text: str) -> str:
    """A traceback without its middle: its first and last lines say most."""
    half = MOST_TEXT // 2
    more = len(text) - MOST_TEXT
    if more <= 0:
        return text
    return f"{text[:half]}\n… ({more} characters left out)\n{text[-half + 100:]}"


def _cut_messages(whole: traceback.TracebackException) -> None:
    """Shortens the texts of an exception, and of those that it came from."""
    for each in _chain(whole):
        each._str = cut(str(each._str))
        notes = getattr(each, "__notes__", None)
        notes = notes[:100] if isinstance(notes, (list, tuple)) else ()
        each.__notes__ = [
            cut(note) if isinstance(note, str) else shown(note) for note in notes
        ]


def stack_of_thread(thread: int) -> str:
    """Where a thread stands; for the warning about a call that hangs."""
    frame: FrameType | None = sys._current_frames().get(thread)
    if frame is None:
        return ""
    summary = _own(traceback.extract_stack(frame, _MOST_FRAMES))
    return "".join(summary.format()).rstrip()
