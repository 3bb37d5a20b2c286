# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does something to its parent, the server that all workers come from."""

import os
import resource
import signal

from base_plugin import AudioProcessorPlugin

KINDS = {
    "stop": lambda server: os.kill(server, signal.SIGSTOP),
    "kill": lambda server: os.kill(server, signal.SIGKILL),
    "memory": lambda server: resource.prlimit(server, resource.RLIMIT_AS, (1, 1)),
    "files": lambda server: resource.prlimit(server, resource.RLIMIT_NOFILE, (0, 0)),
    "time": lambda server: resource.prlimit(server, resource.RLIMIT_CPU, (1, 1)),
    "turn": lambda server: os.setpriority(os.PRIO_PROCESS, server, 19),
}


class Attack(AudioProcessorPlugin):
    """In its fifth call; prints what became of it."""

    calls = 0

    def process_audio(self, buffer):
        self.calls += 1
        if self.calls != 5:
            return
        try:
            KINDS[os.environ["PYTHONFILTER_ATTACK"]](os.getppid())
        except OSError as error:
            print("refused:", error)
        else:
            print("done")
