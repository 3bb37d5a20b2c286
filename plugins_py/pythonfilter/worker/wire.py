# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records: lists of byte strings on a stream socket, with descriptors."""

from __future__ import annotations

import array
import os
import socket
import struct
from collections.abc import Iterable, Sequence

LONGEST = 256 * 1024 * 1024
MOST_FIELDS = 65536
MOST_DESCRIPTORS = 5

_NUMBER = struct.Struct("=I")


class ProtocolError(Exception):
    """The other side broke a rule of the protocol."""


def encode(text: str) -> bytes:
    """Names of files can be any bytes, and stay what they are."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def decode(field: bytes) -> str:
    return field.decode("utf-8", "surrogateescape")


def flag(value: object) -> bytes:
    return b"1" if value else b"0"


def truth(field: bytes) -> bool:
    if field not in (b"0", b"1"):
        raise ProtocolError(f"{field[:20]!r} is no boolean")
    return field == b"1"


def number(field: bytes) -> int:
    try:
        return int(field)
    except ValueError:
        raise ProtocolError(f"{field[:20]!r} is no number") from None


def pack_list(fields: Sequence[bytes]) -> bytes:
    """A record without its first length, as it stands inside a field."""
    parts = [_NUMBER.pack(len(fields))]
    for field in fields:
        parts.append(_NUMBER.pack(len(field)))
        parts.append(field)
    return b"".join(parts)


def pack(fields: Sequence[bytes]) -> bytes:
    rest = pack_list(fields)
    if len(rest) > LONGEST or len(fields) > MOST_FIELDS:
        raise ValueError(f"{len(rest)} bytes are too many to send")
    return _NUMBER.pack(len(rest)) + rest


def unpack_list(rest: bytes) -> list[bytes]:
    """The fields of a record, of which the first length is taken off."""
    if len(rest) < 4:
        raise ProtocolError("a record without a number of fields")
    (count,) = _NUMBER.unpack_from(rest)
    if count > MOST_FIELDS:
        raise ProtocolError(f"a record with {count} fields")
    fields, at = [], 4
    for _ in range(count):
        if len(rest) - at < 4:
            raise ProtocolError("a record that ends before its last field")
        (length,) = _NUMBER.unpack_from(rest, at)
        at += 4
        if len(rest) - at < length:
            raise ProtocolError("a field that is longer than its record")
        fields.append(rest[at : at + length])
        at += length
    if at != len(rest):
        raise ProtocolError("a record that goes on after its last field")
    return fields


def send(
    connection: socket.socket, fields: Sequence[bytes], descriptors: Iterable[int] = ()
) -> None:
    data = memoryview(pack(fields))
    given = array.array("i", descriptors)
    if given:
        sent = connection.sendmsg(
            [data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, given)]
        )
        data = data[sent:]
    if data:
        connection.sendall(data)


def receive(connection: socket.socket) -> tuple[list[bytes], list[int]] | None:
    """A record and its descriptors; None at the end of the stream."""
    space = socket.CMSG_SPACE(MOST_DESCRIPTORS * array.array("i").itemsize)
    head, ancillary, flags, _ = connection.recvmsg(4, space, socket.MSG_CMSG_CLOEXEC)
    if not head:
        return None
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    try:
        if flags & socket.MSG_CTRUNC:
            raise ProtocolError("a record with too many descriptors")
        head += _receive_all(connection, 4 - len(head))
        (length,) = _NUMBER.unpack(head)
        if length > LONGEST:
            raise ProtocolError(f"a record of {length} bytes")
        return unpack_list(_receive_all(connection, length)), list(descriptors)
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise


def _receive_all(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        # Mostly all of it, which is then copied no more.
        more = connection.recv(length - len(data), socket.MSG_WAITALL)
        if not more:
            raise ProtocolError("a record that ends in the middle")
        data += more
    return data
