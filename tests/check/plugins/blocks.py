# SPDX-License-Identifier: LGPL-2.1-or-later
"""Doubles the samples and says what each call was given.

Parameter: quiet (only say what has not the length that was announced).
"""

from base_plugin import AudioProcessorPlugin
from checklog import say


class Blocks(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def __init__(self):
        super().__init__()
        self.quiet = False

    def set_buffer_size(self, frames):
        self._frames = frames
        if not self.quiet:
            say("size", frames)

    def process_audio(self, buffer):
        frames = buffer.get_frame_count()
        if frames != self._frames or not self.quiet:
            say(
                "call",
                frames,
                "pts",
                buffer.pts,
                "duration",
                buffer.duration,
                "offset",
                buffer.offset,
                "discont" if buffer.discont else "-",
                "gap" if buffer.gap else "-",
                "last",
                int(buffer.data[0, -1]),
            )
        buffer.data *= 2

    def reset(self):
        say("reset")
