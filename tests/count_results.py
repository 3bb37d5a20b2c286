#!/usr/bin/python3
"""Count what a test runner's machine-readable log says, for tests/run.sh.

    count_results.py meson BUILD_DIR   |   count_results.py pytest JUNIT.xml

The last line is "PASSED FAILED SKIPPED"; the lines before it name what failed.
"""
# SPDX-License-Identifier: LGPL-2.1-or-later
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

SUMMARY = re.compile(r"\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)")
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


def count_meson(build):
    total = [0, 0, 0]
    with open(os.path.join(build, "meson-logs", "testlog.json")) as log:
        for line in log:
            test = json.loads(line)
            counts = count_meson_test(test)
            total = [a + b for a, b in zip(total, counts)]
            if counts[1]:
                print(f"--- {test['name']}: {test['result']}, {counts[1]} failed")
                output = test.get("stdout", "") + "\n" + test.get("stderr", "")
                print("\n".join(output.strip().splitlines()[-TAIL_LINES:]))
    return total


def count_pytest(path):
    tests = failed = skipped = 0
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        tests += int(suite.get("tests"))
        failed += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    return tests - failed - skipped, failed, skipped


if __name__ == "__main__":
    count = {"meson": count_meson, "pytest": count_pytest}[sys.argv[1]]
    print(*count(sys.argv[2]))
