# SPDX-License-Identifier: LGPL-2.1-or-later
"""A block of samples: what base_plugin has as AudioBuffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Stream(Protocol):
    """What the element knows about the current buffer."""

    pts: int | None
    duration: int | None
    offset: int | None
    discont: bool
    gap: bool
    sample_rate: int | None

    def curve(self, name: str, /) -> NDArray[np.float32]:
        ...


class _NoStream:
    """What is known of a buffer that no element made."""

    pts: int | None = None
    duration: int | None = None
    offset: int | None = None
    discont: bool = False
    gap: bool = False

    def __init__(self, sample_rate: int | None) -> None:
        self.sample_rate = sample_rate


class AudioBuffer:
    """One block of samples.

    ``AudioBuffer(channels, frame_count, sample_rate=48000)`` makes a silent
    float32 block, for tests of a plugin.

    ``data`` is the array of shape ``(channels, frames)``.  Inside a pipeline it
    is a view of the GStreamer buffer's own memory, often a strided one, in the
    stream's format.  Change it in place (``buffer.data *= 0.5``,
    ``buffer.data[:] = x``) or put another array of the same shape and dtype in
    its place (``buffer.data = y``), which costs a copy.

    A pipeline uses one object for all buffers of a stream.  The times below
    are those of the current buffer, are only looked up when read, and are
    ``None`` when unknown, as they are outside a pipeline.
    """

    __slots__ = ("data", "_stream", "curves")

    data: NDArray[Any]
    # The element makes instances with __new__ and fills these two slots.
    _stream: _Stream | _NoStream
    # For tests of a plugin: what curve() gives, a number or an array of shape
    # (frames,) for each name.  An element's buffers have none.
    curves: dict[str, float | NDArray[Any]]

    def __init__(
        self, channels: int, frame_count: int, sample_rate: int | None = 48000
    ) -> None:
        self.data = np.zeros((channels, frame_count), np.float32)
        self._stream = _NoStream(sample_rate)
        self.curves = {}

    def get_channel_data(self, ch: int) -> NDArray[Any]:
        """Samples of channel ``ch``, counted from 0: a view of shape (frames,)."""
        row: NDArray[Any] = self.data[ch]
        return row

    def get_frame_count(self) -> int:
        """Samples per channel; bytes, where the buffer holds bytes."""
        frames: int = self.data.shape[-1]
        return frames

    def get_channel_count(self) -> int:
        """Number of channels; 1 where the buffer holds bytes."""
        channels: int = self.data.shape[0] if self.data.ndim > 1 else 1
        return channels

    def clear(self) -> None:
        """Make every sample zero."""
        self.data.fill(0)

    def copy_from(self, other: AudioBuffer) -> None:
        """Copy the samples of ``other``.

        A mono ``other`` fills every channel.  Raises ValueError if the shapes
        do not fit and TypeError if the samples do not (float into integer).
        """
        np.copyto(self.data, other.data)

    @property
    def pts(self) -> int | None:
        """Presentation time of the first frame, in ns."""
        return self._stream.pts

    @property
    def duration(self) -> int | None:
        """Length of the block, in ns."""
        return self._stream.duration

    @property
    def offset(self) -> int | None:
        """Index of the first frame in the stream."""
        return self._stream.offset

    @property
    def discont(self) -> bool:
        """True if this block does not continue the one before.

        Set it to True in the audio method to say so of what comes out of this
        call; what came in as a break stays one.  Anything but a bool raises
        TypeError.
        """
        return self._stream.discont

    @discont.setter
    def discont(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"discont is a bool, not {type(value).__name__}")
        self._stream.discont = value

    @property
    def gap(self) -> bool:
        """True if the block is known to hold nothing but silence."""
        return self._stream.gap

    @property
    def sample_rate(self) -> int | None:
        """Frames per second; ``None`` for what is no raw audio.

        Outside a pipeline it is what the buffer was made with.
        """
        return self._stream.sample_rate

    def curve(self, name: str) -> NDArray[np.float32]:
        """The parameter ``name`` at each frame: a new array of shape (frames,).

        For a plugin whose ``curves`` has the name.  It follows what an
        application bound to the parameter with a ``GstController``, frame by
        frame and whatever the size of the blocks; otherwise all values are the
        parameter's own.  Raises KeyError for other names, and RuntimeError after
        the call.

        Outside a pipeline it is what ``curves`` holds for the name.
        """
        if not isinstance(self._stream, _NoStream):
            return self._stream.curve(name)
        return np.full(self.get_frame_count(), self.curves[name], np.float32)
