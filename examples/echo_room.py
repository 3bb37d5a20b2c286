#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A room with a loudspeaker, a microphone and somebody in it; used by echo.sh.

    echo_room.py make FOLDER                 the room, as WAV files in FOLDER
    echo_room.py measure FOLDER HEARD.wav    what an echo canceller made of it

FOLDER has to have loudspeaker.wav, what the loudspeaker plays, and speaker.wav,
what somebody beside it says.
"""

import pathlib
import sys
import wave

import numpy as np

RATE = 16000
BEGIN = 12  # seconds: the second speaker speaks from here on
LEARNING = 5  # seconds: before them nobody measures
DECAY = 0.25  # seconds in which the room's echo falls by 60 dB
DISTANCE = 0.008  # seconds from the loudspeaker to the microphone
NOISE = 10 ** (-66 / 20)


def read(path):
    """The samples of a WAV file with one channel, at RATE; full scale is 1."""
    with wave.open(str(path)) as file:
        assert (file.getsampwidth(), file.getnchannels()) == (2, 1), path
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
        rate = file.getframerate()
    if rate == RATE:
        return samples
    frames = len(samples) * RATE // rate
    spectrum = np.fft.rfft(samples)
    wanted = np.zeros(frames // 2 + 1, complex)
    both = min(len(spectrum), len(wanted))
    wanted[:both] = spectrum[:both]
    return np.fft.irfft(wanted, frames) * frames / len(samples)


def write(path, *channels):
    """A WAV file of 16 bits."""
    samples = np.clip(np.stack(channels, 1) * 32768, -32768, 32767)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples).astype("<i2").tobytes())


def room(seed):
    """The impulse response from the loudspeaker to the microphone: noise that
    decays, after the direct sound, and as much energy out as in."""
    time = np.arange(int(1.2 * DECAY * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    response = noise * 10 ** (-3 * time / DECAY)
    direct = int(DISTANCE * RATE)
    response[:direct] = 0.0
    response[direct] = 4.0
    return response / np.sqrt(response @ response)


def through(samples, response):
    """The samples in a room with that response."""
    size = 1 << (len(samples) + len(response)).bit_length()
    product = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product)[: len(samples)]


def recording(played, spoken, seed=1):
    """(echo, second speaker, microphone), each as long as what was played.

    The two are as loud as each other in the microphone.
    """
    echo = through(played, room(seed))
    second = np.zeros(len(played))
    spoken = spoken[: len(played) - BEGIN * RATE]
    loudness = np.sqrt((echo @ echo / len(echo)) / (spoken @ spoken / len(spoken)))
    second[BEGIN * RATE :][: len(spoken)] = spoken * loudness
    noise = np.random.default_rng(seed + 1).standard_normal(len(played))
    return echo, second, echo + second + NOISE * noise


def measure(microphone, second, heard):
    """(ERLE in dB, gain in dB of the second speaker, and their level to all else).

    The echo's return loss enhancement is measured where only the loudspeaker
    speaks, once an echo canceller had time to learn; the second speaker while they
    speak, and the loudspeaker too.
    """
    frames = min(len(heard), len(microphone))
    heard, microphone, second = heard[:frames], microphone[:frames], second[:frames]
    when = np.arange(frames)
    speaks = np.flatnonzero(second)
    first, last = speaks[0], speaks[-1]
    alone = (when > LEARNING * RATE) & ((when < first) | (when > last + RATE // 2))
    erle = decibels(power(microphone[alone]) / power(heard[alone]))
    said, got = second[first:last], heard[first:last]
    gain = (got @ said) / (said @ said)
    rest = power(got - gain * said)
    return erle, 2 * decibels(abs(gain)), decibels(power(gain * said) / rest)


def power(samples):
    return float(np.mean(np.square(samples))) + 1e-15


def decibels(ratio):
    return 10 * np.log10(ratio)


def aligned(heard, second, most=RATE // 5):
    """Without the time that an echo canceller takes, which is not known."""
    size = 1 << (len(heard) + len(second)).bit_length()
    product = np.fft.rfft(heard, size) * np.fft.rfft(second, size).conj()
    late = int(np.argmax(np.abs(np.fft.irfft(product, size)[:most])))
    return heard[late:]


def main():
    command, folder, *more = sys.argv[1:]
    folder = pathlib.Path(folder)
    if command == "make":
        played = read(folder / "loudspeaker.wav")
        played = 0.25 * played / np.abs(played).max()
        echo, second, microphone = recording(played, read(folder / "speaker.wav"))
        write(folder / "far_end.wav", played)
        write(folder / "second.wav", second)
        write(folder / "microphone.wav", microphone)
        write(folder / "both.wav", played, microphone)
    elif command == "measure":
        second = read(folder / "second.wav")
        heard = aligned(read(more[0]), second)
        erle, gain, rest = measure(read(folder / "microphone.wav"), second, heard)
        print(
            f"the echo is {erle:.1f} dB less (ERLE); the second speaker is "
            f"{gain:+.1f} dB, {rest:.1f} dB over all that is not them"
        )
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
