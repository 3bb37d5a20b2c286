# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is told in one sentence, and how."""

from __future__ import annotations

import errno
import shutil

FULL = (errno.ENOSPC, errno.EDQUOT)


class Unusable(Exception):
    """It cannot begin: what was asked for, or the place, is not right."""


class Stopped(Exception):
    """It began and ends before all is done; nothing that was done is lost."""


def with_place(message: str, file: str = "", line: int = 0) -> str:
    """What failed, and where; the element's own sentences say it already."""
    place = f"{file}:{line}" if line else file
    return message if not file or place in message else f"{message} ({place})"


def full_disk(out: str, quota: bool = False) -> str:
    """That no more goes into a folder."""
    try:
        free = shutil.disk_usage(out).free
    except OSError:
        return f"{out}: the disk is full"
    left = f"{free / 1e6:.1f} MB are left"
    if quota:
        return f"{out}: your quota is used up there ({left} on the disk)"
    return f"{out}: the disk is full ({left})"


def system_error(error: OSError, out: str) -> str:
    """What the system refused, in or beside a folder of outputs."""
    if error.errno in FULL:
        return full_disk(out, error.errno == errno.EDQUOT)
    why = f"{error.filename2 or error.filename or out}: {error.strerror or error}"
    if error.errno == errno.EXDEV:
        why += ", as the folder of the outputs spans several disks"
    return why
