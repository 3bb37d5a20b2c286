"""Raises an exception whose text is a hundred million letters."""

from base_plugin import AudioProcessorPlugin


class HugeException(AudioProcessorPlugin):
    def process_audio(self, buffer):
        try:
            raise KeyError("y" * 10**8)
        except KeyError as error:
            raise ValueError("x" * 10**8) from error
