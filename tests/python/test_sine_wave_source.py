# SPDX-License-Identifier: LGPL-2.1-or-later
"""sine_wave_source alone: the tone is exact, and changes without a click."""

import tracemalloc

import numpy as np
import pytest

from shipped_plugins import RATE, buffer_of, read, sine, started


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 384000])
@pytest.mark.parametrize("frequency", [0.1, 440.0, 3999.9])
def test_sine_is_exact_wherever_buffers_end(rate, frequency):
    plugin = started("sine_wave_source", 2, rate, frequency=frequency, amplitude=1.0)
    sizes = [512, 1, 1000, 512, 77] * 4
    out = np.concatenate([read(plugin, size, np.float64) for size in sizes], axis=1)
    np.testing.assert_array_equal(out[0], out[1])
    expected = sine(frequency, rate, 0, sum(sizes))
    np.testing.assert_allclose(out[0], expected, atol=1e-11)


def test_sine_does_not_drift_in_ten_hours():
    rate, minute = 8000, 8000 * 60
    plugin = started("sine_wave_source", 1, rate, frequency=440.1, amplitude=1.0)
    for _ in range(600):
        last = read(plugin, minute, np.float64)[0]
    expected = sine(440.1, rate, 600 * minute - 1000, 1000)
    np.testing.assert_allclose(last[-1000:], expected, atol=1e-8)


@pytest.mark.parametrize("channels", [1, 2, 7, 64])
def test_sine_fills_every_channel_in_single_precision(channels):
    plugin = started("sine_wave_source", channels)
    out = read(plugin, 512)
    assert out.shape == (channels, 512) and out.dtype == np.float32
    for channel in out:
        np.testing.assert_allclose(channel, 0.5 * sine(440, RATE, 0, 512), atol=6e-8)


def test_pitch_changes_without_a_click():
    plugin = started("sine_wave_source", 1, frequency=200.0, amplitude=1.0)
    parts = []
    for hertz in (200.0, 431.0, 60.0, 999.9, 0.0, 300.0):
        assert plugin.set_parameter("frequency", str(hertz)) is True
        parts += [read(plugin, 500, np.float64)[0], read(plugin, 333, np.float64)[0]]
    out = np.concatenate(parts)
    assert np.abs(np.diff(out)).max() <= 2 * np.pi * 999.9 / RATE
    # At the very sample of the change the phase is what it would have been.
    assert parts[2][0] == pytest.approx(sine(200, RATE, 833, 1)[0], abs=1e-11)


@pytest.mark.parametrize("size", [1, 64, 512, 4000])
def test_loudness_changes_without_a_click(size):
    plugin = started("sine_wave_source", 1, frequency=100.0, amplitude=0.0)

    def play(frames):
        blocks = [read(plugin, size, np.float64)[0] for _ in range(frames // size + 1)]
        return np.concatenate(blocks)

    assert not play(100).any()
    plugin.set_parameter("amplitude", "1.0")
    up = play(4800)
    plugin.set_parameter("amplitude", "0.25")
    out = np.concatenate([up, play(4800)])
    slope = 2 * np.pi * 100 / RATE + 1 / (0.02 * RATE)
    assert np.abs(np.diff(out)).max() < slope
    assert np.abs(up[-480:]).max() == pytest.approx(1.0, abs=1e-4)
    assert np.abs(out[-480:]).max() == pytest.approx(0.25, abs=1e-4)


def test_sine_allocates_nothing_for_a_buffer():
    plugin = started("sine_wave_source", 2)
    buffer = buffer_of(np.zeros((2, 4096), np.float32))
    for _ in range(3):
        plugin.read_audio(buffer)
    tracemalloc.start()
    for _ in range(100):
        plugin.read_audio(buffer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4096, "less than any array of a channel's samples"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("frequency", "-1"),
        ("frequency", "24001"),
        ("frequency", "inf"),
        ("frequency", "nan"),
        ("frequency", "high"),
        ("amplitude", "-0.1"),
        ("amplitude", "1.1"),
        ("amplitude", "nan"),
    ],
)
def test_wrong_tone_is_an_error_and_changes_nothing(key, text):
    plugin = started("sine_wave_source", 2)
    before = plugin.get_parameter(key)
    with pytest.raises(ValueError, match=key):
        plugin.set_parameter(key, text)
    assert plugin.get_parameter(key) == before
    assert plugin.set_parameter("Frequency", "1") is False


def test_half_the_rate_is_known_when_the_stream_starts():
    assert started("sine_wave_source", 1, 96000, frequency=48000.0)
    with pytest.raises(ValueError, match="frequency: 5000.0 Hz"):
        started("sine_wave_source", 1, 8000, frequency=5000.0)
