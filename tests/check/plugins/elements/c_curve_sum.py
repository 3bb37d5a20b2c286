# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sum of the curves of its inputs, as curve_sum.py, by a C function."""

import ctypes
import os

from base_plugin import AudioMixerPlugin, InputParam, compiled


class CurveSum(AudioMixerPlugin):
    inputs = (1, 4)
    curves = ("gain",)
    formats = ("F32",)
    channels = 1
    block_size = 100

    gain = InputParam(1.0, min=0.0, max=8.0)

    mix_audio = compiled(ctypes.CDLL(os.environ["CHECK_FUNCTIONS"]).mix_curves)
