#!/usr/bin/python3
"""Count what a test runner's machine-readable log says, for tests/run.sh.

    count_results.py meson TESTLOG.json   |   count_results.py pytest JUNIT.xml
    count_results.py slowest FILE...

The last line is "PASSED FAILED SKIPPED"; the lines before it name what failed.
The last form prints the ten tests that took longest; a program of gst-check is
one test there.
"""
# SPDX-License-Identifier: LGPL-2.1-or-later
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

SUMMARY = re.compile(r"\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)")
FAILURE = re.compile(r"\S+:\d+:[FE]:")
TAIL_LINES = 40


def is_gst_check(command):
    """Whether a program in this command line is linked with gstreamer-check."""
    for word in command:
        if os.path.isfile(word):
            with open(word, "rb") as file:
                if file.read(4) == b"\x7fELF" and b"libgstcheck-1.0" in file.read():
                    return True
    return False


def count_meson_test(test):
    """(passed, failed, skipped) of one line of meson's testlog.json.

    A gst-check program counts each of its checks, and one failure more if it
    ended badly without a failed check (a crash, a leak, a sanitizer), or ended
    well without its summary.  Any other program counts as one test.
    """
    result = test["result"]
    if result == "SKIP":
        return 0, 0, 1
    good = result in ("OK", "EXPECTEDFAIL")
    output = test.get("stdout", "") + "\n" + test.get("stderr", "")
    summaries = [[int(n) for n in s] for s in SUMMARY.findall(output)]
    checks = sum(s[0] for s in summaries)
    failed = sum(s[1] + s[2] for s in summaries)
    if not checks:
        good = good and not is_gst_check(test["command"])
        return int(good), int(not good), 0
    if not good and not failed:
        return checks, 1, 0
    return checks - failed, failed, 0


def meson_log(path):
    with open(path) as log:
        return [json.loads(line) for line in log]


def told(test):
    """What a reader needs of a failed test: gst-check's failures, or the end."""
    output = (test.get("stdout", "") + "\n" + test.get("stderr", "")).strip()
    failures = [line[:1000] for line in output.splitlines() if FAILURE.match(line)]
    return failures or output.splitlines()[-TAIL_LINES:]


def count_meson(path):
    total = [0, 0, 0]
    for test in meson_log(path):
        counts = count_meson_test(test)
        total = [a + b for a, b in zip(total, counts)]
        if counts[1]:
            print(f"--- {test['name']}: {test['result']}, {counts[1]} failed")
            print("\n".join(told(test)))
    return total


def count_pytest(path):
    tests = failed = skipped = 0
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        tests += int(suite.get("tests"))
        failed += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    return tests - failed - skipped, failed, skipped


def durations(path):
    """(seconds, name) of each test in a log of either runner."""
    if path.endswith(".json"):
        for test in meson_log(path):
            yield test["duration"], test["name"].split(" / ")[-1]
        return
    for test in ElementTree.parse(path).getroot().iter("testcase"):
        file = test.get("classname", "").rpartition(".")[2]
        yield float(test.get("time", 0)), f"{file}.py::{test.get('name')}"


def print_slowest(paths):
    print("the slowest:")
    tests = [test for path in paths if os.path.exists(path) for test in durations(path)]
    for seconds, name in sorted(tests, reverse=True)[:10]:
        print(f"  {seconds:7.1f} s  {name:.90}")


if __name__ == "__main__":
    if sys.argv[1] == "slowest":
        print_slowest(sys.argv[2:])
    else:
        count = {"meson": count_meson, "pytest": count_pytest}[sys.argv[1]]
        print(*count(sys.argv[2]))
