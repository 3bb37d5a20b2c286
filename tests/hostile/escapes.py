"""Raises, logs and prints what a terminal would obey."""

import logging

from base_plugin import AudioProcessorPlugin

CLEAR = "\x1b[2J\x1b]0;mine\x07\x9b31m\r all is well"


class Escapes(AudioProcessorPlugin):
    def process_audio(self, buffer):
        logging.getLogger(__name__).warning(CLEAR)
        print(CLEAR)
        raise ValueError(CLEAR)
