# SPDX-License-Identifier: LGPL-2.1-or-later
"""The compiled plugins in plugins_py, run as Python, against SciPy and closed
forms.  That machine code gives the same samples is the last test's.
"""

import configparser
import json
import math

import numpy as np
import pytest
from scipy.signal import bilinear, lfilter, upfirdn

import soak
from base_plugin import AudioBuffer
from loader_program import run as run_host
from processes import launch, run_python
from shipped_plugins import PLUGINS, RATE, file_of, load, noise, started
from test_compiled import needs_numba

FILTERS = {
    "parametric_equalizer": {"gain5": 6.0, "shape1": "low-cut"},
    "compressor": {"threshold": -30.0},
    "feedback_delay": {"time": 1.37},
}
KINDS = dict.fromkeys(FILTERS, "processor") | {
    "plucked_strings": "source",
    "true_peak_meter": "sink",
}
METHODS = {
    "processor": "process_audio",
    "source": "read_audio",
    "sink": "write_audio",
}
FULL_SCALE = {"float32": 1, "float64": 1, "int16": 2**15, "int32": 2**31}


def play(plugin, samples, sizes=(512,), changes=(), dtype=np.float64):
    """What comes out, in dtype, where buffers have these sizes.

    changes: (frame, name, value), in their order, at a buffer's beginning.
    """
    kind = [name for name in METHODS.values() if hasattr(plugin, name)][-1]
    out = np.array(np.asarray(samples).T, dtype, order="C")
    changes, done, number = list(changes), 0, 0
    while done < len(out):
        count = min(sizes[number % len(sizes)], len(out) - done)
        if changes:
            if changes[0][0] == done:
                plugin.set_parameter(changes[0][1], str(changes[0][2]))
                del changes[0]
                continue
            count = min(count, changes[0][0] - done)
        buffer = AudioBuffer(out.shape[1], 0, RATE)
        buffer.data = out[done : done + count].T
        assert getattr(plugin, kind)(buffer) is None
        done, number = done + count, number + 1
    return out.T


def played(name, samples, *more, dtype=np.float64, **parameters):
    plugin = started(name, len(samples), **parameters)
    return play(plugin, samples, *more, dtype=dtype)


def plain(name):
    """Without the low cut, whose tail is a long one."""
    return {k: v for k, v in FILTERS[name].items() if k != "shape1"}


# All of them


@pytest.mark.parametrize("name", KINDS)
def test_it_is_documented_as_the_others_are(name):
    module = load(name)
    line = " ".join(module.__doc__.split())
    assert line.count("gst-launch-1.0") == 1
    script = file_of(name).relative_to(PLUGINS.parent)
    assert f"script={script} " in line and ". You hear " in line.replace(
        "autoaudiosink", "."
    ).replace(".py You", ".py . You")
    plugin = module.create_plugin()
    assert plugin.get_info().description
    assert hasattr(plugin, METHODS[KINDS[name]])
    for each in vars(type(plugin)).values():
        assert getattr(each, "description", "described")


@pytest.mark.parametrize("name", KINDS)
def test_samples_do_not_depend_on_the_size_of_buffers(name):
    samples = noise(2, 700)
    change = {
        "parametric_equalizer": (200, "gain7", -12.0),
        "compressor": (200, "makeup", 6.0),
        "feedback_delay": (200, "time", 2.5),
        "plucked_strings": (200, "amplitude", 0.9),
        "true_peak_meter": (200, "interval", 50.0),
    }[name]
    more = FILTERS.get(name, {})
    plugins = [started(name, 2, **more) for _ in "12"]
    once = play(plugins[0], samples, (700,), [change])
    sizes = np.random.default_rng(3).integers(1, 130, 50).tolist()
    again = play(plugins[1], samples, sizes, [change])
    np.testing.assert_array_equal(once, again)
    states = [plugin.state._memory.copy() for plugin in plugins]
    for field in states[0].dtype.names:
        # What is only worked with is another one's remains.
        if field not in ("work", "used", "bands"):
            np.testing.assert_array_equal(states[0][field], states[1][field], field)


@pytest.mark.parametrize("dtype", ["float32", "int16", "int32"])
@pytest.mark.parametrize("name", KINDS)
def test_formats_give_the_same_sound(name, dtype):
    if KINDS[name] == "sink":
        return
    samples = np.rint(noise(2, 300) * 2**15) / 2**15
    right = played(name, samples, **FILTERS.get(name, {}))
    full = FULL_SCALE[dtype]
    given = played(name, samples * full, dtype=dtype, **FILTERS.get(name, {}))
    step = 0.5001 / 2**15 if dtype == "int16" else 1e-7
    np.testing.assert_allclose(given / full, right, rtol=0, atol=step)
    assert np.abs(right).max() > 0.01


@pytest.mark.parametrize("name", FILTERS)
def test_whole_numbers_end_at_full_scale(name):
    loud = {
        "parametric_equalizer": {"gain5": 24.0, "q5": 40.0},
        "compressor": {"makeup": 24.0, "threshold": 0.0},
    }
    samples = np.full((1, 300), 32767)
    samples[0, 100:200] = -32768
    if name in loud:
        out = played(name, samples, dtype=np.int16, **loud[name])
        assert {-32768, 32767} <= set(out[0].tolist())
        assert np.sign(out[0, 1]) == 1  # and does not turn round


@pytest.mark.parametrize("name", FILTERS)
def test_many_channels_do_not_touch_each_other(name):
    samples = noise(64, 70)
    if name == "compressor":  # all by one gain
        samples[1:] *= 0.001
    together = played(name, samples, **FILTERS[name])
    for channel in (0, 1, 33, 63):
        chosen = [0, channel] if name == "compressor" else [channel]
        alone = played(name, samples[chosen], **FILTERS[name])
        np.testing.assert_array_equal(together[channel], alone[-1])


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_no_sound_is_silence_and_does_not_last(name, bad):
    samples = noise(2, 200).astype(np.float64)
    samples[0, 50] = 0.0
    right = played(name, samples, **FILTERS[name])
    samples[0, 50] = bad
    np.testing.assert_array_equal(played(name, samples, **FILTERS[name]), right)


@pytest.mark.parametrize("name", FILTERS)
def test_silence_is_silent_and_every_tail_ends(name):
    assert not played(name, np.zeros((2, 100)), **FILTERS[name]).any()
    samples = np.zeros((1, 6500))
    samples[0, :50] = noise(1, 50)
    plugin = started(name, 1, **plain(name))
    out = play(plugin, samples)
    assert out[0, 60:150].any() or name == "compressor"
    assert not out[0, -100:].any()
    memory = plugin.state._memory
    for field in memory.dtype.names:
        values = np.abs(memory[field].astype(np.float64))
        assert not ((values > 0) & (values < 1e-200)).any(), field


@pytest.mark.parametrize("name", FILTERS)
def test_changes_are_not_heard_as_clicks(name):
    """A slow sine has small steps; a click would be a large one."""
    frames = 3000
    tone = 0.5 * np.sin(2 * np.pi * 100 / RATE * np.arange(frames))[None]
    changes = {
        "parametric_equalizer": [
            *((1000, "gain3", 9.0), (1500, "frequency3", 400.0), (1700, "q3", 5.0)),
            *((2000, "shape3", "low-cut"), (2300, "gain3", -9.0)),
        ],
        "compressor": [
            *((1000, "makeup", 9.0), (1500, "ratio", 20.0), (1700, "knee", 0.0)),
            *((2000, "threshold", -50.0), (2300, "makeup", -9.0)),
        ],
        "feedback_delay": [
            *((1000, "time", 2.0), (1500, "mix", 1.0), (1700, "feedback", 0.9)),
            *((2000, "mix", 0.0), (2300, "time", 1.0)),
        ],
    }[name]
    out = played(name, tone, (100,), changes, **plain(name))
    bends = np.abs(np.diff(out[0], 2))
    # The tone's own, three times as loud; and one for a corner of a ramp.
    assert bends[500:].max() < 0.004, bends[500:].argmax()


# The equaliser


ANALOG = {  # b, a for a gain of A² and a quality of Q, at the angular frequency 1
    "bell": lambda A, Q: ([1, A / Q, 1], [1, 1 / (A * Q), 1]),
    "low-shelf": lambda A, Q: (
        np.multiply([1, A**0.5 / Q, A], A),
        [A, A**0.5 / Q, 1],
    ),
    "high-shelf": lambda A, Q: (
        np.multiply([A, A**0.5 / Q, 1], A),
        [1, A**0.5 / Q, A],
    ),
    "low-cut": lambda A, Q: ([1, 0, 0], [1, 1 / Q, 1]),
    "high-cut": lambda A, Q: ([0, 0, 1], [1, 1 / Q, 1]),
    "notch": lambda A, Q: ([1, 0, 1], [1, 1 / Q, 1]),
}


def analog(samples, shape, frequency, gain, q):
    """A band by the bilinear transform of what it is in the analog world."""
    b, a = ANALOG[shape](10 ** (gain / 40), q)
    # bilinear() takes s for 2 fs (z - 1)/(z + 1); the frequency has to be at 1.
    b, a = bilinear(b, a, 0.5 / math.tan(math.pi * frequency / RATE))
    return lfilter(b, a, samples)


@pytest.mark.parametrize("shape", ANALOG)
@pytest.mark.parametrize(
    "frequency, gain, q", [(40, 9, 0.7), (1000, -20, 5), (15000, 24, 0.3)]
)
def test_a_band_is_its_analog_prototype(shape, frequency, gain, q):
    samples = noise(1, 300).astype(np.float64)
    out = played(
        "parametric_equalizer",
        samples,
        **{"shape4": shape, "frequency4": frequency, "gain4": gain, "q4": q},
    )
    right = analog(samples, shape, frequency, gain, q)
    np.testing.assert_allclose(out, right, rtol=0, atol=1e-9)


def test_ten_bands_are_one_after_the_other():
    samples = right = noise(2, 200).astype(np.float64)
    parameters = {}
    for band in range(1, 11):
        shape = list(ANALOG)[band % 6]
        given = (shape, 50.0 * 1.7**band, 15.0 - 3 * band, 0.4 + band / 5)
        right = analog(right, *given)
        for name, value in zip(("shape", "frequency", "gain", "q"), given):
            parameters[f"{name}{band}"] = value
    out = played("parametric_equalizer", samples, **parameters)
    np.testing.assert_allclose(out, right, rtol=0, atol=1e-9)


def test_bands_of_no_gain_change_nothing():
    samples = noise(2, 300)
    out = played("parametric_equalizer", samples, frequency2=96000.0)
    np.testing.assert_array_equal(out, samples)


def test_a_change_begins_at_once_and_slowly():
    """Also within one of its blocks, of a band that did nothing till then."""
    samples = noise(1, 200).astype(np.float64)
    plugin = started("parametric_equalizer", 1)
    out = play(plugin, samples, (200,), [(100, "gain7", 12.0)])
    np.testing.assert_array_equal(out[:, :100], samples[:, :100])
    apart = np.abs(out - samples)[0]
    assert apart[100] > 0 and apart[100:110].max() < 0.001 < apart.max()


def test_a_change_ends_exactly_where_it_should():
    frames = int(0.02 * RATE) + 200
    samples = noise(1, frames).astype(np.float64)
    plugin = started("parametric_equalizer", 1)
    play(plugin, samples, (300,), [(0, "gain2", 3.0), (100, "gain2", 8.0)])
    fresh = started("parametric_equalizer", 1, gain2=8.0)
    play(fresh, samples[:, :1])
    np.testing.assert_array_equal(plugin.state.goal, fresh.state.goal)
    assert not plugin.state.left.any()


# The compressor


@pytest.mark.parametrize("knee", [0.0, 12.0])
@pytest.mark.parametrize("ratio", [1.0, 4.0, 100.0])
def test_the_static_curve_is_the_textbooks(knee, ratio):
    for level in (-60.0, -25.0, -20.0, -16.0, 0.0):
        over = level + 20
        right = level
        if 2 * abs(over) <= knee and knee:
            right += (1 / ratio - 1) * (over + knee / 2) ** 2 / (2 * knee)
        elif over > 0:
            right = -20 + over / ratio
        out = played(
            "compressor",
            np.full((1, 100), 10 ** (level / 20)),
            knee=knee,
            ratio=ratio,
            attack=0.05,
        )
        assert 20 * math.log10(out[0, -1]) == pytest.approx(right, abs=1e-6)


def test_attack_and_release_are_exponential_in_decibels():
    level = np.repeat([1.0, 0.3, 0.01, 1.0], 400)
    out = played("compressor", level[None], attack=2.0, release=3.0, knee=0.0)
    fall, rise = (math.exp(-1000 / (ms * RATE)) for ms in (2, 3))
    wanted = 0.75 * np.maximum(20 * np.log10(level) + 20, 0)
    released = wanted.copy()
    for n in range(1, len(released)):
        now = rise * released[n - 1] + (1 - rise) * wanted[n]
        released[n] = max(wanted[n], now)
    reduction = lfilter([1 - fall], [1, -fall], released)
    np.testing.assert_allclose(out[0], level * 10 ** (-reduction / 20), atol=1e-9)
    # And of the first: 1 - 1/e after the time of the attack.
    assert reduction[95] == pytest.approx(15 * (1 - math.exp(-1)), rel=1e-6)


def test_channels_are_turned_down_together():
    samples = np.array([np.full(200, 1.0), np.full(200, 0.01), np.zeros(200)])
    out = played("compressor", samples, attack=0.05)
    assert 20 * math.log10(out[0, -1]) == pytest.approx(-15, abs=1e-6)
    np.testing.assert_allclose(out[1], out[0] * 0.01)
    assert not out[2].any()


# The delay


@pytest.mark.parametrize("time", [1.0, 1.003, 2.37])
@pytest.mark.parametrize("feedback, mix", [(0.0, 1.0), (-0.7, 0.3), (0.9, 0.5)])
def test_echoes_are_a_linear_filter(time, feedback, mix):
    samples = noise(2, 500).astype(np.float64)
    out = played("feedback_delay", samples, time=time, feedback=feedback, mix=mix)
    whole, part = divmod(time * RATE / 1000, 1)
    delay = np.zeros(int(whole) + 3)
    # Through four points, by Lagrange.
    points = np.arange(-1, 3)
    for place in points:
        others = points[points != place]
        weight = np.prod((part - others) / (place - others))
        delay[int(whole) + place] = weight
    loop = -feedback * delay
    loop[0] += 1
    right = (1 - mix) * samples + mix * lfilter(delay, loop, samples)
    np.testing.assert_allclose(out, right, rtol=0, atol=1e-9)


def test_the_longest_delay_and_what_there_is_room_for():
    module = load("feedback_delay")
    plugin = started("feedback_delay", 64, mix=1.0, time=2000.0)
    play(plugin, np.zeros((64, 1)))
    assert plugin.state.time == module.LINE // 64 - 4
    plugin = started("feedback_delay", 1, mix=1.0, time=2000.0)
    play(plugin, np.zeros((1, 1)))
    assert plugin.state.time == 2 * RATE


# The strings


def strings(frames, **parameters):
    given = {"tempo": 1.0, "scale": "one-note", "amplitude": 1.0} | parameters
    return played("plucked_strings", np.zeros((1, frames)), **given)[0]


def test_a_string_is_a_linear_filter_of_its_pluck():
    brightness, decay, note = 0.8, 0.5, 69
    out = strings(800, root=note, decay=decay, brightness=brightness, seed=5)
    period = RATE / 440
    soft = 0.5 * (1 - brightness)
    response = 1 - soft + soft * np.exp(-2j * np.pi / period)
    delay = period + np.angle(response) * period / (2 * np.pi)
    gain = 10 ** (-3 * period / (decay * RATE)) / abs(response)
    whole, part = divmod(delay, 1)
    loop = np.zeros(int(whole) + 3)
    points = np.arange(-1, 3)
    for place in points:
        others = points[points != place]
        loop[int(whole) + place] = np.prod((part - others) / (place - others))
    loop = -gain * np.convolve(loop, [1 - soft, soft])
    loop[0] += 1
    random, pluck = 5, np.zeros(800)
    for n in range(-1, int(period) + 1):  # the first one chose the note
        random = (random * 1664525 + 1013904223) % 2**32
        if n >= 0:
            pluck[n] = (random >> 8) / 2**23 - 1
    right = lfilter([1], loop, pluck)
    np.testing.assert_allclose(out, right, rtol=0, atol=1e-9)


@pytest.mark.parametrize("note", [33, 57, 81])
def test_a_string_is_in_tune_and_fades_in_its_time(note):
    out = strings(12000, root=note, decay=0.4, brightness=0.2)
    late = out[3000:]
    window = np.hanning(len(late))
    spectrum = np.abs(np.fft.rfft(late * window, 2**20))
    frequency = 440 * 2 ** ((note - 69) / 12)
    near = int(frequency * 2**20 / RATE)
    low, high = int(near * 0.95), int(near * 1.05)
    found = (low + spectrum[low:high].argmax()) * RATE / 2**20
    assert abs(1200 * math.log2(found / frequency)) < 2
    period = RATE / frequency
    first, last = (
        abs(np.dot(out[at : at + 2000], np.exp(-2j * np.pi / period * n)))
        for at in (3000, 9000)
        for n in [np.arange(at, at + 2000)]
    )
    fade = 20 * math.log10(last / first)
    assert fade == pytest.approx(-60 * 6000 / RATE / 0.4, abs=1.5)


def test_a_seed_is_a_tune():
    def tune(seed):
        return played("plucked_strings", np.zeros((2, 600)), seed=seed, tempo=3000.0)

    np.testing.assert_array_equal(tune(1), tune(1))
    assert (tune(1) != tune(2)).any()


def test_strings_lie_from_left_to_right_and_silence_is_silent():
    out = played("plucked_strings", np.zeros((3, 300)), tempo=1.0)
    assert np.abs(out[0]).max() > 0.01 and not out[2].any()
    assert not played("plucked_strings", np.zeros((3, 300)), amplitude=0.0).any()


def test_a_string_that_sounds_is_plucked_without_a_click():
    """What it played fades: the step is that of the new sound alone."""
    module = load("plucked_strings")
    plugin = started("plucked_strings", 1)
    play(plugin, np.zeros((1, 100)))
    state = plugin.state
    before = float(state.before[0])
    assert before != 0.0
    state.next = 0
    module.pluck(plugin.read_audio.arguments({}), state)
    assert state.rest[0] == pytest.approx(before)


# The meter


def levels_of(plugin):
    return {
        name: [10 ** (value / 20) for value in values]
        for name, values in plugin.loudest().items()
    }


def test_the_true_peak_is_what_a_filter_at_four_times_the_rate_has():
    module = load("true_peak_meter")
    one, two = map(np.array, module.PHASES)
    taps = np.array([one, two, two[::-1], one[::-1]]).T.ravel()
    samples = noise(40, 60).astype(np.float64)  # each phase has a peak
    plugin = started("true_peak_meter", 40)
    play(plugin, samples, (64,))
    for samples_of, found in zip(samples, levels_of(plugin)["true_peak"]):
        between = upfirdn(taps, samples_of, up=4)[: 4 * len(samples_of)]
        right = max(np.abs(between).max(), np.abs(samples_of).max())
        assert found == pytest.approx(right, rel=1e-9)


def test_levels_of_a_sine_between_its_samples():
    """A quarter of the rate, with no sample at its peaks: 3 dB below them."""
    samples = np.sin(np.pi / 2 * np.arange(400) + np.pi / 4)[None]
    plugin = started("true_peak_meter", 1)
    play(plugin, samples)
    found = plugin.loudest()
    assert found["peak"] == pytest.approx([-3.0103], abs=1e-4)
    assert found["rms"] == pytest.approx([-3.0103], abs=1e-4)
    assert found["true_peak"] == pytest.approx([0], abs=0.3)


def test_intervals_and_the_whole():
    samples = np.full((2, 5000), 0.5)
    samples[1] = 0
    samples[0, 2400:4800] = 0.25
    plugin = started("true_peak_meter", 2, interval=50.0)
    play(plugin, samples[:, :2399], (333,))
    plugin.show()
    assert not plugin.posted
    play(plugin, samples[:, 2399:], (333,))
    plugin.show()
    plugin.show()
    [(name, fields)] = plugin.posted
    assert name == "levels" and fields["end"] == 4800 / RATE
    quiet, loud = 20 * math.log10(0.25), 20 * math.log10(0.5)
    assert fields["peak"] == pytest.approx([quiet, -math.inf])
    assert fields["rms"] == pytest.approx([quiet, -math.inf])
    # The filter still had something of what came before.
    assert quiet < fields["true_peak"][0] < loud + 0.5
    plugin.drain()
    name, fields = plugin.posted[-1]
    assert name == "loudest"
    assert fields["peak"] == pytest.approx([loud, -math.inf])
    power = (2600 * 0.25 + 2400 * 0.0625) / 5000
    assert fields["rms"][0] == pytest.approx(10 * math.log10(power))


def test_the_meter_takes_what_is_no_sound_for_silence():
    samples = np.full((1, 100), 0.5)
    samples[0, 50] = np.nan
    plugin = started("true_peak_meter", 1)
    play(plugin, samples)
    assert np.isfinite(plugin.loudest()["rms"]).all()


# Presets

PRESETS = """
import json, sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
wrong, count = [], 0
for factory in sys.argv[1:]:
    for name in Gst.ElementFactory.make(factory).get_preset_names():
        element, count = Gst.ElementFactory.make(factory), count + 1
        unset = {spec.name: element.get_property(spec.name) for spec in
                 element.list_properties() if spec.name not in ("parent", "params")}
        same = not element.load_preset(name)
        same |= all(element.get_property(key) == unset[key] for key in unset)
        comment = element.get_meta(name, "comment")
        if same or not comment[0]:
            wrong.append([factory, name])
print(json.dumps([wrong, count]))
"""


def test_presets_load(tmp_path):
    """GStreamer takes a preset for which there is no such property, or value."""
    folder = PLUGINS / "presets"
    files = [file.stem.removeprefix("Gst") for file in folder.glob("*.prs")]
    result = run_python(
        PRESETS,
        *files,
        GST_PRESET_PATH=folder,
        GST_PYTHONFILTER_PATH=PLUGINS,
        GST_REGISTRY=tmp_path / "registry.bin",
        XDG_DATA_HOME=tmp_path,
    )
    assert result.code == 0 and result.err == "", result.err
    wrong, count = json.loads(result.out)
    assert not wrong and count >= 12
    for file in folder.glob("*.prs"):
        parser = configparser.ConfigParser()
        parser.read(file)
        module = file_of(file.stem.removeprefix("Gstpy-").replace("-", "_")).stem
        plugin = started(module)
        for section in parser.sections()[1:]:
            for key, value in parser[section].items():
                if not key.startswith("_meta"):
                    assert plugin.set_parameter(key, value) is not False, key


# As machine code


AGREE = """
def play(host, machine):
    host.start(48000, 2, 0, "", "")
    if not machine:
        host.native.call.use(0)
    random, heard = np.random.default_rng(5), []
    for size in (1, 63, 200):
        buffer = AudioBuffer(2, 0, 48000)
        buffer.data = random.uniform(-1, 1, (size, 2)).astype(np.float32).T
        host.audio(buffer)
        heard.append(buffer.data.ravel())
    state = host.native.call.state._memory
    return np.concatenate(heard), [state[name].copy() for name in state.dtype.names]

problems = []
for path, kind, given in {plugins}:
    host = load(path, kind=kind)
    for name, value in given.items():
        host.set_parameter(name, str(value))
    (one, state), (other, state_other) = play(host, True), play(host, False)
    same = (one == other).all() and one.any()
    same = same and all((a == b).all() for a, b in zip(state, state_other))
    if not same or host.native.interpreted:
        problems.append([path, host.native.interpreted, float(abs(one - other).max())])
tell(problems)
"""


@needs_numba
def test_machine_code_gives_the_same_samples(tmp_path):
    # Numba takes seconds for each; all of them play in test_launch_lines.py.
    names = KINDS if soak.SOAK else ("parametric_equalizer", "plucked_strings")
    plugins = [(str(file_of(n)), KINDS[n], FILTERS.get(n, {})) for n in names]
    assert run_host(tmp_path, AGREE.format(plugins=plugins)) == []


def test_the_meter_says_levels_and_ends_with_the_loudest(tmp_path):
    script = PLUGINS / "true_peak_meter.py"
    result = launch(
        "audiotestsrc volume=0.5 num-buffers=60 samplesperbuffer=80 "
        f"! audio/x-raw,rate=8000,format=F32LE ! pythonsink script={script}",
        *("-m", "--no-position"),
        cwd=tmp_path,
        NUMBA_DISABLE_JIT="1",
    )
    assert result.code == 0, result.err
    assert b": levels, " in result.out and b": loudest, " in result.out
    assert b"true_peak=" in result.out and b"end=(double)" in result.out
