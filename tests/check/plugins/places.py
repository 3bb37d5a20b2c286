# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says where in memory each call's samples are, and doubles them."""

from base_plugin import AudioProcessorPlugin
from checklog import say


class Places(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def process_audio(self, buffer):
        say(buffer.data.ctypes.data)
        buffer.data *= 2
