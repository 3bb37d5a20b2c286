# SPDX-License-Identifier: LGPL-2.1-or-later
"""Forks in a call, and forgets that the child comes back from it, too."""

import os
import time

from base_plugin import AudioProcessorPlugin


class Attack(AudioProcessorPlugin):
    """Each buffer has the number of its call; the end says how the child ended."""

    calls = child = 0

    def fork(self, where):
        kind = os.environ["PYTHONFILTER_ATTACK"]
        if not kind.startswith(where):
            return
        self.child = os.fork()
        if self.child == 0:
            time.sleep(0.05)  # until the parent is elsewhere
        if self.child == 0 and kind.endswith("raises"):
            raise ValueError("in the child")

    def initialize(self):
        self.fork("initialize")

    def start(self):
        self.fork("start")

    def process_audio(self, buffer):
        self.calls += 1
        if self.calls in (1, 3):
            self.fork("first" if self.calls == 1 else "later")
        buffer.data[...] = self.calls
        if self.calls > 3:
            time.sleep(0.01)  # the child writes now what is in its number

    def stop(self):
        _, status = os.waitpid(self.child, 0)
        print("the child ended with", os.waitstatus_to_exitcode(status))
