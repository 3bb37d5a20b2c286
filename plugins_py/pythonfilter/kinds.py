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
    "mixer": ("mix_audio", "mixAudio"),
    "splitter": ("split_audio", "splitAudio"),
}
# What the audio method is called with.
ARGUMENTS = {
    "source": ("buffer",),
    "processor": ("buffer",),
    "sink": ("buffer",),
    "mixer": ("output", "inputs"),
    "splitter": ("buffer", "outputs"),
}
ELEMENTS = {
    "source": "pythonsrc",
    "processor": "pythonfilter",
    "sink": "pythonsink",
    "mixer": "pythonmixer",
    "splitter": "pythondemixer",
}
FORMATS = ("F32", "F64", "S16", "S32")
LAYOUTS = ("interleaved", "non-interleaved")
REMAINDERS = ("pad", "pass")
MAX_BLOCK_SIZE = 2**20
MAX_CHANNELS = 64
MAX_PORTS = 64  # inputs of a mixer, outputs of a splitter
MOST_CAPS = 256 * 1024  # characters; the element reads no more
LONGEST_LINE = 200  # for people
MOST_DECLARED = 4096  # of anything: rates, names, Params, choices
NATIVE = "LE" if sys.byteorder == "little" else "BE"
# What the elements read of a plugin's class.
DECLARATIONS = tuple(
    """
    formats layouts rates channels read_only fail_closed secrets curves input_caps
    output_caps as_bytes block_size block_remainder inputs outputs output_like
    output_zero passthrough
    """.split()
)
# The methods that the elements call, or that the base classes have.
METHODS = (
    *(name for names in AUDIO_METHODS.values() for name in names),
    *"""
    initialize shutdown start stop reset drain unlock post posted seek get_info
    get_type get_state set_state get_parameter set_parameter get_sample_rate
    set_sample_rate get_channel_count set_channel_count get_channels set_channels
    get_buffer_size set_buffer_size get_available_space get_processing_latency
    get_duration get_output_caps get_input_caps set_caps set_audio_callback add_input
    remove_input
    """.split(),
)
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


def ranges_of(value: Any, most: int) -> list[tuple[int, int]] | None:
    """An int, a range or a collection of ints as pairs; None: it is none of these,
    or not all of it is from 1 to `most`."""
    if isinstance(value, int):
        ranges = [(value, value)]
    elif isinstance(value, range) and value.step == 1 and value:
        ranges = [(value.start, value.stop - 1)]
    elif (
        isinstance(value, (tuple, list, set, frozenset, range))
        and 0 < len(value) <= MOST_DECLARED
    ):
        ranges = [(each, each) for each in value]
    else:
        return None
    valid = all(
        isinstance(low, int) and 1 <= low <= high <= most for low, high in ranges
    )
    return ranges if valid else None


# Every GstObject has properties that are called so.
TAKEN = ("name", "parent")
# What an input of a mixer has besides, and its pad.
TAKEN_OF_INPUTS = tuple(
    """
    data present gap late discont format pts duration offset sample_rate positions name
    pad_name curve curves get_channel_data get_frame_count get_channel_count clear
    copy_from direction template caps emit_signals qos_messages params
    """.split()
)


def param_name_problem(name: str) -> str:
    """Why no property can be called like the Param; "" if one can."""
    plain = (
        len(name) <= 255
        and name.isascii()
        and name[:1].isalpha()
        and name.replace("_", "").isalnum()
    )
    if plain and name not in TAKEN:
        return ""
    return (
        f"has a Param {name[:255]!r}: it must be called something else than "
        f"{' and '.join(TAKEN)}, with letters of ASCII, digits and _, at most 255"
    )


def input_param_name_problem(name: str) -> str:
    """Why no pad can have an InputParam of that name; "" if one can."""
    if name not in TAKEN_OF_INPUTS:
        return ""
    return (
        f"has an InputParam {name!r}: it must be called something else, as each input, "
        "or its pad, has one already"
    )


def one_line(said: Any) -> str:
    """What a plugin says of something, as a line for people; "" if that is no text."""
    if not isinstance(said, str):
        return ""
    return " ".join(said[: 10 * LONGEST_LINE].split())[:LONGEST_LINE]


def spoken(
    name: str, parts: Mapping[str, str], choices: Iterable[str]
) -> tuple[str, ...]:
    """A Param as C++ reads it: its name, then pairs of words and what they are.

    They are the fields of a ParameterSpec; those that are empty are left out.
    """
    pairs = [pair for pair in parts.items() if pair[1]]
    pairs += [("choice", each) for each in choices]
    return (name, *(text for pair in pairs for text in pair))
