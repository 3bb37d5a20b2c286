#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What pythonfilter-corpus adds to the pipelines that it runs.

    corpus.py [FILES [ROUNDS]]      default: 10000 files of 1 s, 3 rounds

By turns: our run, on each core; a bare loop over one warm process, which makes a
pipeline for each file by Gst.parse_launch and nothing else; and, over a hundredth of
the files, a shell loop of gst-launch-1.0. Speeds are of the medians; the bare loops
write no byte to the disk for sure, and ours does. GST_PLUGIN_PATH says where the
element is.

The overhead is what a file takes beyond the bare loop of the same round: as CPU, and
as time of a core, which is the wall clock times the processes that play at once (the
shell loop is one). What ours adds is less than two rounds of the bare loop differ by,
and may come out below nothing. So besides the median there is the worst round, and
the shell loop's overhead is compared with that one.

Nobody pays for another one: what one has left to write is written before the next
begins, and nothing is removed before the end, as ext4 looks at each file that was
removed of late whenever a new one is made. What is ours is timed from before the
folder of the inputs is looked through; the bare loop has its list, and is timed from
its second file on.
"""

import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import wave

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
PLUGINS = HERE.parents[1] / "plugins_py"
sys.path.insert(0, str(PLUGINS))

from pythonfilter_corpus import Corpus, Job, engines  # noqa: E402

SCRIPT = PLUGINS / "simple_gain.py"
LINE = "filesrc location={} ! decodebin ! audioconvert ! audioresample ! "
LINE += f"pythonfilter name=p script={SCRIPT} ! audioconvert ! flacenc ! filesink location={{}}"

BARE = f"""
import sys, time
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
wanted = Gst.MessageType.EOS | Gst.MessageType.ERROR
files, out = sys.argv[1:]
names = open(files).read().split()

def play(name, number):
    pipeline = Gst.parse_launch({LINE!r}.format(name, f"{{out}}/{{number}}.flac"))
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, wanted)
    assert message.type == Gst.MessageType.EOS, message.parse_error()
    pipeline.set_state(Gst.State.NULL)

keep = Gst.parse_launch("pythonfilter script={SCRIPT}")
keep.set_state(Gst.State.READY)  # so that Python and the plugin's modules stay
play(names[0], 0)
begin = time.perf_counter()
for number, name in enumerate(names):
    play(name, number)
print(time.perf_counter() - begin)
keep.set_state(Gst.State.NULL)
"""


def make(folder, count):
    names = []
    for number in range(count):
        name = folder / "in" / f"{number}.wav"
        names.append(str(name))
        noise = np.random.default_rng(number).standard_normal(16000) * 3000
        with wave.open(str(name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(noise.astype("<i2").tobytes())
    return names


def ours(folder, out, engine):
    begin = time.perf_counter()
    job = Job(str(SCRIPT), str(out), format="flac")
    corpus = Corpus.files(str(folder / "in"))
    first = None
    results = job.run(corpus, engines.named(engine, 0))
    for result in results:
        assert result.state == "done", result
        first = first or time.perf_counter()
    end = time.perf_counter()
    return end - begin, first - begin


def bare(folder, out, names):
    """In one process for each core, as ours."""
    cores = engines.cores()
    running = []
    for core in range(cores):
        mine = out / str(core)
        mine.mkdir(parents=True)
        (folder / f"names{core}").write_text("\n".join(names[core::cores]))
        words = [sys.executable, "-c", BARE, folder / f"names{core}", mine]
        running.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
    return max(float(each.communicate()[0]) for each in running)


def shell(out, names):
    out.mkdir()
    lines = [
        "gst-launch-1.0 -q " + LINE.format(name, out / f"{number}.flac")
        for number, name in enumerate(names)
    ]
    begin = time.perf_counter()
    subprocess.run(["bash", "-ec", "\n".join(lines)], check=True)
    return time.perf_counter() - begin


def cpu():
    """Seconds of this process and of those that have ended."""
    whose = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    used = map(resource.getrusage, whose)
    return sum(each.ru_utime + each.ru_stime for each in used)


def main(count=10000, rounds=3):
    cores = engines.cores()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "in").mkdir()
        names = make(folder, count)
        few = names[: max(10, count // 100)]
        times = {"local": [], "bare": [], "shell": []}
        used = {"local": [], "bare": [], "shell": []}
        for each in range(rounds):
            out = folder / f"round{each}"
            out.mkdir()
            os.sync()
            marks = [cpu()]
            times["bare"].append(bare(folder, out / "bare", names) / count)
            marks.append(cpu())
            os.sync()
            whole, first = ours(folder, out / "local", "local")
            times["local"].append(whole / count)
            marks.append(cpu())
            os.sync()
            times["shell"].append(shell(out / "shell", few) / len(few))
            marks.append(cpu())
            for key, number in (("bare", 0), ("local", 1), ("shell", 2)):
                of = len(few) if key == "shell" else count
                used[key].append((marks[number + 1] - marks[number]) / of)
            shown = {key: round(value[-1] * 1000, 2) for key, value in times.items()}
            print(f"round {each}: ms a file {shown}, first result after {first:.2f} s")
        at_once = {"local": cores, "bare": cores, "shell": 1}
        core = {key: [t * at_once[key] for t in value] for key, value in times.items()}
        work = {key: statistics.median(value) for key, value in used.items()}
        median = {key: statistics.median(value) for key, value in times.items()}
    print(f"{count} files of 1 s, {cores} cores, medians of {rounds} rounds")
    for key, value in median.items():
        print(
            f"  {key:6} {value * 1000:8.3f} ms a file, {1 / value:8.1f} x real time, "
            f"{work[key] * 1000:.3f} ms of CPU"
        )
    ratio = median["bare"] / median["local"]
    print(f"  speed against the bare loop on {cores} cores: {ratio:.2f}")
    print(f"  speed against the shell loop: {median['shell'] / median['local']:.0f}")
    tell_overhead("time of a core", core)
    tell_overhead("CPU", used)


def tell_overhead(what, spent):
    """spent: seconds a file, by whose they are, of each round."""
    ours, shells = (
        [(one - bare) * 1000 for one, bare in zip(spent[key], spent["bare"])]
        for key in ("local", "shell")
    )
    shell = statistics.median(shells)
    print(
        f"  overhead of a file, {what}: {statistics.median(ours):.2f} ms, worst round "
        f"{max(ours):.2f} ms; of the shell loop {shell:.1f} ms"
        + (f", {shell / max(ours):.0f} x that of the worst" if max(ours) > 0 else "")
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
