# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the curve of its gain, as curved.py, by a C function."""

import ctypes
import os

from base_plugin import AudioProcessorPlugin, Param, compiled

functions = ctypes.CDLL(os.environ["CHECK_FUNCTIONS"])


class Curved(AudioProcessorPlugin):
    curves = ("gain",)

    gain = Param(1.0, min=0.0, max=4.0)

    process_audio = compiled(functions.follow)
