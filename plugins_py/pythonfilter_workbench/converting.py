# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugins that change the format or the size: bytes in or out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .formats import INTERLEAVED, Samples, Setting

NAMES = ("input_caps", "output_caps", "get_output_caps", "get_input_caps")


def wants_conversion(plugin: object) -> bool:
    """True for plugins that declare caps or work on bytes."""
    if getattr(plugin, "as_bytes", False) is True:
        return True
    return any(getattr(plugin, name, None) is not None for name in NAMES)


def is_raw_audio(caps: str) -> bool:
    """True if these caps can be samples that the workbench makes."""
    return caps.strip() == "ANY" or caps.partition(",")[0].strip() == "audio/x-raw"


class Converter:
    """Shows a plugin bytes where it wants them, and checks what it gives."""

    def __init__(self, plugin: object) -> None:
        self._plugin = plugin
        self._declared = getattr(plugin, "input_caps", None)
        given = self._declared if isinstance(self._declared, str) else "audio/x-raw"
        # A plugin for encoded input gets bytes that mean nothing, and refuses
        # them in its own way; the workbench looks at how.
        self.raw_input = is_raw_audio(given)
        self._bytes = getattr(plugin, "as_bytes", False) is True or not self.raw_input
        self.output_caps = ""
        self.in_place = True

    def negotiate(self, setting: Setting) -> None:
        """What the elements ask and tell before start()."""
        given = setting.caps if self.raw_input else str(self._declared)
        ask = getattr(self._plugin, "get_output_caps", None)
        if callable(ask):
            caps = ask(given)
            if not isinstance(caps, str):
                raise TypeError(
                    f"get_output_caps() gave {type(caps).__name__}, not a str"
                )
        else:
            caps = getattr(self._plugin, "output_caps", None) or given
        self.output_caps = str(caps)
        self.in_place = self.output_caps == given
        self._setting = setting
        tell = getattr(self._plugin, "set_caps", None)
        if callable(tell):
            tell(given, self.output_caps)

    def show(self, buffer: Any) -> Samples:
        """Puts the view that such a plugin gets in ``buffer.data``."""
        if self._bytes:
            samples: Samples = buffer.data
            if self._setting.layout == INTERLEAVED:
                samples = samples.T
            memory = bytearray(samples.tobytes() or b"")
            shown: Samples = np.frombuffer(memory, np.uint8)
        else:
            shown = buffer.data
        shown.flags.writeable = self.in_place
        buffer.data = shown
        return shown

    def take(self, result: Any, shown: Samples | None) -> bytes:
        """Every kind of result as bytes; TypeError or ValueError if it is none."""
        if result is shown and not self.in_place:
            raise TypeError(
                f"gave nothing, but {self.output_caps} has to be made of its input"
            )
        if isinstance(result, (list, tuple)):
            return b"".join(self._bytes_of(each) for each in result)
        return self._bytes_of(result)

    @staticmethod
    def _bytes_of(piece: Any) -> bytes:
        if isinstance(piece, np.ndarray):
            return piece.tobytes()
        if isinstance(piece, (bytes, bytearray, memoryview)):
            return bytes(piece)
        raise TypeError(
            f"gave {type(piece).__name__}, not bytes, a bytearray, a memoryview, "
            "an array or a list of them"
        )
