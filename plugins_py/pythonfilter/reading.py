# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a source file that may be anything."""

from __future__ import annotations

import os
import stat

LONGEST_FILE = 1 << 20


class Unusable(Exception):
    """Why a file is none that can be read, or used.

    ``place`` is "file:line", where it is known.
    """

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(reason)
        self.place = place


def read(path: str) -> bytes:
    """The file's content.  Raises Unusable, also for what would never end."""
    try:
        # Nobody needs to write to a FIFO, or wait for a terminal.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        reason = error.strerror or str(error)
        if os.path.islink(path) and isinstance(error, FileNotFoundError):
            reason = f"is a link to {os.readlink(path)}, which is not there"
        raise Unusable(reason) from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise Unusable("is no regular file")
    with open(handle, "rb") as file:
        if status.st_size > LONGEST_FILE:
            raise Unusable(f"has {status.st_size} bytes; a plugin has a MiB at most")
        try:
            return file.read(LONGEST_FILE)
        except OSError as error:
            raise Unusable(error.strerror or str(error)) from None
