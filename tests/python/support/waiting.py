# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for what has to come, however long a busy machine takes.

No test decides by a duration that a busy machine can stretch. What is waited
for is a condition; the limits below are there to find what hangs.
"""

import os
import time

# Seconds. What a test itself waits for, and a whole program that it runs, which
# so has the time to say what did not come.
PATIENCE = int(os.environ.get("PYTHONFILTER_CHECK_PATIENCE") or 300)
HANG = 2 * PATIENCE


def eventually(condition, what="it", seconds=PATIENCE):
    """Waits until condition() is true; what it gave."""
    end = time.monotonic() + seconds
    while not (given := condition()):
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.002)
    return given
