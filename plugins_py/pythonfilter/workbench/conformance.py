# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract: every format, block size and call, in the elements' order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..host.instance import method_of

from . import signals
from .bench import Bench
from .formats import Samples, Setting, same
from .trial import Fault, Trial, told

CALLS = 16  # for each block size and signal
QUICK_CALLS = 4
FEW_SIZES: tuple[int | str, ...] = (1, 480, signals.RANDOM)


def check(bench: Bench) -> bool:
    """Fills in the checks that look at calls and not at the sound.

    False if the plugin does not even start.
    """
    with bench.guard("describes"), bench.trial() as trial:
        _describes(bench, trial)
    settings = bench.matrix + bench.others
    refused: list[tuple[Setting, Fault]] = []
    for number, setting in enumerate(settings):
        bench.progress.step(str(setting))
        declared = number == 0 or _declares(bench, setting)
        fault = _starts(bench, setting)
        if fault and declared:
            with bench.guard("start", str(setting)):
                raise fault
        elif fault:
            refused.append((setting, fault))
        if fault and number == 0:
            return False
        if fault:
            continue
        few = setting not in bench.matrix or bench.hurries and number > 0 or bench.slow
        sizes = bench.sizes if bench.block_size or not few else FEW_SIZES
        if bench.slow and number > 0:
            sizes = (bench.usual_frames,)
        for size in sizes:
            _one_size(bench, setting, size, few)
        _life(bench, setting)
    if refused:
        # A plugin that declares nothing may still refuse some of what there is.
        listed = ", ".join(f"{s.rate} Hz {s.channels} ch" for s, _ in refused)
        first = refused[0][1].message
        bench.findings.note("start", f"refuses {listed}; of the first: {first}")
    return True


def _declares(bench: Bench, setting: Setting) -> bool:
    """Whether the plugin named this rate and this number of channels itself."""
    base, plugin = bench.base, bench.findings.plugin
    if setting.rate != base.rate:
        return bool(plugin["rates"])
    if setting.channels != base.channels:
        return bool(plugin["channels"])
    return True


def _starts(bench: Bench, setting: Setting) -> Fault | None:
    """Why the plugin does not start, if it does not."""
    try:
        with bench.trial() as trial:
            trial.start(setting, bench.usual_frames)
    except Fault as fault:
        if fault.phase in ("start", "set_caps"):
            return fault
        with bench.guard("life", str(setting)):
            raise
    return None


def _one_size(bench: Bench, setting: Setting, size: int | str, few: bool) -> None:
    calls = QUICK_CALLS if few or bench.hurries else CALLS
    longest = max(bench.usual_frames, int(bench.options.seconds * setting.rate))
    frames = min(longest, calls * (size if isinstance(size, int) else 1000))
    shown = f"{size} frames" if isinstance(size, int) else f"blocks of {size}"
    with bench.guard("results", f"{shown}, {setting}"), bench.trial() as trial:
        trial.start(setting, size if isinstance(size, int) else 512)
        names = bench.names[:1] if few else bench.names
        for name in names:
            if trial.ended:
                break
            samples = bench.samples(name, setting, frames)[:, :frames]
            out = bench.feed(trial, samples, size)
            look_at(bench, out, f"{name}, {shown}, {setting}")


def look_at(bench: Bench, out: Samples | bytes | None, context: str) -> None:
    """Whether samples that came out are finite."""
    if bench.is_sink or not isinstance(out, np.ndarray) or out.dtype.kind != "f":
        return
    bad = ~np.isfinite(out)
    if bad.any():
        frame = int(np.argmax(bad.any(axis=0)))
        what = "NaN" if np.isnan(out[:, frame]).any() else "infinite"
        bench.findings.fail(
            "finite",
            f"{int(bad.sum())} of {bad.size} samples are NaN or infinite, the first "
            f"({what}) at frame {frame} ({context})",
            *bench.place,
        )


def _life(bench: Bench, setting: Setting) -> None:
    """The calls of an EOS, new caps, a seek, and the end."""
    frames = 4 * bench.usual_frames
    context = str(setting)
    samples = bench.samples(bench.names[0], setting, frames)

    def play(trial: Trial, after: str) -> Samples | bytes:
        try:
            out = bench.feed(trial, samples, bench.usual_frames)
        except Fault as fault:
            fault.phase = after
            fault.message = f"{fault.message}, in the calls after {AFTER[after]}"
            raise
        look_at(bench, out, f"after {AFTER[after]}, {context}")
        return out

    with bench.guard("life", context), bench.trial() as trial:
        trial.start(setting, bench.usual_frames)
        first = play(trial, "process")
        if trial.loaded.has_seek:
            trial.seek(0)
            if not same(first, play(trial, "seek")):
                text = "after seek(0) the samples are not those of the beginning"
                bench.findings.note("life", text, *trial.place("seek"))
        if trial.has_drain:
            look_at(bench, trial.drain(), f"drain(), {context}")
        trial.stop()
        trial.start(setting, bench.usual_frames)
        second = play(trial, "stop")
        if not same(first, second) and not bench.fails_closed:
            bench.findings.note(
                "life",
                "carries over state: after stop() and start() the samples are not "
                "those of a new instance",
            )
        if trial.has_drain:
            trial.drain()
            trial.ended = False
            play(trial, "drain")
        if trial.has_reset:
            trial.reset()
            play(trial, "reset")
            trial.reset()
            trial.reset()
        trial.stop()


# What get_info() calls them.
KINDS = {
    "source": "AudioSource",
    "sink": "AudioSink",
    "processor": "Processor",
    "mixer": "AudioMixer",
    "splitter": "AudioSplitter",
}

AFTER = {
    "process": "start()",
    "stop": "stop() and start()",
    "drain": "drain()",
    "reset": "reset()",
    "seek": "seek(0)",
}


def _describes(bench: Bench, trial: Trial) -> None:
    """What the plugin says of itself, before and after the stream's format."""
    plugin: Any = trial.loaded.plugin
    about = bench.findings.plugin
    get_info = method_of(plugin, "get_info")
    if get_info is not None:
        with told("get_info"):
            info = get_info()
        for name in ("name", "version", "author", "description"):
            value = getattr(info, name, None)
            about[name] = value if isinstance(value, str) else ""
        kind = getattr(getattr(info, "type", None), "value", None)
        want = KINDS[bench.target.kind]
        if kind not in (None, want):
            text = f"get_info() says it is a {kind}, not a {want}"
            bench.findings.note("describes", text)
    try:
        trial.start(bench.base, bench.usual_frames)
    except Fault:
        return  # told by another check
    if bench.is_source:
        duration = trial.duration()
        about["duration_seconds"] = None if duration is None else duration / 1e9
    latency = trial.latency()
    about["latency_seconds"] = latency
    if not 0 <= latency < math.inf:
        name = "get_processing_latency"
        raise Fault(name, f"{name}() gave {latency}", *trial.place(name))
