# SPDX-License-Identifier: LGPL-2.1-or-later
"""A PortAudio stream, as microphone_source.py and speaker_sink.py need it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

# For another pipeline to open its device, and for ours to close.
OPEN_SECONDS = 5.0
CLOSE_SECONDS = 0.4


class Device:
    """One stream of an input or output device, whose waits are short.

    PortAudio's own waits cannot be ended from another thread, so it is only
    asked to move as many frames as it has or takes at once.
    """

    def __init__(self, direction: str) -> None:
        """``direction`` is "Input" or "Output"."""
        self._direction = direction
        self._audio: Any = None
        self._woken = threading.Event()
        self.stream: Any = None

    def initialize(self) -> None:
        """Start PortAudio; RuntimeError when PyAudio is not installed."""
        try:
            import pyaudio
        except ModuleNotFoundError as error:
            if error.name != "pyaudio":
                raise
            raise RuntimeError(
                "sound devices need PyAudio: install the Debian package "
                "python3-pyaudio (pip: PyAudio)"
            ) from None
        self._float32 = pyaudio.paFloat32
        # Each plugin has its own copy of this module; they share PyAudio's.
        self._lock: threading.Lock = vars(pyaudio).setdefault(
            "_pythonfilter_lock", threading.Lock()
        )
        with self._alone():
            self._audio = pyaudio.PyAudio()

    def terminate(self) -> None:
        """Stop PortAudio."""
        self.close()
        if self._audio is not None:
            with self._alone(CLOSE_SECONDS):
                self._audio.terminate()
            self._audio = None

    def find(self, wanted: str) -> dict[str, Any]:
        """PortAudio's description of a device.

        ``wanted`` is its index, its name or a part of that; "" is the default.
        OSError when there is no default, ValueError when none fits.
        """
        audio, least = self._audio, f"max{self._direction}Channels"
        with self._alone():
            if not wanted:
                side = self._direction.lower()
                default: Any = getattr(audio, f"get_default_{side}_device_info")
                return dict(default())
            devices = [
                audio.get_device_info_by_index(index)
                for index in range(audio.get_device_count())
            ]
        devices = [device for device in devices if device[least] > 0]
        exact = [d for d in devices if wanted in (str(d["index"]), d["name"])]
        like = [d for d in devices if wanted.lower() in d["name"].lower()]
        for device in exact + like:
            return dict(device)
        listed = ", ".join(f"{each['index']}: {each['name']}" for each in devices)
        raise ValueError(
            f"device: there is no {self._direction.lower()} device {wanted!r} "
            f"({listed or 'none at all'})"
        )

    def open(self, wanted: str, rate: int, channels: int, frames: int) -> None:
        """Open the device and start it; OSError says why it cannot be."""
        self.close()
        device = self.find(wanted)
        side = self._direction.lower()
        options = {side: True, f"{side}_device_index": device["index"]}
        try:
            with self._alone():
                self.stream = self._audio.open(
                    rate=rate,
                    channels=channels,
                    format=self._float32,
                    frames_per_buffer=frames,
                    **options,
                )
        except (OSError, ValueError) as error:
            raise OSError(
                f"the device {device['name']!r} does not open with {rate} Hz and "
                f"{channels} channels: {error}"
            ) from None

    def close(self) -> None:
        """Close the device; what it has not played is lost."""
        if self.stream is None:
            return
        stream, self.stream = self.stream, None
        # Closing waits for the sound server, which may be stuck.
        closer = threading.Thread(target=self._close, args=(stream,), daemon=True)
        closer.start()
        closer.join(CLOSE_SECONDS)
        if closer.is_alive():
            raise TimeoutError("the device is stuck and does not close: left as it is")

    def _close(self, stream: Any) -> None:
        with self._alone():
            stream.close()

    @contextlib.contextmanager
    def _alone(self, patience: float = OPEN_SECONDS) -> Iterator[None]:
        """PortAudio is not for several threads, but pipelines start in several."""
        if not self._lock.acquire(timeout=patience):
            raise TimeoutError("PortAudio is stuck with another device")
        try:
            yield
        finally:
            self._lock.release()

    def frames(self) -> int:
        """How many frames can be read or written at once."""
        if self._direction == "Input":
            available = int(self.stream.get_read_available())
        else:
            available = int(self.stream.get_write_available())
        if available < 0:
            raise OSError(f"the device is gone (PortAudio error {available})")
        return available

    def latency(self) -> float:
        """Seconds that PortAudio says it holds samples back; 0 while closed."""
        if self.stream is None:
            return 0.0
        side = self._direction.lower()
        seconds: float = getattr(self.stream, f"get_{side}_latency")()
        return seconds

    def read(self, frames: int) -> bytes:
        """Interleaved float32 samples, of as many frames as there are."""
        raw: bytes = self.stream.read(frames, exception_on_overflow=False)
        return raw

    def write(self, raw: bytes, frames: int) -> None:
        """Play interleaved float32 samples, of as many frames as there is space for."""
        self.stream.write(raw, frames, exception_on_underflow=False)

    def wait(self, seconds: float) -> int:
        """The number of frames(), once there are some; 0 after ``seconds``, or when
        woken.
        """
        until = time.monotonic() + seconds
        while (frames := self.frames()) == 0 and time.monotonic() < until:
            if self._woken.wait(0.002):
                self._woken.clear()
                return 0
        return frames

    def wake(self) -> None:
        """End the wait that is going on, or the next one; from any thread."""
        self._woken.set()
