"""A thread says "tick" again and again: Python runs.

Parameters have it tell something, so many times: `call_posts` and `call_logs` in
the next call, `thread_posts` and `thread_logs` on a second thread.
"""

import logging
import queue
import threading

from base_plugin import AudioProcessorPlugin
from checklog import say


class Ticking(AudioProcessorPlugin):
    def __init__(self):
        super().__init__()
        self._for_call, self._for_thread = [], queue.SimpleQueue()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._tick, self._tell_when_asked)
        ]
        for thread in self._threads:
            thread.start()

    def _tick(self):
        while not self._over.wait(0.001):
            say("tick")

    def _tell_when_asked(self):
        while (wanted := self._for_thread.get()) is not None:
            self._tell(*wanted)

    def _tell(self, who, how, times):
        for left in reversed(range(times)):
            if how == "posts":
                self.post(f"from-{who}", left=left)
            else:
                logging.getLogger(__name__).warning("from %s", who)

    def set_parameter(self, key, value):
        who, _, how = key.partition("_")
        wanted = who, how, int(value)
        self._for_call.append(wanted) if who == "call" else self._for_thread.put(wanted)

    def process_audio(self, buffer):
        while self._for_call:
            self._tell(*self._for_call.pop(0))

    def shutdown(self):
        self._over.set()
        self._for_thread.put(None)
        for thread in self._threads:
            thread.join()
