# SPDX-License-Identifier: LGPL-2.1-or-later
"""Parameters: read, set over their ranges, and read back while it plays."""

from __future__ import annotations

import enum
import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..host.instance import method_of
from ..host.plugin import LoadedPlugin

from .bench import Bench
from .conformance import look_at
from .feed import Declared
from .formats import Samples, same
from .trial import OF_INPUT, Fault, Trial

MOST = 64
# A parameter may be how long a call takes. What is slow with a value is not
# played to the end, and when all this time is over, no more values are tried.
VALUE_SECONDS = 1.0
SWEEP_SECONDS = 10.0
READ_BACK = 1e-6  # relative: a float32 has 24 bits


@dataclass
class Parameter:
    """``values`` are to be accepted, ``refused`` are not."""

    name: str
    type: str
    declared: bool
    values: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


def find(loaded: LoadedPlugin) -> list[Parameter]:
    """Declared ones, and the public attributes that get_parameter() knows.

    But for secrets, whose values must not be shown.
    """
    plugin, secrets = loaded.plugin, set(loaded.secrets)
    declared = _declared(type(plugin))
    secrets |= {k for k, each in declared.items() if getattr(each, "secret", False)}
    of_inputs = set(loaded.input_defaults())
    found = [
        _from_declaration(name, each)
        for name, each in declared.items()
        if name not in secrets | of_inputs
    ]
    # One input is as good as another.
    if mixes := Declared.by(loaded):
        pad = f"sink_{mixes.names[0]}"
        found += [
            _from_declaration(f"{pad}{OF_INPUT}{name}", declared[name])
            for name in sorted(of_inputs)
        ]
    read = method_of(plugin, "get_parameter")
    # get_parameter() only says "" of attributes that are no parameters.
    names = [name for name in dir(plugin) if not name.startswith("_")] if read else []
    for name in names:
        if name in declared or name in secrets:
            continue
        try:
            value = getattr(plugin, name)
            known = read(name) if read else ""
        except Exception:
            continue
        plain = isinstance(value, (bool, int, float, str, np.floating))
        if plain and not isinstance(value, enum.Enum) and known not in ("", None):
            found.append(_from_value(name, value))
    return found[:MOST]


def _declared(cls: type) -> dict[str, Any]:
    """Descriptors like base_plugin.Param, whoever defines them."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if all(hasattr(value, a) for a in ("default", "minimum", "maximum")):
                found[getattr(value, "name", None) or name] = value
    return found


def _from_declaration(name: str, declared: Any) -> Parameter:
    kind = getattr(declared, "type", None)
    kind = kind if isinstance(kind, type) else type(declared.default)
    default, low, high = declared.default, declared.minimum, declared.maximum
    if isinstance(default, np.floating):
        default = float(default)  # np.float64(...) is how NumPy would write it
    options = list(getattr(declared, "choices", None) or ())
    details = {
        "minimum": low,
        "maximum": high,
        "default": default,
        "unit": getattr(declared, "unit", "") or "",
        "choices": [_text(each) for each in options],
    }
    parameter = Parameter(name, kind.__name__, True, details=details)
    if options:
        parameter.values = [_text(each) for each in options]
        parameter.refused = ["no such choice"]
    elif issubclass(kind, bool):
        parameter.values = ["true", "false"]
        parameter.refused = ["perhaps"]
    elif issubclass(kind, (int, float, np.floating)):
        _over_range(parameter, kind, low, high, default)
    return parameter


def _over_range(
    parameter: Parameter, kind: type, low: Any, high: Any, default: Any
) -> None:
    ends = [end for end in (low, high) if end is not None]
    values = [*ends, default]
    if len(ends) == 2:
        values.append(low + (high - low) / 2)
        span = high - low
    else:
        values += _around(default)
        span = abs(default) or 1
        values = [v for v in values if low is None or v >= low]
        values = [v for v in values if high is None or v <= high]
    whole = issubclass(kind, int)
    parameter.values = _texts(int(v) if whole else float(v) for v in values)
    step = max(1, int(span)) if whole else float(span) or 1.0
    if low is not None:
        parameter.refused.append(_text(low - step))
    if high is not None:
        parameter.refused.append(_text(high + step))
    parameter.refused.append("no number")


def _around(value: Any) -> list[Any]:
    """Mild other values: nothing is known of the range."""
    if isinstance(value, int):
        return [value * 2, value // 2] if value else [1, 2]
    return [value / 2, value * 2] if value else [0.5, 1.0]


def _from_value(name: str, value: Any) -> Parameter:
    kind = type(value).__name__
    parameter = Parameter(name, kind, False, details={"default": _text(value)})
    if isinstance(value, bool):
        parameter.values = ["true", "false"]
    elif isinstance(value, str):
        pass  # a path, a name: nobody can guess
    elif isinstance(value, int) or math.isfinite(value):
        parameter.values = _texts(_around(value) + [value])
    return parameter


def _texts(values: Any) -> list[str]:
    return list(dict.fromkeys(_text(value) for value in values))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        value = value.value
    return str(float(value)) if isinstance(value, np.floating) else str(value)


def equal(one: str, other: str) -> bool:
    """As text, or as numbers that a float32 may have rounded."""
    if one.strip().lower() == other.strip().lower():
        return True
    try:
        return math.isclose(float(one), float(other), rel_tol=READ_BACK)
    except ValueError:
        return False


def check(bench: Bench) -> None:
    """Fills in the check, and what is known of each parameter."""
    with bench.guard("parameters"), bench.trial() as trial:
        found = find(trial.loaded)
        given = {key for key, _ in bench.target.parameters}
        found = [each for each in found if each.name not in given]
        _unknown(bench, trial)
    if not found:
        return
    bench.progress.expect(len(found))
    plain = _play(bench, None, "", "plain")
    if "parameters" in bench.findings.cut:
        return  # nothing that is set would be to blame
    until = time.monotonic() + SWEEP_SECONDS
    for parameter in found:
        bench.progress.step(f"parameter {parameter.name}")
        entry = {
            "name": parameter.name,
            "type": parameter.type,
            "declared": parameter.declared,
            **parameter.details,
        }
        entry |= _check_one(bench, parameter, plain, until)
        bench.findings.parameters.append(entry)
    _tell_what_is_slow(bench)


def _tell_what_is_slow(bench: Bench) -> None:
    calls = f"as calls take longer than {VALUE_SECONDS:g} s"
    for kind, text in (
        ("slow", f"not played to the end, {calls}"),
        ("not_tried", f"not tried, as {SWEEP_SECONDS:g} s of trying were over"),
    ):
        values = [
            f"{entry['name']}={value}"
            for entry in bench.findings.parameters
            for value in entry[kind]
        ]
        if values:
            shown = ", ".join(values[:8]) + (", ..." if len(values) > 8 else "")
            bench.findings.note("parameters", f"{shown}: {text}")


def _unknown(bench: Bench, trial: Trial) -> None:
    """BasePlugin refuses these; older plugins take anything."""
    try:
        trial.set_parameter("no-such-parameter", "1")
    except Fault:
        return
    text = "an unknown parameter is not refused, so typing errors go unseen"
    bench.findings.note("parameters", text)


def _check_one(
    bench: Bench, parameter: Parameter, plain: Samples | bytes | None, until: float
) -> dict[str, Any]:
    accepted: list[str] = []
    refused: list[str] = []
    ignored: list[tuple[str, str]] = []
    slow: list[str] = []
    not_tried: list[str] = []
    changes = False
    for value in parameter.values:
        if time.monotonic() > until:
            not_tried.append(value)
            continue
        played = _play(bench, parameter, value, "in its range")
        if played is None:
            refused.append(value)
            continue
        out, now, whole = played
        accepted.append(value)
        if not whole:
            slow.append(value)
        if now is not None and not equal(now, value):
            ignored.append((value, now))
        changes = changes or not _same(out, plain, whole)
    for value in parameter.refused:
        if _play(bench, parameter, value, "out of range") is not None:
            said = f"is accepted, which is not within {_limits(parameter)}"
            _fail(bench, f"{parameter.name}={value} {said}")
    _judge(bench, parameter, accepted, refused, ignored)
    return {
        "accepted": accepted,
        "refused": refused,
        "slow": slow,
        "not_tried": not_tried,
        "changes_output": changes if accepted and bench.target.kind != "sink" else None,
    }


def _judge(
    bench: Bench,
    parameter: Parameter,
    accepted: list[str],
    refused: list[str],
    ignored: list[tuple[str, str]],
) -> None:
    name = parameter.name
    # A parameter that clamps to limits nobody knows follows at least some values.
    deaf = len({now for _, now in ignored}) == 1 and len(ignored) >= len(accepted) - 1
    if ignored and (parameter.declared or deaf):
        value, now = ignored[0]
        _fail(bench, f"{name}={value} is accepted, but reads back {now}")
    elif ignored:
        value, now = ignored[0]
        bench.findings.note("parameters", f"{name}={value} becomes {now}")
    if refused and parameter.declared:
        _fail(bench, f"{name}={refused[0]} is refused, but within {_limits(parameter)}")


def _limits(parameter: Parameter) -> str:
    details = parameter.details
    if details.get("choices"):
        return " ".join(details["choices"])
    return f"{details.get('minimum')} to {details.get('maximum')}"


def _fail(bench: Bench, text: str) -> None:
    """Where the plugin takes its parameters, or else its audio method."""
    with bench.trial() as trial:
        setter = trial.place("set_parameter")
    place = setter if setter[0] == bench.place[0] else bench.place
    bench.findings.fail("parameters", text, *place)


def _same(one: Samples | bytes, played: Any, whole: bool) -> bool:
    """What was not played to the end is compared as far as it came."""
    other: Any = played[0] if played else one
    if isinstance(one, bytes):
        other = other if whole else other[: len(one)]
    elif not whole:
        other = other[:, : one.shape[1]]
    return same(one, other)


def _play(bench: Bench, parameter: Parameter | None, value: str, which: str) -> Any:
    """Sets it between two buffers: (samples, value read back, whether all of it was
    played), None if refused.
    """
    usual = bench.usual_frames
    context = f"{parameter.name}={value}" if parameter else "no parameter set"
    samples = bench.samples(bench.names[0], bench.base, max(6 * usual, bench.frames))
    now: str | None = None
    with bench.guard("parameters", context), bench.trial() as trial:
        trial.start(bench.base, usual)
        bench.feed(trial, samples[:, :usual], usual)
        if parameter:
            try:
                now = trial.set_parameter(parameter.name, value)
            except Fault:
                return None
        if which == "out of range":
            return samples, now, True
        before = trial.counts.calls
        until = time.monotonic() + VALUE_SECONDS if parameter else math.inf
        try:
            out = bench.feed(trial, samples, usual, until)
        except Fault as fault:
            if parameter:
                fault.phase = "set_parameter"  # which should have refused it
            raise
        look_at(bench, out, context)
        played = (trial.counts.calls - before) * usual >= samples.shape[1]
        return out, now, trial.ended or played
    return samples, now, True
