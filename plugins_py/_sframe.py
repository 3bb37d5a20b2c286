# SPDX-License-Identifier: LGPL-2.1-or-later
"""SFrame (RFC 9605): cipher suites, key derivation and the frame's header.

A frame is its header, the ciphertext and the tag.  The header holds the key's
number (KID) and the frame's (CTR) and is authenticated, together with metadata
that is not sent.  Whoever encrypts must never use a CTR twice with one key.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

__all__ = [
    "SUITES",
    "FrameKey",
    "InvalidTag",
    "Suite",
    "decode_header",
    "encode_header",
]

NONCE_SIZE = 12
LARGEST_NUMBER = 2**64 - 1

# Counters would last until 2**64. What ends first is AES, whose block of 128 bits
# shows that its output never repeats: after 2**40 frames of 2 KiB (2**47 blocks)
# at odds of 2**-35. At 1000 frames a second those are 34 years.
FRAME_LIMIT = 2**40


@dataclass(frozen=True)
class Suite:
    """A row of IANA's registry "SFrame Cipher Suites"; sizes in bytes."""

    name: str
    number: int
    hash_name: str
    cipher_key_size: int
    tag_size: int
    frame_limit: int = FRAME_LIMIT

    @property
    def is_gcm(self) -> bool:
        """AES-GCM; the others are AES-CTR with an HMAC of the suite's hash."""
        return "_GCM_" in self.name

    @property
    def hash(self) -> hashes.HashAlgorithm:
        """The hash of HKDF and HMAC."""
        return hashes.SHA512() if self.hash_name == "sha512" else hashes.SHA256()

    @property
    def key_size(self) -> int:
        """Nk: with the key of the HMAC, which is as long as its hash."""
        more = 0 if self.is_gcm else self.hash.digest_size
        return self.cipher_key_size + more


# 1 to 5 are RFC 9605's, the others draft-barnes-sframe-iana-256's.
SUITES = {
    suite.name: suite
    for suite in (
        Suite("AES_128_CTR_HMAC_SHA256_80", 1, "sha256", 16, 10),
        Suite("AES_128_CTR_HMAC_SHA256_64", 2, "sha256", 16, 8),
        Suite("AES_128_CTR_HMAC_SHA256_32", 3, "sha256", 16, 4),
        Suite("AES_128_GCM_SHA256_128", 4, "sha256", 16, 16),
        Suite("AES_256_GCM_SHA512_128", 5, "sha512", 32, 16),
        Suite("AES_256_CTR_HMAC_SHA512_80", 6, "sha512", 32, 10),
        Suite("AES_256_CTR_HMAC_SHA512_64", 7, "sha512", 32, 8),
        Suite("AES_256_CTR_HMAC_SHA512_32", 8, "sha512", 32, 4),
    )
}


# ---- header (section 4.3) ---------------------------------------------------


def encode_header(kid: int, ctr: int) -> bytes:
    """The header of a frame; both numbers from 0 to 2**64 - 1."""
    kid_bits, kid_bytes = _compact(kid)
    ctr_bits, ctr_bytes = _compact(ctr)
    return bytes((kid_bits << 4 | ctr_bits,)) + kid_bytes + ctr_bytes


def decode_header(frame: bytes) -> tuple[int, int, int]:
    """KID, CTR and the header's size in bytes.

    ValueError if the frame ends in it, or if it is not the shortest header for
    the two numbers.
    """
    if not frame:
        raise ValueError("an empty frame")
    config = frame[0]
    kid, end = _expand(config >> 4, frame, 1)
    ctr, end = _expand(config & 15, frame, end)
    return kid, ctr, end


def _compact(value: int) -> tuple[int, bytes]:
    """Four bits of the config byte, and the bytes they announce."""
    if 0 <= value < 8:
        return value, b""
    if not 0 <= value <= LARGEST_NUMBER:
        raise ValueError(f"{value} is not a number of 64 bits")
    size = (value.bit_length() + 7) // 8
    return 8 | size - 1, value.to_bytes(size, "big")


def _expand(bits: int, frame: bytes, start: int) -> tuple[int, int]:
    if bits < 8:
        return bits, start
    end = start + bits - 7
    value = int.from_bytes(frame[start:end], "big")
    # Which it also is where the frame ends before it does.
    if value < 8 or value >> 8 * (end - start - 1) == 0:
        raise ValueError("a number in the header is shorter than its size")
    return value, end


# ---- ciphers (section 4.4) --------------------------------------------------


class Aead(Protocol):
    """As cryptography's AESGCM: the tag follows the ciphertext."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """Ciphertext and tag."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """The plaintext; InvalidTag if anything is not as it was."""


class AesCtrHmac:
    """AES-CTR, then HMAC over it (section 4.5.1)."""

    def __init__(self, suite: Suite, key: bytes) -> None:
        self._tag_size = suite.tag_size
        self._cipher = algorithms.AES(key[: suite.cipher_key_size])
        # Copied for each frame, which spares it the key's two blocks.
        self._hmac = hmac.new(key[suite.cipher_key_size :], digestmod=suite.hash_name)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """Ciphertext and tag."""
        ciphertext = self._crypt(nonce, data)
        return ciphertext + self._tag(nonce, ciphertext, associated_data)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        """The plaintext; InvalidTag if anything is not as it was."""
        size = len(data) - self._tag_size
        if size < 0:
            raise InvalidTag
        ciphertext = data[:size]
        tag = self._tag(nonce, ciphertext, associated_data)
        if not hmac.compare_digest(tag, data[size:]):
            raise InvalidTag
        return self._crypt(nonce, ciphertext)

    def _crypt(self, nonce: bytes, data: bytes) -> bytes:
        # The last four bytes of the first block count the frame's blocks.
        mode = modes.CTR(nonce + bytes(4))
        return Cipher(self._cipher, mode).encryptor().update(data)

    def _tag(self, nonce: bytes, ciphertext: bytes, associated_data: bytes) -> bytes:
        sizes = len(associated_data), len(ciphertext), self._tag_size
        mac = self._hmac.copy()
        mac.update(b"".join(size.to_bytes(8, "big") for size in sizes))
        mac.update(nonce + associated_data)
        mac.update(ciphertext)
        return mac.digest()[: self._tag_size]


def aead(suite: Suite, key: bytes) -> Aead:
    """The suite's cipher with an sframe_key."""
    if suite.is_gcm:
        return AESGCM(key)
    return AesCtrHmac(suite, key)


# ---- keys (section 4.4.2) ---------------------------------------------------


def derive(suite: Suite, kid: int, base_key: bytes) -> tuple[bytes, bytes]:
    """sframe_key and sframe_salt."""
    secret = hmac.digest(b"", base_key, suite.hash_name)  # HKDF-Extract
    which = kid.to_bytes(8, "big") + suite.number.to_bytes(2, "big")

    def expand(label: bytes, size: int) -> bytes:
        return HKDFExpand(suite.hash, size, label + which).derive(secret)

    return (
        expand(b"SFrame 1.0 Secret key ", suite.key_size),
        expand(b"SFrame 1.0 Secret salt ", NONCE_SIZE),
    )


class FrameKey:
    """What one KID stands for: encrypts and decrypts whole frames."""

    def __init__(self, suite: Suite, kid: int, base_key: bytes) -> None:
        self.kid = kid
        key, salt = derive(suite, kid, base_key)
        self._aead = aead(suite, key)
        self._salt = int.from_bytes(salt, "big")

    def __reduce_ex__(self, protocol: object) -> str | tuple[object, ...]:
        """For copy and pickle, which would write it down or send it on."""
        raise TypeError("a key cannot be copied")

    def nonce(self, ctr: int) -> bytes:
        """Differs for each CTR."""
        return (self._salt ^ ctr).to_bytes(NONCE_SIZE, "big")

    def encrypt(self, ctr: int, plaintext: bytes, metadata: bytes) -> bytes:
        """A frame; ``ctr`` must never have been used with this key."""
        header = encode_header(self.kid, ctr)
        # Joined: encrypting into a bytearray behind the header takes AESGCM's
        # lower layer, whose Python costs more than the copy up to 4 KiB.
        return header + self._aead.encrypt(
            self.nonce(ctr), plaintext, header + metadata
        )

    def decrypt(self, ctr: int, size: int, frame: bytes, metadata: bytes) -> bytes:
        """What was encrypted; InvalidTag if frame or metadata are not authentic.

        ``ctr`` and ``size`` are those of the frame's header.
        """
        return self._aead.decrypt(
            self.nonce(ctr), frame[size:], frame[:size] + metadata
        )
