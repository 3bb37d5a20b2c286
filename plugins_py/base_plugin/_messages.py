# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a message of BasePlugin.post() can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

PlainValue = bool | int | float | str | list[bool] | list[int] | list[float] | list[str]

# As GStreamer wants them; the element fills in the four times itself.
_MESSAGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9/\-_.:+]*")
_OUR_MESSAGES = "pythonfilter-"
_OUR_FIELDS = frozenset(("timestamp", "duration"))
_MOST_BYTES = 65536  # of the values of one message, and of the names of its fields
_LONGEST_NAME = 255


def checked_fields(name: str, fields: Mapping[str, object]) -> dict[str, PlainValue]:
    if not isinstance(name, str):
        raise TypeError(f"the name of a message is a str, not {name!r}")
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
        checked[key] = plain = _plain(key, value)
        names += len(key)
        for each in plain if isinstance(plain, list) else (plain,):
            size += len(each.encode()) if isinstance(each, str) else 8
        if max(size, names) > _MOST_BYTES:
            raise ValueError(f"with {key} the message is larger than 64 KiB")
    return checked


def _plain(key: str, value: object) -> PlainValue:
    """The value as Python's own bool, int, float or str, or a list of one of them."""
    if isinstance(value, np.ndarray):
        if value.ndim == 1 and value.dtype.kind in "biufU":
            value = value[: _MOST_BYTES + 1].tolist()
    elif isinstance(value, np.generic):
        value = _item(value)
    if not isinstance(value, (list, tuple)):
        if _kind(key, value) is not None:
            return value  # type: ignore[return-value]
        raise TypeError(
            f"{key}: {type(value).__name__} cannot be part of a message, only bool, "
            "int, float, str and one-dimensional arrays of them"
        )
    if len(value) > _MOST_BYTES:
        raise ValueError(f"with {key} the message is larger than 64 KiB")
    items = [_item(each) for each in value]
    kinds = {_kind(key, each) for each in items}
    if kinds == {int, float}:
        return [float(each) for each in items]  # type: ignore[arg-type]
    if len(kinds) > 1 or None in kinds:
        raise TypeError(
            f"{key}: an array in a message holds only bool, only int, only float or "
            "only str"
        )
    return items  # type: ignore[return-value]


def _item(value: object) -> object:
    """A NumPy scalar as Python's own; a long double becomes a float."""
    if isinstance(value, np.str_):
        return str(value)
    if isinstance(value, np.floating):
        return float(value)
    return value.item() if isinstance(value, (np.bool_, np.integer)) else value


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= each <= "\udfff" for each in text)


def _kind(key: str, value: object) -> type | None:
    """Which of the four it is, if any; subclasses, such as enums, are not."""
    kind = type(value)
    if kind is int and not -(2**63) <= value < 2**63:  # type: ignore[operator]
        raise ValueError(f"{key}: {value} needs more than 64 bits")
    if kind is str and ("\0" in value or not _is_unicode(value)):  # type: ignore[operator, arg-type]
        raise ValueError(f"{key}: {value!r} cannot be sent as UTF-8 text")
    return kind if kind in (bool, int, float, str) else None
