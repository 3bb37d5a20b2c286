# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from typing import Any

from . import engines, formats, report
from .corpus import Corpus
from .errors import Stopped, Unusable, system_error
from .folder import Folder
from .job import Job
from .progress import Progress
from .run import Run
from .status import Status, failure, printable, read_plan

DONE, STOPPED, UNUSABLE, FAILED, INTERRUPTED = 0, 1, 2, 3, 130
MOST_LISTED = 20

DESCRIPTION = """\
Runs one audio plugin in Python over many files, on all cores of this machine or
on a Dask cluster. What is done is known by what lies in the folder of the
outputs: the same command, given again, goes on where it was ended, does what is
new, and does all again when the plugin or a parameter is another one."""

EPILOG = """\
exit status: 0 all files are done, 1 it stopped before the end, 2 it could not
begin, 3 some files failed, 130 interrupted.

examples:
  pythonfilter-corpus run denoise.py --set strength=0.7 --in 'speech/**/*.flac' --out clean --format flac
  pythonfilter-corpus run denoise.py --in list.jsonl --out clean --engine tcp://scheduler:8786
  pythonfilter-corpus status clean
  pythonfilter-corpus retry clean --failed

`pythonfilter-corpus run --help` lists the options.
"""


def _parser() -> argparse.ArgumentParser:
    shape: Any = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="pythonfilter-corpus",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=shape,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "does what is not done yet"
    _add_run(commands.add_parser("run", help=text, allow_abbrev=False))
    status = commands.add_parser("status", help="how far it is", allow_abbrev=False)
    status.add_argument("out", metavar="DIR", help="the folder of the outputs")
    status.add_argument("--json", action="store_true", help="as one JSON object")
    text = "what failed, and what was not done, once more"
    retry = commands.add_parser("retry", help=text, allow_abbrev=False)
    retry.add_argument("out", metavar="DIR", help="the folder of the outputs")
    retry.add_argument("--failed", action="store_true", help="only what failed")
    _add_engine(retry)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("plugin", metavar="PLUGIN.py", help="or the folder of a package")
    text = (
        "files, folders, patterns (** is any folders), or lists in .jsonl with the keys "
        "of Lhotse or NeMo; may be repeated"
    )
    option("--in", dest="inputs", metavar="WHAT", nargs="+", action="extend", help=text)
    option("--out", metavar="DIR", required=True, help="the folder of the outputs")
    text = f"{', '.join(formats.ENCODERS)}; wav, or none where the plugin gives text"
    option("--format", default="", metavar="FORMAT", help=text)
    text = "the end of a launch line instead; FORMAT is then only the extension"
    option("--encoder", default="", metavar="LINE", help=text)
    text = "names of outputs, of {name}, {dir}, {stem}, {ext} ({name}.{ext})"
    option("--template", default="{name}.{ext}", metavar="TEXT", help=text)
    text = "a parameter of the plugin; may be repeated"
    option("--set", metavar="KEY=VALUE", action="append", default=[], help=text)
    text = "a secret one, which FILE has; it is written nowhere"
    option("--secret", metavar="KEY=FILE", action="append", default=[], help=text)
    text = "which class, if the file has several"
    option("--class", dest="plugin_class", default="", metavar="NAME", help=text)
    option(
        "--venv", default="", metavar="DIR", help="virtual environment of the plugin"
    )
    text = "a new instance of the plugin for each file (otherwise reset())"
    option("--fresh", action="store_true", help=text)
    text = "of random, NumPy and GLib, anew for each file (0)"
    option("--seed", type=int, default=0, metavar="N", help=text)
    text = "does so many of the files twice, and compares the bytes"
    option("--check", type=_share, default=0.0, metavar="1%", help=text)
    text = "of one file: seconds, or a multiple of its length, at least a minute (20x)"
    option("--time-limit", default="20x", metavar="S", help=text)
    text = "how often what failed is tried again, in another process (1)"
    option("--retries", type=int, default=1, metavar="N", help=text)
    text = "of BLAS and OpenMP in each process (1)"
    option("--threads", type=int, default=1, metavar="N", help=text)
    text = "tells a changed input by its content, not by its size and time"
    option("--verify", action="store_true", help=text)
    _add_engine(parser)


def _add_engine(parser: argparse.ArgumentParser) -> None:
    text = "local, or the address of a Dask scheduler, tcp://HOST:8786 (local)"
    parser.add_argument("--engine", default="local", metavar="ENGINE", help=text)
    text = "processes of the local engine (one for each core)"
    parser.add_argument("--workers", type=int, default=0, metavar="N", help=text)


def _share(text: str) -> float:
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0% to 100%")
    return value


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    asked = _parser().parse_args(arguments)
    # Python lets only one thread ask for that, and a test may run in another.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if asked.command == "status":
            return _status(asked)
        return _work(_retried(asked) if asked.command == "retry" else _asked_for(asked))
    except Unusable as error:
        return _say(str(error), UNUSABLE)
    except Stopped as error:
        return _say(f"{error}; the same command goes on from here", STOPPED)
    except KeyboardInterrupt:
        return _say("interrupted; the same command goes on from here", INTERRUPTED)
    except BrokenPipeError:
        return _unheard(asked.command == "status")


def _unheard(quiet: bool) -> int:
    """As before `| head`, or a pager that was left."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, 1)  # what is written there still, at the end, has to go
    try:
        if not quiet:
            why = "nobody reads any more what it prints, so it stopped"
            _say(f"{why}; the same command goes on from here", STOPPED)
    except BrokenPipeError:
        os.dup2(nobody, 2)
    return STOPPED


def _say(sentence: str, status: int) -> int:
    print(printable(f"pythonfilter-corpus: {sentence}"), file=sys.stderr)
    return status


def _asked_for(asked: argparse.Namespace) -> Run:
    if not asked.inputs:
        raise Unusable("--in says which files")
    same = [
        *("plugin", "out", "format", "encoder", "template", "plugin_class", "venv"),
        *("fresh", "seed", "check", "time_limit", "retries", "threads"),
    ]
    job = Job(
        parameters=_pairs("--set", asked.set),
        secrets=_pairs("--secret", asked.secret),
        **{name: getattr(asked, name) for name in same},
    )
    corpus = Corpus.of(*asked.inputs)
    engine = engines.named(asked.engine, asked.workers)
    return Run(job, corpus, engine, asked.verify)


def _retried(asked: argparse.Namespace) -> Run:
    job, _ = read_plan(Folder(os.path.abspath(asked.out)))
    engine = engines.named(asked.engine, asked.workers)
    return Run(job, None, engine, again="failed" if asked.failed else "all")


def _pairs(option: str, words: list[str]) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    form = "KEY=FILE" if option == "--secret" else "KEY=VALUE"
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise Unusable(f"{option} {word}: it must be {form}")
        pairs[key] = value
    return pairs


def _work(run: Run) -> int:
    # Dask tells of each connection that is lost, with its traceback.
    logging.disable(logging.CRITICAL)
    progress = Progress(sys.stdout)
    run.tell = progress.note
    results = run.results()
    stopped: Stopped | None = None
    try:
        for result in results:
            progress.ended(result, run.todo)
    except Stopped as error:
        stopped = error
    finally:
        results.close()
        progress.close()
    if stopped is not None and not os.path.exists(run.folder.plan):
        raise stopped  # the folder is gone
    status = Status(run.job.out)
    try:
        report.write(status, run.folder.report)
    except OSError as error:
        _say(system_error(error, run.job.out), STOPPED)
    if run.aside:
        _say(
            f"{run.aside} outputs of earlier runs, whose files failed now, were taken "
            f"to {run.folder.earlier}",
            DONE,
        )
    for work, event in status.failed[:MOST_LISTED]:
        print(failure(work, event), file=sys.stderr)
    if len(status.failed) > MOST_LISTED:
        more = len(status.failed) - MOST_LISTED
        print(printable(f"… and {more} more: {run.folder.report}"), file=sys.stderr)
    print(printable(f"{status}: {run.folder.report}"), file=sys.stderr)
    if stopped is not None:
        raise stopped
    return _standing(status)


def _standing(status: Status) -> int:
    return FAILED if status.failed else STOPPED if status.left else DONE


def _status(asked: argparse.Namespace) -> int:
    status = Status(os.path.abspath(asked.out))
    if asked.json:
        print(json.dumps(status.as_json()))
    else:
        print(status)
        for work, event in status.failed:
            print(failure(work, event))
    sys.stdout.flush()
    return _standing(status)
