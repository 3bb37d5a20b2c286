# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which works a job and a corpus make."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from .corpus import Corpus
from .errors import Unusable
from .job import Job, content_of, identity_of
from .ledger import Event

MEASURED = 1000  # files of which the level is measured, evenly over the corpus


def make(job: Job, corpus: Corpus, digest: str, verify: bool) -> list[dict[str, Any]]:
    """Each with its identity, where it comes from and where it goes."""
    identity = job.identity(digest)
    if not len(corpus):
        raise Unusable(f"no file is called {' or '.join(corpus.sources)}")
    outputs: dict[str, str] = {}
    works = []
    contents: dict[str, str] = {}
    every = -(-len(corpus) // MEASURED)
    checked = _share(job.check)
    for number, entry in enumerate(corpus):
        output = job.output_of(entry.name)
        if output in outputs:
            raise Unusable(
                f"{outputs[output]} and {entry.input} would both become {output}: "
                "a --template may tell them apart"
            )
        outputs[output] = entry.input
        if entry.input not in contents:
            try:
                contents[entry.input] = content_of(entry.input, verify)
            except OSError as error:
                raise Unusable(f"{entry.input}: {error.strerror}") from None
        part = entry.start, entry.duration
        content = contents[entry.input]
        work: dict[str, Any] = {
            "id": identity_of(identity, entry.input, content, output, part),
            "input": entry.input,
            "output": output,
        }
        if entry.start or entry.duration is not None:
            work |= {"start": entry.start, "duration": entry.duration}
        if number % every == 0:
            work["measure"] = True
        if next(checked):
            work["check"] = True
        works.append(work)
    return works


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
