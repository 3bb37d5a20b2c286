# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the two Fernet plugins share."""

from __future__ import annotations

import base64
import hmac
from typing import ClassVar

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from _sealed_plugin import SealedPlugin


CAPS_TAG = "caps-tag"


def tag_of_caps(key: bytes, caps: str) -> str:
    """What only who has the key can write beside the caps of the original.

    A token has no room for them: it is Fernet's, for others to open as well.
    """
    derived = HKDF(hashes.SHA256(), 32, None, b"pythonfilter Fernet caps 1")
    return hmac.digest(derived.derive(key), caps.encode(), "sha256").hex()


class FernetPlugin(SealedPlugin):
    """Holds the key from start to stop."""

    MEDIA_TYPE: ClassVar[str] = "application/x-fernet"

    _fernet: Fernet | None = None

    def start(self) -> bool:
        """Read the key; OSError or ValueError says why it is not to be had."""
        key = self._read_key()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))
        self._use_key(key)
        return super().start()

    def _use_key(self, key: bytes) -> None:
        """For what else it is needed, at each start."""

    def stop(self) -> None:
        """Forget the key."""
        self._fernet = None
        super().stop()

    def fernet(self) -> Fernet:
        """RuntimeError before the start."""
        if self._fernet is None:
            raise RuntimeError("not started, so there is no key")
        return self._fernet
