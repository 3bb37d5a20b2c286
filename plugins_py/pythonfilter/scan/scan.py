# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says which plugins lie in some folders, for elements of their own.

    python3 -I -S -B scan.py [--system] [--skip=FILE]… FOLDER…

The registry scan of GStreamer runs it.  It reads files and executes none of them.
Each line that it prints is one record: a word, then fields `key=value,value…`
where whatever is not a letter, a digit or one of `._-+:/` is %-encoded.
`reading` names the file that comes next, `broken` one that cannot be used, with
the line where it is known, `note` what a plugin's author may wonder about, `watched` a file or folder whose
change means that a scan may find something else, and `element` a plugin. The last
line is `end`: without it the file that was read last is one to be skipped.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
import warnings
from typing import NamedTuple

# Isolated mode leaves out what is beside this file, and the package is above it.
OURS = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.append(OURS)

from pythonfilter.reading import Unusable, read
from pythonfilter.scan import describe, distributions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    Field = tuple[str, Iterable[str]]

# Seconds of processor time, which a busy machine makes no longer: for all files,
# for what one says, and until this process ends, as the parser cannot be
# interrupted.
PATIENCE, FILE_PATIENCE, PARSER_PATIENCE = 8.0, 0.5, 1.0
LONGEST_RECORD = 1 << 16
MOST_PLUGINS = 100  # in a file
PLAIN = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+:/"
)
ELEMENT_NAME = re.compile(r"[A-Za-z0-9-]+", re.ASCII)


def encoded(text: str) -> str:
    """In ASCII, without spaces; control characters would end the caller's text."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return "".join(
        chr(b) if b in PLAIN else f"%{b:02X}" for b in plain.encode("utf-8", "replace")
    )


def record(word: str, *fields: Field) -> str:
    """One line of output."""
    return " ".join(
        [word] + [f"{key}={','.join(map(encoded, values))}" for key, values in fields]
    )


def _give_up(number: int, frame: object) -> None:
    raise Unusable("takes too long to look through")


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Whatever a file makes of what reads it, others get their turn."""
    signal.signal(signal.SIGPROF, _give_up)
    signal.signal(signal.SIGVTALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_VIRTUAL, PARSER_PATIENCE)
    signal.setitimer(signal.ITIMER_PROF, FILE_PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def plugins_in(path: str, root: str = "") -> list[describe.Plugin]:
    """The plugins of one file or package, whose imports begin at `root`.

    Raises Unusable.
    """
    package = os.path.join(path, "__init__.py")
    path = package if os.path.exists(package) else path
    text = read(path)
    try:
        return describe.plugins(text, path, root)
    except SyntaxError as error:
        place = f"{path}:{error.lineno}" if error.lineno else ""
        raise Unusable(error.msg, place) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise Unusable(str(error) or "is nested too deeply") from None


# Packages in OURS that are none.
NO_PLUGINS = ("base_plugin", "pythonfilter", "pythonfilter_corpus")


def files_in(folder: str) -> Iterator[str]:
    """The names of the files that may be plugins, and of packages."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    if os.path.realpath(folder) == os.path.realpath(OURS):
        names = [name for name in names if name not in NO_PLUGINS]
    for name in names:
        if name.startswith(("_", ".", "test_")):
            continue
        package = os.path.join(folder, name, "__init__.py")
        if name.endswith(".py") or os.path.isfile(package):
            yield name


class Candidate(NamedTuple):
    """A file or package, and the name of the element that it may be.

    ``module`` is how a distribution's is imported, below the folder ``root``, and
    ``attribute`` the class that its entry point names.
    """

    path: str
    stem: str
    module: str = ""
    attribute: str = ""
    root: str = ""


def records(
    folders: Iterable[str], skipped: Collection[str] = (), system: bool = False
) -> Iterator[str]:
    """What there is to say of the folders and of installed distributions.

    The first one with a name wins. `system`: also of distributions of this Python.
    """
    owners: dict[str, str] = {}
    for folder in _each_once(folders):
        for file in files_in(folder):
            path = os.path.join(os.path.abspath(folder), file)
            stem = file.removesuffix(".py").replace("_", "-")
            yield from _read(Candidate(path, stem), skipped, owners)
    for folder in _each_once(distributions.site_folders(system)):
        yield record("watched", ("file", [folder]))
        for entry in distributions.entries(folder):
            if isinstance(entry, tuple):
                yield _broken(entry[0], Unusable(entry[1]))
                continue
            try:
                path, root = distributions.source_of(entry, folder)
            except Unusable as error:
                yield _broken(entry.file, error)
                continue
            yield record("watched", ("file", [path]))
            yield record("watched", ("file", [entry.file]))
            stem = entry.name.replace("_", "-")
            found = Candidate(path, stem, entry.module, entry.attribute, root)
            yield from _read(found, skipped, owners)
    for folder, reason in distributions.of_another_python():
        yield record("watched", ("file", [folder]))
        if any(True for _ in distributions.entries(folder)):
            yield _broken(folder, Unusable(reason))


def _each_once(folders: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for folder in folders:
        if os.path.realpath(folder) not in seen:
            seen.add(os.path.realpath(folder))
            yield folder


def _broken(path: str, error: Unusable) -> str:
    return record("broken", ("file", [error.place or path]), ("reason", [str(error)]))


def _read(
    found: Candidate, skipped: Collection[str], owners: dict[str, str]
) -> Iterator[str]:
    yield record("reading", ("file", [found.path]))
    try:
        if time.process_time() > PATIENCE:
            raise Unusable(f"the scan took more than {PATIENCE:g} s before it")
        if found.path in skipped:
            raise Unusable("the scan stopped at it")
        yield from _elements(found, owners)
    except Unusable as error:
        yield _broken(found.path, error)


def _elements(candidate: Candidate, owners: dict[str, str]) -> Iterator[str]:
    path, stem = candidate.path, candidate.stem
    with limited():
        found = plugins_in(path, candidate.root)
    if candidate.attribute not in ("", "create_plugin", "createPlugin"):
        found = [each for each in found if each.name == candidate.attribute]
        if not found:
            raise Unusable(f"{stem}: it has no plugin class {candidate.attribute}")
        found[0].fields["class"] = [candidate.attribute]
    if len(found) > MOST_PLUGINS:
        raise Unusable(f"has {len(found)} plugins; {MOST_PLUGINS} are the most")
    for plugin in found:
        if plugin.problem:
            yield _broken(path, plugin.problem)
            continue
        # Only several have to be told apart.
        name = stem if len(found) == 1 else f"{stem}-{_in_kebab_case(plugin.name)}"
        if not ELEMENT_NAME.fullmatch(name):
            text = f"{path}: py-{name} is no name for an element"
        elif name in owners:
            text = f"{path} is no element: py-{name} is {owners[name]}"
        else:
            line = record(
                "element",
                *(("name", [f"py-{name}"]), ("file", [path])),
                *([("module", [candidate.module])] if candidate.module else []),
                *plugin.fields.items(),
                *(("parameter", each) for each in plugin.parameters),
                *plugin.more,
            )
            if len(line) > LONGEST_RECORD:
                raise Unusable("says more of itself than an element can have")
            owners[name] = path
            yield line
            for note in plugin.notes:
                yield record("note", ("text", [note]))
            continue
        yield record("note", ("text", [text]))


def _in_kebab_case(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name)
    return words.replace("_", "-").strip("-").lower()


def main() -> int:
    """Returns the exit status."""
    warnings.simplefilter("ignore")
    option = "--skip="
    skipped = {a[len(option) :] for a in sys.argv[1:] if a.startswith(option)}
    folders = [each for each in sys.argv[1:] if not each.startswith("--")]
    for line in records(folders, skipped, "--system" in sys.argv[1:]):
        print(line, flush=True)
    print("end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
