# SPDX-License-Identifier: LGPL-2.1-or-later
"""A plugin whose audio method is compiled: what the element calls by address.

Compiled methods are known by their attributes, not by their class: see
base_plugin/_compiled.py.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..failures import PluginError, place_of, unusable

if TYPE_CHECKING:
    from . import compiling

# What a state is on its way to new code, beside what get_state() gives.
_CARRIED = "pythonfilter-carried-state"
_POSITION = ""  # no field is called so


def compiled_method(plugin: Any, file: str, *spellings: str) -> Any:
    """The first of these that is one, as the plugin's own; None: none is."""
    place = plugin if inspect.ismodule(plugin) else type(plugin)
    for name in spellings:
        declared = inspect.getattr_static(place, name, None)
        if isinstance(declared, staticmethod):  # it has no self
            declared = declared.__func__
        if not hasattr(declared, "address") or not hasattr(declared, "function"):
            continue
        try:
            return declared.__get__(plugin, type(plugin))
        except (TypeError, ValueError, NameError, SyntaxError) as error:
            raise unusable(str(error), file, declared) from None
    return None


class Native:
    """The compiled audio method of one plugin."""

    def __init__(self, call: Any, file: str) -> None:
        self.call = call
        self._file = file
        self._machine: compiling.Machine | None = None
        # Of a mixer: the formats of its inputs, in the order of its function, and
        # which of its inputs each of those is.
        self._formats: tuple[str, ...] = ()
        self._order: list[int] = []
        #: Why the method runs as Python; "" where it does not.
        self.interpreted = ""

    def compile_for(self, loaded: Any, likely: str) -> None:
        """What the plugin declares.  Raises PluginError for what Numba refuses."""
        if self.call.compiled.address:
            return
        # Not before: it imports NumPy, and a virtual environment's comes first.
        from . import compiling

        layouts = ((True, loaded.interleaved), (False, loaded.non_interleaved))
        declared = itertools.product(
            _formats_of_output(loaded), (each for each, is_so in layouts if is_so)
        )
        try:
            format, interleaved = _first(declared, likely)
            self._machine = compiling.machine_code(
                self.call,
                (format, interleaved, self._first_formats(loaded, format)),
                *(loaded.read_only, loaded.files),
            )
        except compiling.Missing as error:
            self.interpreted = (
                f"{self.call.__name__}() runs as Python, hundreds of times slower: "
                f"{error}"
            )

    def _first_formats(self, loaded: Any, like: str) -> tuple[str, ...]:
        """Of a mixer, what its inputs most likely have."""
        if loaded.kind != "mixer":
            return ()
        given: list[tuple[str, ...]] = [
            each.formats or loaded.formats for each in loaded.ports.ports.ports
        ]
        if loaded.ports.ports.span and len(set(given[0])) > 1:
            text = (
                f"{self.call.__name__}() is compiled, so that all of a range of inputs "
                "have one format: declare which, as in inputs = (1, 32, {'formats': "
                "'F32'}), or give the inputs names"
            )
            raise PluginError("unusable", text, *place_of(self.call, self._file))
        return tuple(like if like in each else each[0] for each in given)

    @property
    def has_machine_code(self) -> bool:
        """Whether it was compiled here."""
        return self._machine is not None

    def run_as_python(self) -> None:
        """From the next start on."""
        self._machine = None

    def run_checked(self) -> None:
        """From the next start on: an index beyond an array is an exception."""
        if self._machine is not None:
            self._machine = self._machine.checked()

    @property
    def warnings(self) -> tuple[str, ...]:
        if self.interpreted:
            return (self.interpreted,)
        return tuple(self._machine.warnings) if self._machine else ()

    def start(self, format: str, interleaved: bool, channels: int) -> None:
        """A stream begins; called before the plugin's own start()."""
        try:
            self.call.start(channels)
        except ValueError as error:
            raise PluginError(
                "unusable", str(error), *place_of(self.call, self._file)
            ) from None
        self._stream = format, interleaved
        # Of a mixer, whose inputs come then.
        self._formats, self._order = (), []
        if self._machine is not None and not self._mixes:
            self.call.use(self._machine.address(format, interleaved))

    @property
    def _mixes(self) -> bool:
        return hasattr(self.call, "inputs_type")

    def change_inputs(self, ports: list[tuple[str, str, int]]) -> None:
        """A mixer has these from here on: the name, format and channels of each."""
        of = self.call.inputs_type
        places = {name: place for place, (name, _, _) in enumerate(ports)}
        self._order = of.in_order(places)
        try:
            for name, _, channels in ports:
                self.call.check_channels(channels, f"its input {name}")
        except ValueError as error:
            raise PluginError(
                "unusable", str(error), *place_of(self.call, self._file)
            ) from None
        formats = tuple(ports[place][1] for place in self._order)
        self._formats = formats[:1] if of.names is None else formats
        if self._machine is not None:
            self.call.use(self.address(*self._stream))

    def inputs(self) -> tuple[int, list[int], list[tuple[str, int]], int]:
        """Since they changed: the function's address, the numbers of the inputs in
        its order, and the fields and the size of the record of each."""
        parameters = self.call.inputs_type.parameters
        size = parameters.dtype.itemsize if parameters.params else 0
        return (
            self.address(*self._stream),
            *(self._order, _places_in(parameters), size),
        )

    def address(self, format: str, interleaved: bool) -> int:
        """0: it runs as Python."""
        if self._machine is not None:
            return self._machine.address(format, interleaved, self._formats)
        return self.call.compiled.address  # type: ignore[no-any-return]

    def records(self) -> tuple[int, int]:
        """Where the parameters are, and the state; 0: there are none."""
        self.call.refresh()
        return self.call.records()  # type: ignore[no-any-return]

    def texts(self) -> dict[str, str]:
        """What the plugin's attributes say that the parameters are."""
        return self.call.texts()  # type: ignore[no-any-return]

    def fields(self) -> list[tuple[str, int]]:
        """The name and place of each field in the parameters' record."""
        return _places_in(self.call.parameters)

    # -- to new code

    def carried(self, own: object) -> tuple[str, dict[str, Any], object]:
        """The fields of the state, and what the plugin itself gave."""
        state = self.call.state
        names = self.call.state_type.names if state is not None else ()
        fields = {name: getattr(state, name).copy() for name in names}
        fields[_POSITION] = self.call.position
        return _CARRIED, fields, own

    def restore(self, fields: dict[str, Any]) -> None:
        """Takes the fields that there are here as well, of the same name and type."""
        self.call.position = fields.get(_POSITION, 0)
        state, kinds = self.call.state, self.call.state_type
        for name in kinds.names if state is not None else ():
            kind = kinds.dtype.fields[name][0]
            given = fields.get(name)
            if given is None or (given.dtype, given.shape) != (kind.base, kind.shape):
                continue
            setattr(state, name, given)


def _places_in(parameters: Any) -> list[tuple[str, int]]:
    return [(name, parameters.dtype.fields[name][1]) for name in parameters.params]


def _formats_of_output(loaded: Any) -> tuple[str, ...]:
    """What comes out; of a mixer that may be what one of its inputs has."""
    for each in loaded.ports.ports.ports if loaded.kind == "mixer" else ():
        if each.name == loaded.ports.output_like and each.formats:
            return each.formats  # type: ignore[no-any-return]
    return loaded.formats  # type: ignore[no-any-return]


def _first(declared: Iterable[tuple[str, bool]], likely: str) -> tuple[str, bool]:
    """Of what a plugin declares, what will play: the likeliest comes first."""
    names = {"%s %d" % each: each for each in declared}
    fitting = (names[each] for each in likely.split(",") if each in names)
    return next(fitting, next(iter(names.values())))


def taken_apart(state: object) -> tuple[dict[str, Any], object]:
    """What carried() made: the fields, and what the plugin itself gave."""
    if isinstance(state, tuple) and len(state) == 3 and state[0] == _CARRIED:
        return state[1], state[2]
    return {}, state
