# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin says of itself, in its class."""

from __future__ import annotations

import inspect
from typing import Any

from .. import ports
from ..brief import is_large, shown
from ..failures import PluginError, unusable
from ..kinds import (
    FORMATS,
    LAYOUTS,
    MAX_BLOCK_SIZE,
    MAX_CHANNELS,
    MOST_CAPS,
    MOST_DECLARED,
    NATIVE,
    REMAINDERS,
    ranges_of,
)
from . import params
from .places import line_of


# What is so or not. Whatever is new in this list is new in capability_flags of
# bridge/capabilities.hpp, and nowhere else.
FLAGS = tuple(
    """
    interleaved non_interleaved read_only has_reset has_drain has_latency has_unlock
    has_space has_duration has_seek fail_closed carries_state compiled
    converts maps_to_output maps_to_input as_bytes pass_remainder output_zero
    has_add_input has_remove_input
    """.split()
)


class Capabilities:
    """The capabilities of an instance, `plugin`, of this kind and from this file.

    What is more than a declaration, as all that is in FLAGS, LoadedPlugin finds out.
    """

    audio_name: str
    info: dict[str, str]
    files: tuple[str, ...]
    warnings: tuple[str, ...]

    def __init__(self, kind: str, plugin: Any, file: str) -> None:
        self.kind = kind
        self.plugin = plugin
        self._file = file

    def _unusable(self, message: str) -> PluginError:
        return unusable(message, self._file)

    def _unusable_at(self, name: str, message: str) -> PluginError:
        """What is wrong with a declaration, at its line."""
        place = line_of(self.plugin, name, self._file)
        return PluginError("unusable", message, *place)

    def _declares(self, name: str, value: object, but: str) -> PluginError:
        return self._unusable_at(name, f"declares {name} = {shown(value)}{but}")

    def _declared(self, name: str) -> Any:
        """A class attribute: instances use `self.channels` for what is now."""
        place = self.plugin if inspect.ismodule(self.plugin) else type(self.plugin)
        value = getattr(place, name, None)
        if callable(value) or hasattr(value, "__get__"):
            return None
        self._check_size(name, value)
        return value

    def _check_size(self, name: str, value: Any) -> None:
        """Before anything is made of it."""
        known = (tuple, list, set, frozenset, dict)
        many = isinstance(value, known) and len(value) > MOST_DECLARED
        if isinstance(value, range):
            many = value.step != 1 and bool(value[MOST_DECLARED:])
        if many or is_large(value, MOST_CAPS):
            most = f"{MOST_DECLARED} values, and {MOST_CAPS} characters in all"
            raise self._declares(name, value, f": there are at most {most}")

    def read_class_attributes(self) -> None:
        """Raises PluginError for a declaration that means nothing."""
        formats = _as_names(self._declared("formats")) or ("F32",)
        self.formats = tuple(name.removesuffix(NATIVE) for name in formats)
        layouts = _as_names(self._declared("layouts")) or LAYOUTS
        for what, given, known in (
            ("formats", self.formats, FORMATS),
            ("layouts", layouts, LAYOUTS),
        ):
            if not set(given) <= set(known):
                raise self._declares(
                    what, given, f", but only {', '.join(known)} exist"
                )
        self.interleaved = "interleaved" in layouts
        self.non_interleaved = "non-interleaved" in layouts
        self.rates = self._ranges("rates", 2**31 - 1)
        self.channels = self._ranges("channels", MAX_CHANNELS)
        self.read_only = self._declared("read_only") is True
        self._read_ports()
        self._read_conversion()
        self._read_params()
        self._read_promises()
        self.block_size, self.pass_remainder = self._blocks()
        self.output_zero = self._declared("output_zero") is not False

    def described(self) -> list[tuple[str, tuple[str, ...]]]:
        """All of it, as bridge/capabilities.cpp reads it: names and their values."""
        return [
            ("audio_name", (self.audio_name,)),
            *((key, (text,)) for key, text in self.info.items()),
            ("format", self.formats),
            *((name, ("1" if getattr(self, name) else "0",)) for name in FLAGS),
            ("rate", tuple("%d %d" % each for each in self.rates)),
            ("channels", tuple("%d %d" % each for each in self.channels)),
            ("file", self.files),
            ("secret", self.secrets),
            ("warning", self.warnings),
            ("input_caps", (self.input_caps,)),
            ("output_caps", (self.output_caps,)),
            ("block_size", (str(self.block_size),)),
            *(("parameter", each) for each in self.parameters),
            *(self.ports.spoken() if self.ports else ()),
            *(("input_parameter", each) for each in self.input_parameters),
        ]

    def _read_params(self) -> None:
        try:
            self._params = params.Params(type(self.plugin))
        except ports.Misdeclared as error:
            raise self._unusable_at(error.name, str(error)) from None
        self.parameters = self._params.described()
        self.input_parameters = self._params.described_of_inputs()
        self.curves = self._params.curves
        for name in self._params.of_inputs if self.kind != "mixer" else ():
            raise self._unusable_at(
                name,
                f"has an InputParam {name!r}, but only a mixer has inputs to set it "
                "on: declare a Param",
            )

    def _read_ports(self) -> None:
        """The inputs of a mixer, or the outputs of a splitter."""
        self.ports: ports.Declared | None = None
        if self.kind in ports.WHAT:
            self._check_is_a_value(ports.WHAT[self.kind])
            try:
                self.ports = ports.read_all(self.kind, self._declared)
            except ports.Misdeclared as error:
                raise self._unusable_at(error.name, str(error)) from None
            self.non_interleaved = False

    def _check_is_a_value(self, name: str) -> None:
        """There are pads before there is an instance that could say which."""
        is_module = inspect.ismodule(self.plugin)
        place = self.plugin if is_module else type(self.plugin)
        value = getattr(place, name, None)
        of_instance = not is_module and name in getattr(self.plugin, "__dict__", ())
        if of_instance or callable(value) or hasattr(value, "__get__"):
            how = "in an instance" if of_instance else "by a function"
            raise self._unusable_at(
                name, f"says what its {name} are {how}: declare them in the class"
            )

    def _read_conversion(self) -> None:
        """What a plugin says of itself if its output is not like its input."""
        self.input_caps = self._caps("input_caps")
        self.output_caps = self._caps("output_caps")
        self.maps_to_output = callable(getattr(self.plugin, "get_output_caps", None))
        self.maps_to_input = callable(getattr(self.plugin, "get_input_caps", None))
        self.as_bytes = self._declared("as_bytes") is True
        self.converts = bool(
            self.input_caps
            or self.output_caps
            or self.maps_to_output
            or self.maps_to_input
            or self.as_bytes
        )
        takes = self.input_caps or self.maps_to_input or self.as_bytes
        if self.kind == "source" and takes:
            raise self._unusable(
                "declares what goes in (input_caps, as_bytes, get_input_caps), but "
                "nothing goes into a source"
            )
        maps = self.maps_to_output or self.maps_to_input
        if self.kind in ports.WHAT and maps:
            raise self._unusable(
                f"has get_output_caps() or get_input_caps() in vain: {ports.RAW}"
            )
        gives = self.output_caps or self.maps_to_output or self.maps_to_input
        if self.kind == "sink" and gives:
            raise self._unusable(
                "declares what comes out (output_caps, get_output_caps, "
                "get_input_caps), but nothing comes out of a sink"
            )

    def _caps(self, name: str) -> str:
        value = self._declared(name)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.strip():
            caps = "a string of GStreamer caps, such as 'application/x-sframe'"
            raise self._declares(name, value, f"; it must be {caps}")
        return value

    def _read_promises(self) -> None:
        """What must not be overlooked: also of the instance, and never a guess."""
        closed = getattr(self.plugin, "fail_closed", False)
        if not isinstance(closed, bool):
            raise self._declares("fail_closed", closed, "; it must be True or False")
        self.fail_closed = closed
        secrets = getattr(self.plugin, "secrets", ())
        if inspect.ismodule(secrets):  # of a module that imports Python's own
            secrets = ()
        self._check_size("secrets", secrets)
        if isinstance(secrets, str):
            secrets = (secrets,)
        if not isinstance(secrets, (tuple, list, set, frozenset)) or not all(
            isinstance(name, str) for name in secrets
        ):
            raise self._unusable(
                f"declares secrets as {type(secrets).__name__}; it must be a tuple "
                f"of the names of parameters"
            )
        for name in self._params.of_inputs:
            if name in secrets:
                raise self._unusable_at(
                    "secrets",
                    f"declares secrets with {name!r}, which is an InputParam: those "
                    "of inputs are shown",
                )
        self.secrets = tuple(sorted({*secrets, *self._params.secrets()}))

    def _blocks(self) -> tuple[int, bool]:
        """Frames of each call, 0 for any; whether the last one gets fewer."""
        if self.kind not in ("processor", "mixer"):
            return 0, False
        declared = self._declared("block_size")
        size = 0 if declared is None else declared
        if type(size) is not int or not 0 <= size <= MAX_BLOCK_SIZE:
            most = f"; it must be an int from 0 to {MAX_BLOCK_SIZE}"
            raise self._declares("block_size", size, most)
        remainder = self._declared("block_remainder")
        if remainder not in (None, *REMAINDERS):
            known = f", but only {', '.join(REMAINDERS)} exist"
            raise self._declares("block_remainder", remainder, known)
        return size, remainder == "pass"

    def _ranges(self, name: str, most: int) -> tuple[tuple[int, int], ...]:
        """() is "any"."""
        value = self._declared(name)
        if value is None:
            return ()
        ranges = ranges_of(value, most)
        if ranges is None:
            ints = f"an int, a range or a tuple of ints from 1 to {most}"
            raise self._declares(name, value, f"; it must be {ints}")
        return tuple(ranges)


def _as_names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (tuple, list, set, frozenset)):
        return tuple(
            str(name) if isinstance(name, str) else shown(name) for name in value
        )
    return ()
