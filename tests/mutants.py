#!/usr/bin/python3
"""Breaks the code in many small ways, and demands that tests see each of them.

    tests/mutants.py [--list] [--go-on] [NAME ...]    NAME: as in mutations/, default all

A copy of the tree is built in the build folder's `mutants` ($BUILD_DIR, or build),
where it stays for the next call. First the tests that are named are run as they
are, and must be green; then each change is made alone, what the tests of it need
is built, and they are run: red is what is wanted. The last line is "N seen, N not".
What each printed is in mutants/logs, and mutants/done.txt says what is done, in which
state of the tree: --go-on leaves that out, where a call before was stopped.
"""
# SPDX-License-Identifier: LGPL-2.1-or-later
import argparse
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from mutations import MUTATIONS

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / os.environ.get("BUILD_DIR", "build") / "mutants"
TREE, LOGS, DONE = FOLDER / "tree", FOLDER / "logs", FOLDER / "done.txt"
BUILD = TREE / "build"
# One file is compiled at a time, again and again, and most of what plays waits.
OPTIONS = ("-Doptimization=0", "-Ddebug=false", "-Db_ndebug=false", "-Dunity=off")

# What should come at once is not waited for as long as a busy machine may need:
# with the code as it is, these tests show that it is enough.
os.environ.setdefault("PYTHONFILTER_CHECK_PATIENCE", "60")
# They are to see it with the counts that they have by default.
os.environ.pop("PYTHONFILTER_SOAK", None)
# Memory that was given back has this in it, as in meson's runs.
os.environ.setdefault("MALLOC_PERTURB_", "85")
HANG = 1800  # seconds for one command


class Broken(Exception):
    """It cannot be said whether a test is red."""


def sources():
    """The files of the tree, with what is not committed."""
    listed = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed += ["--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True).stdout
    paths = (pathlib.Path(os.fsdecode(name)) for name in names.split(b"\0") if name)
    return [path for path in paths if (ROOT / path).is_file()]


def copy_tree():
    """Only what differs, so that nothing else is built again; a digest of it all."""
    wanted = sorted(sources())
    digest = hashlib.sha256()
    for path in wanted:
        source, copy = ROOT / path, TREE / path
        content = source.read_bytes()
        digest.update(b"%s %d\0%s" % (os.fsencode(path), len(content), content))
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        copy.chmod(source.stat().st_mode)
    kept = {*wanted}
    for copy in [*TREE.rglob("*")]:
        path = copy.relative_to(TREE)
        if copy.is_file() and path.parts[0] != "build" and path not in kept:
            copy.unlink()
    return digest.hexdigest()


def run(log, *command, cwd=TREE, **environment):
    """Its exit code; its output is added to the log."""
    with open(log, "ab") as file:
        file.write(f"$ {' '.join(map(str, command))}\n".encode())
        file.flush()
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **environment},
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
        try:
            return process.wait(HANG)
        except subprocess.TimeoutExpired:
            raise Broken(f"{command[0]} makes no progress") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def configure(log):
    if (BUILD / "build.ninja").exists():
        return
    if run(log, "meson", "setup", BUILD, *OPTIONS):
        raise Broken("cannot be configured")


def known(what):
    """What meson knows of its tests, or targets."""
    return json.loads((BUILD / "meson-info" / f"intro-{what}.json").read_text())


def build(log, tests):
    """What the tests need; the elements, and what plays in a benchmark, for pytest."""
    names = {test.partition("::")[0] for test in tests if ".py" not in test}
    wanted = {
        each
        for test in known("tests")
        if test["name"] in names
        for each in test["depends"]
    }
    files = [each["filename"][0] for each in known("targets") if each["id"] in wanted]
    targets = [os.path.relpath(file, BUILD) for file in files]
    if any(".py" in test for test in tests):
        targets += ["elements", "tests/bench/bench-element"]
    # Its tests build for themselves.
    if targets and run(log, "ninja", "-C", BUILD, *targets):
        raise Broken("does not build")


def run_pytest(log, tests):
    """Whether one is red."""
    code = run(
        log, sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider",
        *(f"tests/python/{test}" for test in tests),
        GST_PLUGIN_PATH=os.fspath(BUILD / "gst"), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )  # fmt: skip
    last = log.read_text(errors="replace").splitlines()[-1]
    # What is skipped is neither.
    if code not in (0, 1) or "skipped" in last:
        raise Broken(f"pytest cannot run {' '.join(tests)}")
    return code == 1


def run_program(log, name, part=""):
    """Whether one is red; `part` is what GST_CHECKS says."""
    (test,) = (test for test in known("tests") if test["name"] == name)
    chosen = {"GST_CHECKS": part} if part else {}
    code = run(log, *test["cmd"], cwd=test["workdir"] or BUILD, **test["env"], **chosen)
    if code == 77:
        raise Broken(f"{name} is skipped")
    return code != 0


def is_red(test, log):
    """Of "test_reload.py::test_one", "outputs", "outputs::test_kept*", …"""
    name, _, part = test.partition("::")
    return run_pytest(log, [test]) if ".py" in name else run_program(log, name, part)


def expect_green(tests, log):
    """All that are named; a program is started once, where it can be."""
    python = sorted(test for test in tests if ".py" in test)
    parts = {}
    for test in tests - {*python}:
        name, _, part = test.partition("::")
        parts.setdefault(name, set()).add(part)
    red = ["pytest"] if python and run_pytest(log, python) else []

    def run_apart(name):
        chosen = "" if "" in parts[name] else ",".join(sorted(parts[name]))
        return run_program(log.with_name(f"unchanged-{name}.log"), name, chosen)

    # Most of them wait most of the time.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        red += [
            name for name, is_red in zip(parts, pool.map(run_apart, parts)) if is_red
        ]
    if red:
        raise Broken(f"red without any change: {', '.join(red)}; see {LOGS}")
    print(f"{len(tests)} tests are green as the code is", flush=True)


def see(mutation, log):
    """Makes the change, runs its tests, takes it back; those that are green."""
    path = TREE / mutation.file
    before = path.read_text()
    if before.count(mutation.old) != 1:
        raise Broken(f"stands {before.count(mutation.old)} times in {mutation.file}")
    path.write_text(before.replace(mutation.old, mutation.new))
    try:
        build(log, mutation.tests)
        return [test for test in mutation.tests if not is_red(test, log)]
    finally:
        path.write_text(before)


def done(state):
    """What was done with the tree in this state."""
    lines = DONE.read_text().splitlines() if DONE.exists() else []
    return {
        what
        for which, _, what in (line.partition(" ") for line in lines)
        if which == state
    }


def note(state, *what):
    with open(DONE, "a") as file:
        file.writelines(f"{state} {each}\n" for each in what)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="their names, and no more")
    parser.add_argument("--go-on", action="store_true", help="where it was stopped")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    named = {mutation.name: mutation for mutation in MUTATIONS}
    assert len(named) == len(MUTATIONS), "two have the same name"
    if arguments.list:
        print("\n".join(named))
        return 0
    if unknown := set(arguments.names) - set(named):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    chosen = [named[name] for name in arguments.names] or MUTATIONS
    LOGS.mkdir(parents=True, exist_ok=True)
    state = copy_tree()
    before = done(state) if arguments.go_on else set()
    left = [mutation for mutation in chosen if f"seen {mutation.name}" not in before]
    tests = {test for mutation in left for test in mutation.tests}
    log = LOGS / "unchanged.log"
    log.unlink(missing_ok=True)
    configure(log)
    build(log, tests)
    expect_green({test for test in tests if f"green {test}" not in before}, log)
    note(state, *(f"green {test}" for test in tests))
    seen = len(chosen) - len(left)
    # What was changed is compiled once more when it is as it was: those of one file
    # share that.
    for mutation in sorted(left, key=lambda each: each.file):
        log = LOGS / f"{mutation.name}.log"
        log.unlink(missing_ok=True)
        begin = time.monotonic()
        try:
            green = see(mutation, log)
            said = f"NOT SEEN by {', '.join(green)}" if green else "seen"
        except Broken as error:
            said = f"NOT SEEN: {error}"
        if said == "seen":
            seen += 1
            note(state, f"seen {mutation.name}")
        seconds = time.monotonic() - begin
        print(f"{mutation.name:40} {seconds:6.1f} s  {said}", flush=True)
    print(f"{seen} seen, {len(chosen) - seen} not")
    return 0 if seen == len(chosen) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as error:
        sys.exit(f"mutants.py: {error}")
