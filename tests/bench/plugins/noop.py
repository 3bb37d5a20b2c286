# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does nothing in place; its parameter `blocks` reads sys.getallocatedblocks()."""

import sys


class Noop:
    def process_audio(self, buffer):
        pass

    def set_parameter(self, key, value):
        return key == "blocks"

    def get_parameter(self, key):
        return str(sys.getallocatedblocks())
