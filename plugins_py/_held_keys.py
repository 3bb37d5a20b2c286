# SPDX-License-Identifier: LGPL-2.1-or-later
"""The keys that descriptors held, for all plugins of this process.

What a pipe held can be read once only, but two elements may name the same
descriptor, and an element that goes through NULL has a new plugin.  A plugin's
modules are its own, so they are kept in a module that is everybody's.
"""

from __future__ import annotations

import os
import sys
import threading
from types import ModuleType
from typing import Any, Callable

_SHARED = "_pythonfilter_held_keys"


def _shared() -> Any:
    """With nothing of this plugin's in it, which would keep its code for ever."""
    module = ModuleType(_SHARED)
    vars(module).update(lock=threading.Lock(), keys={})
    return sys.modules.setdefault(_SHARED, module)


def held(descriptor: int, read: Callable[[int], bytes]) -> bytes:
    """What ``read`` makes of the file that a descriptor is, the first time.

    Closed since, or still the same file: what it held.  Another file is read.
    """
    shared = _shared()
    with shared.lock:
        kept = shared.keys.get(descriptor)
        try:
            status = os.fstat(descriptor)
        except OSError:
            file = kept[0] if kept else None
        else:
            file = status.st_dev, status.st_ino
        if kept is None or kept[0] != file:
            # A view's repr shows no byte of it.
            kept = file, memoryview(read(descriptor))
            shared.keys[descriptor] = kept
        return bytes(kept[1])
