# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is to be done with each file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import formats
from .errors import Unusable

if TYPE_CHECKING:
    from .corpus import Corpus
    from .engines import Engine
    from .run import Result

# Of what identity() is made: work of another one counts as not done.
IDENTITY_VERSION = 1

_YEAR = 365.0 * 86400


@dataclass
class Job:
    """One plugin, its parameters, and where the outputs go.

    plugin, plugin_class: the file or package, and which class if it has several.
    out: the folder of the outputs; template: how they are called in it, of
    `{name}`, `{dir}`, `{stem}` and `{ext}`.
    format, encoder: one of formats.ENCODERS, of which wav is the default for sound and
    none that for text; or the end of a launch line, and the extension.
    parameters: as texts, or anything whose str() is one.
    secrets: parameters that are read from a file, by whoever runs the plugin, and
    never written anywhere.
    fresh: a new instance of the plugin for each file.
    seed: of random, NumPy and GLib, anew for each file.
    check: this share of the files is done twice, and has to be the same.
    time_limit: seconds for each file; or, as "20x", so many times its length, and a
    minute at least.
    retries: how often what failed is tried again, in another process.
    threads: of BLAS and OpenMP in each process.
    """

    plugin: str
    out: str
    format: str = ""
    encoder: str = ""
    template: str = "{name}.{ext}"
    plugin_class: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    venv: str = ""
    fresh: bool = False
    seed: int = 0
    check: float = 0.0
    time_limit: str = "20x"
    retries: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        if not os.path.exists(self.plugin):
            raise Unusable(f"{self.plugin}: there is no such file")
        self.plugin = os.path.abspath(self.plugin)
        self.out = os.path.abspath(self.out)
        self.parameters = {name: str(value) for name, value in self.parameters.items()}
        self.secrets = {
            name: os.path.abspath(path) for name, path in self.secrets.items()
        }
        for text in (self.plugin, self.venv, self.encoder, *self.parameters.values()):
            if any("\ud800" <= each <= "\udfff" for each in text):
                raise Unusable(f"{text}: this is not UTF-8, as GStreamer takes it")
        known = ("", *formats.ENCODERS)
        if self.encoder and not self.format:
            raise Unusable("an encoder needs the format, which is the outputs' ending")
        if not self.encoder and self.format not in known:
            names = ", ".join(formats.ENCODERS)
            raise Unusable(
                f"the format {self.format} is none of {names}: say with an encoder "
                "how it is made"
            )
        limit_of(self.time_limit, 0)
        if self.retries < 0 or self.threads < 1:
            raise Unusable("there are 0 retries or more, and at least 1 thread")
        self.output_of("a/b")

    def run(self, corpus: Corpus, engine: Engine | None = None) -> Iterator[Result]:
        """Does what is not done yet: an iterator of what came of each."""
        from .run import Run

        return Run(self, corpus, engine).results()

    def output_of(self, name: str) -> str:
        """The output's path below the folder."""
        folder, stem = os.path.split(name)
        words = {"name": name, "dir": folder or os.curdir, "stem": stem}
        try:
            path = self.template.format(**words, ext=formats.ending(self.format))
        except (KeyError, IndexError, ValueError):
            raise Unusable(
                f"the template {self.template} is made of more than "
                "{name}, {dir}, {stem} and {ext}"
            ) from None
        path = os.path.normpath(path)
        inner = path.split(os.sep)
        if os.path.isabs(path) or inner[0] in (os.pardir, os.curdir, ".pythonfilter"):
            raise Unusable(f"{path}: an output lies in the folder of the outputs")
        return path

    @classmethod
    def of(cls, told: dict[str, Any], out: str) -> Job:
        """Of what as_json() gave, wherever its folder is by now."""
        known: dict[str, Any] = {**told, "out": out}
        return cls(**known)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def identity(self, digest: str) -> str:
        """Of all but the input. digest: of the plugin's code and its helpers'."""
        return json.dumps(
            [
                *(IDENTITY_VERSION, digest, self.plugin_class, self.format),
                *(self.encoder, self.template, self.fresh, self.seed, self.venv),
                [
                    [key, _with_file(text)]
                    for key, text in sorted(self.parameters.items())
                ],
                sorted(self.secrets),
            ]
        )


def _with_file(value: str) -> list[Any]:
    """A parameter that names a file, as a model is named, is what is in it."""
    try:
        stat = os.stat(value) if os.path.isfile(value) else None
    except ValueError:
        stat = None
    return [value, stat and stat.st_size, stat and stat.st_mtime_ns]


def identity_of(job: str, path: str, content: str, *part: Any) -> str:
    """The name of one work. content: of the input, as content_of() says it."""
    text = json.dumps([job, path, content, *part])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def content_of(path: str, verify: bool) -> str:
    """Its size and when it was changed; or a sum over all of it."""
    if not verify:
        stat = os.stat(path)
        return f"{stat.st_size} {stat.st_mtime_ns}"
    with open(path, "rb") as file:
        return sum_of(file)


def sum_of(file: Any) -> str:
    total = hashlib.sha256()
    while piece := file.read(1 << 20):
        total.update(piece)
    return total.hexdigest()


def limit_of(text: str, seconds: float) -> float:
    """The time that a file of so many seconds may take."""
    try:
        number = float(text.removesuffix("x"))
        if not 0 < number < math.inf:
            raise ValueError
    except ValueError:
        raise Unusable(
            f"the time limit {text} is neither seconds nor, as 20x, a multiple"
        ) from None
    limit = max(60.0, number * seconds) if text.endswith("x") else number
    return min(limit, _YEAR)
