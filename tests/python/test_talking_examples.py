# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples that measure: the level meter and the voice detector."""

import subprocess
import wave

import numpy as np
import pytest

import soak
from application import run_application
from base_plugin import AudioBuffer
from shipped_plugins import file_of, started

METER = "level_meter"
VOICE = "voice_activity"
RATE = 16000


def fed(name, samples, rate=RATE, size=512, **parameters):
    """The plugin after samples (channels, frames), and what it posted with its time."""
    plugin = started(name, samples.shape[0], rate, **parameters)
    posted = []
    for start in range(0, samples.shape[1], size):
        part = samples[:, start : start + size]
        buffer = AudioBuffer(*part.shape)
        buffer.data = part
        buffer.data.flags.writeable = False
        assert plugin.process_audio(buffer)
        while plugin.posted:
            posted.append((start / rate, *plugin.posted.popleft()))
    return plugin, posted


# ---- the level meter --------------------------------------------------------


@soak.one_in(3)
@pytest.mark.parametrize("sample_format", ["F32LE", "S16LE", "F64LE", "S32LE"])
@pytest.mark.parametrize("wave_form", ["ticks", "pink-noise", "silence"])
def test_meter_says_what_level_says(tmp_path, sample_format, wave_form):
    """To a hundredth of a dB: the same messages, also of a peak that decays."""
    code = f"""
    pipeline, p = make("audiotestsrc num-buffers=700 samplesperbuffer=480 wave={wave_form}"
        " volume=0.7 tick-interval=700000000 sine-periods-per-tick=40"
        " ! audio/x-raw,format={sample_format},rate=48000,channels=2,layout=interleaved"
        " ! audiopanorama panorama=0.3 ! level name=level ! audioconvert"
        " ! audio/x-raw,format={sample_format}"
        " ! pythonfilter name=p script={file_of(METER)} ! fakesink")
    pipeline.set_state(Gst.State.PLAYING)
    told = {{"level": [], "p": []}}
    while True:
        message = wait(pipeline, Gst.MessageType.ELEMENT, Gst.MessageType.EOS)
        if message.type != Gst.MessageType.ELEMENT:
            assert message.type == Gst.MessageType.EOS, message.parse_error()
            break
        structure = message.get_structure()
        if structure.get_name() == "level":
            told[message.src.get_name()].append([
                structure.get_value("timestamp"),
                *(list(structure.get_value(name)) for name in ("rms", "peak", "decay")),
            ])
    pipeline.set_state(Gst.State.NULL)
    tell(told)
    """
    if sample_format in ("F64LE", "S32LE"):
        code = code.replace("! audiopanorama panorama=0.3 ", "")
    told = run_application(tmp_path, code)
    # `level` sends another one, of nothing, at EOS.
    theirs, ours = told["level"][:70], told["p"]
    assert len(ours) == len(theirs) == 70
    for their, our in zip(theirs, ours):
        # In the buffer that completes the interval.
        assert our[0] == their[0] + 90_000_000
        np.testing.assert_allclose(our[1:], their[1:], atol=0.01, rtol=0)
    if wave_form == "ticks":
        decays = {round(each[3][0], 3) for each in ours}
        assert len(decays) > 5, "the peak did not fall"


def test_meter_measures_across_buffers():
    rng = np.random.default_rng(1)
    samples = rng.standard_normal((2, RATE)).astype("f4") * 0.1
    whole = [fields for _, _, fields in fed(METER, samples, size=RATE)[1]]
    cut = [fields for _, _, fields in fed(METER, samples, size=77)[1]]
    assert len(whole) == len(cut) == 10
    for one, other in zip(whole, cut):
        np.testing.assert_allclose(one["rms"], other["rms"], atol=1e-6)
        assert one["peak"] == other["peak"]


def test_meter_has_its_own_interval_and_refuses_none():
    silence = np.zeros((1, RATE), "f4")
    assert len(fed(METER, silence, interval=0.25)[1]) == 4
    plugin, _ = fed(METER, silence)
    for key, value in [("interval", "0"), ("interval", "-1"), ("peak_ttl", "inf")]:
        with pytest.raises(ValueError):
            plugin.set_parameter(key, value)


# ---- the voice detector -----------------------------------------------------


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """A sentence at RATE, without the silence around it."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    text = "The quick brown fox jumps over the lazy dog."
    subprocess.run(["espeak-ng", "-v", "en", "-w", path, text], check=True)
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
        rate = file.getframerate()
    times = np.arange(int(samples.size * RATE / rate)) * rate / RATE
    samples = np.interp(times, np.arange(samples.size), samples)
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1]


def turns(samples, **more):
    """(seconds, active) of each message."""
    samples = np.atleast_2d(samples).astype("f4")
    return [
        (time, fields["active"])
        for time, name, fields in fed(VOICE, samples, **more)[1]
    ]


SILENCE = np.zeros(RATE)
NOISE = np.random.default_rng(1).standard_normal(12 * RATE)


@pytest.mark.parametrize("noise", [0, 0.001, 0.01])
def test_speech_is_found_where_it_is(speech, noise):
    seconds = speech.size / RATE
    samples = np.concatenate([SILENCE, speech, SILENCE, speech / 2, SILENCE])
    found = turns(samples + noise * NOISE[: samples.size])
    begin, end = 1.0, 1 + seconds
    expected = [
        (begin, True),
        (end, False),
        (end + 1, True),
        (end + 1 + seconds, False),
    ]
    assert [active for _, active in found] == [True, False, True, False]
    for (time, active), (when, _) in zip(found, expected):
        # In noise the quiet sentence's first word, "the", may be too short.
        latest = 0.4 if noise == 0.01 or not active else 0.2
        assert when - 0.15 < time < when + latest, found


def test_one_sentence_is_one_stretch_of_speech(speech):
    assert len(turns(np.concatenate([SILENCE, speech, SILENCE]))) == 2


def test_speech_at_the_very_start_is_found(speech):
    assert [active for _, active in turns(np.concatenate([speech, SILENCE]))] == [
        True,
        False,
    ]


@pytest.mark.parametrize("rms", [0, 0.001, 0.1, 0.5])
def test_noise_is_nobodys_voice(rms):
    steps = np.repeat([0, 1, 0.3, 1], 3 * RATE)
    assert turns(rms * steps * NOISE) == []


TONES = {
    "sine": lambda t: np.sin(2 * np.pi * 440 * t),
    "low sine": lambda t: np.sin(2 * np.pi * 120 * t),
    "square": lambda t: np.sign(np.sin(2 * np.pi * 220 * t)),
    "saw": lambda t: 2 * ((137.3 * t) % 1) - 1,
    "dial": lambda t: np.sin(2 * np.pi * 350 * t) / 2 + np.sin(2 * np.pi * 440 * t) / 2,
    "tremolo": lambda t: np.sin(2 * np.pi * 440 * t) * (1 + np.sin(8 * np.pi * t)) / 2,
    "beep": lambda t: np.sin(2 * np.pi * 440 * t) * ((2 * t) % 1 < 0.5),
}


@soak.one_in(3)
@pytest.mark.parametrize("rate", [RATE, 48000])
@pytest.mark.parametrize("tone", TONES)
def test_a_tone_is_nobodys_voice(tone, rate):
    samples = np.concatenate(
        [np.zeros(rate), TONES[tone](np.arange(3 * rate) / rate)] * 2
    )
    noise = np.resize(NOISE, samples.size)
    for level in (0.001, 0.01):
        assert turns(0.3 * samples + level * noise, rate=rate) == []


def test_a_voice_is_heard_after_a_tone_and_ends_before_one(speech):
    tone = 0.3 * TONES["sine"](np.arange(2 * RATE) / RATE)
    found = turns(np.concatenate([SILENCE, tone, SILENCE, speech, tone, SILENCE]))
    assert [active for _, active in found] == [True, False]
    begin, end = 4.0, 4 + speech.size / RATE
    assert begin < found[0][0] < begin + 0.2 and end < found[1][0] < end + 0.5, found


def test_cut_into_buffers_makes_no_difference(speech):
    samples = np.atleast_2d(np.concatenate([SILENCE, speech, SILENCE])).astype("f4")
    told = [
        [fields for *_, fields in fed(VOICE, samples, size=n)[1]]
        for n in (100, 512, 5000)
    ]
    assert told[0] == told[1] == told[2] != []


def test_voice_ends_with_the_stream(speech):
    plugin, found = fed(VOICE, np.atleast_2d(speech).astype("f4"))
    assert [fields["active"] for *_, fields in found] == [True]
    plugin.drain()
    plugin.drain()
    assert [fields["active"] for _, fields in plugin.posted] == [False]


def test_speech_in_any_channel_and_at_other_rates_is_found(speech):
    samples = np.concatenate([SILENCE, speech, SILENCE])
    stereo = np.stack([samples, np.zeros_like(samples)])
    assert [active for _, active in turns(stereo)] == [True, False]
    for rate in (8000, 44100):
        times = np.arange(int(samples.size * rate / RATE)) * RATE / rate
        resampled = np.interp(times, np.arange(samples.size), samples)
        assert [active for _, active in turns(resampled, rate=rate)] == [True, False]


def test_application_hears_who_speaks(tmp_path, speech):
    """With the time in the stream, through the element."""
    np.concatenate([SILENCE, speech, SILENCE]).astype("f4").tofile(tmp_path / "in.raw")
    code = f"""
    pipeline, p = make("filesrc location=in.raw blocksize=2048 ! rawaudioparse format=pcm"
        " pcm-format=f32le sample-rate={RATE} num-channels=1"
        " ! pythonfilter script={file_of(VOICE)} ! fakesink")
    pipeline.set_state(Gst.State.PLAYING)
    told = []
    while (message := wait(pipeline, Gst.MessageType.ELEMENT, Gst.MessageType.EOS)):
        if message.type == Gst.MessageType.EOS:
            break
        structure = message.get_structure()
        if structure.get_name() == "voice":
            told.append([structure.get_value("active"), structure.get_value("running-time")])
    pipeline.set_state(Gst.State.NULL)
    tell(told)
    """
    (begins, begin), (ends, end) = run_application(tmp_path, code)
    assert begins is True and ends is False
    assert 0.9e9 < begin < 1.3e9 < speech.size / RATE * 1e9 < end
