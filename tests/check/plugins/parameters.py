# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps parameters as it gets them, but for a few that it changes."""

from checklog import say


class Parameters:
    formats = ("F32", "F64", "S16", "S32")

    def __init__(self):
        self.values = {}

    def set_parameter(self, key, value):
        say(key, repr(value), type(value).__name__)
        if key == "clamped":
            value = str(min(max(float(value), 0.0), 1.0))
        elif key == "named":
            value = value.upper()
        elif key == "counted":
            value = "many"
        self.values[key] = value

    def get_parameter(self, key):
        return "" if key == "silent" else self.values.get(key, "")

    def process_audio(self, buffer):
        pass


def create_plugin():
    return Parameters()
