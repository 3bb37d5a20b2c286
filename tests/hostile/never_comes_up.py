"""Never comes back, at its import or in a call before the stream begins."""

import os
import time

from base_plugin import AudioProcessorPlugin


def hang(where):
    while os.environ.get("PYTHONFILTER_ATTACK") == where:
        try:
            time.sleep(0.01)
        except BaseException:
            pass


hang("import")


class NeverComesUp(AudioProcessorPlugin):
    def __init__(self):
        hang("__init__")

    def initialize(self):
        hang("initialize")
        return True

    def process_audio(self, buffer):
        pass
