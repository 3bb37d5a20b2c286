# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which works a job and a corpus make."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .corpus import Corpus
from .errors import Unusable
from .folder import Folder
from .job import Job, content_of, identity_of
from .ledger import Event, Standing

MEASURED = 1000  # files of which the loudness is measured, evenly over the corpus


@dataclass(frozen=True)
class Earlier:
    """What earlier runs have made in a folder, as far as they came."""

    outputs: frozenset[str] = frozenset()
    sides: frozenset[str] = frozenset()  # outputs with lines beside them


def made_before(folder: Folder, before: Standing) -> Earlier:
    """A work that has begun may have put its output there, and was not told."""
    try:
        works = folder.read_plan()[1]
    except Unusable:
        works = []
    begun = [work for work in works if work["id"] in before.begun]
    outputs = before.last.keys() | {work["output"] for work in begun}
    lines = {work["output"] for work in begun if not work.get("keep")}
    return Earlier(frozenset(outputs), frozenset(before.sides | lines))


def beside(output: str) -> str:
    """Where the lines go that a plugin posts."""
    return os.path.splitext(output)[0] + ".jsonl"


def make(
    job: Job, corpus: Corpus, digest: str, verify: bool, earlier: Earlier = Earlier()
) -> list[dict[str, Any]]:
    """Each with its identity, where it comes from and where it goes."""
    identity = job.identity(digest)
    real = _Real()
    root = os.path.realpath(job.out)
    own = {os.path.join(root, name) for name in earlier.outputs}
    own |= {beside(each) for each in own}
    # Outputs of earlier runs are found by a pattern, too, and are no inputs.
    found = [(each, real(each.input)) for each in corpus]
    entries = [each for each, path in found if path not in own]
    if not entries:
        raise Unusable(f"no file is called {' or '.join(corpus.sources)}")
    inputs = {path for _, path in found if path not in own}
    inputs |= {os.path.realpath(each) for each in corpus.sources}
    outputs: dict[str, str] = {}
    works = []
    contents: dict[str, str] = {}
    every = -(-len(entries) // MEASURED)
    checked = _share(job.check)
    for number, entry in enumerate(entries):
        output = job.output_of(entry.name)
        place = os.path.join(root, output)
        for path in (place, beside(place)):
            if real(path) in inputs:
                raise Unusable(
                    f"{path} is read, and what becomes of {entry.input} would be "
                    "written there: give another --out"
                )
        for each in dict.fromkeys((output, beside(output))):
            if each in outputs:
                raise Unusable(
                    f"{outputs[each]} and {entry.input} would both become {each}: "
                    "a --template may tell them apart"
                )
            outputs[each] = entry.input
        if entry.input not in contents:
            try:
                contents[entry.input] = content_of(entry.input, verify)
            except OSError as error:
                # It fails, and when it comes it is another work.
                contents[entry.input] = f"missing: {error.strerror}"
        part = entry.start, entry.duration
        content = contents[entry.input]
        work: dict[str, Any] = {
            "id": identity_of(identity, entry.input, content, output, part),
            "input": entry.input,
            "output": output,
        }
        if entry.start or entry.duration is not None:
            work |= {"start": entry.start, "duration": entry.duration}
        if contents[entry.input].startswith("missing"):
            work["missing"] = True
        if number % every == 0:
            work["measure"] = True
        if next(checked):
            work["check"] = True
        # Somebody else's, which is neither replaced nor removed.
        if output not in earlier.sides and os.path.exists(beside(place)):
            work["keep"] = True
        works.append(work)
    return works


class _Real:
    """os.path.realpath(), which looks at the same folders again for each file."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: str) -> str:
        folder, name = os.path.split(path)
        if name in ("", os.curdir, os.pardir) or os.path.islink(path):
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return os.path.join(self._folders[folder], name)


def _share(share: float) -> Iterator[bool]:
    """Evenly so many of them, the first among them."""
    total = 1.0 - share if share else 0.0
    while True:
        total += share
        yield total >= 1.0
        total -= total >= 1.0


def is_there(out: str, work: dict[str, Any], done: Event) -> bool:
    """Whether an output still is what it was when it was done."""
    try:
        size = os.stat(os.path.join(out, work["output"])).st_size
        return size == int(done["bytes"])
    except OSError:
        return False
