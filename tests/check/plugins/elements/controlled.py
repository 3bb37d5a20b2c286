# SPDX-License-Identifier: LGPL-2.1-or-later
"""A mixer with InputParams of each kind, and a C function that looks at none."""

import ctypes
import os

from base_plugin import AudioMixerPlugin, InputParam, compiled


class Controlled(AudioMixerPlugin):
    inputs = ("a", "input_with_a_long_name")
    output_like = "a"

    gain = InputParam(1.0, min=0.0, max=8.0)
    called_by_a_long_name = InputParam(0.5, max=2.0)
    number_with_a_long_name = InputParam(0, min=0, max=9)
    switch_with_a_long_name = InputParam(False)

    mix_audio = compiled(ctypes.CDLL(os.environ["CHECK_FUNCTIONS"]).mix_nothing)
