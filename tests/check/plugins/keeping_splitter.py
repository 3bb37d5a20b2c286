# SPDX-License-Identifier: LGPL-2.1-or-later
"""As keeping_mixer.py, of a splitter; `keep` is the input or the name of an output."""

from base_plugin import AudioSplitterPlugin, Param
from checklog import say
from keeping_mixer import WAYS, values

import numpy as np


class KeepingSplitter(AudioSplitterPlugin):
    outputs = (1, 4, {"channels": 1})
    keep = Param("input", choices=("input", "0", "1"))

    def start(self):
        self.kept = []
        self.calls = 0
        return super().start()

    def split_audio(self, buffer, outputs):
        self.lasting = outputs, [*outputs.values()]  # that is no mistake
        for each in outputs.values():
            each.data[:] = buffer.data + 1
        if self.kept:
            self.write_to(*self.kept[-1])
        source = buffer if self.keep == "input" else outputs[self.keep]
        way = WAYS[self.calls % len(WAYS)]
        self.calls += 1
        thing = way(source.data)
        self.kept.append((thing, values(thing)))

    def write_to(self, thing, seen):
        """What the input shows refuses it, whatever is made of it."""
        if not isinstance(thing, np.ndarray):
            return
        if self.keep != "input":
            if thing.flags.writeable:
                thing[...] = seen[...] = 99
            return
        try:
            thing.flags.writeable = True
            thing[...] = 99
            say("the input was written to")
        except ValueError:
            pass

    def stop(self):
        changed = [
            number
            for number, (thing, seen) in enumerate(self.kept)
            if not np.array_equal(values(thing), seen)
        ]
        mapping, objects = self.lasting
        sizes = {each.data.size for each in [*objects, *mapping.values()]}
        say(f"kept {len(self.kept)}, changed {changed}, between calls {sizes}")
        super().stop()
