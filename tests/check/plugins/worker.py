# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scales by `gain`, and does what `now`, `then` and `at-start` say."""

import ctypes
import os
import time


class Worker:
    def __init__(self):
        self.gain = 1.0
        self.then = ""
        self.at_start = ""
        self.kept = []

    def set_parameter(self, key, value):
        if key == "gain":
            self.gain = float(value)
        elif key == "now":
            self.do(value)
        elif key == "at-start":
            self.at_start = value
        else:
            self.then = value
        return True

    def get_parameter(self, key):
        return ""

    def do(self, what):
        if what == "crash":
            ctypes.string_at(0)
        if what == "exit":
            os._exit(3)
        if what.startswith("sleep"):
            time.sleep(0.4)
        if what == "hang":
            ctypes.PyDLL(None).pause()
        if what == "loop":
            while True:
                pass
        if what == "look":
            for array, seen in self.kept:
                assert (array == seen).all()
        if what == "raise":
            raise ValueError("told to")

    def start(self):
        self.do(self.at_start)
        return True

    def process_audio(self, buffer):
        then, self.then = self.then, ""
        self.do(then)
        self.change(buffer)
        if then.endswith("keep"):
            self.kept.append((buffer.data, buffer.data.copy()))

    def change(self, buffer):
        buffer.data *= self.gain


class Reader(Worker):
    read_only = True

    def change(self, buffer):
        pass
