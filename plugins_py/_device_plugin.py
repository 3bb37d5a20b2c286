# SPDX-License-Identifier: LGPL-2.1-or-later
"""What microphone_source.py and speaker_sink.py share: the life of their device."""

from __future__ import annotations

from typing import Any, ClassVar

from _portaudio import Device
from base_plugin import BasePlugin, Param, PluginState


class DevicePlugin(BasePlugin):
    """A plugin that has a device; its own base class says what it does with it."""

    device = Param("", description="Index or part of the name; empty: the default")

    #: "Input" or "Output".
    DIRECTION: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self._device = Device(self.DIRECTION)

    def initialize(self) -> bool:
        """Start PortAudio."""
        self._device.initialize()
        return super().initialize()

    def set_parameter(self, key: str, value: str) -> bool | None:
        """Set the ``device``, also of a stream that runs."""
        accepted = super().set_parameter(key, value)
        if key == "device" and self.state is PluginState.RUNNING:
            self._open()
        elif key == "device":
            self._ask_device()
        return accepted

    def start(self) -> bool:
        """Open the device."""
        self._open()
        return super().start()

    def unlock(self) -> None:
        """End a wait for the device."""
        self._device.wake()

    def stop(self) -> None:
        """Close the device."""
        self._device.close()
        super().stop()

    def shutdown(self) -> None:
        """Stop PortAudio."""
        self._device.terminate()
        super().shutdown()

    def _ask_device(self) -> dict[str, Any]:
        """Whether the ``device`` is there, and what PortAudio says of it."""
        return self._device.find(self.device)

    def _open(self) -> None:
        plugin: Any = self
        rate, channels = plugin.get_sample_rate(), plugin.get_channel_count()
        self._device.open(self.device, rate, channels, plugin.get_buffer_size())
