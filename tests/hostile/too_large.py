# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says, raises and posts what takes minutes and gigabytes to be shown."""

import logging
import os

from base_plugin import (
    AudioProcessorPlugin,
    AudioSinkPlugin,
    AudioSourcePlugin,
    Param,
    Timed,
)

ATTACK = os.environ["PYTHONFILTER_ATTACK"]
LENGTH = 10_000_000
LIST = [1] * LENGTH


class Attack:
    if ATTACK == "rates":
        rates = LIST
    if ATTACK == "default":
        text = Param("x" * LENGTH)
    if ATTACK == "choices":
        text = Param("x", choices=LIST)
    gain = Param(1.0, description="x" * LENGTH if ATTACK == "description" else "")

    def initialize(self):
        if ATTACK == "parameter":
            self.gain = LIST
        return True

    if ATTACK == "latency":

        def get_processing_latency(self):
            return "x" * LENGTH

    if ATTACK == "caps":

        def get_output_caps(self, input_caps):
            return bytes(LENGTH)

    if ATTACK == "time":
        output_caps = "application/x-nothing"

    def attack(self, buffer):
        if ATTACK == "post":
            self.post("message", value=LIST)
        if ATTACK == "raise":
            raise ValueError(1, LIST)
        if ATTACK == "log":
            logging.getLogger(__name__).warning("x" * LENGTH)
        if ATTACK == "time":
            return Timed(b"x", LIST)

    process_audio = read_audio = write_audio = attack


class Filter(Attack, AudioProcessorPlugin):
    pass


class Source(Attack, AudioSourcePlugin):
    pass


class Sink(Attack, AudioSinkPlugin):
    pass
