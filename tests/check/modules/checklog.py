# SPDX-License-Identifier: LGPL-2.1-or-later
"""What plugins tell the test that runs them; on PYTHONPATH, so one for all."""

import os
import threading

_lock = threading.Lock()

# For arrays that are to outlive the plugin that kept them.
kept = []


def say(*words):
    with _lock, open(os.environ["PYTHONFILTER_CHECK_LOG"], "a") as log:
        log.write(" ".join(str(word) for word in words) + "\n")
