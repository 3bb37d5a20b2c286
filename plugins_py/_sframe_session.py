# SPDX-License-Identifier: LGPL-2.1-or-later
"""A session: one random number, told in the caps, and the key that belongs to it.

The number is the frames' KID.  The key is derived from the key file's and from
it, so each session has another one, and its counter can begin at 0.
"""

from __future__ import annotations

import re
import secrets
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import _sealed_caps
from _caps_seal import SEALED_CAPS, open_caps, seal_caps
from _sframe import SUITES, FrameKey, Suite

MEDIA_TYPE = "application/x-sframe"
_NUMBER = re.compile("[0-9a-f]{16}")
_LABEL = b"pythonfilter SFrame session 1"


# ISO/IEC 7816-4: a byte 0x80, then as many of 0 as it takes.
_PADDING = "iso7816-4"


class Original(NamedTuple):
    """The caps of what was encrypted, either way; empty where they are not so."""

    sealed: str
    caps: str


class Session(NamedTuple):
    """Who encrypted, from one start to the next."""

    number: str  # 16 hexadecimal digits
    suite: Suite
    padded: bool = False  # each frame, before it was encrypted

    @classmethod
    def fresh(cls, suite: Suite, padded: bool = False) -> Session:
        """One that there never was."""
        return cls(secrets.token_hex(8), suite, padded)

    @classmethod
    def of_caps(cls, caps: str) -> tuple[Session, Original]:
        """The session in encrypted caps, and what they say of the original's.

        ValueError says what is wrong with them.
        """
        fields = _sealed_caps.read(caps, MEDIA_TYPE)
        number = fields.get("session", "")
        suite = SUITES.get(fields.get("cipher-suite", ""))
        padding = fields.get("padding", "")
        sealed = fields.get(SEALED_CAPS, "")
        original = Original(sealed, fields.get(_sealed_caps.ORIGINAL_CAPS, ""))
        if suite is None:
            raise ValueError(f"cipher-suite is none of {', '.join(SUITES)}: {caps}")
        if not _NUMBER.fullmatch(number):
            raise ValueError(f"session is not 16 hexadecimal digits: {caps}")
        if padding not in ("", _PADDING):
            raise ValueError(f"padding is not {_PADDING}: {caps}")
        if not any(original):
            raise ValueError(f"sealed-caps and original-caps are missing: {caps}")
        return cls(number, suite, bool(padding)), original

    def caps(self, master_key: bytes, original_caps: str) -> str:
        """The caps of its frames, which hold ``original_caps``, sealed."""
        sealed = seal_caps(master_key, self._name, original_caps)
        return self._caps({SEALED_CAPS: sealed})

    def clear_caps(self, original_caps: str) -> str:
        """The caps with ``original_caps`` for all to read, as another sender may write
        them.
        """
        return self._caps({_sealed_caps.ORIGINAL_CAPS: original_caps})

    def original_caps(self, master_key: bytes, original: Original) -> str:
        """What was encrypted; ValueError if that is not authentic."""
        if not original.sealed:
            # Each frame is authenticated with them.
            return original.caps
        return open_caps(master_key, self._name, original.sealed)

    @property
    def _name(self) -> str:
        return f"{MEDIA_TYPE} {self.number} {self.suite.name}"

    def _caps(self, original: dict[str, str]) -> str:
        fields = {"cipher-suite": self.suite.name, "session": self.number}
        if self.padded:
            fields["padding"] = _PADDING
        return _sealed_caps.write(MEDIA_TYPE, fields | original)

    def key(self, master_key: bytes) -> FrameKey:
        """Encrypts and decrypts its frames."""
        number = bytes.fromhex(self.number)
        info = _LABEL + number + self.suite.number.to_bytes(2, "big")
        if self.padded:
            # Whoever claims that of another session has no key of it.
            info += _PADDING.encode()
        base_key = HKDF(hashes.SHA256(), 32, None, info).derive(master_key)
        return FrameKey(self.suite, int(self.number, 16), base_key)
