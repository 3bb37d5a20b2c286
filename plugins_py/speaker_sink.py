# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays on a loudspeaker, or another output of the sound card.

    gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert ! audioresample \
        ! pythonsink sync=false script=plugins_py/speaker_sink.py

You hear a 440 Hz tone for almost five seconds.  With sync=false the device sets
the pace; otherwise the pipeline's clock does, and the device runs dry at times.
With provide-clock=true as well, the rest of the pipeline goes by the device.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

from base_plugin import AudioBuffer, AudioSinkPlugin

from _device_plugin import DevicePlugin

# What is on its way in a sound server, which PortAudio does not know.
SERVER_SECONDS = 0.1
# A device that takes nothing for this long is gone.
PATIENCE_SECONDS = 1.0


class SpeakerSink(DevicePlugin, AudioSinkPlugin):
    """Writes to a device of PortAudio, by PyAudio (Debian's python3-pyaudio).

    The ``device`` can be changed while it plays.
    """

    DIRECTION = "Output"
    read_only = True

    def __init__(self) -> None:
        super().__init__()
        self.set_buffer_size(1024)  # the device has some of these
        self._capacity = 0  # frames that the empty device takes
        self._silence = 0  # frames of it since the last samples

    def get_available_space(self) -> int:
        """Frames that the device takes at once."""
        return self._device.frames() if self._device.stream else 0

    def write_audio(self, buffer: AudioBuffer) -> bool:
        """Play the samples: at once as many as there is space for."""
        self._silence = 0
        frames, done = buffer.get_frame_count(), 0
        raw = buffer.data.T.tobytes()  # interleaved
        width = buffer.get_channel_count() * buffer.data.itemsize
        while done < frames:
            count = min(self._device.wait(PATIENCE_SECONDS), frames - done)
            if count == 0 and done == 0:
                return False
            if count == 0:
                raise OSError(f"the device took {done} of {frames} frames")
            part = raw[done * width : (done + count) * width]
            self._device.write(part, count)
            done += count
        return True

    def drain(self) -> bool:
        """Play what the device still has; ``False`` while that lasts."""
        # Closing throws away what was not played, and PortAudio's own way to wait
        # for it has no limit: push it out with silence.
        enough = self._capacity + int(self.get_sample_rate() * SERVER_SECONDS)
        count = min(self.get_available_space(), enough - self._silence)
        if count > 0:
            self._device.write(bytes(4 * self.get_channel_count() * count), count)
            self._silence += count
        return self._silence >= enough

    def _open(self) -> None:
        super()._open()
        self._capacity = self._device.frames()


def create_plugin() -> SpeakerSink:
    """Make the plugin."""
    return SpeakerSink()
