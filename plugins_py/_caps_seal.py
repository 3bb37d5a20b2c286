# SPDX-License-Identifier: LGPL-2.1-or-later
"""The caps of what was encrypted, sealed with its key, as text within caps.

They have more in them than a format: the ``streamheader`` of Opus or Vorbis holds
the title.  The same caps are the same text each time, as caps that are compared
have to be: the nonce is made of them.
"""

from __future__ import annotations

import base64
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SEALED_CAPS = "sealed-caps"
#: The caps of a stream of which nobody knows them who has not its key.
UNOPENED = "application/x-unopened"

_NONCE = 12
_STEP = 256  # bytes that their length, which tells formats apart, is a multiple of


def _keys(master_key: bytes) -> tuple[bytes, bytes]:
    both = HKDF(hashes.SHA256(), 64, None, b"pythonfilter sealed caps 1")
    derived = both.derive(master_key)
    return derived[:32], derived[32:]


def seal_caps(master_key: bytes, context: str, caps: str) -> str:
    """What ``open_caps`` makes ``caps`` of, with the same key and context."""
    plain = caps.encode()
    plain += bytes(-len(plain) % _STEP)
    naming, sealing = _keys(master_key)
    nonce = hmac.digest(naming, context.encode() + b"\0" + plain, "sha256")[:_NONCE]
    sealed = nonce + AESGCM(sealing).encrypt(nonce, plain, context.encode())
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def open_caps(master_key: bytes, context: str, text: str) -> str:
    """The caps; ValueError if they are not authentic."""
    sealed = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    # Only as it was written: base64 has several texts for some bytes.
    if base64.urlsafe_b64encode(sealed).rstrip(b"=").decode() != text:
        raise ValueError("caps not authentic")
    nonce, rest = sealed[:_NONCE], sealed[_NONCE:]
    try:
        plain = AESGCM(_keys(master_key)[1]).decrypt(nonce, rest, context.encode())
    except InvalidTag:
        raise ValueError("caps not authentic") from None
    return plain.rstrip(b"\0").decode()
