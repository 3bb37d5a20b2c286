# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plugins in plugins_py, measured without GStreamer."""

import re

import numpy as np
import pytest
from scipy.signal import freqs

from base_plugin import AudioBuffer, PluginType
from shipped_plugins import PLUGINS, RATE, file_of, load, noise, started

NAMES = ["passthrough", "simple_gain", "scipy_equalizer", "spectral_noise_gate"]


def run(plugin, samples, sizes=(512,)):
    """What comes out for (channels, frames) samples cut into buffers of sizes.

    One AudioBuffer for all, over interleaved memory, as the element has it.
    """
    channels, frames = samples.shape
    out = np.empty((frames, channels), np.float32)
    out[:] = samples.T
    buffer = AudioBuffer(channels, 0)
    done = number = 0
    while done < frames:
        count = min(sizes[number % len(sizes)], frames - done)
        view = out[done : done + count].T
        buffer.data = view
        assert plugin.process_audio(buffer) in (None, True)
        assert buffer.data is view, "rebound: costs a copy in the pipeline"
        done, number = done + count, number + 1
    return np.ascontiguousarray(out.T)


def db(ratio):
    return 20 * np.log10(ratio)


def rms(samples):
    return np.sqrt(np.mean(np.square(samples, dtype=np.float64)))


# All of them


@pytest.mark.parametrize("name", NAMES)
def test_every_plugin_is_documented_and_describes_itself(name):
    module = load(name)
    line = " ".join(module.__doc__.split())
    assert line.count("gst-launch-1.0") == 1
    script = file_of(name).relative_to(PLUGINS.parent)
    assert f"pythonfilter script={script} " in line
    assert re.search(r"\. You hear ", line.replace("autoaudiosink", "."))
    source = file_of(name).read_text()
    assert source.startswith("# SPDX-License-Identifier: LGPL-2.1-or-later\n")
    assert "sys.path" not in source
    plugin = module.create_plugin()
    info = plugin.get_info()
    assert info.name == type(plugin).__name__ and info.description
    assert info.type is PluginType.PROCESSOR


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_do_not_touch_each_other(name, channels):
    """One channel of many comes out as it would alone."""
    samples = noise(channels, 20000)  # longer than the gate stays open at first
    together = run(started(name, channels), samples, (480, 1, 997))
    for channel in range(channels):
        alone = run(started(name, 1), samples[channel : channel + 1], (480, 1, 997))
        np.testing.assert_allclose(together[channel], alone[0], atol=1e-6)
    assert rms(together[:, -2000:]) > 0.001


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_buffer_without_start_works_as_in_a_first_experiment(name, channels):
    plugin = load(name).create_plugin()
    buffer = AudioBuffer(channels, 512)
    assert plugin.process_audio(buffer) is True
    assert buffer.data.shape == (channels, 512) and not buffer.data.any()


@pytest.mark.parametrize("name", NAMES)
def test_empty_buffers_change_nothing(name):
    samples = noise(2, 4000)
    plugin = started(name, 2)
    assert plugin.process_audio(AudioBuffer(2, 0)) is True
    once = run(plugin, samples, (1000,))
    again = run(started(name, 2), samples, (1000, 0))
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("name", NAMES)
def test_start_after_stop_is_as_good_as_new(name):
    samples = noise(2, 20000)
    plugin = started(name, 1, rate=8000)
    run(plugin, samples[:1])
    plugin.stop()
    plugin.set_sample_rate(RATE)
    plugin.set_channels(2)
    plugin.start()
    np.testing.assert_array_equal(run(plugin, samples), run(started(name, 2), samples))


@pytest.mark.parametrize("name", ["scipy_equalizer", "spectral_noise_gate"])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_bad_sample_does_not_last(name, bad):
    plugin = started(name, bass=6.0) if "eq" in name else started(name)
    samples = noise(1, 20000)
    samples[0, 5000] = bad
    out = run(plugin, samples)
    assert np.isfinite(out[0, :4000]).all()
    assert np.isfinite(out[0, 8000:]).all() and rms(out[0, 8000:]) > 0.001


# passthrough


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32])
def test_passthrough_leaves_read_only_samples_of_every_format_alone(dtype):
    plugin = started("passthrough", 2)
    assert type(plugin).read_only is True
    assert set(type(plugin).formats) == {"F32", "F64", "S16", "S32"}
    buffer = AudioBuffer(2, 64)
    before = (1000 * noise(2, 64)).astype(dtype)
    buffer.data = before.copy()
    buffer.data.flags.writeable = False
    assert plugin.process_audio(buffer) is True
    np.testing.assert_array_equal(buffer.data, before)


# simple_gain


def test_gain_scales_exactly_and_can_change_while_playing():
    plugin = started("simple_gain", 2)
    samples = noise(2, 1000)
    np.testing.assert_array_equal(run(plugin, samples), samples)
    assert plugin.set_parameter("gain", "0.25") is True
    np.testing.assert_array_equal(run(plugin, samples), samples * np.float32(0.25))
    assert plugin.get_parameter("gain") == "0.25"
    assert plugin.set_parameter("Gain", "1") is False
    with pytest.raises(ValueError, match="gain = loud: must be a number"):
        plugin.set_parameter("gain", "loud")


def test_gain_is_float32_like_the_samples():
    plugin = started("simple_gain", gain=0.1)
    assert type(plugin.gain) is np.float32
    assert run(plugin, np.ones((1, 1), np.float32))[0, 0] == np.float32(0.1)


# scipy_equalizer

CURVES = [
    {"bass": 12.0},
    {"mid": -18.0},
    {"treble": -24.0},
    {"bass": -6.0, "mid": 3.0, "treble": 9.0},
]


def response(plugin, rate):
    """Measured gain in dB at frequencies 0 ... rate / 2."""
    size = 32768
    impulse = np.zeros((1, size), np.float32)
    impulse[0, 0] = 1.0
    spectrum = np.abs(np.fft.rfft(run(plugin, impulse, (1000, 1, 37))[0]))
    return np.fft.rfftfreq(size, 1 / rate), db(spectrum)


def prototypes(bass=0.0, mid=0.0, treble=0.0):
    """The analogue filters that the cookbook's are made from, at 1 rad/s."""
    q = np.sqrt(0.5)
    low, bell, high = (10 ** (gain / 40) for gain in (bass, mid, treble))
    root = np.sqrt(low) / q
    yield 200.0, [low, low * root, low * low], [low, root, 1]
    yield 1000.0, [1, bell / q, 1], [1, 1 / (bell * q), 1]
    root = np.sqrt(high) / q
    yield 4000.0, [high * high, high * root, high], [1, root, high]


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 192000])
@pytest.mark.parametrize("gains", CURVES)
def test_equalizer_response_is_that_of_the_analogue_filters(rate, gains):
    hz, measured = response(started("scipy_equalizer", rate=rate, **gains), rate)
    expected = np.zeros(len(hz) - 1)
    for corner, b, a in prototypes(**gains):
        corner = min(corner, 0.4 * rate)
        warped = np.tan(np.pi * hz[:-1] / rate) / np.tan(np.pi * corner / rate)
        expected += db(np.abs(freqs(b, a, warped)[1]))
    np.testing.assert_allclose(measured[:-1], expected, atol=0.01)


@pytest.mark.parametrize("gains", CURVES)
def test_equalizer_bands_do_what_they_are_called(gains):
    plugin = started("scipy_equalizer", **gains)
    hz, measured = response(plugin, RATE)
    bass, mid, treble = (gains.get(key, 0.0) for key in ("bass", "mid", "treble"))

    def at(frequency):
        return measured[np.argmin(np.abs(hz - frequency))]

    # Far out on a shelf, its own gain is all there is.
    assert at(5) == pytest.approx(bass, abs=0.05)
    assert at(23900) == pytest.approx(treble, abs=0.05)
    if gains.keys() == {"bass"}:
        assert at(200) == pytest.approx(bass / 2, abs=0.05)
        assert at(5000) == pytest.approx(0, abs=0.05)
    if gains.keys() == {"treble"}:
        assert at(4000) == pytest.approx(treble / 2, abs=0.05)
        assert at(50) == pytest.approx(0, abs=0.05)
    if gains.keys() == {"mid"}:
        assert at(1000) == pytest.approx(mid, abs=0.05)


def test_flat_equalizer_changes_nothing():
    samples = noise(2, 4000)
    out = run(started("scipy_equalizer", 2), samples)
    np.testing.assert_allclose(out, samples, atol=1e-7)


@pytest.mark.parametrize("sizes", [(1,), (64,), (7, 512, 1, 1023)])
def test_equalizer_does_not_notice_where_buffers_end(sizes):
    samples = noise(2, 5000)
    gains = {"bass": 9.0, "mid": -3.0, "treble": 4.5}
    whole = run(started("scipy_equalizer", 2, **gains), samples, (5000,))
    parts = run(started("scipy_equalizer", 2, **gains), samples, sizes)
    np.testing.assert_array_equal(whole, parts)


def test_equalizer_reset_forgets_the_past():
    plugin = started("scipy_equalizer", 2, bass=12.0)
    samples = noise(2, 2000)
    first = run(plugin, samples)
    plugin.reset()
    np.testing.assert_array_equal(run(plugin, samples), first)
    run(plugin, samples)
    plugin.reset()
    assert not run(plugin, np.zeros((2, 100), np.float32)).any()


def test_equalizer_follows_a_parameter_while_playing():
    plugin = started("scipy_equalizer")
    time = np.arange(RATE // 2) / RATE
    tone = (0.1 * np.sin(2 * np.pi * 20 * time))[np.newaxis].astype(np.float32)
    before = run(plugin, tone)
    assert plugin.set_parameter("bass", "6.0") is True
    after = run(plugin, tone)
    half = tone.shape[1] // 2
    change = db(rms(after[:, half:]) / rms(before[:, half:]))
    assert change == pytest.approx(6.0, abs=0.05)
    assert np.abs(np.diff(after)).max() < 0.002  # no click: steps as in a sine


def test_equalizer_falls_truly_silent():
    plugin = started("scipy_equalizer", 2, bass=12.0)
    run(plugin, noise(2, 2000))
    run(plugin, np.zeros((2, 2 * RATE), np.float32))
    assert not plugin._zi.any(), "denormal numbers make filters slow"


@pytest.mark.parametrize(
    ("name", "key", "text"),
    [
        ("scipy_equalizer", "bass", "24.1"),
        ("scipy_equalizer", "mid", "-25"),
        ("scipy_equalizer", "treble", "nan"),
        ("scipy_equalizer", "bass", "much"),
        ("spectral_noise_gate", "reduction", "-1"),
        ("spectral_noise_gate", "reduction", "61"),
        ("spectral_noise_gate", "threshold", "nan"),
        ("spectral_noise_gate", "threshold", "high"),
    ],
)
def test_parameter_out_of_range_is_an_error_and_changes_nothing(name, key, text):
    plugin = started(name)
    before = plugin.get_parameter(key)
    with pytest.raises(ValueError):
        plugin.set_parameter(key, text)
    assert plugin.get_parameter(key) == before
    assert plugin.set_parameter("unknown", "1") is False


# spectral_noise_gate


def speech(seconds=8.0, rate=RATE):
    """Syllables of a gliding voice with two formants, and pauses between words.

    Returns (1, frames) samples and a mask of where the voice is silent.
    """
    time = np.arange(int(seconds * rate)) / rate
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = np.zeros_like(time)
    for harmonic in range(1, 31):
        hz = harmonic * pitch
        formants = np.exp(-(((hz - 600) / 250) ** 2)) + 0.5 * np.exp(
            -(((hz - 1800 - 500 * np.sin(2 * np.pi * 1.3 * time)) / 400) ** 2)
        )
        voice += (formants + 0.03) / np.sqrt(harmonic) * np.sin(harmonic * phase)
    syllables = np.maximum(np.sin(2 * np.pi * 2 * time), 0) ** 0.5
    words = (time % 2.0) < 1.5
    envelope = syllables * words * (time > 0.5)
    voice *= envelope
    voice *= 0.1 / rms(voice[envelope > 0.1])
    return voice[np.newaxis].astype(np.float32), envelope == 0


def through_gate(plugin, samples, sizes=(512,)):
    """The plugin's output with its latency taken off, as long as the input."""
    latency = plugin.get_processing_latency() * plugin.get_sample_rate()
    assert latency == round(latency)
    out = run(plugin, samples, sizes)
    tail = plugin.drain()
    assert tail.dtype == np.float32 and tail.shape == (len(samples), latency)
    out = np.concatenate([out, tail], axis=1)
    assert np.abs(out[:, : int(latency)]).max() < 0.01 * np.abs(samples).max()
    return out[:, int(latency) :]


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 96000])
@pytest.mark.parametrize("frames", [1, 100, 1023, 1024, 1025, 20000])
def test_open_gate_gives_every_sample_back_one_latency_later(rate, frames):
    plugin = started("spectral_noise_gate", 2, rate, reduction=0.0)
    samples = noise(2, frames)
    out = through_gate(plugin, samples, (313, 1, 64))
    assert out.shape == samples.shape
    np.testing.assert_allclose(out, samples, atol=1e-6)
    assert 0.014 < plugin.get_processing_latency() < 0.03


@pytest.mark.parametrize("sizes", [(1,), (64,), (256,), (5000,), (7, 512, 1, 1023)])
def test_gate_does_not_notice_where_buffers_end(sizes):
    samples = noise(2, 30000) * np.linspace(0, 1, 30000, dtype=np.float32)
    whole = through_gate(started("spectral_noise_gate", 2), samples, (30000,))
    parts = through_gate(started("spectral_noise_gate", 2), samples, sizes)
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("snr", [0, 5, 10, 15])
def test_gate_takes_noise_away_and_leaves_speech(snr):
    clean, silent = speech()
    voiced = ~silent
    hiss = noise(1, clean.shape[1], rms=0.1 * 10 ** (-snr / 20))
    out = through_gate(started("spectral_noise_gate"), clean + hiss)

    before = db(rms(clean) / rms(hiss))
    after = db(rms(clean) / rms(out - clean))
    assert after > before + 4

    # What a listener notices: pauses are quiet, once the noise is known ...
    known = np.arange(clean.shape[1]) > RATE
    quiet = silent & known
    assert db(rms(out[0, quiet]) / rms(hiss[0, quiet])) < -15
    # ... and the voice is as loud as it was.
    projection = np.sum(out * clean) / np.sum(np.square(clean))
    assert -2.5 < db(projection) < 0.1
    assert np.corrcoef(out[0, voiced], clean[0, voiced])[0, 1] > 0.93


def test_gate_reduces_steady_noise_by_its_parameter():
    hiss = noise(1, 6 * RATE, rms=0.01)
    levels = []
    for reduction in (0.0, 6.0, 12.0, 24.0):
        out = through_gate(started("spectral_noise_gate", reduction=reduction), hiss)
        levels.append(db(rms(out[:, 3 * RATE :]) / rms(hiss)))
    assert levels[0] == pytest.approx(0, abs=0.05)
    assert levels[1] == pytest.approx(-6, abs=0.5)
    assert levels[2] == pytest.approx(-12, abs=1)
    assert -24.1 < levels[3] < -18


@pytest.mark.parametrize("channels, rate", [(1, 8000), (2, 44100), (1, 48000)])
def test_gate_knows_the_noise_after_half_a_second(channels, rate):
    """In every band: one with too low a floor would let its noise through."""
    hiss = noise(channels, 4 * rate, rms=0.01)
    out = through_gate(started("spectral_noise_gate", channels, rate), hiss)
    for start in (0.5, 1.0, 2.0, 3.0):
        part = slice(int(start * rate), int((start + 0.5) * rate))
        assert db(rms(out[:, part]) / rms(hiss[:, part])) < -23
        bands = np.square(np.abs(np.fft.rfft(out[:, part])))
        bands = bands[:, : bands.shape[1] // 100 * 100]
        bands = bands.reshape(channels, 100, -1).mean(axis=2)
        assert (bands < 4 * np.median(bands)).all()


@pytest.mark.parametrize("snr", [5, 15, 40])
def test_gate_leaves_speech_in_the_first_moment_alone(snr):
    clean = speech()[0][:, RATE // 2 :]  # the first word starts with the stream
    hiss = noise(1, clean.shape[1], rms=0.1 * 10 ** (-snr / 20))
    out = through_gate(started("spectral_noise_gate"), clean + hiss)
    for start, end in ((0.0, 0.1), (0.1, 0.25), (0.5, 0.75), (1.5, 1.75)):
        part = slice(int(start * RATE), int(end * RATE))
        voice, heard = clean[:, part], out[:, part]
        assert -2 < db(np.sum(heard * voice) / np.sum(np.square(voice))) < 0.2
        assert np.corrcoef(voice, heard)[0, 1] > 0.86


def test_gate_hardly_touches_clean_speech():
    clean, _ = speech()
    faint = noise(1, clean.shape[1], rms=1e-5)  # as a 16-bit recording has
    out = through_gate(started("spectral_noise_gate"), clean + faint)
    assert db(rms(clean) / rms(out - clean)) > 25


def test_gate_learns_a_louder_noise_anew():
    hiss = noise(1, 12 * RATE, rms=0.003)
    hiss[:, 4 * RATE :] *= 10
    out = through_gate(started("spectral_noise_gate"), hiss)
    at_once = out[:, 4 * RATE : 4 * RATE + RATE // 2]
    later = out[:, 8 * RATE :]
    assert db(rms(at_once) / rms(hiss[:, 8 * RATE :])) > -6
    assert db(rms(later) / rms(hiss[:, 8 * RATE :])) < -18


def test_digital_silence_is_not_taken_for_the_noise_floor():
    hiss = noise(1, 3 * RATE, rms=0.01)
    hiss[:, RATE : 2 * RATE] = 0.0
    out = through_gate(started("spectral_noise_gate"), hiss)
    back = slice(2 * RATE + 4800, None)
    assert db(rms(out[:, back]) / rms(hiss[:, back])) < -10


def test_gate_reset_drops_samples_but_remembers_the_noise():
    plugin = started("spectral_noise_gate")
    hiss = noise(1, 4 * RATE, rms=0.01)
    run(plugin, hiss)
    plugin.reset()
    assert not run(plugin, np.zeros((1, 4096), np.float32)).any()
    plugin.reset()
    out = through_gate(plugin, hiss[:, :9600])
    assert db(rms(out[:, 2000:]) / rms(hiss)) < -15


def test_nothing_is_drained_when_nothing_is_held():
    plugin = started("spectral_noise_gate", 2)
    assert plugin.drain().shape == (2, 0)
    run(plugin, noise(2, 1))
    assert plugin.drain().shape == (2, 1024)
    assert plugin.drain().shape == (2, 0)
    run(plugin, noise(2, 100))
    plugin.reset()
    assert plugin.drain().shape == (2, 0)


def test_gate_is_ready_for_a_new_stream_after_drain():
    plugin = started("spectral_noise_gate", reduction=0.0)
    through_gate(plugin, noise(1, 5000))
    samples = noise(1, 5000, seed=2)
    np.testing.assert_allclose(through_gate(plugin, samples), samples, atol=1e-6)


def test_latency_follows_the_rate_before_start():
    plugin = load("spectral_noise_gate").create_plugin()
    plugin.set_sample_rate(16000)
    assert plugin.get_processing_latency() == 256 / 16000
