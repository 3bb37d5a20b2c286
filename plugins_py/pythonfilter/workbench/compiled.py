# SPDX-License-Identifier: LGPL-2.1-or-later
"""What there is to check of a compiled method, and of no other.

First whether it stays within its arrays: of one that does not nothing else can
be said, and it may end the workbench. Then whether it does as Python what it
does as machine code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..host.plugin import LoadedPlugin
from . import signals
from .bench import Bench
from .formats import Samples, Setting
from .sound import difference
from .trial import Fault, Trial

# As Python it is hundreds of times slower.
FRAMES = 2000
# What they may differ by, in dBFS: a float64's last bits, those of a float32,
# and one step of a whole number. docs/compiled-plugins.md says why they do.
APART = {"F64": -250.0, "F32": -110.0, "S32": -110.0, "S16": -90.0}


def _as_python(loaded: LoadedPlugin) -> None:
    assert loaded.native
    loaded.native.run_as_python()


def _as_it_is(loaded: LoadedPlugin) -> None:
    pass


def _checked(loaded: LoadedPlugin) -> None:
    assert loaded.native
    loaded.native.run_checked()


def stays_within(bench: Bench) -> bool:
    """Runs it with each index looked at.  False: nothing more can be run."""
    with Trial(bench.target) as trial:
        native = trial.loaded.native
        if native is None or not native.has_machine_code:
            reason = (
                "is not compiled"
                if native is None
                else native.interpreted or "is no Python: its indices are unknown"
            )
            bench.findings.cut["bounds"] = bench.findings.cut["compiled"] = reason
            return True
    settings = {s.channels: s for s in (*bench.others, bench.base)}
    with bench.guard("bounds"), Trial(bench.target, prepare=_checked) as trial:
        for setting in reversed(settings.values()):
            bench.progress.step(f"within its arrays, {setting}")
            if not _stays_within(bench, trial, setting):
                return False
    return True


def _stays_within(bench: Bench, trial: Trial, setting: Setting) -> bool:
    size = bench.block_size or signals.RANDOM
    try:
        trial.start(setting, bench.usual_frames)
    except Fault:
        return True  # told by another check
    for name in bench.names[-1:] + bench.names[:1]:
        samples = bench.samples(name, setting, FRAMES)
        try:
            bench.feed(trial, samples, size)
        except Fault as fault:
            place = _as_python_says(bench, setting, samples, size) or fault
            beyond = "goes beyond an array: " if "IndexError" in place.message else ""
            text = f"{beyond}{place.message} ({name}, {setting})"
            bench.findings.fail("bounds", text, place.file, place.line)
            return False
    trial.stop()
    return True


def _as_python_says(
    bench: Bench, setting: Setting, samples: Samples, size: int | str
) -> Fault | None:
    """Machine code knows neither what it raised nor where."""
    try:
        with Trial(bench.target, prepare=_as_python) as trial:
            trial.start(setting, bench.usual_frames)
            bench.feed(trial, samples, size)
    except Fault as fault:
        return fault
    return None


def agrees(bench: Bench) -> None:
    """Compares machine code with Python."""
    if "compiled" in bench.findings.cut:
        return
    for number, setting in enumerate(bench.matrix):
        name = bench.names[0]
        bench.progress.step(f"as Python, {setting}")
        frames = FRAMES if number == 0 else FRAMES // 8
        with bench.guard("compiled", f"{name}, {setting}"):
            _compare(bench, name, setting, bench.samples(name, setting, frames))


def _compare(bench: Bench, name: str, setting: Setting, samples: Samples) -> None:
    size = bench.block_size or signals.RANDOM
    outs: list[Samples] = []
    states: list[dict[str, Any]] = []
    for prepare in (_as_python, _as_it_is):
        with Trial(bench.target, prepare=prepare) as trial:
            trial.start(setting, bench.usual_frames)
            outs.append(np.asarray(bench.feed(trial, samples, size)))
            assert trial.loaded.native
            _, state, _ = trial.loaded.native.carried(None)
            states.append(state)
    if bench.is_sink:
        for field, value in states[0].items():
            if not np.allclose(value, states[1][field], 1e-5, 1e-9, equal_nan=True):
                text = f"machine code and Python differ in state.{field}"
                bench.findings.fail("compiled", f"{text} ({setting})", *bench.place)
        return
    if outs[0].shape == outs[1].shape:
        most, frame = difference(*outs)
        if most <= APART[setting.format]:
            return
        text = f"differ by up to {most:.1f} dBFS, the most at frame {frame}"
    else:
        text = f"give {outs[1].shape[1]} and {outs[0].shape[1]} frames"
    text = f"machine code and Python {text} ({name}, {setting})"
    bench.findings.fail("compiled", text, *bench.place)
