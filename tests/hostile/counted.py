# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is no attack: says at the end whether what came was 1, 2, 3 and so on."""

from base_plugin import AudioProcessorPlugin


class Counted(AudioProcessorPlugin):
    """Only looks."""

    read_only = True

    def initialize(self):
        self.seen = []

    def process_audio(self, buffer):
        self.seen.append(float(buffer.data[0, 0]))

    def stop(self):
        counted = [i + 1.0 for i in range(20)]
        print("counted" if self.seen == counted else self.seen)
