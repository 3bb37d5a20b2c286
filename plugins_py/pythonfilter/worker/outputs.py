# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a converting plugin gave, checked and as bytes in the region for it."""

from __future__ import annotations

import mmap
import operator
from typing import Any

import numpy as np

from ..brief import shown

from .view import Format, c_name

ALIGNMENT = 16


NO_TIME = 2**64 - 1
LAST_TIME = 2**63 - 1


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
        hasattr(given, "pts")
        and hasattr(given, "duration")
        and not hasattr(given, "get_frame_count")
    )


def _time_of(given: Any) -> tuple[tuple[int, int, int], Any]:
    """(pts, duration, 1 for a gap), and its data."""
    name = c_name(given)
    pts, duration = _time(given, "pts"), _time(given, "duration")
    if NO_TIME not in (pts, duration) and pts + duration > LAST_TIME:
        raise ValueError(f"gave a {name} that ends after 2**63 - 1 ns")
    gap = not hasattr(given, "data")
    return (pts, duration, int(gap)), None if gap else given.data


def _time(given: Any, name: str) -> int:
    value = getattr(given, name)
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
        # It has to be what an array of samples has to be.
        array = np.asarray(given)
        if array.ndim > 1:
            raise ValueError(
                "gave a memoryview of several dimensions: return the array itself"
            )
        _check_array(array, format)
    return _bytes_of_view(view)


def space_for(pieces: list[Any]) -> int:
    """To the end of the last one."""
    at = end = 8 * len(pieces)
    for piece in pieces:
        at = -(-end // ALIGNMENT) * ALIGNMENT
        end = at + piece.size
    return end


def write(pieces: list[Any], region: mmap.mmap) -> None:
    """Into a region that is large enough."""
    sizes = np.frombuffer(region, np.uint64, len(pieces))
    memory = np.frombuffer(region, np.uint8)
    end = 8 * len(pieces)
    for i, piece in enumerate(pieces):
        at = -(-end // ALIGNMENT) * ALIGNMENT
        end = at + piece.size
        sizes[i] = piece.size
        memory[at:end] = piece
