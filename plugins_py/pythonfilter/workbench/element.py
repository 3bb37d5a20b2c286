# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the element adds to a call: measured, if GStreamer is here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from ..kinds import ELEMENTS

TIMEOUT_SECONDS = 60


def measure(kind: str, quick: bool) -> dict[str, Any]:
    """``added_ns``: per buffer, against the native element of the same kind.

    Where it cannot be measured there is ``not_measured`` instead, and why.
    """
    if quick:
        return {"not_measured": "not measured with --quick"}
    probe = os.path.join(os.path.dirname(__file__), "element_probe.py")
    try:
        done = subprocess.run(
            [sys.executable, probe, ELEMENTS[kind]],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"not_measured": f"not measured: {error}"}
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return {"not_measured": f"not measured: {last}"}
    return dict(answer)
