# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the curve of its gain, and tells what is asked about it."""

from base_plugin import AudioProcessorPlugin, Param
from checklog import say


class Curved(AudioProcessorPlugin):
    curves = ("gain",)

    gain = Param(1.0, min=0.0, max=4.0)
    probe = Param("", choices=("", "name", "type"))

    def process_audio(self, buffer):
        curve = buffer.curve("gain")
        if self.probe == "type":
            say(curve.dtype, curve.shape, curve.flags.writeable, self.gain)
        if self.probe == "name":
            try:
                buffer.curve("probe")
            except KeyError as error:
                say(error)
        self.kept = curve
        buffer.data[:] = curve
