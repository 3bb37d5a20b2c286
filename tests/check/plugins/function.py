# SPDX-License-Identifier: LGPL-2.1-or-later
"""A plugin that is only a function."""

formats = ["F32", "F64", "S16", "S32"]


def process_audio(buffer):
    buffer.data[:] = buffer.data + buffer.data
