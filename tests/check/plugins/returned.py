# SPDX-License-Identifier: LGPL-2.1-or-later
"""Returns an array of doubled samples."""

from base_plugin import AudioProcessorPlugin


class Returned(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def process_audio(self, buffer):
        return buffer.data * 2
