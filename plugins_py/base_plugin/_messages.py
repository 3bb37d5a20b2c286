# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a message of BasePlugin.post() can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

PlainValue = bool | int | float | str | list[bool] | list[int] | list[float] | list[str]

# As GStreamer wants them; the element fills in the four times itself.
_MESSAGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9/\-_.:+]*")
_OUR_MESSAGES = "pythonfilter-"
_OUR_FIELDS = frozenset(("timestamp", "duration"))
_MOST_BYTES = 65536  # of the values of one message, and of the names of its fields
_LONGEST_NAME = 255


def checked_fields(name: str, fields: Mapping[str, object]) -> dict[str, PlainValue]:
    """Counted before anything is made of it: a plugin may give a gigabyte."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a message is a str, not {type(name).__name__}")
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"the name of a message has at most {_LONGEST_NAME} letters")
    if not _MESSAGE_NAME.fullmatch(name) or name.startswith(_OUR_MESSAGES):
        raise ValueError(
            f"{name!r} cannot name a message: a letter, then letters, digits and "
            f"/-_.:+, and not {_OUR_MESSAGES}..."
        )
    checked: dict[str, PlainValue] = {}
    size = names = 0
    for key, value in fields.items():
        if len(key) > _LONGEST_NAME:
            raise ValueError(f"the name of a field has at most {_LONGEST_NAME} letters")
        if not (key.isascii() and key.isidentifier()) or key in _OUR_FIELDS:
            raise ValueError(
                f"{key!r} cannot name a field: an ASCII identifier, and not "
                + " or ".join(sorted(_OUR_FIELDS))
            )
        names += len(key)
        checked[key], more = _plain(key, value, _MOST_BYTES - size)
        size += more
        if names > _MOST_BYTES:
            raise _too_large(key)
    return checked


def _too_large(key: str) -> ValueError:
    return ValueError(f"with {key} the message is larger than 64 KiB")


def _plain(key: str, value: object, room: int) -> tuple[PlainValue, int]:
    """The value as Python's own bool, int, float or str, or a list of one of them;
    and its bytes."""
    items: Any
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in _KINDS:
        # A list of texts is made of it one by one.
        items = value[: room + 1].tolist() if value.dtype.kind != "U" else value
    elif isinstance(value, (list, tuple)):
        items = value
    else:
        return _scalar(key, value, room)
    if len(items) > room:
        raise _too_large(key)
    plain: list[Any] = []
    size = 0
    for each in items:
        item, more = _scalar(key, each, room - size, _IN_A_LIST)
        plain.append(item)
        size += more
    kinds = set(map(type, plain))
    if kinds == {int, float}:
        return [float(each) for each in plain], size
    if len(kinds) > 1:
        raise TypeError(f"{key}: {_IN_A_LIST}")
    return plain, size


_KINDS = "biufU"
_IN_A_LIST = "an array in a message holds only bool, only int, only float or only str"


def _scalar(
    key: str, value: object, room: int, unfit: str = ""
) -> tuple[bool | int | float | str, int]:
    """Which of the four it is, and its bytes; no subclasses, such as enums."""
    if isinstance(value, str) and len(value) > room:
        raise _too_large(key)
    if isinstance(value, np.generic):
        value = _item(value)
    kind = type(value)
    size = 8
    if kind is int and not -(2**63) <= value < 2**63:  # type: ignore[operator]
        bits = value.bit_length()  # type: ignore[attr-defined]
        told = value if bits < 1000 else f"an int of {bits} bits"
        raise ValueError(f"{key}: {told} needs more than 64 bits")
    if kind is str:
        size = _bytes_of_text(key, value)  # type: ignore[arg-type]
    elif kind not in (bool, int, float):
        raise TypeError(
            f"{key}: "
            + (
                unfit
                or f"{kind.__name__} cannot be part of a message, only bool, int, "
                "float, str and one-dimensional arrays of them"
            )
        )
    if size > room:
        raise _too_large(key)
    return value, size  # type: ignore[return-value]


def _bytes_of_text(key: str, text: str) -> int:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        size = -1
    if size < 0 or "\0" in text:
        shown = repr(text) if len(text) < 100 else f"{text[:100]!r}…"
        raise ValueError(f"{key}: {shown} cannot be sent as UTF-8 text")
    return size


def _item(value: Any) -> object:
    """A NumPy scalar as Python's own; a long double becomes a float."""
    if isinstance(value, np.str_):
        return str(value)
    if isinstance(value, np.floating):
        return float(value)
    return value.item() if isinstance(value, (np.bool_, np.integer)) else value
