# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugins that change the format or the size: bytes in or out."""

from __future__ import annotations

from typing import Any

import numpy as np

from pythonfilter_host import Host
from pythonfilter_worker.outputs import pieces_of
from pythonfilter_worker.view import Format

from .formats import INTERLEAVED, Samples, Setting, from_bytes, setting_of


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
        self.output: Setting | None = None  # where that is raw audio

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
        self.output = setting_of(self.output_caps, setting)
        self._format = self._format_of(setting, self.output)

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

    def _format_of(self, setting: Setting, output: Setting | None) -> Format:
        gives = output or setting
        return Format(
            setting.dtype,
            setting.layout == INTERLEAVED,
            setting.rate,
            setting.channels,
            0,
            self.input_caps,
            self.output_caps,
            self._bytes,
            self.in_place,
            gives.channels * gives.dtype.itemsize if output else 0,
            output is not None,
            gives.dtype,
            gives.layout == INTERLEAVED,
            gives.channels,
        )

    def take(self, result: Any, shown: Samples | None) -> Samples | bytes:
        """What it gave: samples where the output is raw audio, bytes otherwise.

        TypeError or ValueError for what the elements refuse.
        """
        if result is shown and not self.in_place:
            raise TypeError(
                f"gave nothing, but {self.output_caps} has to be made of its input"
            )
        pieces, timed = pieces_of(result, self._format)
        pieces = pieces[timed:]  # the first would be the times
        output = self.output
        if output is None:
            return b"".join(piece.tobytes() for piece in pieces)
        # Of planar samples each piece has its own planes.
        nothing = np.empty((output.channels, 0), output.dtype)
        arrays = [from_bytes(piece.tobytes(), output) for piece in pieces]
        samples: Samples = np.concatenate([nothing, *arrays], axis=1)
        return samples
