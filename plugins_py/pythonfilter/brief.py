# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin gave, for people: never more of it than somebody reads.

str() and repr() make all of a text before anybody can cut it, of a gigabyte four
gigabytes, and call themselves for each list in a list. So what a plugin gave is
counted first.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from typing import Any

MOST_TEXT = 16384  # characters; nobody reads more
_LONGEST_MARK = 50
_DEEPEST = 50  # lists in lists; one that is in itself is as deep as that
_MOST_BITS = 10000  # of a number; Python refuses to write longer ones
_SHOWN = 100  # of a text that is too long


def cut(text: str) -> str:
    """No more of it than somebody reads, and its mark; so it is cut once."""
    if len(text) <= MOST_TEXT:
        return text
    kept = MOST_TEXT - _LONGEST_MARK
    return f"{text[:kept]}… ({len(text) - kept} characters more)"


def is_large(value: object, most: int = MOST_TEXT) -> bool:
    """Whether its text may have more characters than that."""
    count = 0
    waiting: list[Iterator[Any]] = [iter((value,))]
    while waiting:
        for each in waiting[-1]:
            count += 1 + length_of(each)
            if isinstance(each, int) and each.bit_length() > _MOST_BITS:
                return True
            if count > most or len(waiting) > _DEEPEST:
                return True
            inner = _items_of(each)
            if inner is not None:
                waiting.append(iter(inner))
                break
        else:
            waiting.pop()
    return False


def length_of(value: object) -> int:
    """What len() says; 0 where it says nothing."""
    if isinstance(value, range):  # its text is as short as any
        return 0
    try:
        # The text of an array has only some numbers of each end.
        return int(getattr(value, "nbytes", 0)) // 64 or len(value)  # type: ignore[arg-type]
    except Exception:
        return 0


def _items_of(value: object) -> Iterable[Any] | None:
    if isinstance(value, dict):
        return value.items()
    known = (list, tuple, set, frozenset, collections.deque)
    return value if isinstance(value, known) else None


def _type_of(value: object) -> str:
    return type(value).__name__[:_SHOWN]


def shown(value: object) -> str:
    """The repr() of a value, or what it is where that would be too long."""
    if not is_large(value):
        try:
            return cut(repr(value))
        except Exception as error:
            return f"{_type_of(value)} (its repr() raised {_type_of(error)})"
    name = _type_of(value)
    if isinstance(value, int):
        return f"{name} of {value.bit_length()} bits"
    try:
        name += f" of length {len(value)}"  # type: ignore[arg-type]
    except Exception:
        pass
    if isinstance(value, (str, bytes)):
        return f"{name}: {value[:_SHOWN]!r}…"
    return f"{name}, too large to show"
