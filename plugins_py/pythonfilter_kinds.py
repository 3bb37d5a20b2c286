# SPDX-License-Identifier: LGPL-2.1-or-later
"""What there is: kinds of plugins, sample formats, memory layouts, Params' names.

The registry scan reads this as well, so it imports nothing.
"""

from __future__ import annotations

import sys

# The audio method of each kind, by the names that it may have.
AUDIO_METHODS = {
    "source": ("read_audio", "readAudio"),
    "processor": ("process_audio", "processAudio"),
    "sink": ("write_audio", "writeAudio"),
}
ELEMENTS = {
    "source": "pythonsrc",
    "processor": "pythonfilter",
    "sink": "pythonsink",
}
FORMATS = ("F32", "F64", "S16", "S32")
LAYOUTS = ("interleaved", "non-interleaved")
REMAINDERS = ("pad", "pass")
MAX_BLOCK_SIZE = 2**20
MAX_CHANNELS = 64
NATIVE = "LE" if sys.byteorder == "little" else "BE"
# Every GstObject has properties that are called so.
TAKEN = ("name", "parent")


def param_name_problem(name: str) -> str:
    """Why no property can be called like the Param; "" if one can."""
    plain = name.isascii() and name[:1].isalpha() and name.replace("_", "").isalnum()
    if plain and name not in TAKEN:
        return ""
    return (
        f"has a Param {name!r}: it must be called something else than "
        f"{' and '.join(TAKEN)}, with letters of ASCII, digits and _"
    )
