# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sample formats, and memory laid out as the elements show it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]

DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    "S16": np.dtype(np.int16),
    "S32": np.dtype(np.int32),
}
INTERLEAVED = "interleaved"
PLANAR = "non-interleaved"


@dataclass(frozen=True)
class Setting:
    """One stream format.  The rate is in Hz."""

    format: str
    layout: str
    rate: int
    channels: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of ``buffer.data``."""
        return DTYPES[self.format]

    @property
    def caps(self) -> str:
        """The same as GStreamer writes it."""
        order = "LE" if sys.byteorder == "little" else "BE"
        return (
            f"audio/x-raw, format=(string){self.format}{order}, "
            f"layout=(string){self.layout}, rate=(int){self.rate}, "
            f"channels=(int){self.channels}"
        )

    def __str__(self) -> str:
        return f"{self.format} {self.layout} {self.rate} Hz {self.channels} ch"


def setting_of(caps: str, like: Setting) -> Setting | None:
    """The raw audio that caps name; what they leave open is as in ``like``.

    None for anything else, and for samples that no array here has.
    """
    name, _, rest = caps.partition(",")
    if name.partition("(")[0].strip() != "audio/x-raw":
        return None
    fields = dict(re.findall(r"([\w-]+) *= *(?:\([\w-]+\) *)?\"?([\w-]+)", rest))
    order = "LE" if sys.byteorder == "little" else "BE"
    format = fields.get("format", like.format + order)
    if format.removesuffix(order) not in DTYPES or not format.endswith(order):
        return None
    try:
        rate, channels = (
            int(fields.get(key, getattr(like, key))) for key in ("rate", "channels")
        )
    except ValueError:
        return None
    layout = fields.get("layout", like.layout)
    return Setting(format.removesuffix(order), layout, rate, channels)


def from_bytes(data: bytes, setting: Setting) -> Samples:
    """The samples that lie there, of shape (channels, frames)."""
    samples: Samples = np.frombuffer(data, setting.dtype)
    if setting.layout == INTERLEAVED:
        return samples.reshape(-1, setting.channels).T
    return samples.reshape(setting.channels, -1)


def full_scale(dtype: np.dtype[Any]) -> float:
    """What 1.0 is in this format."""
    return 1.0 if dtype.kind == "f" else 2.0 ** (8 * dtype.itemsize - 1)


def encode(samples: Samples, dtype: np.dtype[Any]) -> Samples:
    """Samples of -1.0 to 1.0 in a format; integers are rounded, and clipped."""
    if dtype.kind == "f":
        return samples.astype(dtype)
    limits = np.iinfo(dtype)
    scaled = np.rint(samples.astype(np.float64) * full_scale(dtype))
    clipped: Samples = np.clip(scaled, limits.min, limits.max).astype(dtype)
    return clipped


def decode(samples: Samples) -> Samples:
    """The inverse, as float64."""
    return samples.astype(np.float64) / full_scale(samples.dtype)


def make_view(setting: Setting, frames: int) -> Samples:
    """Zeros of shape (channels, frames), with the strides of the layout.

    A direct view of memory that is no array, as in the elements: slices of
    slices then all refer to this array, where its reference count shows them.
    """
    item, channels = setting.dtype.itemsize, setting.channels
    if setting.layout == INTERLEAVED:
        strides = (item, item * channels)
    else:
        strides = (item * frames, item)
    memory = bytearray(max(1, item * channels * frames))
    return np.ndarray((channels, frames), setting.dtype, memory, 0, strides)
