# SPDX-License-Identifier: LGPL-2.1-or-later
"""One change of the code, and the tests that have to see it."""

from typing import NamedTuple


class Mutation(NamedTuple):
    """`old` stands once in `file`; `tests` are red when it is `new` instead."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
