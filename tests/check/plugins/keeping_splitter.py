# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds 1, and keeps the input's arrays, or those of the output `keep`."""

from base_plugin import AudioSplitterPlugin, Param
from keeping import Keeping


class KeepingSplitter(Keeping, AudioSplitterPlugin):
    outputs = (1, 4, {"channels": 1})
    keep = Param("input", choices=("input", "0", "1"))

    def split_audio(self, buffer, outputs):
        for each in outputs.values():
            each.data[:] = buffer.data + 1
        is_input = self.keep == "input"
        self.keep_some_of(buffer if is_input else outputs[self.keep], is_input, outputs)
