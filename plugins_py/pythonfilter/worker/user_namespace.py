# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user namespace of its own: nobody in it can look into a process outside.

For a strict sandbox where there is no Landlock.  What it costs is in
docs/sandbox.md: files are seen as before, their owners and groups are not.
"""

from __future__ import annotations

import ctypes
import os
import struct

from . import capabilities

_CLONE_NEWUSER = 0x10000000


def enter() -> None:
    """With the same user and group, and no rights over anything; or an OSError.

    Only while the process has one thread.
    """
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    capabilities.check(libc.unshare(_CLONE_NEWUSER))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    # Whoever makes one has every right inside.
    header = struct.pack("=Ii", capabilities.VERSION, 0)
    capabilities.check(libc.capset(header, bytes(24)))
