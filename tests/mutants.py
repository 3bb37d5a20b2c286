#!/usr/bin/python3
"""Breaks the code in many small ways, and demands that tests see each of them.

    tests/mutants.py [--list] [NAME ...]      NAME: as in mutations/, default all

A copy of the tree is built in the build folder's `mutants` ($BUILD_DIR, or build),
where it stays for the next call. First the tests that are named are run as they
are, and must be green; then each change is made alone, what the tests of it need
is built, and they are run: red is what is wanted. The last line is "N seen, N not".
What each printed is in mutants/logs.
"""
# SPDX-License-Identifier: LGPL-2.1-or-later
import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

from mutations import MUTATIONS

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / os.environ.get("BUILD_DIR", "build") / "mutants"
TREE, LOGS = FOLDER / "tree", FOLDER / "logs"
BUILD = TREE / "build"

# What should come at once is not waited for as long as a busy machine may need:
# with the code as it is, these tests show that it is enough.
os.environ.setdefault("PYTHONFILTER_CHECK_PATIENCE", "60")
# They are to see it with the counts that they have by default.
os.environ.pop("PYTHONFILTER_SOAK", None)
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
    """Only what differs, so that nothing else is built again."""
    wanted = set(sources())
    for path in wanted:
        source, copy = ROOT / path, TREE / path
        content = source.read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        copy.chmod(source.stat().st_mode)
    for copy in [*TREE.rglob("*")]:
        path = copy.relative_to(TREE)
        if copy.is_file() and path.parts[0] != "build" and path not in wanted:
            copy.unlink()


def run(log, *command, **environment):
    """Its exit code; its output is added to the log."""
    with open(log, "ab") as file:
        file.write(f"$ {' '.join(map(str, command))}\n".encode())
        file.flush()
        process = subprocess.Popen(
            command, cwd=TREE, env={**os.environ, **environment},
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


def build(log):
    """What plays, and what pytest needs; meson builds its tests itself."""
    if not (BUILD / "build.ninja").exists():
        # Most of the time goes into compiling.
        if run(log, "meson", "setup", BUILD, "-Doptimization=0"):
            raise Broken("cannot be configured")
    if run(log, "ninja", "-C", BUILD, "elements", "tests/bench/bench-element"):
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


def run_meson(log, names, part=""):
    """Whether one is red; `part` is what GST_CHECKS says."""
    report = BUILD / "meson-logs" / "mutant.json"
    report.unlink(missing_ok=True)
    meson = ["meson", "test", "-C", BUILD, "-t", "0", "--print-errorlogs"]
    chosen = {"GST_CHECKS": part} if part else {}
    code = run(log, *meson, "--logbase", "mutant", *names, **chosen)
    if not report.exists() or len(report.read_text().splitlines()) < len(names):
        raise Broken(f"meson cannot build or run {' '.join(names)}")
    return code != 0


def is_red(test, log):
    """Of "test_reload.py::test_one", "outputs", "outputs::test_kept*", …"""
    name, _, part = test.partition("::")
    return run_pytest(log, [test]) if ".py" in name else run_meson(log, [name], part)


def expect_green(tests, log):
    """All that are named, and more of the same programs."""
    python = sorted(test for test in tests if ".py" in test)
    programs = sorted({test.partition("::")[0] for test in tests - {*python}})
    if (programs and run_meson(log, programs)) or (python and run_pytest(log, python)):
        raise Broken(f"some are red without any change: see {log}")
    print(f"{len(tests)} tests are green as the code is", flush=True)


def see(mutation, log):
    """Makes the change, runs its tests, takes it back; those that are green."""
    path = TREE / mutation.file
    before = path.read_text()
    if before.count(mutation.old) != 1:
        raise Broken(f"stands {before.count(mutation.old)} times in {mutation.file}")
    path.write_text(before.replace(mutation.old, mutation.new))
    try:
        build(log)
        return [test for test in mutation.tests if not is_red(test, log)]
    finally:
        path.write_text(before)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="their names, and no more")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    known = {mutation.name: mutation for mutation in MUTATIONS}
    assert len(known) == len(MUTATIONS), "two have the same name"
    if arguments.list:
        print("\n".join(known))
        return 0
    if unknown := set(arguments.names) - set(known):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    chosen = [known[name] for name in arguments.names] or MUTATIONS
    LOGS.mkdir(parents=True, exist_ok=True)
    copy_tree()
    log = LOGS / "unchanged.log"
    log.unlink(missing_ok=True)
    build(log)
    expect_green({test for mutation in chosen for test in mutation.tests}, log)
    seen = 0
    for mutation in chosen:
        log = LOGS / f"{mutation.name}.log"
        log.unlink(missing_ok=True)
        begin = time.monotonic()
        try:
            green = see(mutation, log)
            said = f"NOT SEEN by {', '.join(green)}" if green else "seen"
        except Broken as error:
            said = f"NOT SEEN: {error}"
        seen += said == "seen"
        seconds = time.monotonic() - begin
        print(f"{mutation.name:32} {seconds:6.1f} s  {said}", flush=True)
    print(f"{seen} seen, {len(chosen) - seen} not")
    return 0 if seen == len(chosen) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as error:
        sys.exit(f"mutants.py: {error}")
