# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which files there are."""

from __future__ import annotations

import glob
import mimetypes
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import manifest, walk
from .errors import Unusable


@dataclass(frozen=True)
class Entry:
    """A file, or a part of one.

    name: what its output is called after, without an extension. A relative path;
    start, duration: of a part, in seconds; duration None: to the end.
    """

    input: str
    name: str
    start: float = 0.0
    duration: float | None = None


class Corpus:
    """Entries, in an order that is always the same."""

    def __init__(self, entries: Iterable[Entry], sources: Iterable[str] = ()) -> None:
        self.entries = list(entries)
        self.sources = list(sources)  # how to make it again: see `of`

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @classmethod
    def files(cls, *patterns: str) -> Corpus:
        """By names, folders, and patterns with `*`, `?`, `[…]` and `**`."""
        found: dict[str, Entry] = {}
        for pattern in patterns:
            entries = list(_matching(pattern))
            if not entries:
                raise Unusable(f"no file is called {pattern}")
            for entry in entries:
                found.setdefault(entry.input, entry)
        return cls(found.values(), patterns)

    @classmethod
    def manifest(cls, path: str) -> Corpus:
        """By a list in JSON lines, with the keys of Lhotse or of NeMo."""
        return cls((Entry(*each) for each in manifest.read(path)), [path])

    @classmethod
    def of(cls, *sources: str) -> Corpus:
        """By any of these: what ends in .jsonl or .jsonl.gz is a manifest."""
        lists = [each for each in sources if each.endswith(manifest.ENDINGS)]
        entries = list(cls.files(*(each for each in sources if each not in lists)))
        for path in lists:
            entries += cls.manifest(path)
        return cls(entries, sources)


def _matching(pattern: str) -> Iterator[Entry]:
    if os.path.isdir(pattern):
        root = pattern
        found = walk.matching(pattern, ["**", "*"])
        paths = [path for path in found if _may_be_sound(path)]
    elif os.path.lexists(pattern) or not glob.has_magic(pattern):
        root, paths = os.path.dirname(pattern), [pattern]
        if not walk.is_file(pattern):
            raise Unusable(f"{pattern}: there is no such file")
    else:
        root = _fixed(pattern)
        rest = pattern[len(root) :].strip(os.sep).split(os.sep)
        paths = walk.matching(root, rest)
    for path in paths:
        name = os.path.splitext(os.path.relpath(path, root or os.curdir))[0]
        yield Entry(os.path.abspath(path), name)


def _may_be_sound(path: str) -> bool:
    kind = mimetypes.guess_type(path)[0] or ""
    more = (".flac", ".opus", ".ogg", ".oga", ".mka", ".sph", ".caf", ".amr")
    return kind.startswith(("audio/", "video/")) or path.lower().endswith(more)


def _fixed(pattern: str) -> str:
    """The folders of a pattern before anything in it may vary."""
    fixed: list[str] = []
    for part in os.path.dirname(pattern).split(os.sep):
        if glob.has_magic(part):
            break
        fixed.append(part)
    return os.sep.join(fixed) or (os.sep if pattern.startswith(os.sep) else "")
