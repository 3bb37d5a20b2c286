# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does nothing."""

from base_plugin import AudioProcessorPlugin


class Untouched(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def process_audio(self, buffer):
        return True
