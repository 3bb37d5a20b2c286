# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a mixer bears whatever may be of its inputs, a splitter of its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..results import DTYPES
from ..worker.ports import Port

from .bench import CHANNELS, Bench, choices
from .conformance import look_at
from .feed import STATES
from .trial import Fault, Trial

# Nobody wants to wait for all of 64 inputs.
MOST = 8
BLOCKS = 3

# What is said of it, what is done, and whether the plugin said that this may be.
# One that declares nothing may still refuse some of what there is.
Way = tuple[str, Callable[[Trial], None], bool]


def check(bench: Bench) -> None:
    """Plays on while an input is not there, or is another one."""
    for what, change, declared in _ways(bench):
        bench.progress.step(f"inputs: {what}")
        context = f"{what}, {bench.base}"
        try:
            _play(bench, change, context)
        except Fault as fault:
            if declared:
                bench.findings.fault("inputs", fault, context)
            else:
                bench.findings.note(
                    "inputs",
                    f"refuses it where {context}: {fault.message}",
                    *(fault.file, fault.line),
                )


def _play(bench: Bench, change: Callable[[Trial], None], context: str) -> None:
    usual = bench.usual_frames
    samples = bench.samples(bench.names[0], bench.base, BLOCKS * usual)
    with bench.trial() as trial:
        trial.start(bench.base, usual)
        usual_inputs = trial.inputs
        bench.feed(trial, samples, usual)
        change(trial)
        look_at(bench, bench.feed(trial, samples, usual), context)
        trial.let_inputs_be({})
        if trial.inputs != usual_inputs:
            trial.set_inputs(usual_inputs)
        look_at(bench, bench.feed(trial, samples, usual), f"after {context}")


def _ways(bench: Bench) -> Iterator[Way]:
    assert bench.inputs
    usual = bench.inputs.inputs(bench.base)
    some = usual[: 2 if bench.hurries else MOST]
    for port in some:
        for state in STATES[1:]:
            yield f"input {port.name} is {state}", _being({port.name: state}), True
    names = [port.name for port in usual]
    yield "all inputs are absent", _being(dict.fromkeys(names, "absent")), True
    for port in some:
        if port.name != bench.inputs.declared.output_like:
            yield from _other_kinds(bench, usual, port)
    if bench.inputs.span:
        low, high = bench.inputs.span
        for count in sorted({low, min(len(usual) + 1, high)} - {len(usual)}):
            inputs = bench.inputs.inputs(bench.base, count)
            yield f"there are {count} inputs", _having(inputs), True


def _other_kinds(bench: Bench, usual: list[Port], port: Port) -> Iterator[Way]:
    """All that the input may be besides, one after another."""
    assert bench.inputs
    formats, channels = bench.inputs.said(port.name)
    others = [port._replace(dtype=DTYPES[format]) for format in formats]
    others += [port._replace(channels=n) for n in choices(channels, CHANNELS)]
    others = [other for other in others if other != port]
    for other in others[: 2 if bench.hurries else MOST]:
        shown = f"input {port.name} is {other.dtype} with {other.channels} channels"
        inputs = [other if each is port else each for each in usual]
        declared = other.channels == port.channels or bool(channels)
        yield shown, _having(inputs), declared


def _being(states: dict[str, str]) -> Callable[[Trial], None]:
    return lambda trial: trial.let_inputs_be(states)


def _having(inputs: list[Port]) -> Callable[[Trial], None]:
    return lambda trial: trial.set_inputs(inputs)


def check_outputs(bench: Bench) -> None:
    """Plays on while one output after another, and then none, is linked."""
    usual = bench.usual_frames
    samples = bench.samples(bench.names[0], bench.base, BLOCKS * usual)
    with bench.trial() as trial:
        trial.start(bench.base, usual)
        names = trial.outputs
    ways: list[tuple[list[str], str]]
    ways = [([name], f"output {name} is not linked") for name in names[:MOST]]
    for unlinked, what in [*ways, (names, "no output is linked")]:
        bench.progress.step(f"outputs: {what}")
        context = f"{what}, {bench.base}"
        try:
            with bench.trial() as trial:
                trial.start(bench.base, usual)
                for some in (names[:0], unlinked, names[:0]):
                    trial.unlink_outputs(some)
                    look_at(bench, bench.feed(trial, samples, usual), context)
        except Fault as fault:
            bench.findings.fault("outputs", fault, context)
