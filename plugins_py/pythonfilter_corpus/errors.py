# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is told in one sentence, and how."""

from __future__ import annotations


class Unusable(Exception):
    """It cannot begin: what was asked for, or the place, is not right."""


class Stopped(Exception):
    """It began and ends before all is done; nothing that was done is lost."""


def with_place(message: str, file: str = "", line: int = 0) -> str:
    """What failed, and where; the element's own sentences say it already."""
    place = f"{file}:{line}"
    return message if not file or place in message else f"{message} ({place})"
