# SPDX-License-Identifier: LGPL-2.1-or-later
"""An exception as the record `failure`."""

from __future__ import annotations

from dataclasses import astuple, dataclass

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
        return [wire.encode(str(each)) for each in astuple(self)]

    def record(self) -> bytes:
        """What answers a call that failed."""
        return wire.pack([b"failure", *self.fields()])


def of(error: BaseException, phase: str) -> Failure:
    try:
        description = failures.describe_exception(error)
        told = Failure(description[0], phase, *description[1:])
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
    """A failure of anything but the audio method, which alone has a buffer to drop."""
    failure = of(error, phase)
    if failure.kind == "dropped":
        failure.kind = "raised"
    return failure
