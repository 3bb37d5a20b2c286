# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Numba is told of the inputs of a mixer.

The C function gets them as an array of PythonfilterInput
(bridge/pythonfilter-call.h). The plugin's function gets a named tuple of named
tuples, where they have names, and otherwise something that has a length and is
asked for one by its number: how many there are is not known when it is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..results import DTYPES

_INPUT = """
def input_of(one, usual, frames):
    channels = usual if usual != 0 else int(one.channels)
    data = only_read(farray(samples_at(one.data), (channels, frames)))
{prepare}
    return Input(data, {facts}, one.pts, one.format{fields})
"""


def field(parameters: Any, name: str) -> str:
    """What the function gets as a parameter, as the C function says it."""
    if name in parameters.curves:
        return f"carray(at(p.{name}), frames)"
    return f"float32(p.{name})" if parameters.is_float32(name) else f"p.{name}"


def facts_of(call: Any) -> object:
    """All of the inputs' that what is compiled depends on."""
    of = getattr(call, "inputs_type", None)
    if of is None:
        return None
    parameters = of.parameters
    floats = [parameters.is_float32(name) for name in parameters.params]
    usual = call.usual_channels
    return of.names, parameters.dtype.descr, parameters.curves, floats, usual


def expression(call: Any, count: int) -> str:
    """What the C function gives the plugin's as `inputs` where condition() is true.

    `count`: so many channels come out; 0: any, and nothing is known of the inputs.
    """
    if call.inputs_type.names is None:
        return f"inputs_of(inputs, input_count, frames, {count})"
    usual = call.usual_channels.get(count) or (0,) * len(call.inputs_type.names)
    each = (f"input_{i}(inputs_[{i}], {many}, frames)" for i, many in enumerate(usual))
    return f"Inputs({', '.join(each)})"


def condition(call: Any, count: int) -> str:
    """Whether the inputs have as many channels as they usually do then."""
    if call.inputs_type.names is None:
        return f"all_have(inputs, input_count, {count})"
    usual = enumerate(call.usual_channels[count])
    known = (f"inputs_[{i}].channels == {many}" for i, many in usual if many)
    return " and ".join(known) or "True"


def names(
    numba: Any, helpers: dict[str, Any], call: Any, formats: tuple[str, ...]
) -> dict[str, Any]:
    """What expression() is made of."""
    of = call.inputs_type
    made = {format: _input(numba, helpers, of, format) for format in set(formats)}
    if of.names is None:
        return {
            "inputs_of": _sequence(numba, of.record, made[formats[0]]),
            "all_have": _all_have(numba),
        }
    each = {f"input_{i}": made[format] for i, format in enumerate(formats)}
    return {"Inputs": of.all, **each}


def _all_have(numba: Any) -> Any:
    carray = numba.carray

    def all_have(inputs: Any, count: Any, channels: Any) -> Any:
        for each in carray(inputs, count):
            if each.channels != channels:
                return False
        return True

    return numba.njit(all_have)


def _input(numba: Any, helpers: dict[str, Any], of: Any, format: str) -> Any:
    """A function that makes the named tuple of an input of this format."""
    parameters = of.parameters
    prepare = "    p = carray(params_at(one.params), 1)[0]" if parameters.params else ""
    fields = "".join(", " + field(parameters, name) for name in parameters.params)
    text = _INPUT.format(
        prepare=prepare,
        facts=", ".join(f"one.flags & {bit} != 0" for bit in of.flags.values()),
        fields=fields,
    )
    record = numba.from_dtype(parameters.dtype) if parameters.params else None
    names = {
        "__name__": __name__,
        "Input": of.input,
        "carray": numba.carray,
        "farray": numba.farray,
        "float32": np.float32,
        "at": helpers["at"],
        "only_read": helpers["only_read"],
        "samples_at": _pointer(numba, numba.from_dtype(DTYPES[format])),
        "params_at": record and _pointer(numba, record),
    }
    exec(text, names)
    return numba.njit(names["input_of"])


def _pointer(numba: Any, kind: Any) -> Any:
    """A function that makes a pointer to that of an address."""
    intrinsic: Callable[[Callable[..., Any]], Any] = numba.extending.intrinsic

    @intrinsic
    def pointer(context: Any, address: Any) -> Any:
        def build(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(
                values[0], target.get_value_type(signature.return_type)
            )

        return numba.types.CPointer(kind)(numba.types.uint64), build

    return pointer


def _sequence(numba: Any, record: Any, input_of: Any) -> Any:
    """A function that makes what has len() and [] of the array of inputs."""
    from numba.core import cgutils, types

    pointer = types.CPointer(numba.from_dtype(record))
    kind = _sequence_type(numba)(pointer, input_of)
    intrinsic: Callable[[Callable[..., Any]], Any] = numba.extending.intrinsic

    @intrinsic
    def inputs_of(
        context: Any, first: Any, count: Any, frames: Any, channels: Any
    ) -> Any:
        def build(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            made = cgutils.create_struct_proxy(kind)(target, builder)
            made.first, made.count, made.frames, made.channels = values
            return made._getvalue()

        return kind(pointer, *[types.int64] * 3), build

    return inputs_of


_types: list[Any] = []


def _sequence_type(numba: Any) -> Any:
    """Of what has len() and [], once for the process."""
    if _types:
        return _types[0]
    from operator import getitem

    from numba.core import types
    from numba.extending import (
        make_attribute_wrapper,
        models,
        overload,
        register_model,
    )

    class InputsType(types.Type):  # type: ignore[misc]  # Numba has no types
        def __init__(self, pointer: Any, input_of: Any) -> None:
            super().__init__(name=f"Inputs({id(input_of)})")
            self.pointer, self.input_of = pointer, input_of

    @register_model(InputsType)
    class InputsModel(models.StructModel):  # type: ignore[misc]
        def __init__(self, manager: Any, kind: Any) -> None:
            members = [
                ("first", kind.pointer),
                ("count", types.int64),
                ("frames", types.int64),
                ("channels", types.int64),  # 0: each has its own
            ]
            super().__init__(manager, kind, members)

    for name in ("first", "count", "frames", "channels"):
        make_attribute_wrapper(InputsType, name, name)

    @overload(len)
    def _(inputs):  # type: ignore[no-untyped-def]  # Numba compares the two
        if isinstance(inputs, InputsType):
            return lambda inputs: inputs.count
        return None

    carray = numba.carray

    @overload(getitem)
    def _(inputs, index):  # type: ignore[no-untyped-def]
        if not isinstance(inputs, InputsType) or not isinstance(index, types.Integer):
            return None
        input_of = inputs.input_of

        # As those of a tuple: behind the last there is no memory of anybody's.
        def one(inputs, index):  # type: ignore[no-untyped-def]
            place = index + inputs.count if index < 0 else index
            if place < 0 or place >= inputs.count:
                raise IndexError("there is no such input")
            found = carray(inputs.first, inputs.count)[place]
            return input_of(found, inputs.channels, inputs.frames)

        return one

    _types.append(InputsType)
    return InputsType
