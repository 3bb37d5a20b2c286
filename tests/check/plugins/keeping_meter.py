# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps something of each buffer, and only reads it."""

import keeper


class KeepingMeter(keeper.Keeper):
    read_only = True

    def change(self, buffer):
        pass
