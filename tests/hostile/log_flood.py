"""Logs as fast as it can, on a thread of its own, for as long as it lives."""

import logging
import threading

from base_plugin import AudioProcessorPlugin

log = logging.getLogger(__name__)


class LogFlood(AudioProcessorPlugin):
    def start(self):
        threading.Thread(target=self.flood, daemon=True).start()
        return super().start()

    def flood(self):
        while True:
            log.warning("again")

    def process_audio(self, buffer):
        pass
