# SPDX-License-Identifier: LGPL-2.1-or-later
"""Patterns, as glob knows them, in folders whose links may go round in circles."""

from __future__ import annotations

import fnmatch
import os


def is_file(path: str) -> bool:
    """Also a link to nothing, which is told as a file that fails."""
    return os.path.isfile(path) or (os.path.islink(path) and not os.path.exists(path))


def matching(root: str, parts: list[str]) -> list[str]:
    """The files below a folder by the parts of a pattern, in a fixed order."""
    return sorted(set(_Walk(root).files(root, [part for part in parts if part])))


class _Walk:
    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root or os.curdir)
        self._linked: set[str] = set()  # folders elsewhere, by links

    def files(self, folder: str, parts: list[str]) -> list[str]:
        part, *rest = parts
        if part == "**":
            found = self.files(folder, rest or ["*"])
            for path in self._inside(folder, "*"):
                if os.path.isdir(path) and self._is_new(path):
                    found += self.files(path, parts)
            return found
        paths = self._inside(folder, part)
        if not rest:
            return [path for path in paths if is_file(path)]
        folders = [path for path in paths if os.path.isdir(path)]
        return [each for path in folders for each in self.files(path, rest)]

    @staticmethod
    def _inside(folder: str, part: str) -> list[str]:
        """What a part of a pattern names; nothing hidden unless it says so."""
        try:
            names = sorted(os.listdir(folder or os.curdir))
        except OSError:
            return []  # as glob does
        if not part.startswith("."):
            names = [name for name in names if not name.startswith(".")]
        if part in (os.curdir, os.pardir):
            names = [part]
        names = [name for name in names if fnmatch.fnmatchcase(name, part)]
        return [os.path.join(folder, name) for name in names]

    def _is_new(self, folder: str) -> bool:
        """Each folder once: a link may lead to one that is, or was, walked anyway."""
        if not os.path.islink(folder):
            return True
        real = os.path.realpath(folder)
        if real in self._linked or os.path.commonpath([real, self._root]) in (
            real,
            self._root,
        ):
            return False
        self._linked.add(real)
        return True
