# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys for plugins that encrypt: named by reference, never by value.

A key is 32 bytes, written as one line of URL-safe base64 (44 characters, the
form that ``Fernet.generate_key()`` makes); lines that begin with # are
comments.  ``examples/make-key`` writes such a file.  Nothing here puts a byte
of a key into a message.
"""

from __future__ import annotations

import binascii
import errno
import os
import re
import select
import stat
import sys
import time

from _held_keys import held

KEY_SIZE = 32
PATIENCE = 3.0  # seconds for whoever writes the key to a pipe
_LINE = re.compile(rb"[A-Za-z0-9_-]{43}=")
# What is no comment, without the space around it.
_LINES = re.compile(rb"^[^\S\n]*([^#\s][^\n]*?)[^\S\n]*$", re.MULTILINE)
# What people have keys in: base64 of either alphabet, with padding or without,
# or hexadecimal digits, of so many bytes.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_HEXADECIMAL = re.compile(r"(?:0x)?((?:[0-9A-Fa-f]{2}[:\s]?)+)")
_SIZES = (16, 20, 24, 28, 32, 48, 64, 96, 128)
_LONGEST = 4096  # bytes of a file, comments included
# NOFOLLOW: a link in a folder of others could make us use another of our files.
# NONBLOCK: opening a FIFO would wait for its writer.
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW | os.O_NONBLOCK
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def looks_like_a_key(text: str) -> bool:
    """True for the key itself where its name was wanted.

    A file that is there is a file, whatever it is called.
    """
    text = text.strip()
    digits = _HEXADECIMAL.fullmatch(text)
    if digits:
        size = len(re.sub(r"[:\s]", "", digits[1])) // 2
    elif _BASE64.fullmatch(text):
        size = len(text.rstrip("=")) * 3 // 4
    else:
        return False
    return size in _SIZES and not os.path.lexists(os.path.expanduser(text))


def read_key(key_file: str, key_fd: int, credential: str) -> bytes:
    """The key; exactly one of "", -1 and "" must have been replaced.

    OSError when there is nothing to read, PermissionError when others have
    access to it, ValueError when it is no key or not exactly one is named.
    """
    named = (key_file != "") + (key_fd != -1) + (credential != "")
    if named != 1:
        raise ValueError(
            f"{'several' if named else 'no'} keys are named: set one of the "
            "parameters key_file (a file that examples/make-key wrote), key_fd "
            "(an inherited descriptor) and credential (of the systemd service)"
        )
    if key_file:
        return read_key_file(key_file)
    if credential:
        return read_credential(credential)
    if _is_worker():
        raise ValueError(
            f"key_fd: descriptor {key_fd} is the application's, and with "
            "isolation=process this is another process: name the key with key_file "
            "or credential"
        )
    return held(key_fd, read_descriptor)


def _is_worker() -> bool:
    # Not imported: a plugin's import of it would be a module of its own.
    host = sys.modules.get("_pythonfilter.interpreter")
    return getattr(host, "is_worker", False) is True


def read_key_file(path: str) -> bytes:
    """The key in a file that nobody else has access to."""
    return _read_file("key_file", os.path.expanduser(path), _OTHERS)


def read_credential(name: str) -> bytes:
    """The key in a credential of the systemd service that this process is."""
    if "/" in name or name in (".", ".."):
        raise ValueError("credential: what was given is no name of a credential")
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise FileNotFoundError(
            "credential: this needs a systemd service with LoadCredential=NAME:PATH "
            "($CREDENTIALS_DIRECTORY is not set)"
        )
    # Where systemd lets the service read by an ACL, fstat() shows the ACL's mask
    # as the access of the group.
    forbidden = _OTHERS & ~stat.S_IRGRP
    return _read_file("credential", os.path.join(folder, name), forbidden)


def read_descriptor(descriptor: int) -> bytes:
    """The key that an inherited descriptor holds, which stays open.

    A file stays where it was read up to; a pipe or socket is read to its end.
    """
    what = f"key_fd: descriptor {descriptor}"
    if descriptor < 0:
        raise ValueError(f"{what} is no descriptor")
    text = _space()
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            # The number may be somebody else's file by now.
            start = os.lseek(descriptor, 0, os.SEEK_CUR)
            size = os.preadv(descriptor, [text], start)
        elif stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            size = _read_to_end(descriptor, text)
        else:
            raise OSError(errno.EINVAL, "it is no file, pipe or socket")
    except OSError as error:
        raise OSError(error.errno, f"{what} cannot be read: {error.strerror}") from None
    return _parse(what, text, size)


def _space() -> bytearray:
    """For what is read: unlike bytes it can be overwritten, and is never copied."""
    return bytearray(_LONGEST + 1)


def _read_to_end(descriptor: int, text: bytearray) -> int:
    """How much of it there is; TimeoutError, an OSError, if the other end stays open.

    Nothing is read before it is closed: what is still written to may be somebody
    else's, under a number that was ours.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLRDHUP)
    until = time.monotonic() + PATIENCE
    # In slices, between which a stop of the element can interrupt.
    while not poll.poll(100):
        if time.monotonic() >= until:
            why = f"its other end was not closed within {PATIENCE:g} s"
            raise TimeoutError(errno.ETIMEDOUT, why)
    size = 0
    while size < len(text):
        more = os.readv(descriptor, [memoryview(text)[size:]])
        if not more:
            break
        size += more
    return size


def _read_file(parameter: str, path: str, forbidden: int) -> bytes:
    what = f"{parameter}: {path}"
    try:
        descriptor = os.open(path, _OPEN)
    except OSError as error:
        if not os.path.lexists(path):
            # What was given may be a key with a typing error.
            raise OSError(
                error.errno,
                f"{parameter}: {error.strerror}; what was given is not shown, as it "
                f"may be the key itself ({len(os.path.basename(path))} characters"
                + (f" in the folder {_folder(path)})" if _folder(path) else ")"),
            ) from None
        why = error.strerror
        if os.path.islink(path):
            why = "it is a symbolic link, so name the file itself"
        raise OSError(error.errno, f"{what} cannot be opened: {why}") from None
    try:
        # The open file is asked: the path may have become another since.
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{what} is not a regular file")
        if status.st_uid not in (os.geteuid(), 0):
            raise PermissionError(
                f"{what} belongs to the user {status.st_uid}, who could change it: "
                "make it a file of your own"
            )
        if status.st_mode & forbidden:
            raise PermissionError(
                f"{what} is open to others (mode {status.st_mode & 0o7777:04o}): "
                "run chmod 600 on it, and better make a new key"
            )
        text = _space()
        size = os.preadv(descriptor, [text], 0)
    finally:
        os.close(descriptor)
    return _parse(what, text, size)


def _folder(path: str) -> str:
    """The part of a path that is there: no key has that. "" where nothing is."""
    folder = os.path.dirname(path)
    while folder and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder if folder != "/" else ""


def _parse(what: str, text: bytearray, size: int) -> bytes:
    """The key; what it was read from is overwritten."""
    try:
        keys = [found.span(1) for found in _LINES.finditer(text, 0, size)]
        if size > _LONGEST or len(keys) != 1 or not _LINE.fullmatch(text, *keys[0]):
            raise ValueError(
                f"{what} holds no key, which is one line of {KEY_SIZE} bytes in "
                "URL-safe base64 (44 characters): examples/make-key writes one"
            )
        begin, end = keys[0]
        for at in range(begin, end):
            if text[at] in b"-_":
                text[at] = b"+/"[text[at] == ord("_")]
        return binascii.a2b_base64(memoryview(text)[begin:end])
    finally:
        text[:] = bytes(len(text))
