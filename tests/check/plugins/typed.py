# SPDX-License-Identifier: LGPL-2.1-or-later
"""Has a Param of every kind, and tells what it is told."""

import enum

from base_plugin import AudioProcessorPlugin, Param
from checklog import say


class Slope(enum.Enum):
    GENTLE = 12
    STEEP = 24


class Typed(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")

    gain = Param(1.0, min=0.0, max=4.0, description="Linear gain")
    free = Param(0.1)
    cut_off = Param(800.0, min=20.0, unit="Hz", description="Where it begins")
    order = Param(2, min=1, max=8)
    big = Param(2**62)
    on = Param(True, description="Whether it does anything")
    title = Param("none")
    mode = Param("warm", choices=("cold", "warm", "red hot"))
    slope = Param(Slope.STEEP)
    pin = Param("0000", secret=True)
    # In steps of a half; refuses 3.
    stepped = Param(0.0, min=-10.0, max=10.0)
    odd = Param(1)

    def set_parameter(self, key, value):
        say(key, repr(value))
        if key == "odd" and int(value) % 2 == 0:
            return False
        taken = super().set_parameter(key, value)
        self.stepped = round(self.stepped * 2) / 2
        return taken

    def process_audio(self, buffer):
        pass
