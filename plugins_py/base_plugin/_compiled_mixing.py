# SPDX-License-Identifier: LGPL-2.1-or-later
"""Audio methods of mixers that run as machine code.

As _compiled.py has those of all others: how one is declared, and how it runs in
Python.
"""

from __future__ import annotations

import collections
import ctypes
import inspect
import keyword
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._compiled import FORMATS, CALLS, TAKES, Call, Compiled, Parameters
from ._mixing import MixerInput, MixerInputs, MixerOutput

if TYPE_CHECKING:
    from numpy.typing import NDArray

# As PythonfilterInput of bridge/pythonfilter-call.h.
INPUT = np.dtype(
    [
        ("data", np.uint64),
        ("channel_stride", np.int64),
        ("frame_stride", np.int64),
        ("pts", np.int64),
        ("params", np.uint64),
        ("channels", np.int32),
        ("format", np.int32),
        ("flags", np.uint32),
        ("reserved", np.uint32),
    ],
    align=True,
)
#: What an input is in a call, and its bit in ``flags``.
FLAGS = {"present": 1, "gap": 2, "late": 4, "discont": 8}


class _InputParameters(Parameters):
    """The numeric InputParams of a class, which each input has."""

    of_inputs = True


def _names_of(declared: Any) -> tuple[str, ...] | None:
    """Of the inputs that a class declares; None: they have none, and come and go."""
    if isinstance(declared, Mapping):
        return tuple(declared)
    if isinstance(declared, (tuple, list)) and all(
        isinstance(each, str) for each in declared
    ):
        return tuple(declared)
    return None


class InputsType:
    """What the method of a class gets as ``inputs``."""

    #: What the element gives for each.
    record = INPUT
    flags = FLAGS

    def __init__(self, owner: Any) -> None:
        self.names = _names_of(getattr(owner, "inputs", None))
        self.parameters = _InputParameters(owner)
        make: Any = collections.namedtuple
        #: Of one input.
        self.input: Any = make(
            "Input",
            ["data", *FLAGS, "pts", "format", *self.parameters.params],
            rename=True,  # what is twice is told where the declaration is read
        )
        #: Of all of them; a plain tuple where they have no names.
        self.all: Any = None
        # What is no name at all is told where the declaration is read.
        named = all(str(each).isidentifier() for each in self.names or ())
        if self.names is not None and named:
            for each in self.names:
                if keyword.iskeyword(each) or each.startswith("_"):
                    raise ValueError(
                        f"the audio method is compiled, and reads inputs.{each}: that "
                        "input must be called something else"
                    )
            self.all = make("Inputs", list(self.names))

    def usual_channels(self, owner: Any, count: int) -> tuple[int, ...]:
        """Of each that has a name, where ``count`` come out; 0: nobody knows."""
        declared = getattr(owner, "inputs", None)
        like = getattr(owner, "output_like", None)

        def usual(name: str) -> int:
            said = declared.get(name) if isinstance(declared, Mapping) else None
            of = said.get("channels") if isinstance(said, Mapping) else None
            of = getattr(owner, "channels", None) if of is None else of
            if type(of) is int:
                return of
            return count if like in (None, name) else 0

        return tuple(map(usual, self.names or ()))

    def in_order(self, inputs: Mapping[str, Any]) -> list[Any]:
        """Those that there are, as the method has them."""
        if self.names is None:
            return list(inputs.values())
        return [inputs[name] for name in self.names]


class MixCall(Call):
    """As Call, of a mixer."""

    arguments_given = ("output", "inputs", "params", "state", "stream")
    _prototype: Any = ctypes.CFUNCTYPE(
        ctypes.c_int32, *TAKES, ctypes.c_void_p, ctypes.c_int32
    )

    def __init__(self, compiled: Compiled, plugin: Any) -> None:
        place = plugin if inspect.ismodule(plugin) else type(plugin)
        self.inputs_type = InputsType(place)
        #: InputsType.usual_channels() for so many.
        self.usual_channels = {
            count: self.inputs_type.usual_channels(place, count) for count in (1, 2)
        }
        # Memory that is used again.
        self._inputs: NDArray[Any] = np.zeros(0, INPUT)
        self._values: NDArray[Any] = np.zeros(0, self.inputs_type.parameters.dtype)
        super().__init__(compiled, plugin)

    def __call__(self, output: MixerOutput, inputs: MixerInputs) -> Any:  # type: ignore[override]
        """As the element would, of any plugin."""
        curves = self._begin(output)
        all_inputs = self.inputs_type.in_order(inputs)
        if self._native is None:
            shown = map(self._shown, all_inputs)
            made = self.inputs_type.all
            given = tuple(shown) if made is None else made(*shown)
            status = self._interpret(curves, output.data, given)
        else:
            status = self._run_with(output.data, curves, all_inputs)
        return self._taken(output, status)

    def _value(self, each: MixerInput, name: str) -> Any:
        """An InputParam of an input, as a field; of a curve, its values."""
        parameters = self.inputs_type.parameters
        if name in parameters.curves:
            return each.curve(name)
        return parameters.value(name, getattr(each, name))

    def _shown(self, each: MixerInput) -> Any:
        """An input as the function gets it."""
        parameters = self.inputs_type.parameters
        data: NDArray[Any] = each.data
        if data.flags.writeable:
            data = data.view()
            data.flags.writeable = False
        pts = each.pts
        values = []
        for name in parameters.params:
            value = self._value(each, name)
            if name not in parameters.curves:
                value = parameters.given(name, parameters.dtype[name].type(value))
            values.append(value)
        facts = (bool(getattr(each, fact)) for fact in FLAGS)
        known = -1 if pts is None else pts, FORMATS[data.dtype.name]
        return self.inputs_type.input(data, *facts, *known, *values)

    def _run_with(
        self,
        data: NDArray[Any],
        curves: dict[str, NDArray[np.float32]],
        inputs: list[MixerInput],
    ) -> int:
        parameters = self.inputs_type.parameters
        if len(self._inputs) != len(inputs):
            self._inputs = np.zeros(len(inputs), INPUT)
            self._values = np.zeros(len(inputs), parameters.dtype)
        records, values = self._inputs, self._values
        kept: list[Any] = []  # whose memory is read in the call
        for i, each in enumerate(inputs):
            row = [self._value(each, name) for name in parameters.params]
            for place, name in enumerate(parameters.params):
                if name in parameters.curves:
                    kept.append(row[place])
                    row[place] = row[place].ctypes.data
            where = 0
            if row:
                values[i] = tuple(row)
                where = values.ctypes.data + i * values.itemsize
            dense = np.require(each.data.T, requirements=["C", "A"])
            kept.append(dense)
            channels, size, pts = dense.shape[1], dense.itemsize, each.pts
            records[i] = (
                *(dense.ctypes.data, size, size * channels),
                *(-1 if pts is None else pts, where),
                *(channels, FORMATS[dense.dtype.name]),
                *(sum(bit for fact, bit in FLAGS.items() if getattr(each, fact)), 0),
            )
        return self._run(data, curves, records.ctypes.data, len(inputs))


CALLS.update(mix_audio=MixCall, mixAudio=MixCall)
