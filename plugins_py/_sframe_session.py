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
from _sframe import SUITES, FrameKey, Suite

MEDIA_TYPE = "application/x-sframe"
_NUMBER = re.compile("[0-9a-f]{16}")
_LABEL = b"pythonfilter SFrame session 1"


class Session(NamedTuple):
    """Who encrypted, from one start to the next."""

    number: str  # 16 hexadecimal digits
    suite: Suite

    @classmethod
    def fresh(cls, suite: Suite) -> Session:
        """One that there never was."""
        return cls(secrets.token_hex(8), suite)

    @classmethod
    def of_caps(cls, caps: str) -> tuple[Session, str]:
        """The session in encrypted caps, and what was encrypted: its caps.

        ValueError says what is wrong with them.
        """
        fields = _sealed_caps.read(caps, MEDIA_TYPE)
        number = fields.get("session", "")
        suite = SUITES.get(fields.get("cipher-suite", ""))
        original = fields.get(_sealed_caps.ORIGINAL_CAPS, "")
        if suite is None:
            raise ValueError(f"cipher-suite is none of {', '.join(SUITES)}: {caps}")
        if not _NUMBER.fullmatch(number):
            raise ValueError(f"session is not 16 hexadecimal digits: {caps}")
        if not original:
            raise ValueError(f"original-caps is missing: {caps}")
        return cls(number, suite), original

    def caps(self, original_caps: str) -> str:
        """The caps of its frames, which hold what ``original_caps`` describe."""
        return _sealed_caps.write(
            MEDIA_TYPE,
            {
                "cipher-suite": self.suite.name,
                "session": self.number,
                _sealed_caps.ORIGINAL_CAPS: original_caps,
            },
        )

    def key(self, master_key: bytes) -> FrameKey:
        """Encrypts and decrypts its frames."""
        number = bytes.fromhex(self.number)
        info = _LABEL + number + self.suite.number.to_bytes(2, "big")
        base_key = HKDF(hashes.SHA256(), 32, None, info).derive(master_key)
        return FrameKey(self.suite, int(self.number, 16), base_key)
