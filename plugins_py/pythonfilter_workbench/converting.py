# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugins that change the format or the size: bytes in or out."""

from __future__ import annotations

from typing import Any

import numpy as np

from pythonfilter_host import Host

from .formats import INTERLEAVED, Samples, Setting


def is_raw_audio(caps: str) -> bool:
    """True if these caps can be samples that the workbench makes."""
    first = caps.partition(",")[0].partition("(")[0].strip()
    return first in ("", "ANY", "audio/x-raw")


class Converter:
    """Shows a plugin bytes where it wants them, and checks what it gives.

    ``caps`` are those of encoded input, which the workbench cannot make up: such
    a plugin gets bytes that mean nothing, and refuses them in its own way.
    """

    def __init__(self, host: Host, caps: str) -> None:
        self._host = host
        self._given = caps or host.input_caps
        self.raw_input = is_raw_audio(self._given)
        self._bytes = host.as_bytes or not self.raw_input
        self.input_caps = self.output_caps = ""

    @property
    def in_place(self) -> bool:
        """Whether nothing returned is the block itself."""
        return self.input_caps == self.output_caps

    def negotiate(self, setting: Setting) -> None:
        """Asks for the output caps, as the elements do before start()."""
        self._setting = setting
        self.input_caps = setting.caps if self.raw_input else self._given
        self.output_caps = (
            self._host.get_output_caps(self.input_caps)[0]
            if self._host.maps_to_output
            else self._host.output_caps or self.input_caps
        )

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
