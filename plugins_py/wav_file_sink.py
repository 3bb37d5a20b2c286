# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records into a WAV file of 32-bit floats that survives a crash.

    gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert \
        ! pythonsink script=plugins_py/wav_file_sink.py params="p,path=tone.wav"

You hear nothing; tone.wav then holds almost five seconds of a 440 Hz tone.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import os
import struct
from io import FileIO

import numpy as np

from base_plugin import AudioBuffer, AudioSinkPlugin, Param, PluginState

FLUSH_SECONDS = 0.5
SAMPLE = np.dtype("<f4")
# RIFF (or RF64), JUNK (or ds64, for sizes that need 64 bits), fmt, fact, data.
HEADER = struct.Struct("<4sI4s 4sIQQQI 4sIHHIIHHH 4sII 4sI")
LARGEST = 0xFFFFFFFF  # size that RIFF can tell
IEEE_FLOAT = 3


def header(rate: int, channels: int, frames: int) -> bytes:
    """What stands before the samples of a file with so many frames.

    It says "RF64" (EBU Tech 3306) for a file that is too long for "RIFF".
    """
    width = channels * SAMPLE.itemsize
    data = frames * width
    whole = HEADER.size - 8 + data
    large = whole > LARGEST
    riff: tuple[object, ...] = b"RIFF", whole, b"WAVE", b"JUNK", 28, 0, 0, 0, 0
    if large:
        riff = b"RF64", LARGEST, b"WAVE", b"ds64", 28, whole, data, frames, 0
    return HEADER.pack(
        *riff,
        *(b"fmt ", 18, IEEE_FLOAT, channels, rate, rate * width, width),
        *(8 * SAMPLE.itemsize, 0),
        *(b"fact", 4, LARGEST if large else frames),
        *(b"data", LARGEST if large else data),
    )


class WavFileSink(AudioSinkPlugin):
    """Writes what it gets to the file named by the parameter ``path``.

    Every half second the file gets its samples and then the header that counts
    them, so it can be read up to there whatever happens to the program.  All
    of a plugin's life is one recording; another ``path`` begins another one.
    """

    read_only = True

    path = Param("", description="The WAV file to write")

    def __init__(self) -> None:
        super().__init__()
        self._file: FileIO | None = None
        self._format = (0, 0)  # rate and channels of the file
        self._frames = 0  # in the file
        self._filled = 0  # frames of the block, not yet in the file
        self._block = np.empty((0, 0), SAMPLE)

    def set_parameter(self, key: str, value: str) -> bool | None:
        """Another ``path`` ends the recording there and begins one here."""
        if key == "path" and value != self.path:
            self._close()
            self.path = value
            if self.state is PluginState.RUNNING:
                self._open()
            return True
        return super().set_parameter(key, value)

    def start(self) -> bool:
        """Make the file, or go on with it."""
        if self._file is None:
            self._open()
        elif self._format != (self.get_sample_rate(), self.get_channel_count()):
            rate, channels = self._format
            raise ValueError(
                f"{self.path} already holds {rate} Hz and {channels} channels: "
                "give it another path, or put audioconvert, audioresample and "
                "fixed caps before it"
            )
        return super().start()

    def write_audio(self, buffer: AudioBuffer) -> bool:
        """Add the samples, which reach the file with the rest of their block."""
        samples = buffer.data.T
        done = 0
        while done < len(samples):
            count = min(len(samples) - done, len(self._block) - self._filled)
            end = self._filled + count
            self._block[self._filled : end] = samples[done : done + count]
            self._filled = end
            done += count
            if self._filled == len(self._block):
                self._flush()
        return True

    def drain(self) -> None:
        """Bring the file up to date while a full disk can still be told."""
        self._flush()

    def stop(self) -> None:
        """Bring the file up to date for a stream that does not come to its end."""
        self._flush()
        super().stop()

    def shutdown(self) -> None:
        """Close the file."""
        self._close()
        super().shutdown()

    def _open(self) -> None:
        if not self.path:
            raise ValueError("it needs the parameter path, the file to write")
        rate, channels = self.get_sample_rate(), self.get_channel_count()
        # Not buffered: what was written is in the system's hands.
        self._file = open(os.path.expanduser(self.path), "wb", buffering=0)
        self._format = (rate, channels)
        self._frames = self._filled = 0
        block = max(1, int(rate * FLUSH_SECONDS))
        self._block = np.empty((block, channels), SAMPLE)
        self._write(header(*self._format, 0), 0)

    def _flush(self) -> None:
        """Samples first, then the header that counts them.

        After an error (a full disk) both are as before, and can be tried again.
        """
        if self._file is None or self._filled == 0:
            return
        width = self._block.itemsize * self._block.shape[1]
        end = HEADER.size + self._frames * width
        self._write(self._block[: self._filled].data, end)
        frames = self._frames + self._filled
        self._write(header(*self._format, frames), 0)
        self._frames, self._filled = frames, 0

    def _write(self, what: bytes | memoryview, place: int) -> None:
        assert self._file is not None
        rest = memoryview(what).cast("B")
        while rest:
            count = os.pwrite(self._file.fileno(), rest, place)
            rest, place = rest[count:], place + count

    def _close(self) -> None:
        if self._file is None:
            return
        try:
            self._flush()
        finally:
            self._file.close()
            self._file = None


def create_plugin() -> WavFileSink:
    """Make the plugin."""
    return WavFileSink()
