# SPDX-License-Identifier: LGPL-2.1-or-later
"""An exception as the record `failure`."""

from __future__ import annotations

from dataclasses import dataclass

from .. import failures, loader

from . import wire

Timeout: type[BaseException] = loader.base_plugin().PluginTimeout


@dataclass
class Failure:
    """One failure: what bridge.hpp calls so, kinds in words."""

    kind: str
    phase: str
    type: str = ""
    message: str = ""
    file: str = ""
    line: int = 0
    function: str = ""
    traceback: str = ""

    def fields(self) -> list[bytes]:
        """As they come in a record."""
        return [
            wire.encode(self.kind),
            wire.encode(self.phase),
            wire.encode(self.type),
            wire.encode(self.message),
            wire.encode(self.file),
            b"%d" % self.line,
            wire.encode(self.function),
            wire.encode(self.traceback),
        ]


def of(error: BaseException, phase: str) -> Failure:
    try:
        told = Failure("", phase)
        (
            told.kind,
            told.type,
            told.message,
            told.file,
            told.line,
            told.function,
            told.traceback,
        ) = failures.describe_exception(error)
    except BaseException:  # describing it raised as well
        return Failure(
            "interrupted" if isinstance(error, Timeout) else "raised",
            phase,
            type(error).__name__,
            "(an exception that cannot be shown)",
        )
    if isinstance(error, Timeout):
        told.kind = "interrupted"
    return told


def of_call(error: BaseException, phase: str) -> Failure:
    """Of anything but the audio method, which alone has a buffer to drop."""
    failure = of(error, phase)
    if failure.kind == "dropped":
        failure.kind = "raised"
    return failure
