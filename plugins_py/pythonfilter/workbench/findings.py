# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was found: one result for each check, and figures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .trial import Fault

# Worst last.
STATUSES = ("skip", "ok", "note", "fail")

# In the order of the report; what each one looks at.
CHECKS = {
    "load": "the file loads, and initialize() succeeds",
    "describes": "get_info() fits, get_processing_latency() is a time",
    "start": "the stream formats that the plugin declares are taken",
    "bounds": "machine code stays within its arrays, and raises nothing",
    "results": "every call succeeds and gives the right shape and dtype",
    "life": "works again after stop(), start(), and in a new instance",
    "reset": "reset() succeeds, and so do the calls after it",
    "drain": "drain() gives what fits the stream, or ends in time",
    "inputs": "an input of a mixer may be absent, late, a gap, of another kind",
    "outputs": "an output of a splitter may have nobody who gets it",
    "finite": "finite samples give no NaN and no infinity",
    "recovery": "finite again after a NaN came in",
    "filled": "a source fills the whole buffer",
    "clipping": "output within full scale",
    "deterministic": "two new instances give the same samples",
    "blocks": "the samples do not depend on the block size",
    "layouts": "interleaved and planar memory give the same samples",
    "compiled": "machine code and Python give the same samples",
    "parameters": "what is set is read back and works; ranges hold",
    "in-place": "no array is rebound or returned, which costs a copy",
    "kept": "no array of ours is kept after the call, which costs a copy",
    "allocations": "memory does not grow from call to call",
    "load-limit": "the time per call stays below --max-load",
}

# Without one call that succeeded nothing can be said about these.
_OF_CALLS = frozenset(CHECKS) - {
    *("load", "describes", "start", "bounds", "compiled", "parameters")
}


@dataclass
class Result:
    """``count``: how many times; ``file`` and ``line`` are of the first."""

    check: str
    status: str
    message: str
    file: str = ""
    line: int = 0
    count: int = 1


@dataclass
class Timing:
    """The audio method at one block size; shares are of the block's duration."""

    frames: int
    calls: int
    p50_us: float
    p99_us: float
    max_us: float
    p50_share: float
    p99_share: float


@dataclass
class Findings:
    """Everything about one plugin; ``asdict()`` of it is what --json prints."""

    plugin: dict[str, Any] = field(default_factory=dict)
    settings: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    levels: list[dict[str, Any]] = field(default_factory=list)
    parameters: list[dict[str, Any]] = field(default_factory=list)
    allocations: dict[str, Any] = field(default_factory=dict)
    timing: list[Timing] = field(default_factory=list)
    element: dict[str, Any] = field(default_factory=dict)
    plots: list[str] = field(default_factory=list)
    no_plot: str = ""  # why there is none
    calls: int = 0
    cut: dict[str, str] = field(default_factory=dict)  # checks not made to the end

    def add(
        self, check: str, status: str, message: str, file: str = "", line: int = 0
    ) -> None:
        """A second one of the same kind and place is only counted."""
        for known in self.results:
            same = known.check == check and known.status == status
            if same and known.file == file and known.line == line:
                if line or known.message == message:
                    known.count += 1
                    return
        self.results.append(Result(check, status, message, file, line))

    def fail(self, check: str, message: str, file: str = "", line: int = 0) -> None:
        """What breaks the contract."""
        self.add(check, "fail", message, file, line)

    def note(self, check: str, message: str, file: str = "", line: int = 0) -> None:
        """What may be meant."""
        self.add(check, "note", message, file, line)

    def fault(self, check: str, fault: Fault, context: str = "") -> None:
        """A failure of the plugin."""
        where = f" ({context})" if context else ""
        self.fail(check, fault.message + where, fault.file, fault.line)

    @property
    def failed(self) -> bool:
        """Whether any check did."""
        return any(result.status == "fail" for result in self.results)

    def finish(self, skipped: dict[str, str]) -> None:
        """A check that found nothing is ok; puts them all in order.

        ``skipped`` are checks that were not made, and why.
        """
        self.results = [r for r in self.results if r.check not in skipped]
        found = {result.check for result in self.results}
        for check in CHECKS:
            reason = skipped.get(check) or self.cut.get(check)
            if not self.calls and check in _OF_CALLS:
                reason = reason or "no call succeeded"
            if check in skipped or reason and check not in found:
                self.results.append(Result(check, "skip", str(reason)))
            elif check not in found:
                self.results.append(Result(check, "ok", CHECKS[check]))
        order = list(CHECKS)
        self.results.sort(key=lambda result: order.index(result.check))

    def as_json(self) -> dict[str, Any]:
        """The object that --json prints."""
        made = asdict(self)
        del made["cut"]
        return {"schema": 1, "ok": not self.failed, **made}
