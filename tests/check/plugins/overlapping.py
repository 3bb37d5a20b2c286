# SPDX-License-Identifier: LGPL-2.1-or-later
"""Returns a view of the buffer itself, back to front, doubled in place."""

from base_plugin import AudioProcessorPlugin


class Overlapping(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def process_audio(self, buffer):
        buffer.data *= 2
        return buffer.data[::-1, ::-1]
