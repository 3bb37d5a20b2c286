# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an audio method may give, and what is wrong with all else.

An element sees in C++ that something is wrong and asks here why; a worker and
the workbench have all of it from here. So a plugin hears the same sentence
wherever it runs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NoReturn

import numpy as np

from .brief import shown

NO_TIME = 2**64 - 1
LAST_TIME = 2**63 - 1
# What DropBuffer of a source was told.
NOTHING_TO_DROP = " (a source has no buffer to drop; False means nothing yet)"

DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    "S16": np.dtype(np.int16),
    "S32": np.dtype(np.int32),
}
FORMAT_OF = {dtype: name for name, dtype in DTYPES.items()}


@dataclass
class Format:
    """StreamFormat of bridge.hpp."""

    dtype: Any
    interleaved: bool
    rate: int
    channels: int
    frames: int
    # The rest is that of a plugin whose output is like its input.
    input_caps: str = ""
    output_caps: str = ""
    bytes: bool = False
    in_place: bool = True
    output_frame: int = 0
    output_known: bool = False
    output_dtype: Any = DTYPES["F32"]
    output_interleaved: bool = True
    output_channels: int = 0


def stream_format(said: Sequence[str]) -> Format:
    """As C++ and the record `start` say it: its fields, in their order.

    Raises KeyError for a name that there is not, and ValueError.
    """
    read: dict[Any, Callable[[str], Any]] = {
        "Any": DTYPES.__getitem__,
        "bool": {"0": False, "1": True}.__getitem__,
        "int": int,
        "str": str,
    }
    format = Format(
        *(
            read[each.type](text)
            for each, text in zip(fields(Format), said, strict=True)
        )
    )
    if format.bytes:
        format.dtype = np.dtype(np.uint8)
    return format


def c_name(thing: object) -> str:
    """The name of its type, as C code has it."""
    kind = type(thing)
    written_in_python = kind.__flags__ & 1 << 9
    if written_in_python or kind.__module__ == "builtins":
        return kind.__name__
    return f"{kind.__module__}.{kind.__qualname__}"


# ---- samples -----------------------------------------------------------------


def check(samples: Any, format: Format, frames: int) -> None:
    """`frames` below 0 for any number of them."""
    if not isinstance(samples, np.ndarray):
        raise TypeError(
            f"gave {c_name(samples)}, not an array of {format.dtype} with the "
            f"shape ({format.channels}, {frames})"
        )
    if samples.dtype != format.dtype:
        raise TypeError(
            f"gave an array of {samples.dtype}, not {format.dtype}: use "
            f".astype(np.{format.dtype})"
        )
    shape = samples.shape
    right = len(shape) == 2 and shape[0] == format.channels
    if right and (frames < 0 or shape[1] == frames):
        return
    wanted = "frames" if frames < 0 else frames
    raise ValueError(
        f"gave an array of shape {shape}, not ({format.channels}, {wanted})"
    )


def gave_samples() -> NoReturn:
    raise ValueError("gave samples although the plugin is read_only")


def gave_no_output() -> NoReturn:
    """Of a splitter, whose buffer does not go on."""
    raise TypeError(
        "gave samples by what it returned, or by buffer.data = ...: write "
        "outputs[NAME].data, and return nothing"
    )


def check_output(name: str, samples: Any, format: Format, frames: int) -> None:
    """As check(), and says of which output of a splitter that is."""
    try:
        check(samples, format, frames)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{error}; that is for the output {name}") from None


def wrong_output(
    name: str, samples: Any, format: str, channels: int, frames: int
) -> NoReturn:
    """Of a splitter: what it put in the place of an output's data, or had left."""
    check_output(name, samples, Format(DTYPES[format], True, 0, channels, 0), frames)
    raise ValueError(f"gave what cannot be used for the output {name}")


def wrong_tails(given: Any, outputs: Any) -> NoReturn:
    there = ", ".join(outputs)
    for name in given if isinstance(given, dict) else ():
        if name not in outputs and not is_gone(name):
            raise ValueError(f"gave something of {name!r}; the outputs are {there}")
    raise TypeError(
        f"gave {c_name(given)}, not a dict with an array for each output that has "
        f"something left, of: {there}"
    )


def is_gone(name: object) -> bool:
    """Of an output that there is not: it may be one of those that come and go."""
    return isinstance(name, str) and name.isdecimal()


def deleted_data() -> NoReturn:
    raise TypeError("deleted buffer.data") from None


def other_memory() -> NoReturn:
    """By `x.data = …` or x.__setstate__()."""
    raise ValueError(
        "put other memory into the array buffer.data (by its attribute data, or "
        "__setstate__): write buffer.data[:] = ..."
    )


def no_curve(name: str) -> NoReturn:
    raise KeyError(f"no curve {name}: name it in the class attribute curves")


def no_curve_now() -> NoReturn:
    raise RuntimeError(
        "a curve is there during the call only, and for a plugin that names it in its "
        "class attribute curves"
    )


# ---- of a plugin whose output is not like its input --------------------------


def gave_nothing(format: Format) -> NoReturn:
    """Where the block itself cannot go on."""
    if not format.input_caps:
        raise TypeError(
            f"gave nothing, and its output is {format.output_caps}: return bytes or a "
            "list of them, or False if there is nothing yet"
        )
    raise TypeError(
        f"gave nothing, and its input, {format.input_caps}, may not go on as "
        f"{format.output_caps}: return bytes or a list of them, an empty one if there "
        "is nothing yet"
    )


def pieces_of(given: Any, format: Format) -> tuple[list[Any], bool]:
    """As arrays of bytes; none for what is empty.

    True: the first is a table of what the plugin says of when the others are.
    """
    listed = isinstance(given, (list, tuple)) and not _says_time(given)
    pieces: list[Any] = []
    times: list[tuple[int, int, int]] = []
    for one in list(given) if listed else (given,):
        said, data = _time_of(one) if _says_time(one) else (_UNSAID, one)
        some = [np.empty(0, np.uint8)] if said[2] else _piece(data, format)
        pieces += some
        times += [said] * len(some)
    if all(said == _UNSAID for said in times):
        return pieces, False
    return [_flat(np.array(times, np.uint64)), *pieces], True


_UNSAID = (NO_TIME, NO_TIME, 0)


def _says_time(given: Any) -> bool:
    """By what it has: a plugin may bring a base_plugin of its own.

    An AudioBuffer has times as well, which are not said of an output.
    """
    if isinstance(given, (np.ndarray, bytes, bytearray, memoryview)):
        return False
    return (
        _has(given, "pts")
        and _has(given, "duration")
        and not _has(given, "get_frame_count")
    )


def _has(given: Any, name: str) -> bool:
    try:
        return hasattr(given, name)
    except Exception:  # _attribute() says so
        return True


def _time_of(given: Any) -> tuple[tuple[int, int, int], Any]:
    """(pts, duration, 1 for a gap), and its data."""
    name = c_name(given)
    pts, duration = _time(given, "pts"), _time(given, "duration")
    if NO_TIME not in (pts, duration) and pts + duration > LAST_TIME:
        raise ValueError(f"gave a {name} that ends after 2**63 - 1 ns")
    gap = not _has(given, "data")
    return (pts, duration, int(gap)), None if gap else _attribute(given, "data")


def _attribute(given: Any, name: str) -> Any:
    try:
        return getattr(given, name)
    except Exception as error:  # it is code of the plugin's
        raise TypeError(
            f"gave a {c_name(given)} whose {name} raised {shown(error)}"
        ) from None


def _time(given: Any, name: str) -> int:
    value = _attribute(given, name)
    if value is None:
        return NO_TIME
    said = f"gave a {c_name(given)} whose {name} is {shown(value)}: a time is "
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise TypeError(said + "a whole number of nanoseconds, as buffer.pts, or None")
    number = operator.index(value)
    if not 0 <= number <= LAST_TIME:
        raise ValueError(said + "from 0 to 2**63 - 1 ns")
    return number


def _piece(given: Any, format: Format) -> list[Any]:
    if isinstance(given, np.ndarray):
        piece = _bytes_of_array(given, format)
    elif isinstance(given, bytes):
        piece = _bytes_of_view(memoryview(given))
    else:
        piece = _bytes_of_object(given, format)
    size = piece.size
    if format.output_frame and size % format.output_frame != 0:
        raise ValueError(
            f"gave {size} bytes, which is not a whole number of frames of "
            f"{format.output_frame} bytes; its output caps are {format.output_caps}"
        )
    return [piece] if size else []


def _bytes_of_array(given: Any, format: Format) -> Any:
    if format.output_frame and given.ndim == 2:
        return _flat(_arranged(given, format))
    _check_array(given, format)
    return _flat(given)


def _flat(array: Any) -> Any:
    return np.asarray(array).reshape(-1).view(np.uint8)


def _arranged(given: Any, format: Format) -> Any:
    """(channels, frames) as raw audio lies in memory: in the order of its rows."""
    if not _is_sample_type(given, format) or given.shape[0] != format.output_channels:
        raise ValueError(
            f"gave an array of {given.dtype} with the shape {given.shape}, but its "
            f"output caps are {format.output_caps}: that is "
            f"({format.output_channels}, frames)"
        )
    rows = np.asarray(given)
    return np.ascontiguousarray(rows.T if format.output_interleaved else rows)


def _is_sample_type(array: Any, format: Format) -> bool:
    return format.output_known and bool(array.dtype == format.output_dtype)


def _check_array(given: Any, format: Format) -> None:
    if not given.flags.c_contiguous:
        raise ValueError(
            "gave an array that is not C-contiguous: use numpy.ascontiguousarray()"
        )
    if given.dtype.hasobject:
        raise TypeError("gave an array of objects")
    # As samples of another type, its bytes would be noise.
    if (
        format.output_frame
        and given.dtype.itemsize != 1
        and not _is_sample_type(given, format)
    ):
        raise TypeError(
            f"gave an array of {given.dtype}, but its output caps are "
            f"{format.output_caps}"
        )


def _bytes_of_view(view: memoryview) -> Any:
    if view.nbytes == 0:
        return np.empty(0, np.uint8)
    return np.frombuffer(view, np.uint8)


def _bytes_of_object(given: Any, format: Format) -> Any:
    unfit = f"gave a {c_name(given)} that is not C-contiguous, or was released"
    try:
        if isinstance(given, np.generic):
            raise TypeError
        view = memoryview(given)
    except TypeError:
        raise TypeError(
            f"gave {c_name(given)}, not bytes, a bytearray, a memoryview or an array, "
            "nor a list of those"
        ) from None
    except (ValueError, BufferError):
        raise ValueError(unfit) from None
    if not view.c_contiguous:
        raise ValueError(unfit)
    if format.output_frame and view.itemsize != 1:
        # What holds samples has to be what an array of samples has to be.
        array = np.asarray(given)
        if array.ndim > 1:
            raise ValueError(
                "gave a memoryview of several dimensions: return the array itself"
            )
        _check_array(array, format)
    return _bytes_of_view(view)
