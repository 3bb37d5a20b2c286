# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether this is still the process that something was made in.

After a fork both have the same key and the same counter, and with them the same
nonces: the XOR of what they send would be that of what they said.
"""

from __future__ import annotations

import mmap
import os

_WIPEONFORK = 18  # MADV_WIPEONFORK of Linux 4.14, which Python does not name


class Mark:
    """True in the process that made it, False in every fork of that."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE)
        try:
            # The kernel's own word: C code forks without Python's knowing, and
            # in another namespace a child can have its parent's number.
            self._page.madvise(_WIPEONFORK)
            self._page[0] = 1
        except (OSError, ValueError):  # an older kernel
            self._page[0] = 2

    def __bool__(self) -> bool:
        mark = self._page[0]
        return mark == 1 or (mark == 2 and os.getpid() == self._pid)
