"""A thread of the plugin's own says "tick" again and again, until `over` is set.

The parameter `post` has it post a message, `here` has the next call do it.
"""

import threading

from base_plugin import AudioProcessorPlugin
from checklog import say


class Ticking(AudioProcessorPlugin):
    def __init__(self):
        super().__init__()
        self._wanted = self._here = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._over.wait(0.001):
            say("tick")
            while self._wanted:
                self._wanted -= 1
                self.post("from-thread", left=self._wanted)
        say("over")

    def set_parameter(self, key, value):
        if key == "post":
            self._wanted = int(value)
        else:
            self._here = int(value)

    def process_audio(self, buffer):
        while self._here:
            self._here -= 1
            self.post("from-call")

    def shutdown(self):
        self._over.set()
        self._thread.join()
