# SPDX-License-Identifier: LGPL-2.1-or-later
"""Caps of encrypted streams: a media type and fields that are strings.

One of the fields is the caps string of what was encrypted, quoted as GStreamer
quotes it (gst_string_wrap), so that it comes back exactly as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ORIGINAL_CAPS = "original-caps"

# What GStreamer leaves unquoted: GST_ASCII_IS_STRING.
_SIMPLE = re.compile(r"[A-Za-z0-9_+/:.\-]+")
_MEDIA_TYPE = re.compile(r"\s*([A-Za-z0-9_+/:.\-]+)\s*(?:\([^()]*\)\s*)?")
_FIELD = re.compile(
    r"\s*([A-Za-z0-9_+/:.\-]+)\s*=\s*(?:\(\s*([A-Za-z0-9_+/:.\-]+)\s*\)\s*)?"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
# In pieces as long as may be, since somebody hostile writes these caps.
_TOKEN = re.compile(_QUOTED.pattern + r'|[^",;{}<>\[\]]+|[^"]', re.DOTALL)
# As long as sealed caps are whose original is as long as any caps.
_LONGEST = 512 * 1024
_MOST_FIELDS = 64
# \ooo is a byte; before anything but 0 to 3 a backslash stands for what follows.
_ESCAPE = re.compile(rb"\\([0-3][0-7][0-7]|[^0-3])", re.DOTALL)
_ESCAPES = re.compile(rb"(?:[^\\]|" + _ESCAPE.pattern + rb")*", re.DOTALL)


def quote(text: str) -> str:
    """A string as it stands in caps, with quotes where GStreamer sets them.

    ValueError for what no GStreamer string can hold: NUL, lone surrogates.
    """
    if "\0" in text:
        raise ValueError("a string in caps cannot hold NUL")
    if _SIMPLE.fullmatch(text) and text != "NULL":
        return text
    return '"' + "".join(map(_WRAPPED.__getitem__, text.encode())) + '"'


def _wrapped(byte: int) -> str:
    character = chr(byte)
    if byte < 0x20 or byte >= 0x7F:
        return f"\\{byte:03o}"
    return character if _SIMPLE.match(character) else "\\" + character


_WRAPPED = [_wrapped(byte) for byte in range(256)]


def unquote(text: str) -> str:
    """The string that ``text`` stands for in caps; ValueError if for none."""
    if _SIMPLE.fullmatch(text) and text != "NULL":
        return text
    if not _QUOTED.fullmatch(text):
        raise ValueError(f"{text!r} is no string of caps")
    raw = text[1:-1].encode()
    if not _ESCAPES.fullmatch(raw):
        raise ValueError(f"{text!r} has a broken octal escape")
    raw = _ESCAPE.sub(
        lambda match: match[1] if len(match[1]) == 1 else bytes([int(match[1], 8)]),
        raw,
    )
    if b"\0" in raw:
        raise ValueError("a string in caps cannot hold NUL")
    return raw.decode()


def write(media_type: str, fields: Mapping[str, str]) -> str:
    """Caps of one structure, as GStreamer writes them."""
    written = (f"{name}=(string){quote(value)}" for name, value in fields.items())
    return ", ".join((media_type, *written))


def read(caps: str, media_type: str) -> dict[str, str]:
    """The string fields of fixed caps; fields of other types are passed over.

    ValueError if they are not of ``media_type`` or not well-formed.
    """
    if len(caps) > _LONGEST:
        raise ValueError(f"these caps are longer than any: {len(caps)} characters")
    head = _MEDIA_TYPE.match(caps)
    if head is None or head[1] != media_type:
        raise ValueError(f"these caps are not {media_type}: {caps}")
    fields: dict[str, str] = {}
    seen: set[str] = set()
    for part in _parts(caps[head.end() :]):
        field = _FIELD.match(part)
        if field is None or field[1] in seen:
            raise ValueError(f"these caps are broken at {part.strip()!r}: {caps}")
        seen.add(field[1])
        value = part[field.end() :].strip()
        if field[2] == "string" and value[:1] not in ("{", "<", "["):
            fields[field[1]] = unquote(value)
    return fields


def _parts(rest: str) -> list[str]:
    """What stands between the commas that are not in brackets or quotes."""
    # Each in its pieces: adding to one text would copy it every time.
    parts: list[list[str]] = []
    depth = at = 0
    while at < len(rest):
        token = _TOKEN.match(rest, at)
        if token is None:
            raise ValueError(f"a quote is not closed: {rest[at:]}")
        at, text = token.end(), token[0]
        if depth == 0 and text == ",":
            if len(parts) == _MOST_FIELDS:
                raise ValueError("these caps have more fields than any")
            parts.append([])
        elif depth == 0 and text == ";":
            if rest[at:].strip():
                raise ValueError("these caps are of several structures")
            break
        elif parts:
            depth += (text in "{<[") - (text in "}>]")
            parts[-1].append(text)
        elif text.strip():
            raise ValueError(f"a comma is missing before {rest!r}")
    if depth != 0:
        raise ValueError(f"a bracket is not closed: {rest}")
    return ["".join(pieces) for pieces in parts]
