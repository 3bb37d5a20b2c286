# SPDX-License-Identifier: LGPL-2.1-or-later
"""Doubles every sample where it is."""

from base_plugin import AudioProcessorPlugin


class InPlace(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    def process_audio(self, buffer):
        buffer.data *= 2
