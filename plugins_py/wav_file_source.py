# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays a WAV file of 16, 24 or 32-bit integers or 32 or 64-bit floats.

    gst-launch-1.0 pythonsrc script=plugins_py/wav_file_source.py \
        params="p,path=tone.wav" ! audioconvert ! audioresample ! autoaudiosink

You hear tone.wav, which the line in wav_file_sink.py makes.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import os
import struct
from io import BufferedReader
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from base_plugin import AudioBuffer, AudioSourcePlugin, EndOfStream, Param, PluginState

if TYPE_CHECKING:
    from numpy.typing import NDArray

# (format tag, bits) to the samples' dtype.  24 bits have none: three bytes.
ENCODINGS = {
    (1, 16): "<i2",
    (1, 24): "3u1",
    (1, 32): "<i4",
    (3, 32): "<f4",
    (3, 64): "<f8",
}
EXTENSIBLE = 0xFFFE


class Wav(NamedTuple):
    """What a WAV file says of its samples."""

    rate: int
    channels: int
    sample: np.dtype[Any]
    start: int  # of the samples, in bytes
    frames: int


def read_header(file: BufferedReader) -> Wav:
    """Find the samples of a WAV file; ValueError says what is wrong with it.

    The standard library's ``wave`` knows neither floats nor RF64.
    """
    riff, wave = struct.unpack("<4s4x4s", file.read(12).ljust(12))
    if riff not in (b"RIFF", b"RF64") or wave != b"WAVE":
        raise ValueError("is no WAV file")
    rate = channels = align = long_size = 0
    sample = None
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        start = file.tell()
        if name == b"ds64":
            (long_size,) = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))
        elif name == b"fmt ":
            fields = file.read(26).ljust(26, b"\0")
            tag, channels, rate, align, bits = struct.unpack("<HHI4xHH", fields[:16])
            if tag == EXTENSIBLE:
                (tag,) = struct.unpack("<H", fields[24:])
            if (tag, bits) not in ENCODINGS:
                raise ValueError(f"has {bits}-bit samples of format {tag}: not known")
            sample = np.dtype(ENCODINGS[tag, bits])
        elif name == b"data":
            width = 0 if sample is None else channels * sample.itemsize
            if not (width and rate and width == align):
                raise ValueError("has no valid format before its samples")
            if riff == b"RF64" and size == 0xFFFFFFFF:
                size = long_size
            # A recording that was cut off promises more than is there.
            size = min(size, os.fstat(file.fileno()).st_size - start)
            assert sample is not None
            return Wav(rate, channels, sample, start, size // align)
        file.seek(start + size + size % 2)
    raise ValueError("has no samples")


class WavFileSource(AudioSourcePlugin):
    """Plays the file named by the parameter ``path`` once.

    It has the file's rate and channels; audioconvert and audioresample make
    others of them.  It knows how long it is, and can be seeked.
    """

    formats = ("F32", "F64")

    path = Param("", description="The WAV file to play")

    def __init__(self) -> None:
        super().__init__()
        self._file: BufferedReader | None = None
        self._wav = Wav(0, 0, np.dtype("<f4"), 0, 0)
        self._left = 0  # frames still to come
        self._raw = np.empty(0, np.uint8)
        self._wide = np.empty((0, 4), np.uint8)  # 24-bit samples with 32 bits

    def set_parameter(self, key: str, value: str) -> bool | None:
        """Set the ``path``; the file decides the rate and the channels."""
        if key != "path":
            return super().set_parameter(key, value)
        if self.state is PluginState.RUNNING and value != self.path:
            raise ValueError("path: a file is being played")
        if self.state is not PluginState.RUNNING:
            self._open(value).close()
            self.path = value
            self.set_sample_rate(self._wav.rate)
            self.set_channel_count(self._wav.channels)
        return True

    def start(self) -> bool:
        """Go to the beginning."""
        if not self.path:
            raise ValueError("it needs the parameter path, the file to play")
        self._file = self._open(self.path)
        wav = self._wav
        asked = self.get_sample_rate(), self.get_channel_count()
        if asked != (wav.rate, wav.channels):
            raise ValueError(
                f"{self.path} has {wav.rate} Hz and {wav.channels} channels, but "
                f"{asked[0]} Hz and {asked[1]} are asked for: put audioconvert and "
                "audioresample after it"
            )
        self._left = wav.frames
        self._file.seek(wav.start)
        return super().start()

    def get_duration(self) -> int:
        """How many frames the file has."""
        return self._wav.frames

    def seek(self, frame: int) -> None:
        """Go on with this frame, or with the end if there are not so many."""
        if self._file is not None:
            wav, frame = self._wav, min(frame, self._wav.frames)
            self._left = wav.frames - frame
            self._file.seek(wav.start + frame * wav.channels * wav.sample.itemsize)

    def read_audio(self, buffer: AudioBuffer) -> bool | NDArray[Any]:
        """Fill the buffer with the file's next frames; the last one is shorter."""
        if self._file is None:
            return False
        wav, data = self._wav, buffer.data
        width = wav.channels * wav.sample.itemsize
        wanted = min(data.shape[1], self._left)
        if len(self._raw) < wanted * width:
            self._raw = np.empty(wanted * width, np.uint8)
            self._wide = np.zeros((wanted * wav.channels, 4), np.uint8)
        got = self._file.readinto(self._raw[: wanted * width].data) // width
        if got == 0:
            raise EndOfStream
        # Less than wanted: the file has become shorter meanwhile.
        self._left -= wanted if got == wanted else self._left
        self._decode(self._raw[: got * width], data[:, :got])
        return True if got == data.shape[1] else data[:, :got]

    def stop(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        super().stop()

    def _open(self, path: str) -> BufferedReader:
        file = open(os.path.expanduser(path), "rb")
        try:
            self._wav = read_header(file)
        except ValueError as error:
            file.close()
            raise ValueError(f"{path} {error}") from None
        return file

    def _decode(self, raw: NDArray[np.uint8], out: NDArray[Any]) -> None:
        """Bytes of whole frames into floats of shape (channels, frames)."""
        if self._wav.sample.shape:
            wide = self._wide[: len(raw) // 3]
            wide[:, 1:] = raw.reshape(-1, 3)  # the upper three of four bytes
            samples: NDArray[Any] = wide.view("<i4")
        else:
            samples = raw.view(self._wav.sample)
        frames = samples.reshape(-1, self._wav.channels).T
        if frames.dtype.kind == "f":
            np.copyto(out, frames, casting="same_kind")
        else:
            # Doubles hold every integer, so this is exact until it is stored.
            scale = 2.0 ** (1 - 8 * frames.itemsize)
            np.multiply(frames, scale, out=out, dtype=np.float64, casting="same_kind")


def create_plugin() -> WavFileSource:
    """Make the plugin."""
    return WavFileSource()
