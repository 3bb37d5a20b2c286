# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin and its neighbours agree on, as the elements negotiate it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..host.plugin import LoadedPlugin
from ..results import Format

from .formats import INTERLEAVED, Samples, Setting, from_bytes, setting_of


def is_raw_audio(caps: str) -> bool:
    """True if these caps can be samples that the workbench makes."""
    first = caps.partition(",")[0].partition("(")[0].strip()
    return first in ("", "ANY", "audio/x-raw")


@dataclass(frozen=True)
class Agreed:
    """``output``: the raw audio that comes out, if it is any."""

    format: Format  # as a worker is told it
    output: Setting | None

    @property
    def heard(self) -> Setting | None:
        """The output, if it is samples that NumPy has a type for."""
        return self.output if self.output and self.output.known else None


def agree(loaded: LoadedPlugin, setting: Setting, given: str, frames: int) -> Agreed:
    """``given``: caps of encoded input, which the workbench cannot make up: such
    a plugin gets bytes that mean nothing, and refuses them in its own way.
    """
    memory = setting.dtype, setting.layout == INTERLEAVED
    plain = Format(*memory, setting.rate, setting.channels, frames)
    if not loaded.converts:
        return Agreed(plain, None if loaded.kind == "sink" else setting)
    if loaded.kind == "source":
        caps = (
            loaded.get_output_caps("")[0]
            if loaded.maps_to_output
            else loaded.output_caps
        )
        return _agreed(plain, setting, setting_of(caps, setting), "", caps, True)
    raw = is_raw_audio(given or loaded.input_caps)
    caps = setting.caps if raw else given or loaded.input_caps
    if not raw:
        plain = replace(plain, rate=0, channels=0)
    as_bytes = loaded.as_bytes or not raw or not setting.known
    if loaded.kind == "sink":
        return _agreed(plain, setting, None, caps, caps, as_bytes)
    makes = (
        loaded.get_output_caps(caps)[0]
        if loaded.maps_to_output
        else loaded.output_caps or caps
    )
    output = setting_of(makes, setting)
    same = caps if raw and output == setting else makes
    return _agreed(plain, setting, output, caps, same, as_bytes)


def _agreed(
    plain: Format,
    setting: Setting,
    output: Setting | None,
    input_caps: str,
    output_caps: str,
    as_bytes: bool,
) -> Agreed:
    gives = output or setting
    format = replace(
        plain,
        dtype=np.dtype(np.uint8) if as_bytes else plain.dtype,
        input_caps=input_caps,
        output_caps=output_caps,
        bytes=as_bytes,
        in_place=bool(input_caps) and input_caps == output_caps,
        output_frame=output.frame_size if output else 0,
        output_known=output is not None and output.known,
        output_dtype=gives.dtype,
        output_interleaved=gives.layout == INTERLEAVED,
        output_channels=gives.channels,
    )
    return Agreed(format, output)


def joined(pieces: list[Any], output: Setting | None) -> Samples | bytes:
    """Samples, where that is what comes out, or the bytes of them all."""
    if output is None:
        return b"".join(piece.tobytes() for piece in pieces)
    # Each piece of planar samples has its own planes.
    nothing = np.empty((output.channels, 0), output.dtype)
    arrays = [from_bytes(piece.tobytes(), output) for piece in pieces]
    samples: Samples = np.concatenate([nothing, *arrays], axis=1)
    return samples
