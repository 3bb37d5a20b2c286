# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small corpora, and what came of them."""

import collections
import contextlib
import json
import os
import signal
import subprocess
import wave

import numpy as np

from processes import PLUGINS, environment
from waiting import HANG
from pythonfilter_corpus import Corpus, Job, Threads

RATE = 8000
PLUGIN = """
from base_plugin import AudioProcessorPlugin, Param

class Halves(AudioProcessorPlugin):
    gain = Param(0.5)

    def process_audio(self, buffer):
        buffer.data *= self.gain
"""


def samples_of(number, frames=1600):
    """Even numbers, so that half of each is one of 16 bits."""
    noise = np.random.default_rng(number).integers(-8000, 8000, frames)
    return (noise * 2).astype("<i2")


def write_wav(path, samples, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


def read_wav(path):
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(1 << 30), "<i2")


def make(folder, count, frames=1600, plugin=PLUGIN):
    """Files in/0.wav … and plugin.py; what Corpus.files() is given."""
    for number in range(count):
        write_wav(folder / "in" / f"{number}.wav", samples_of(number, frames))
    (folder / "plugin.py").write_text(plugin)
    return str(folder / "in")


def job(folder, **more):
    return Job(str(folder / "plugin.py"), str(folder / "out"), **more)


def run(folder, workers=1, **more):
    """The results, by the names of the inputs without .wav."""
    corpus = Corpus.files(str(folder / "in"))
    results = list(job(folder, **more).run(corpus, Threads(workers)))
    return {
        each.input.rpartition("/")[2].removesuffix(".wav"): each for each in results
    }


def events(folder):
    lines = []
    for path in sorted((folder / "out/.pythonfilter/ledger").glob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                pass  # torn off
    return lines


def counted(folder, what):
    """How often that came of each work."""
    found = (each["id"] for each in events(folder) if each["event"] == what)
    return collections.Counter(found)


def start_group(*words, **more):
    """Nobody hears what it says; it and all that it starts end by end_group()."""
    return subprocess.Popen(
        [str(word) for word in words],
        env=environment(PYTHONPATH=PLUGINS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **more,
    )


def end_group(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(HANG)
