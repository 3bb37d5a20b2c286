# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is on the disk for sure, also after a power cut."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterable

# Of a file system that writes its folders in ways of its own, as in a cloud.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES}
_SYNC_FILE_RANGE_WRITE = 2


def sync(path: str) -> None:
    """Returns when the content of a file is on the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def sync_folder(path: str) -> None:
    """Returns when it is on the disk what the files in it are called."""
    try:
        sync(path)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def make_folder(path: str) -> None:
    """With those above it, each of which then is on the disk."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    make_folder(above)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    sync_folder(above)


def begin_writing(paths: Iterable[str]) -> None:
    """Without waiting, so that sync() of one waits for what all of them need.

    It promises nothing, and what it does not do sync() does.
    """
    for path in paths:
        try:
            file = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        _begin(file)
        os.close(file)


def _begin(file: int) -> None:
    whole = ctypes.c_int64(0)
    _C.sync_file_range(file, whole, whole, _SYNC_FILE_RANGE_WRITE)


_C = ctypes.CDLL(None)
