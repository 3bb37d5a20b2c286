"""Says a latency that would hold a live pipeline for ever."""

import os

from base_plugin import AudioProcessorPlugin


class Latency(AudioProcessorPlugin):
    def get_processing_latency(self):
        return float(os.environ["PYTHONFILTER_ATTACK"])

    def process_audio(self, buffer):
        pass
