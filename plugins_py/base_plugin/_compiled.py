# SPDX-License-Identifier: LGPL-2.1-or-later
"""Audio methods that run as machine code: what base_plugin has as compiled.

Here is what such a method is declared with, and how it runs in Python.  Who
compiles it is the element; see pythonfilter/host/compiling.py.
"""

from __future__ import annotations

import collections
import ctypes
import enum
import importlib
import inspect
import keyword
import math
import operator
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ._buffer import AudioBuffer
from ._param import Param, text_of

__all__ = ["MAX_CHANNELS", "NOTHING_YET", "Array", "Channels", "compiled"]


class _ArrayField:
    """``Array[float64, 8]``, ``Array[float32, 2, 48000]``: a field of a State."""

    def __init__(self, element: Any, shape: tuple[int, ...]) -> None:
        self.element = element
        self.shape = shape

    def __class_getitem__(cls, given: Any) -> _ArrayField:
        element, *shape = given if isinstance(given, tuple) else (given,)
        if not shape or not all(
            isinstance(size, (int, np.integer)) and size > 0 for size in shape
        ):
            raise TypeError(
                "Array[type, size, ...] needs whole numbers above 0 for its sizes"
            )
        return cls(element, tuple(shape))


if TYPE_CHECKING:
    from numpy.typing import NDArray

    # Type checkers take anything for a size there.
    from typing import Annotated as Array
else:
    Array = _ArrayField


class Channels(int):
    """So many in an array of a State, one for each channel.

    ``Array[float64, Channels(8)]`` is refused where a stream has more than 8.
    """


#: As many channels as a stream can have.
MAX_CHANNELS = Channels(64)

#: What the compiled method of a source or a sink returns where others return
#: ``False``: it has, or takes, nothing now.
NOTHING_YET = -(2**31)
RAISED = NOTHING_YET + 1

_LARGEST_STATE = 2**30

# As PythonfilterStream of bridge/pythonfilter-call.h.
STREAM = np.dtype(
    [(name, np.int64) for name in ("frames", "position", "offset", "pts", "duration")]
    + [
        (name, np.int32)
        for name in (
            *("version", "sample_rate", "channels", "format", "interleaved"),
            *("discont", "gap", "reserved"),
        )
    ],
    align=True,
)
VERSION = 1
FORMATS = {"float32": 0, "float64": 1, "int16": 2, "int32": 3}

# The same header's PythonfilterCall.
TAKES: tuple[Any, ...] = (
    *(ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64),
    *(ctypes.c_int64, ctypes.c_int64),
    *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
)
_CALL = ctypes.CFUNCTYPE(ctypes.c_int32, *TAKES)


_C_FUNCTION: Any = _CALL.__mro__[1]  # of all that ctypes can call


class CallFailed(Exception):
    """A compiled method returned a number that is a failure, or cannot be called."""

    def __init__(self, message: str, function: Any) -> None:
        super().__init__(message)
        self.function = function


class Record:
    """Zeroed memory whose fields are attributes, whatever they are called.

    Those of NumPy's own records may not be called as the methods of an array are:
    ``sum``, ``max``.
    """

    __slots__ = ("_memory",)
    _memory: NDArray[Any]

    def __init__(self, dtype: np.dtype[Any]) -> None:
        object.__setattr__(self, "_memory", np.zeros(1, dtype))

    def __getattr__(self, name: str) -> Any:
        try:
            return self._memory[name][0]
        except ValueError:
            raise AttributeError(f"there is no field {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        try:
            self._memory[name][0] = value
        except ValueError as error:
            if name in (self._memory.dtype.names or ()):
                raise
            raise AttributeError(f"there is no field {name!r}") from error

    def __repr__(self) -> str:
        fields = (f"{n}={getattr(self, n)!r}" for n in self._memory.dtype.names or ())
        return f"Record({', '.join(fields)})"


def address_of(record: Record | None) -> int:
    """Where the record's memory lies; 0 for None."""
    return 0 if record is None else record._memory.ctypes.data


# ---- parameters -------------------------------------------------------------


def _kind_of(param: Param[Any]) -> Any:
    """None for a text, which is no number."""
    if param.choices:
        return np.int64
    if issubclass(param.type, bool):
        return np.bool_
    if issubclass(param.type, int):
        return np.int64
    return None if issubclass(param.type, (str, enum.Enum)) else np.float64


class Parameters:
    """The numeric ones of a class, as a record and as what the method gets."""

    # Of the plugin, or of each input of a mixer.
    of_inputs = False

    def __init__(self, owner: Any) -> None:
        names = {name: None for cls in _lineage(owner) for name in vars(cls)}
        found = {name: getattr(owner, name, None) for name in names}
        self.params: dict[str, Param[Any]] = {
            name: each
            for name, each in found.items()
            if isinstance(each, Param) and _kind_of(each) and name.isidentifier()
            if getattr(each, "of_inputs", False) is self.of_inputs
        }
        curves = getattr(owner, "curves", ()) if self.params else ()
        curves = (curves,) if isinstance(curves, str) else curves
        self.curves = tuple(name for name in curves if name in self.params)
        self.dtype = np.dtype(
            [
                # Of a curve, where its values are.
                (name, np.uint64 if name in self.curves else _kind_of(each))
                for name, each in self.params.items()
            ],
            align=True,
        )
        self.tuple: Any = None
        if self.params:
            make: Any = collections.namedtuple
            self.tuple = make("params", list(self.params))

    def is_float32(self, name: str) -> bool:
        """Whether the method gets it as one; the field is a float64 as of others."""
        return self.params[name].type is np.float32

    def given(self, name: str, field: Any) -> Any:
        """What the method gets of a field."""
        return np.float32(field) if self.is_float32(name) else field

    def value(self, name: str, now: Any) -> Any:
        """What an attribute is as a field."""
        param = self.params[name]
        if param.choices:
            text = text_of(now)
            return param.choices.index(text) if text in param.choices else -1
        return now


def _lineage(owner: Any) -> Iterator[Any]:
    return reversed(owner.__mro__) if isinstance(owner, type) else iter(())


# ---- the state --------------------------------------------------------------


def _fields_of(given: Any, names: dict[str, Any]) -> list[tuple[Any, ...]]:
    """(name, type, shape) of each field of a State."""
    if isinstance(given, np.dtype):
        if not given.names or given.fields is None:
            raise TypeError(f"State = {given}: it must be a dtype that has fields")
        return [
            (name, given.fields[name][0].base, given.fields[name][0].shape)
            for name in given.names
        ]
    if not isinstance(given, type):
        raise TypeError("State must be a class or a numpy.dtype")
    fields: list[tuple[Any, ...]] = []
    for name, kind in inspect.get_annotations(given).items():
        if isinstance(kind, str):
            try:
                kind = eval(kind, names, dict(vars(given)))
            except Exception as error:
                raise TypeError(f"State.{name} is {kind!r}: {error}") from None
        if isinstance(kind, _ArrayField):
            fields.append((name, np.dtype(kind.element), kind.shape))
        else:
            fields.append((name, np.dtype(kind), ()))
    if not fields:
        raise TypeError(
            f"State has no fields: each is declared by its type, as in "
            f"'{_example_of(given)}'"
        )
    return fields


def _example_of(state: type) -> str:
    """How the first attribute of it, which is no field, becomes one."""
    for name, value in vars(state).items():
        if isinstance(value, (bool, int, float)) and name[:2] != "__":
            return f"{name}: {type(value).__name__}"
    return "last: float"


class StateType:
    """What a class says of its State; ``dtype`` is None where it has none."""

    def __init__(self, owner: Any, function: Any) -> None:
        self.dtype: np.dtype[Any] | None = None
        self.names: tuple[str, ...] = ()
        self.most_channels = 0  # 0: any
        given = getattr(owner, "State", None)
        if given is None:
            return
        fields = _fields_of(given, getattr(function, "__globals__", {}))
        for name, kind, shape in fields:
            if kind.kind not in "biufc" or kind.names:
                raise TypeError(f"State.{name} is {kind}; it must be a number")
            if keyword.iskeyword(name) or name.startswith("_"):
                raise TypeError(f"State.{name} must be called something else")
            if math.prod(map(int, shape)) * kind.itemsize > _LARGEST_STATE:
                raise ValueError(
                    f"State.{name} has more than {_LARGEST_STATE} bytes, which is "
                    "all that a State may have"
                )
            for size in shape:
                if isinstance(size, Channels) and size < MAX_CHANNELS:
                    least = self.most_channels or size
                    self.most_channels = min(int(size), int(least))
        plain = [(name, kind, tuple(map(int, shape))) for name, kind, shape in fields]
        if plain:
            self.dtype = np.dtype(plain, align=True)
            self.names = tuple(name for name, _, _ in plain)
            if self.dtype.itemsize > _LARGEST_STATE:
                raise ValueError(
                    f"State has {self.dtype.itemsize} bytes, and may have "
                    f"{_LARGEST_STATE}"
                )


class _StateAttribute:
    """``self.state`` of a plugin with a State: its record, from ``start`` on.

    Other plugins have their PluginState there, which base classes assign.
    """

    def __get__(self, plugin: Any, owner: type | None = None) -> Any:
        if plugin is None:
            return self
        call = vars(plugin).get(_CALL_OF)
        record = None if call is None else call.state
        return vars(plugin).get("state") if record is None else record

    def __set__(self, plugin: Any, value: Any) -> None:
        vars(plugin)["state"] = value


# ---- the method -------------------------------------------------------------

_CALL_OF = "_compiled_call"


class Compiled:
    """A method that is to be machine code; in an instance, a ``Call``."""

    def __init__(self, function: Any) -> None:
        if isinstance(function, staticmethod):  # as it has no self
            function = function.__func__
        self.function = function
        #: Of a C function; 0: it is Python, and somebody else compiles it.
        self.address = _address_of(function)
        self.__name__ = getattr(function, "__name__", "function")
        self.__wrapped__ = function
        self.__doc__ = getattr(function, "__doc__", None)

    def __set_name__(self, owner: Any, name: str) -> None:
        self.__name__ = name
        if not isinstance(vars(owner).get("state"), _StateAttribute):
            owner.state = _StateAttribute()

    def __call__(self, *arguments: Any) -> Any:
        """The function as it is written."""
        return self.function(*arguments)

    def __get__(self, plugin: Any, owner: type | None = None) -> Any:
        if plugin is None:
            return self
        call = vars(plugin).get(_CALL_OF)
        if call is None or call.compiled is not self:
            made = CALLS.get(self.__name__, Call)(self, plugin)
            call = vars(plugin)[_CALL_OF] = made
        return call


def _address_of(function: Any) -> int:
    if isinstance(function, int) and not isinstance(function, bool):
        if function <= 0:
            raise ValueError("a function's address is above 0")
        return function
    if isinstance(function, _C_FUNCTION):
        return ctypes.cast(function, ctypes.c_void_p).value or 0
    address = getattr(function, "address", None)  # numba.cfunc
    if isinstance(address, int):
        return address
    if inspect.isfunction(function):
        return 0
    if type(function).__module__ == "_cffi_backend":
        return _address_of_cffi(function)
    try:
        return int(function)  # something like a number
    except (TypeError, ValueError):
        raise TypeError(
            f"compiled() takes a Python function, a C function of ctypes or cffi, or "
            f"its address, not {type(function).__name__}"
        ) from None


def _address_of_cffi(function: Any) -> int:
    backend: Any = importlib.import_module("_cffi_backend")
    try:
        return int(backend.FFI().cast("uintptr_t", function))
    except (TypeError, ValueError):
        raise TypeError(
            f"compiled() takes a function pointer of cffi, as of ffi.addressof(lib, "
            f"'name'), not {function!r}"
        ) from None


def _check_arguments(function: Any, given: tuple[str, ...]) -> None:
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(
            f"{function.__name__}() is compiled, and can neither be async nor yield"
        )
    try:
        inspect.signature(function).bind(*given)
    except TypeError:
        takes = ", ".join(inspect.signature(function).parameters)
        raise TypeError(
            f"{function.__name__}({takes}) is compiled, so it is called with "
            f"({', '.join(given)}), without self"
        ) from None


def compiled(function: Any) -> Any:
    """Makes an audio method machine code, which the element calls by itself::

        class Smooth(AudioProcessorPlugin):
            amount = Param(0.9, min=0.0, max=1.0)

            class State:
                last: Array[float, MAX_CHANNELS]

            @compiled
            def process_audio(data, params, state, stream):
                for frame in range(data.shape[1]):
                    for channel in range(data.shape[0]):
                        last = state.last[channel]
                        last += (1 - params.amount) * (data[channel, frame] - last)
                        state.last[channel] = data[channel, frame] = last

    It is ``process_audio``, ``read_audio`` or ``write_audio``, as ever, and it has
    no ``self``; or ``mix_audio(output, inputs, params, state, stream)``.  Numba compiles it when the plugin is loaded; while playing, no
    interpreter runs and nobody waits for the GIL.  Where Numba is missing the
    same function runs in Python.

    ``data``
        The samples, ``(channels, frames)``, to be changed in place.
    ``params``
        The class's ``Param``s that are numbers, as they are at the start of the
        buffer; of one with ``choices`` the number of the choice, from 0; of one
        that is named in ``curves`` an array of one value for each frame.
    ``state``
        The record that the class ``State`` (or a ``numpy.dtype`` of that name)
        declares: zeros when a stream starts, and kept from call to call.
        ``self.state`` is the same record, for all other methods.
    ``stream``
        ``frames``, ``position`` (frames since the start), ``offset``, ``pts`` and
        ``duration`` (ns), -1 where not known; ``sample_rate``, ``channels``,
        ``discont``, ``gap``.  Setting ``discont`` to 1 is as ``buffer.discont``.
        A source that has fewer makes ``frames`` less; 0 is the end.

    ``output``, ``inputs``
        Of a mixer, in the place of ``data``.  Of inputs that have names each is an
        attribute, ``inputs.voice``; of a range of them there are ``inputs[0]`` and
        ``len(inputs)``.  One has ``data``, which is only read, ``present``, ``gap``,
        ``late``, ``discont``, ``pts`` (-1 where not known), ``format`` (a number, as
        ``stream.format``) and each ``InputParam`` that is a number.

    Nothing, or 0, is success; any other number is a failure, which is told.  A
    source or a sink may return ``NOTHING_YET``.

    A C function of the same signature (bridge/pythonfilter-call.h) does as well:
    ``process_audio = compiled(ctypes.CDLL("…").gain)``.

    Like any C code this can crash the program: an index beyond an array is not
    looked at.  ``isolation=process`` keeps that to a process of its own.
    """
    return Compiled(function)


class Call:
    """A compiled method of one plugin: its records, and how Python calls it."""

    #: What the function is called with.
    arguments_given: tuple[str, ...] = ("data", "params", "state", "stream")
    _prototype: Any = _CALL

    def __init__(self, compiled: Compiled, plugin: Any) -> None:
        if not compiled.address:
            _check_arguments(compiled.function, self.arguments_given)
        place = plugin if inspect.ismodule(plugin) else type(plugin)
        self.compiled = compiled
        self.__name__ = compiled.__name__
        self.__wrapped__ = compiled.function
        # Not the plugin itself, which has this.
        self._plugin = weakref.ref(plugin)
        self.parameters = Parameters(place)
        self.state_type = StateType(place, compiled.function)
        self.params: Any = Record(self.parameters.dtype)
        self.state: Any = None
        self.stream_type = STREAM
        self.stream: Any = Record(STREAM)
        self.position = 0  # frames since the stream's start
        self._native: Any = None
        if compiled.address:
            self.use(compiled.address)

    def use(self, address: int) -> None:
        """What Python calls from now on; 0: the function as it is written."""
        self._native = self._prototype(address) if address else None

    def start(self, channels: int) -> None:
        """A stream begins."""
        self.check_channels(channels)
        self.position = 0
        dtype = self.state_type.dtype
        if dtype is not None:
            self.state = Record(dtype)
        self.refresh()

    def check_channels(self, channels: int, which: str = "the stream") -> None:
        """Raises ValueError where the State is too small."""
        most = self.state_type.most_channels
        if most and channels > most:
            raise ValueError(
                f"its State is for {most} channels, and {which} has {channels}"
            )

    def refresh(self) -> None:
        """The record of the parameters is what the plugin's attributes are."""
        plugin = self._plugin()
        for name in self.parameters.params:
            if name not in self.parameters.curves:
                value = self.parameters.value(name, getattr(plugin, name))
                try:
                    setattr(self.params, name, value)
                except (TypeError, ValueError, OverflowError) as error:
                    text = (
                        f"self.{name} is a {type(value).__name__} that cannot be "
                        f"given to {self.__name__}(): {error}"
                    )
                    raise CallFailed(text, self.compiled.function) from None

    def texts(self) -> dict[str, str]:
        """The plugin's attributes that are in the record, as set_parameter() takes
        them."""
        plugin, parameters = self._plugin(), self.parameters
        return {
            name: param.format(getattr(plugin, name))
            for name, param in parameters.params.items()
            if name not in parameters.curves
        }

    def records(self) -> tuple[int, int]:
        """Where the parameters are, and the state; 0: there are none."""
        params = self.params if self.parameters.params else None
        return address_of(params), address_of(self.state)

    def _begin(self, buffer: AudioBuffer) -> dict[str, NDArray[np.float32]]:
        data, stream = buffer.data, self.stream
        channels, frames = data.shape
        if self.state is None and self.state_type.dtype is not None:
            self.start(channels)
        stream.frames = frames
        stream.position = self.position
        for name in ("offset", "pts", "duration"):
            known = getattr(buffer, name)
            setattr(stream, name, -1 if known is None else known)
        stream.version = VERSION
        stream.sample_rate = buffer.sample_rate or 0
        stream.channels = channels
        stream.format = FORMATS[data.dtype.name]
        stream.interleaved = data.strides[1] != data.itemsize
        stream.discont, stream.gap = buffer.discont, buffer.gap
        self.refresh()
        return {name: buffer.curve(name) for name in self.parameters.curves}

    def __call__(self, buffer: AudioBuffer) -> bool | NDArray[Any] | None:
        """As the element would, of any plugin."""
        curves = self._begin(buffer)
        if self._native is None:
            status = self._interpret(curves, buffer.data)
        else:
            status = self._run(buffer.data, curves)
        taken: bool | NDArray[Any] | None = self._taken(buffer, status)
        return taken

    def _taken(self, buffer: AudioBuffer, status: int) -> Any:
        """What came of a call, as an element takes it."""
        if status == NOTHING_YET:
            return False
        if status:
            text = f"{self.__name__}() {text_of_status(int(status))}"
            raise CallFailed(text, self.compiled.function)
        data = buffer.data
        frames: int = data.shape[1]
        # Only a source can have fewer.
        if self.__name__ in ("read_audio", "readAudio"):
            frames = max(0, min(frames, int(self.stream.frames)))
        self.position += frames
        if self.stream.discont and not buffer.discont:
            buffer.discont = True
        if frames < data.shape[1]:
            part: NDArray[Any] = data[:, :frames]
            return part
        return None

    def arguments(self, curves: dict[str, NDArray[np.float32]]) -> Any:
        """What the method gets as ``params``."""
        made, parameters = self.parameters.tuple, self.parameters

        def value(name: str) -> Any:
            if name in parameters.curves:
                return curves[name]
            return parameters.given(name, getattr(self.params, name))

        return made and made(*map(value, made._fields))

    def _interpret(self, curves: dict[str, NDArray[np.float32]], *shown: Any) -> Any:
        # As machine code has it: infinities and NaN, and no word of them.
        with np.errstate(all="ignore"):
            result = self.compiled.function(
                *shown, self.arguments(curves), self.state, self.stream
            )
        return self._status_of(result)

    def _status_of(self, result: Any) -> int:
        """What the function gave, as the number that machine code gives for it."""
        if result is None or isinstance(result, (bool, np.bool_)):
            return int(result is not None and not result)
        try:
            number = operator.index(result)
        except TypeError:
            text = (
                f"{self.__name__}() gave a {type(result).__name__}, which is no whole "
                "number; nothing or 0 is success"
            )
            raise CallFailed(text, self.compiled.function) from None
        return number if -(2**31) <= number < 2**31 else 2**31 - 1

    def _run(
        self, data: Any, curves: dict[str, NDArray[np.float32]], *more: int
    ) -> int:
        for name, values in curves.items():
            setattr(self.params, name, values.ctypes.data)
        channels, frames = data.shape
        planar = self.stream.interleaved == 0
        dense = data if planar else data.T
        work = np.require(dense, requirements=["C", "A"])
        strides = work.strides if planar else work.strides[::-1]
        status: int = self._native(
            *(work.ctypes.data, channels, frames, *strides),
            *self.records(),
            address_of(self.stream),
            *more,
        )
        if work is not dense and dense.flags.writeable:
            dense[...] = work
        return status


#: The calls of audio methods that are no plain ones, by the methods' names.
CALLS: dict[str, type[Call]] = {}


def text_of_status(status: int) -> str:
    """What there is to say of a method that returned it."""
    if status == RAISED:
        return (
            "raised an exception in machine code: NUMBA_DISABLE_JIT=1 runs it "
            "as Python, which says which"
        )
    return f"returned {status}"
