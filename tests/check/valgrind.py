#!/usr/bin/python3
"""Runs a check program under valgrind, for meson.

    valgrind.py PROGRAM NAME SUPPRESSIONS ...

Any invalid access fails. A leak fails when our code is in its stack: those of
Python and its libraries, which live as long as the process, are not ours.
"""
# SPDX-License-Identifier: LGPL-2.1-or-later
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

OURS = ("libgstpythonfilter", "bridge.cpython")
LEAKS = ("Leak_DefinitelyLost", "Leak_IndirectlyLost")
OTHER_LEAKS = ("Leak_PossiblyLost", "Leak_StillReachable")


def frames(error):
    for frame in error.iter("frame"):
        parts = {child.tag: child.text or "" for child in frame}
        yield parts.get("obj", ""), parts.get("fn", parts.get("ip", "?"))


def counts(error):
    kind = error.findtext("kind")
    if kind in OTHER_LEAKS:
        return False
    if kind in LEAKS:
        return any(ours in obj for obj, _ in frames(error) for ours in OURS)
    return True


def show(error):
    what = error.findtext("what") or error.findtext("xwhat/text")
    print(f"{error.findtext('kind')}: {what}")
    for obj, function in frames(error):
        print(f"    {function} ({os.path.basename(obj)})")


def main():
    program, name, *suppressions = sys.argv[1:]
    environment = {
        **os.environ,
        "CK_FORK": "no",
        "PYTHONMALLOC": "malloc",
        "PYTHONFILTER_CHECK_FEW": "1",
        "G_SLICE": "always-malloc",
    }
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "valgrind.xml")
        command = ["valgrind", "--xml=yes", f"--xml-file={report}"]
        command += [
            "--leak-check=full",
            "--num-callers=30",
            "--child-silent-after-fork=yes",
        ]
        command += [
            f"--suppressions={each}" for each in suppressions if os.path.exists(each)
        ]
        result = subprocess.run([*command, program, name], env=environment, check=False)
        errors = [
            e for e in ElementTree.parse(report).getroot().iter("error") if counts(e)
        ]
    for error in errors:
        show(error)
    print(f"{len(errors)} valgrind errors")
    return 1 if errors or result.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
