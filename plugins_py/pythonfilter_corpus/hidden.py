# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secrets, in what is told and written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def in_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def without(value: Any, secrets: Iterable[str]) -> Any:
    """The same, with dots for secrets in all of its texts."""
    if isinstance(value, str):
        for secret in filter(None, secrets):
            value = value.replace(secret, "...")
    elif isinstance(value, dict):
        return {name: without(each, secrets) for name, each in value.items()}
    elif isinstance(value, list):
        return [without(each, secrets) for each in value]
    return value
