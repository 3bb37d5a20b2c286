# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the two Fernet plugins share."""

from __future__ import annotations

import base64
from typing import ClassVar

from cryptography.fernet import Fernet

from _sealed_plugin import SealedPlugin


class FernetKey(Fernet):
    """The key of one start, which stays in this process."""

    def __reduce_ex__(self, protocol: object) -> str | tuple[object, ...]:
        """For copy and pickle, which would write it down or send it on."""
        raise TypeError("a key cannot be copied")


class FernetPlugin(SealedPlugin):
    """Holds the key from start to stop."""

    MEDIA_TYPE: ClassVar[str] = "application/x-fernet"

    _fernet: FernetKey | None = None

    def start(self) -> bool:
        """Read the key; OSError or ValueError says why it is not to be had."""
        self._fernet = FernetKey(base64.urlsafe_b64encode(self._read_key()))
        return super().start()

    def stop(self) -> None:
        """Forget the key."""
        self._fernet = None
        super().stop()

    def fernet(self) -> FernetKey:
        """RuntimeError before the start."""
        if self._fernet is None:
            raise RuntimeError("not started, so there is no key")
        return self._fernet
