# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sample formats, and memory laid out as the elements show it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..results import DTYPES

Samples = np.ndarray[Any, np.dtype[Any]]

ORDER = "LE" if sys.byteorder == "little" else "BE"
Ranges = tuple[tuple[int, int], ...]
INTERLEAVED = "interleaved"
PLANAR = "non-interleaved"


@dataclass(frozen=True)
class Setting:
    """One stream format.  The rate is in Hz.

    ``format`` is one of DTYPES, or GStreamer's name of one that NumPy has no
    type for, such as S24LE: a plugin is shown its bytes.
    """

    format: str
    layout: str
    rate: int
    channels: int

    @property
    def known(self) -> bool:
        """Whether ``buffer.data`` can be samples."""
        return self.format in DTYPES

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of ``buffer.data``, or of samples that can be made bytes of."""
        return DTYPES.get(self.format, DTYPES["S32"])

    @property
    def sample_size(self) -> int:
        """In bytes."""
        if self.known:
            return self.dtype.itemsize
        bits = re.match(r"[A-Z](\d+)(?:_(\d+))?", self.format)
        return -(-int(bits[2] or bits[1]) // 8) if bits else 1

    @property
    def frame_size(self) -> int:
        """In bytes."""
        return self.sample_size * self.channels

    @property
    def caps(self) -> str:
        """The setting as GStreamer writes it."""
        return (
            f"audio/x-raw, format=(string){self.format}{ORDER if self.known else ''}, "
            f"layout=(string){self.layout}, rate=(int){self.rate}, "
            f"channels=(int){self.channels}"
        )

    def __str__(self) -> str:
        return f"{self.format} {self.layout} {self.rate} Hz {self.channels} ch"


@dataclass(frozen=True)
class RawAudio:
    """What caps say of raw audio; empty is left open."""

    formats: tuple[str, ...]
    layouts: tuple[str, ...]
    rates: Ranges
    channels: Ranges


_FIELD = re.compile(
    r"""([\w-]+)\s*=\s*(?:\([^)]*\)\s*)?(\{[^}]*\}|\[[^]]*\]|"[^"]*"|[^\s,;]+)"""
)


def raw_audio_of(caps: str) -> RawAudio | None:
    """What the first structure says that is raw audio; None if there is none."""
    for structure in caps.split(";"):
        name, _, rest = structure.partition(",")
        if name.partition("(")[0].strip() == "audio/x-raw":
            fields = dict(_FIELD.findall(rest))
            return RawAudio(
                tuple(map(_short, _texts(fields.get("format", "")))),
                tuple(_texts(fields.get("layout", ""))),
                _ranges(fields.get("rate", "")),
                _ranges(fields.get("channels", "")),
            )
    return None


def _texts(value: str) -> list[str]:
    items = re.sub(r"\([^)]*\)", "", value.strip("{}[]")).split(",")
    return [item.strip(' "') for item in items if item.strip(' "')]


def _short(name: str) -> str:
    short = name.removesuffix(ORDER)
    return short if short in DTYPES and name != short else name


def _ranges(value: str) -> Ranges:
    numbers = [int(text) for text in _texts(value) if text.isdigit()]
    if value.startswith("[") and len(numbers) >= 2:
        return ((numbers[0], numbers[1]),)
    return tuple((number, number) for number in numbers)


def nearest(ranges: Ranges, wanted: int) -> int:
    """The value in them that is; no ranges allow everything."""
    fitting = [min(max(wanted, low), high) for low, high in ranges]
    return min(fitting, key=lambda value: abs(value - wanted), default=wanted)


def setting_of(caps: str, like: Setting) -> Setting | None:
    """The raw audio that caps name; what they leave open is as in ``like``.

    None for anything else.
    """
    raw = raw_audio_of(caps)
    if raw is None:
        return None
    return Setting(
        like.format if like.format in raw.formats else (*raw.formats, like.format)[0],
        like.layout if like.layout in raw.layouts else (*raw.layouts, like.layout)[0],
        nearest(raw.rates, like.rate),
        nearest(raw.channels, like.channels),
    )


def from_bytes(data: bytes, setting: Setting) -> Samples:
    """The samples that lie there, of shape (channels, frames)."""
    samples: Samples = np.frombuffer(data, setting.dtype)
    if setting.layout == INTERLEAVED:
        return samples.reshape(-1, setting.channels).T
    return samples.reshape(setting.channels, -1)


def same(one: Samples | bytes, other: Samples | bytes) -> bool:
    """Whether they are equal, NaN to NaN."""
    if isinstance(one, bytes) or isinstance(other, bytes):
        return one == other
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))


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


def memory_of(samples: Samples, setting: Setting) -> bytes:
    """The samples as they lie in memory; of another format than DTYPES have, the
    upper bits of integers, and for all else bytes of as many samples.
    """
    rows = samples.T if setting.layout == INTERLEAVED else samples
    data = np.ascontiguousarray(rows)
    if setting.known:
        return data.tobytes()
    size = setting.sample_size
    whole = np.zeros((data.size, max(4, size)), np.uint8)
    whole[:, -4:] = data.astype("<i4").reshape(-1, 1).view(np.uint8)
    return whole[:, -size:].tobytes()
