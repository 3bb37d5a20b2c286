# SPDX-License-Identifier: LGPL-2.1-or-later
"""One plugin over many files: resumable, on one machine or a cluster.

    from pythonfilter_corpus import Corpus, Job

    job = Job("denoise.py", "clean", format="flac", parameters={"strength": "0.7"})
    for result in job.run(Corpus.files("speech/**/*.wav")):
        print(result.input, result.state, result.speed)

What is done is known by what lies in the output folder and by nothing else, so
that the same lines go on where they were ended. docs/corpora.md tells the rest;
`pythonfilter-corpus` is the same as a command.
"""

from .corpus import Corpus, Entry
from .engines import Engine, Threads
from .errors import Stopped, Unusable
from .job import Job
from .run import Result, Run

__all__ = [
    *("Corpus", "Engine", "Entry", "Job", "Result", "Run", "Stopped", "Threads"),
    "Unusable",
]
