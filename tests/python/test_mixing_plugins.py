# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mixers and splitters that come along, heard and measured in arrays."""

import math
import sys

import numpy as np
import pytest

import processes
import soak
from channel_splitter import ChannelSplitter
from comparer import Comparer
from conference import Conference
from ducker import Ducker
from echo_canceller import EchoCanceller
from mid_side_splitter import MidSideSplitter
from mixing import mix, split, started
from side_chain_compressor import SideChainCompressor

sys.path.append(str(processes.ROOT / "examples"))
import echo_room  # noqa: E402

RATE = 48000


def tone(seconds, amplitude=1.0, hertz=440.0, channels=1):
    wave = amplitude * np.sin(2 * np.pi * hertz * np.arange(seconds * RATE) / RATE)
    return np.tile(wave.astype(np.float32), (channels, 1))


def decibels(gain):
    return 20 * np.log10(gain)


def gain_of(heard, given):
    """The gain of each millisecond, in dB, of two streams whose peaks agree."""
    steps = heard.shape[1] // 48
    loud = np.abs(given[0, : steps * 48]).reshape(steps, 48)
    out = np.abs(heard[0, : steps * 48]).reshape(steps, 48)
    return decibels(out.max(1) / loud.max(1))


# ---- ducker


def test_ducker_makes_room_and_gives_it_back():
    music = np.full((2, 3 * RATE), 0.5, np.float32)
    voice = np.zeros((1, 3 * RATE), np.float32)
    voice[:, RATE : RATE + RATE // 2] = tone(0.5, 0.2)
    plugin = started(Ducker(), RATE, 2, depth=-20.0, hold=100.0, release=100.0)
    heard = mix(plugin, {"music": music, "voice": voice}, 480, 2)
    gain = gain_of(heard, music)
    assert np.abs(gain[:999]).max() < 1e-5  # untouched
    assert -14.0 < gain[1020] < -11.0  # 63 % after the attack
    assert np.abs(gain[1200:1590] + 20.0).max() < 0.01  # also after it, for the hold
    assert np.abs(gain[1700] + 20.0 / math.e) < 1.0
    assert abs(gain[2900]) < 0.01
    assert np.abs(np.diff(decibels(heard[1] / 0.5))).max() < 0.03  # no click


def test_ducker_hears_no_hum_and_any_channel():
    music = np.full((1, RATE), 0.5, np.float32)
    plugin = started(Ducker(), RATE)
    hum = {"music": music, "voice": tone(1, 0.009)}
    assert np.abs(gain_of(mix(plugin, hum, 480, 1), music)).max() < 1e-5
    left_only = np.concatenate((0 * tone(1), tone(1, 0.1)))
    heard = mix(plugin, {"music": music, "voice": left_only}, 480, 1)
    assert gain_of(heard, music)[-1] == pytest.approx(-12.0, abs=0.01)
    plugin.reset()
    heard = mix(plugin, {"music": music, "voice": 0 * music}, 480, 1)
    np.testing.assert_array_equal(heard, music)


@pytest.mark.parametrize("block", [7, 32, 100, 480, 4800])
def test_block_size_makes_no_difference_to_the_end(block):
    music = np.full((1, RATE), 0.5, np.float32)
    streams = {"music": music, "voice": tone(1, 0.5)}
    heard = mix(started(Ducker(), RATE), streams, block, 1)
    # A block of no whole steps has one shorter step more.
    end = gain_of(heard, music)[-1]
    assert end == pytest.approx(-12.0, abs=0.01)


# ---- side-chain compressor


# The first is in the middle of the knee.
@soak.one_in(2)
@pytest.mark.parametrize("key, less", [(-30, 0.5625), (-10, 15), (0, 22.5), (-40, 0)])
def test_side_chain_compressor_goes_by_the_key(key, less):
    signal = np.full((1, RATE), 0.25, np.float32)
    streams = {"signal": signal, "key": np.full((1, RATE), 10 ** (key / 20))}
    plugin = started(SideChainCompressor(), RATE, ratio=4.0, knee=6.0)
    gain = gain_of(mix(plugin, streams, 256, 1), signal)
    assert gain[-1] == pytest.approx(-less, abs=0.02)


def test_side_chain_compressor_without_knee_and_with_makeup():
    signal = np.full((1, RATE), 0.25, np.float32)
    streams = {"signal": signal, "key": np.full((1, RATE), 0.1)}  # -20 dB
    plugin = started(SideChainCompressor(), RATE, ratio=2.0, knee=0.0, makeup=6.0)
    gain = gain_of(mix(plugin, streams, 256, 1), signal)
    assert gain[-1] == pytest.approx(-5.0 + 6.0, abs=0.02)
    quiet = {"signal": signal, "key": 0 * signal}
    gain = gain_of(mix(plugin, quiet, 256, 1), signal)
    assert gain[-1] == pytest.approx(6.0, abs=0.02)


def test_side_chain_compressor_works_sample_by_sample():
    signal = np.full((2, 2400), 0.5, np.float32)
    key = np.full((1, 2400), 0.1)  # -20 dB, and nothing from the middle on
    key[:, 1200:] = 0
    plugin = started(SideChainCompressor(), RATE, 2, knee=0.0, ratio=2.0, attack=5.0)
    heard = mix(plugin, {"signal": signal, "key": key}, 240, 2)
    fall, rise = np.exp(-1 / (0.005 * RATE)), np.exp(-1 / (0.1 * RATE))
    wanted, released, reduction = [], 0.0, 0.0
    for frame in range(2400):
        released = 5.0 if frame < 1200 else rise * released
        reduction = fall * reduction + (1 - fall) * released
        wanted.append(10 ** (-reduction / 20) / 2)
    np.testing.assert_allclose(heard, [wanted, wanted], rtol=1e-6)
    # The attack is 63 % after 5 ms, in dB.
    assert decibels(heard[0, 239] / 0.5) == pytest.approx(
        -5 * (1 - 1 / math.e), abs=0.01
    )


def test_side_chain_compressor_without_a_key_is_its_signal():
    signal = tone(0.1, 0.9, channels=2)
    plugin = started(SideChainCompressor(), RATE, 2)
    streams = {"signal": signal, "key": 0 * signal}
    heard = mix(plugin, streams, 256, 2, absent=("key",))
    np.testing.assert_array_equal(heard, signal[:, : heard.shape[1]])


# ---- conference


def test_nobody_in_the_conference_hears_themselves():
    said = {name: tone(1, 0.1 * i + 0.1, 300.0 + 100 * i) for i, name in enumerate(
        ("first", "second", "third"))}  # fmt: skip
    plugin = started(Conference(), RATE, 3)
    heard = mix(plugin, said, 480, 3)
    first, second, third = (each[0] for each in said.values())
    wanted = np.stack((second + third, first + third, first + second))
    np.testing.assert_allclose(heard, wanted[:, : heard.shape[1]], atol=1e-6)
    settings = {"first": {"mute": True}, "third": {"gain": 2.0}}
    heard = mix(plugin, said, 480, 3, absent=("second",), settings=settings)
    np.testing.assert_allclose(heard[0], 2 * third[: heard.shape[1]], atol=1e-6)
    np.testing.assert_array_equal(heard[2], 0.0)


# ---- comparer


def test_comparer_posts_the_ratio_of_each_second_and_of_all():
    reference = tone(2, 0.5, channels=2)
    noise = np.random.default_rng(1).standard_normal(reference.shape)
    noise[:, :RATE] *= 0.01
    noise[:, RATE:] *= 0.001
    plugin = started(Comparer(), RATE, 2)
    streams = {"reference": reference, "compared": reference + noise}
    heard = mix(plugin, streams, 480, 2)
    np.testing.assert_allclose(heard, noise, atol=1e-6)
    (name, one), (_, two) = plugin.posted
    assert name == "comparison"
    power = 10 * math.log10(0.5**2 / 2)
    assert one["snr"] == pytest.approx(power + 40.0, abs=0.1) == one["total"]
    assert two["snr"] == pytest.approx(power + 60.0, abs=0.1)
    assert two["total"] == pytest.approx(power + 40.0 + 2.97, abs=0.1)
    for each, when in ((one, noise[:, :RATE]), (two, noise[:, RATE:])):
        assert each["peak"] == pytest.approx(np.abs(when).max(), rel=1e-3)
    assert plugin.drain() is None and len(plugin.posted) == 2


def test_comparer_of_the_same_and_of_what_cannot_be_compared():
    plugin = started(Comparer(), RATE)
    same = {"reference": tone(0.5), "compared": tone(0.5)}
    mix(plugin, same, 480, 1)
    assert not plugin.posted
    plugin.drain()
    [(_, fields)] = plugin.posted
    assert fields == {"snr": math.inf, "total": math.inf, "peak": 0.0}
    other = {"reference": tone(0.1), "compared": tone(0.1, channels=2)}
    with pytest.raises(ValueError, match="has 1 channels and what is compared has 2"):
        mix(plugin, other, 480, 1)


# ---- splitters


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32"])
def test_channel_splitter(dtype):
    data = np.arange(12).reshape(3, 4).astype(dtype)
    parts = split(ChannelSplitter(), data, ("0", "2", "1", "3"), unlinked=("1",))
    np.testing.assert_array_equal(parts["0"], data[:1])
    np.testing.assert_array_equal(parts["2"], data[2:])
    np.testing.assert_array_equal(parts["1"], 0)  # nobody would hear it
    assert parts["3"] == "silent"


def test_mid_and_side_are_left_and_right_again():
    data = np.random.default_rng(2).standard_normal((2, 64)).astype(np.float32)
    parts = split(MidSideSplitter(), data, ("mid", "side"))
    mid, side = parts["mid"][0], parts["side"][0]
    np.testing.assert_allclose((mid + side, mid - side), data, atol=1e-6)
    parts = split(MidSideSplitter(), data, ("mid", "side"), unlinked=("mid",))
    assert not parts["mid"].any() and parts["side"].any()


# ---- echo canceller, in the room of examples/echo.sh


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """What the loudspeaker plays, and what somebody beside it says."""
    folder = tmp_path_factory.mktemp("speech")
    spoken = []
    for name, voice, text in (("far", "en-us", FAR), ("near", "en-gb+f3", NEAR)):
        path = folder / f"{name}.wav"
        result = processes.run(["espeak-ng", "-v", voice, "-w", path, text])
        assert result.code == 0, result.err
        spoken.append(echo_room.read(path))
    far, near = spoken
    return 0.25 * far / np.abs(far).max(), near


FAR = (
    "Good morning. The results of the first quarter are on the screen behind me. "
    "Sales in the north went up by seven percent, and those in the south stayed "
    "where they were. We opened two new shops in March, and a third one will follow "
    "in June. Let us look at the costs next. Transport became cheaper, but energy "
    "did not."
)
NEAR = "May I ask something here? Does that include the online shop?"


def cancelled(played, microphone, **parameters):
    plugin = started(EchoCanceller(), echo_room.RATE, **parameters)
    streams = {"microphone": microphone[None], "far_end": played[None]}
    return mix(plugin, streams, EchoCanceller.block_size, 1, echo_room.RATE)[0]


def left_of(echo, heard, second, microphone, begin, end):
    """How much less of the echo there is in these seconds, in dB."""
    when = slice(int(begin * echo_room.RATE), int(end * echo_room.RATE))
    quiet = microphone - (echo + second)[: len(microphone)]
    rest = heard - (second[: len(quiet)] + quiet)[: len(heard)]
    return echo_room.decibels(echo_room.power(echo[when]) / echo_room.power(rest[when]))


def test_echo_is_gone_and_the_second_speaker_is_not(speech):
    echo, second, microphone = echo_room.recording(*speech)
    heard = cancelled(speech[0], microphone)
    erle, gain, rest = echo_room.measure(microphone, second, heard)
    assert erle >= 25.0
    assert abs(gain) < 0.1 and rest >= 20.0
    # Also while both speak.
    assert left_of(echo, heard, second, microphone, 12, 15) >= 20.0


def test_echo_of_another_loudness_and_of_a_room_that_changes(speech):
    played, spoken = speech
    echo, second, microphone = echo_room.recording(played, spoken)
    for gain in (0.1, 10.0):
        louder = (microphone + (gain - 1.0) * echo)[: 11 * echo_room.RATE]
        heard = cancelled(played, louder)
        assert left_of(gain * echo, heard, second, louder, 6, 11) >= 18.0
    other = echo_room.recording(played, spoken, seed=7)[0]
    changes = 8 * echo_room.RATE
    echo[changes:] = other[changes:]
    changed = (echo + second)[: 12 * echo_room.RATE]
    heard = cancelled(played, changed)
    assert left_of(echo, heard, second, changed, 4, 8) >= 20.0
    assert left_of(echo, heard, second, changed, 8, 10) >= -1.0  # never worse
    assert left_of(echo, heard, second, changed, 10, 12) >= 15.0


def test_echo_canceller_leaves_alone_what_is_no_echo(speech):
    """Nothing is played; and somebody speaks from the first second on."""
    played, spoken = speech
    alone = spoken[: 4 * echo_room.RATE]
    heard = cancelled(0 * alone, alone)
    np.testing.assert_allclose(heard, alone[: len(heard)], atol=1e-6)
    echo = echo_room.through(played[: len(alone)], echo_room.room(3))
    loud = 3.0 * alone * np.sqrt(echo_room.power(echo) / echo_room.power(alone))
    heard = cancelled(played[: len(alone)], echo + loud)
    quarter = len(heard) // 4
    kept = heard[quarter:] - loud[quarter : len(heard)]
    assert echo_room.power(kept) <= 1.2 * echo_room.power(echo)


@pytest.mark.parametrize("which", ["played", "microphone"])
def test_echo_canceller_survives_samples_that_are_no_numbers(speech, which):
    played, spoken = speech
    frames = 8 * echo_room.RATE
    streams = {
        "played": played[:frames].copy(),
        "microphone": echo_room.recording(played, spoken)[2][:frames],
    }
    streams[which][2 * echo_room.RATE] = np.nan
    heard = cancelled(**streams, tail=100.0)
    late = slice(7 * echo_room.RATE, len(heard))
    assert np.isfinite(heard[3 * echo_room.RATE :]).all()
    wanted = 0.05 * echo_room.power(streams["microphone"][late])
    assert echo_room.power(heard[late]) < wanted
