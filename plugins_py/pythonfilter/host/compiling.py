# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Numba makes of a compiled audio method: C functions for the elements.

One for each format and layout that the plugin declares. It has the signature of
bridge/pythonfilter-call.h, makes the arrays and records that the plugin's
function takes, and calls that. Numba's own cache keeps it on disk.
"""

from __future__ import annotations

import ast
import dis
import enum
import hashlib
import os
import re
import types as python_types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..brief import cut
from ..failures import PluginError, place_of
from ..reading import Unusable, read
from ..results import DTYPES
from . import compiling_mixers as mixing

# What a constant of a module may be.
_PLAIN = (bool, int, float, complex, str, bytes, np.generic)

INSTALL = "apt install python3-numba, or pip install numba"

# Whoever compiles for so many knows how many there are: LLVM then unrolls what
# goes over the channels, and does several frames at once.
_USUAL_CHANNELS = (1, 2)

# Which samples a C function is for: the format, whether they are interleaved, and
# the formats of a mixer's inputs, in the order of its function.
Samples = tuple[str, bool, tuple[str, ...]]

# Only one call is in the `try`: Numba divides what stands there into blocks, and
# the time that it takes grows with the square of their number.
_SOURCE = """
@njit
def body({arguments}):
{prepare}
{calls}

def make(digest):
    def call({arguments}):
        digest  # Numba's cache looks at what a function closes over
        try:
            return body({arguments})
        except Exception:
            return {raised}
    return call
"""
_ARGUMENTS = (
    "data, channels, frames, channel_stride, frame_stride, params, state, stream"
)


# What this process has compiled or read last, and whether a cache has it: an
# application plays many instances of one plugin, and the workbench hundreds.
_MOST_KEPT = 64
_kept: dict[str, tuple[Any, bool]] = {}


class Missing(Exception):
    """There is no Numba, or none that works; says so in one sentence."""


class Machine:
    """What was compiled, and has to live as long as it may be called.

    One format is compiled when the plugin is loaded, so that what Numba refuses
    is told there, and any other when a stream has it: to compile a long method
    takes seconds, and most of what a plugin declares never plays.
    """

    def __init__(self, make: Callable[[bool], _Work], checked: bool = False) -> None:
        self.warnings: list[str] = []
        self._make = make
        self._work = make(checked)
        self._made: dict[Samples, Any] = {}

    def address(
        self, format: str, interleaved: bool, inputs: tuple[str, ...] = ()
    ) -> int:
        """Where the function for it is.  Raises PluginError."""
        samples = format, interleaved, inputs
        made = self._made.get(samples)
        if made is None:
            made, cached = self._work.compile(*samples)
            self._made[samples] = made
            if not (cached or self.warnings or self._work.checked):
                self.warnings.append(
                    f"{self._work.name}() is compiled anew each time, as no cache "
                    "can be used: set NUMBA_CACHE_DIR to a folder that can be "
                    "written to"
                )
        return made.address  # type: ignore[no-any-return]

    def checked(self) -> Machine:
        """Another one, for which an index beyond an array is an exception."""
        return Machine(self._make, True)


def machine_code(
    call: Any, first: Samples, read_only: bool, files: tuple[str, ...]
) -> Machine:
    """For these samples, and for others when asked.

    Raises Missing and PluginError.
    """
    numba = _numba()
    machine = Machine(lambda checked: _Work(numba, call, read_only, files, checked))
    machine.address(*first)
    return machine


def _numba() -> Any:
    try:
        import numba
        from numba import carray, cfunc, njit  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name == "numba":
            raise Missing(f"there is no Numba ({INSTALL})") from None
        raise Missing(f"Numba cannot be used: {cut(str(error))}") from None
    except Exception as error:
        why = " ".join(str(error).split())
        raise Missing(f"Numba cannot be used: {cut(why)}") from None
    if numba.config.DISABLE_JIT:
        raise Missing("NUMBA_DISABLE_JIT says so")
    return numba


class _Work:
    def __init__(
        self,
        numba: Any,
        call: Any,
        read_only: bool,
        files: tuple[str, ...],
        checked: bool,
    ) -> None:
        self._numba = numba
        self.name, self._code = call.__name__, call.compiled.function.__code__
        self._call = call
        self._read_only = read_only
        self._files = files
        self._folders = {os.path.dirname(os.path.realpath(file)) for file in files}
        self._options = {"error_model": "numpy", "boundscheck": checked}
        self.checked = checked
        self._known: dict[Any, Any] = {}
        self._constants = hashlib.sha256()
        # LLVM by itself leaves a mixer's function, which is longer, where it is, and
        # then knows no number of channels in it.
        mixes = hasattr(call, "inputs_type")
        self._inlined = {"forceinline": True} if mixes and not checked else {}
        self._function = self._jitted(call.compiled.function, self._inlined)
        self._note_code(_helpers.__code__)
        self._digest = self._digest_of_code()

    def compile(
        self, format: str, interleaved: bool, inputs: tuple[str, ...]
    ) -> tuple[Any, bool]:
        """The C function, and whether a cache has it for the next time."""
        key = f"{self._digest} {format} {interleaved} {inputs} {self.checked}"
        made = _kept.pop(key, None) or self._compile(format, interleaved, inputs)
        _kept[key] = made
        if len(_kept) > _MOST_KEPT:
            _kept.pop(next(iter(_kept)), None)
        return made

    def _compile(
        self, format: str, interleaved: bool, inputs: tuple[str, ...]
    ) -> tuple[Any, bool]:
        from numba.core.errors import NumbaError

        signature = self._signature(format, bool(inputs))
        function = self._wrapper(interleaved, inputs)
        try:
            # Twice, as another process may be writing the file that is read.
            for _ in range(2):
                try:
                    made = self._numba.cfunc(signature, cache=True)(function)
                    return made, True
                except NumbaError:
                    raise
                except Exception:
                    pass  # it cannot be written, or what lies there is broken
            return self._numba.cfunc(signature)(function), False
        except NumbaError as error:
            raise self._told(error) from None
        except PluginError:
            raise
        except Exception as error:  # Numba's own faults have any class
            raise self._told(error) from None

    # -- what is compiled

    def _jitted(self, function: Any, more: dict[str, Any] | None = None) -> Any:
        """With the plugin's own functions that it calls, which are plain Python."""
        known = self._known.get(function)
        if known is not None:
            return known
        code, own = function.__code__, dict(function.__globals__)
        cells = tuple(python_types.CellType() for _ in code.co_freevars)
        copy = python_types.FunctionType(
            code, own, function.__name__, function.__defaults__, cells
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        copy.__module__ = function.__module__
        copy.__qualname__ = function.__qualname__
        options = {**self._options, **(more or {})}
        made = self._known[function] = self._numba.njit(**options)(copy)
        self._note_code(code)
        defaults = (function.__kwdefaults__ or {}).items()
        self._note_constant("", (*(function.__defaults__ or ()), *defaults), function)
        for name in _names_in(code):
            if name in own:
                own[name] = self._taken(name, own[name], function)
        # Of a function that another one made.
        for name, cell, given in zip(
            code.co_freevars, cells, function.__closure__ or ()
        ):
            try:
                cell.cell_contents = self._taken(name, given.cell_contents, function)
            except ValueError:
                pass  # it has no value yet
        return made

    def _taken(self, name: str, value: Any, function: Any) -> Any:
        """What a name in it means to Numba."""
        self._note_constant(name, value, function)
        if isinstance(value, python_types.FunctionType) and self._is_own(value):
            return self._jitted(value)
        return value

    def _note_code(self, code: Any) -> None:
        """The plugin's files say what it may be, and not which of it is used."""
        self._constants.update(f"{code.co_name} {code.co_names}".encode())
        self._constants.update(code.co_code)
        for constant in code.co_consts:
            if isinstance(constant, python_types.CodeType):
                self._note_code(constant)
            else:
                # A set has another order in each process.
                facts = (
                    sorted(map(repr, constant))
                    if isinstance(constant, frozenset)
                    else constant
                )
                self._constants.update(repr(facts).encode())

    def _note_constant(self, name: str, value: Any, function: Any) -> None:
        """Numba compiles in what a global is, and its cache does not look at it."""
        if isinstance(value, python_types.ModuleType):
            for attribute in _names_in(function.__code__):
                given = vars(value).get(attribute)
                if not isinstance(given, python_types.ModuleType):
                    self._note_constant(f"{name}.{attribute}", given, function)
        elif isinstance(value, np.ndarray):
            facts = (name, value.dtype.str, value.shape, value.flags.f_contiguous)
            self._constants.update(repr(facts).encode())
            self._constants.update(value.tobytes())
        elif isinstance(value, tuple):
            for each in value:
                self._note_constant(name, each, function)
        elif isinstance(value, (*_PLAIN, enum.Enum)):
            self._constants.update(repr((name, value)).encode())

    def _is_own(self, function: Any) -> bool:
        file = os.path.realpath(function.__code__.co_filename)
        return os.path.dirname(file) in self._folders

    def _wrapper(self, interleaved: bool, inputs: tuple[str, ...]) -> Any:
        call = self._call
        helpers = _helpers(self._numba)
        state, tuple_of = call.state_type.dtype, call.parameters.tuple
        prepare = ["    stream_ = carray(stream, 1)[0]"]
        state_, params_ = "None", "None"
        if state is not None:
            prepare.append("    state_ = carray(state, 1)[0]")
            state_ = "state_"
        if tuple_of is not None:
            fields = [mixing.field(call.parameters, name) for name in tuple_of._fields]
            prepare.append("    p = carray(params, 1)[0]")
            prepare.append(f"    params_ = Params({', '.join(fields)})")
            params_ = "params_"
        names: dict[str, Any] = {}
        if inputs:
            names = mixing.names(self._numba, helpers, call, inputs)
            if call.inputs_type.names is not None:
                prepare.append(f"    inputs_ = carray(inputs, {len(inputs)})")
        calls = []
        # Checked, each of them would be several times as long.
        for count in (*(() if self.checked else _USUAL_CHANNELS), None):
            indent = "    "
            also = f" and {mixing.condition(call, count)}" if inputs and count else ""
            shown = f"{mixing.expression(call, count or 0)}, " if inputs else ""
            if count is not None:
                calls.append(f"{indent}if channels == {count}{also}:")
                indent += "    "
            shape = f"({count or 'channels'}, frames)"
            samples = f"array(data, {shape})"
            if self._read_only:
                samples = f"only_read({samples})"
            calls.append(
                f"{indent}return status_of(function({samples}, {shown}{params_}, "
                f"{state_}, stream_))"
            )
        text = _SOURCE.format(
            arguments=_ARGUMENTS + (", inputs, input_count" if inputs else ""),
            prepare="\n".join(prepare),
            calls="\n".join(calls),
            raised=-(2**31) + 1,
        )
        names |= {
            "__name__": call.compiled.function.__module__,
            "function": self._function,
            "Params": tuple_of,
            "array": self._numba.farray if interleaved else self._numba.carray,
            "carray": self._numba.carray,
            "njit": self._numba.njit,
            "float32": np.float32,
            "at": helpers["at"],
            "status_of": helpers["status_of"],
            "only_read": helpers["only_read"],
        }
        tree = ast.parse(text)
        # All of it is where the method begins: Numba names the line in what it
        # says, and reads the source from there for its cache, where Python 3.13
        # raises if that is within a string.
        for node in ast.walk(tree):
            if "lineno" in node._attributes:
                first = self._code.co_firstlineno
                vars(node).update(lineno=first, end_lineno=first)
        exec(compile(tree, self._code.co_filename, "exec"), names)
        digest = f"{self._digest} {interleaved} {inputs} {self.checked}"
        function = names["make"](digest)
        function.__qualname__ = call.compiled.function.__qualname__
        function.__name__ = call.compiled.function.__name__
        return function

    def _signature(self, format: str, mixes: bool) -> Any:
        types, record = self._numba.types, self._numba.from_dtype
        call = self._call

        def pointer(dtype: Any) -> Any:
            return types.CPointer(record(dtype))

        sample = DTYPES[format]
        more = (pointer(call.inputs_type.record), types.int32) if mixes else ()
        has_params = call.parameters.tuple is not None
        state = call.state_type.dtype
        return types.int32(
            pointer(sample),
            *(types.int32, types.int64, types.int64, types.int64),
            pointer(call.parameters.dtype) if has_params else types.voidptr,
            types.voidptr if state is None else pointer(state),
            pointer(call.stream_type),
            *more,
        )

    def _digest_of_code(self) -> str:
        """Of all that is compiled: Numba itself looks at one file's time alone."""
        digest = hashlib.sha256()
        for file in self._files:
            digest.update(file.encode("utf-8", "surrogateescape"))
            try:
                digest.update(read(file))
            except (Unusable, OSError):
                pass
        call = self._call
        facts = (
            call.parameters.dtype.descr,
            call.parameters.curves,
            None if call.state_type.dtype is None else call.state_type.dtype.descr,
            [call.parameters.is_float32(name) for name in call.parameters.params],
            self._constants.hexdigest(),
            self._read_only,
            self._numba.__version__,
            (mixing.facts_of(call), sorted(self._inlined)),
            # By which Numba finds, for what it has kept, what helped to make it:
            # another one in an element than in the workbench.
            __name__,
        )
        digest.update(repr(facts).encode())
        return digest.hexdigest()

    # -- what is said of it

    def _told(self, error: BaseException) -> PluginError:
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)) or type(error).__name__
        file, line, function = place_of(
            self._call.compiled.function, next(iter(self._files), "")
        )
        # What Numba tells without a place: the first is its mistake since 0.65.
        given = _GIVEN.search(text)
        field = given[1] if given else ""
        if isinstance(error, KeyError):
            field = str(error.args[0])
            text = f"there is no field {field!r}"
        line = _line_that_sets(field, self._call.compiled.function) or line
        # The first is where it is wrong, and those after it who called that.
        for named, number in reversed(re.findall(r'File "(.+?)", line (\d+)', text)):
            for own in self._files:
                if os.path.basename(own) == os.path.basename(named):
                    file, line = own, int(number)
        told = PluginError(
            "unusable",
            f"{self._call.__name__}() cannot be compiled: {_brief(text)}",
            *(file, line, function),
        )
        told.details = text
        return told


# A parameter that is set.
_GIVEN = re.compile(r"lowering params\(.*\)\.(\w+) = ")


def _line_that_sets(field: str, function: Any) -> int | None:
    """The first in which an attribute of this name is set."""
    for each in dis.get_instructions(function):
        if each.opname == "STORE_ATTR" and each.argval == field and each.positions:
            return each.positions.lineno
    return None


def _brief(text: str) -> str:
    """Numba's reason, without where it was on its way."""
    if "status_of" in text:  # which Numba finds no way to call
        return "what it gives is no number; nothing or 0 is success"
    text = re.sub(r"Internal error at <(?!\S*SetAttr).*>\.\s*", "", text)
    unknown = re.search(r"<numba\S*SetAttr.*\n'(\w+)'|setattr: \(none\)\.(\w+)", text)
    if unknown:  # the first is Numba's own mistake, where it looks for the field
        return f"there is no field {unknown[1] or unknown[2]!r}"
    given = _GIVEN.search(text)
    if given:
        return f"params.{given[1]} cannot be set; what the method changes is in State"
    said: list[str] = []
    for line in map(str.strip, text.splitlines()):
        skipped = ("Failed in ", "During: ", "File ", "<source", "def make", "- ")
        if said and line.startswith(("File ", "During: ")):
            break
        if said and not line and not said[-1].endswith(":"):
            break
        if line and not line.startswith(skipped):
            said.append(line.removeprefix(">>> "))
    brief = " ".join(said) or " ".join(text.split())
    brief = re.sub(r"of type Inputs\(.*", "of inputs", brief)
    brief = re.sub(r"of type Input\(.*", "of one of the inputs", brief)
    # What there is in place of the record, where the class declares none.
    return cut(brief.replace("of type none", "of None: no Param or State has it"))


def _names_in(code: Any) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, python_types.CodeType):
            yield from _names_in(constant)


_made: dict[str, Any] = {}


def _helpers(numba: Any) -> dict[str, Any]:
    """What the C functions are made with, once for the process."""
    if _made:
        return _made
    from numba.core import types
    from numba.extending import overload

    # Typed here, since what mypy says of one without types is another error in
    # each of its versions.
    intrinsic: Callable[[Callable[..., Any]], Any] = numba.extending.intrinsic

    @intrinsic
    def at(context: Any, address: Any) -> Any:
        """The curve that lies there."""

        def build(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            kind = target.get_value_type(signature.return_type)
            return builder.inttoptr(values[0], kind)

        return types.CPointer(types.float32)(types.uint64), build

    @intrinsic
    def only_read(context: Any, array: Any) -> Any:
        """The array, as one that refuses writes."""
        kind = array.copy(readonly=True)

        def build(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            return values[0]

        return kind(array), build

    def status_of(result: Any) -> int:
        """As Call._status_of() of base_plugin has it."""
        return 0

    @overload(status_of)
    def _(result):  # type: ignore[no-untyped-def]  # Numba compares the two
        if isinstance(result, types.NoneType):
            return lambda result: 0
        if isinstance(result, types.Boolean):
            return lambda result: 0 if result else 1
        if isinstance(result, types.Optional):
            if isinstance(result.type, types.Boolean):
                return lambda result: 0 if result is None or bool(result) else 1
            return lambda result: 0 if result is None else status_of(int(result))
        if isinstance(result, types.Integer):
            if result.signed and result.bitwidth <= 32:
                return lambda result: result
            # 1 << 32 is no success.
            return lambda result: (
                np.int32(result)
                if np.int32(result) == result
                else np.int32(2**31 - 1)
            )
        return None

    _made.update(
        at=at,
        only_read=only_read,
        status_of=status_of,
    )
    return _made
