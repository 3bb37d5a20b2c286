# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints more in its second call than anybody reads, and perhaps crashes then."""

import os
import sys

from base_plugin import AudioProcessorPlugin, AudioSinkPlugin, AudioSourcePlugin

ATTACK = os.environ["PYTHONFILTER_ATTACK"]
LENGTH = 50_000_000


class Attack:
    calls = 0

    def attack(self, buffer):
        self.calls += 1
        if self.calls != 2:
            return
        if ATTACK in ("print", "crash"):
            print("x" * (LENGTH - 1))
        if ATTACK == "lines":
            for _ in range(LENGTH // 1000):
                print("x" * 999)
        if ATTACK == "stderr":
            sys.stderr.write("x" * LENGTH)
        if ATTACK == "write":
            rest = memoryview(b"x" * LENGTH)
            while rest:
                rest = rest[os.write(1, rest) :]
        if ATTACK == "crash":
            os.abort()

    process_audio = read_audio = write_audio = attack


class Filter(Attack, AudioProcessorPlugin):
    pass


class Source(Attack, AudioSourcePlugin):
    pass


class Sink(Attack, AudioSinkPlugin):
    pass
