# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs pythonfilter-workbench as a user does, in a process of its own."""

import json

import processes

COMMAND = processes.PLUGINS / "pythonfilter-workbench"
QUICK = ("--quick", "--seconds", "0.1")
SHORT = (*QUICK, "--rate", "48000", "--channels", "2")


def run(*arguments, **more):
    """The command with these arguments."""
    return processes.run([processes.PYTHON, COMMAND, *arguments], **more)


def examine(plugin, *arguments, rate=True, **more):
    """(exit status, what --json printed, standard error) of a short run.

    Without ``rate`` in all rates and channel counts that the plugin takes.
    """
    options = SHORT if rate else QUICK
    result = run(plugin, *options, "--json", *arguments, **more)
    assert result.code in (0, 1), result.err
    return result.code, json.loads(result.out, parse_constant=_refuse), result.err


def _refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def found(report, check, status="fail"):
    """The results of one check with one status."""
    return [
        each
        for each in report["results"]
        if each["check"] == check and each["status"] == status
    ]
