# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter_corpus: whatever is killed, and whenever, it goes on from there."""

import contextlib
import os
import pathlib
import random
import shlex
import signal
import socket
import subprocess
import time

import numpy as np
import pytest

import corpora
from corpora import counted, end_group, events, make, read_wav, samples_of
from corpora import start_group
import soak
from processes import PLUGINS, PYTHON, environment
from pythonfilter_corpus import tend
from pythonfilter_corpus.folder import Folder
from pythonfilter_corpus.ledger import Reader
from soak import SOAK, count
from waiting import HANG, eventually

COMMAND = PLUGINS / "pythonfilter-corpus"


def look_at_all(folder, files, killed, what):
    """Each is told once, and only what was being done was done again."""
    done, begun = counted(folder, "done"), counted(folder, "begin")
    twice = sum(times > 1 for times in done.values())
    again = sum(times - 1 for times in begun.values())
    lost = files - len(done)
    told = f"{what}: {killed} kills, {files} files, {lost} lost, {twice} done twice, "
    print(f"{told}{again} begun again", flush=True)
    assert (lost, twice) == (0, 0), told
    # By two runners, each of which may have so many on their way to the disk.
    assert again <= 2 * tend.AHEAD * killed
    failed = [each for each in events(folder) if each["event"] == "failed"]
    assert [each for each in failed if each["kind"] != "crash"] == []
    assert not os.listdir(folder / "out/.pythonfilter/parts")


def look_at_sound(folder, files):
    for number in range(files):
        out = read_wav(folder / f"out/{number}.wav")
        assert np.array_equal(out, samples_of(number, 800) // 2), number


def below(pid):
    """The processes that a process has started, and they."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += [int(child), *below(int(child))]
    return found


def kill(*pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@soak.one_in(2)
@pytest.mark.parametrize("engine", ("threads", "local"))
def test_killed_at_any_instant_nothing_is_wrong_lost_or_done_twice(engine, tmp_path):
    if engine == "local":
        pytest.importorskip("distributed")
    kills = count(2, 500, "PYTHONFILTER_KILLS")
    files = max(40, 8 * kills)
    make(tmp_path, files, frames=800)
    chance = random.Random(os.environ.get("PYTHONFILTER_SEED", "a corpus"))
    words = ["run", "plugin.py", "--in", "in", "--out", "out", "--engine", engine]
    words += ["--workers", "2", "--retries", "1000"]
    begun, done, killed = Counted(tmp_path, "begin"), Counted(tmp_path, "done"), 0
    while killed < kills and done() < files:
        process = subprocess.Popen(
            [PYTHON, COMMAND, *words],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # While the files go on, which ends soon; sometimes before any has begun.
        if chance.random() < 0.9:
            more = begun() + chance.randrange(8)
            eventually(lambda: process.poll() is not None or begun() > more, "a file")
        time.sleep(chance.random() * 0.02)
        runners = below(process.pid)
        all_at_once = chance.random() < 0.7
        kill(*([process.pid] if all_at_once else []), *runners[: chance.randint(0, 2)])
        killed += 1
        if not all_at_once:
            kill(process.pid) if chance.random() < 0.5 else process.terminate()
        process.wait(HANG)
        eventually(lambda: not any(map(alive, runners)), "the end of the runners")
    last = subprocess.run(
        [PYTHON, COMMAND, *words],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        timeout=HANG,
    )
    assert last.returncode == 0, last.stderr.decode()
    look_at_all(tmp_path, files, killed, engine)
    look_at_sound(tmp_path, files)


class Counted:
    """How many lines of the kind there are, of which it reads each once."""

    def __init__(self, folder, what):
        self._reader, self._what = Reader(Folder(str(folder / "out"))), what
        self._count = 0

    def __call__(self):
        lines = self._reader.read()
        self._count += sum(each.get("event") == self._what for each in lines)
        return self._count


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# -- a cluster

PACED = """
import time
from base_plugin import AudioProcessorPlugin, Param

class Paced(AudioProcessorPlugin):
    gain = Param(0.5)

    def process_audio(self, buffer):
        time.sleep(0.1)  # so that not all is done while others start again
        buffer.data *= self.gain
"""


class Cluster:
    """A scheduler, a worker with two threads, and the command: each is restarted."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._folder, self._parts = folder, {}
        self._address = f"tcp://127.0.0.1:{self.port}"
        options = ("--nworkers", "2", "--nthreads", "1", "--no-dashboard")
        worker = shlex.join(["dask-worker", self._address, *options])
        self.start("scheduler")
        # As a service that restarts it.
        again = f"while :; do {worker}; sleep 0.2; done"
        self._parts["workers"] = start_group("sh", "-c", again, cwd=folder)
        self.start("command")

    def start(self, which):
        words = ["dask-scheduler", "--port", self.port, "--no-dashboard"]
        if which == "command":
            words = [PYTHON, COMMAND, "run", "plugin.py", "--in", "in", "--out", "out"]
            words += ["--retries", "1000", "--engine", self._address]
        self._parts[which] = start_group(*words, cwd=self._folder)

    def ended(self):
        """The exit status of the command, or None."""
        return self._parts["command"].poll()

    def kill(self, chance):
        """A process of them, or all: what it was, or nothing if there was none."""
        what = chance.choice(["runner", "worker", "command", "scheduler", "all"])
        those = below(self._parts["workers"].pid)
        if what in ("runner", "worker"):
            those = [pid for pid in those if is_runner(pid) == (what == "runner")]
            those = those and [chance.choice(those)]
        elif what != "all":
            those = []
        kill(*those)
        for which in ("command", "scheduler"):
            if what in (which, "all"):
                end_group(self._parts[which])
                self.start(which)
        return what if those or what in ("command", "scheduler") else ""

    def close(self):
        for each in self._parts.values():
            end_group(each)


def is_runner(pid):
    with contextlib.suppress(OSError):
        return (
            b"pythonfilter_corpus.runner"
            in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        )
    return False


@pytest.mark.skipif(
    not (SOAK or "PYTHONFILTER_KILLS" in os.environ), reason="a cluster: in a soak"
)
def test_killed_on_a_cluster_nothing_is_wrong_lost_or_done_twice(tmp_path):
    pytest.importorskip("distributed")
    kills = count(0, 500, "PYTHONFILTER_KILLS")
    files = 40 * kills
    make(tmp_path, files, frames=800, plugin=PACED)
    chance = random.Random(os.environ.get("PYTHONFILTER_SEED", "a cluster"))
    begun, killed = Counted(tmp_path, "begin"), []
    cluster = Cluster(tmp_path)
    try:
        while len(killed) < kills:
            # While the files go on; sometimes while something starts again.
            if chance.random() < 0.7:
                more = begun() + chance.randrange(8)
                eventually(lambda: cluster.ended() is not None or begun() > more)
            time.sleep(chance.random() * 0.2)
            if cluster.ended() is None:
                killed += filter(None, [cluster.kill(chance)])
                continue
            # Nobody was there for it as long as it waits, or all is done.
            assert cluster.ended() in (0, 2)
            if cluster.ended() == 0:
                for number in range(files, files + 40):
                    path = tmp_path / "in" / f"{number}.wav"
                    corpora.write_wav(path, samples_of(number, 800))
                files += 40
            cluster.start("command")
        while eventually(lambda: cluster.ended() is not None, "its end", 10 * HANG):
            assert cluster.ended() in (0, 2)
            if cluster.ended() == 0:
                break
            cluster.start("command")
    finally:
        cluster.close()
    kinds = ", ".join(f"{killed.count(each)} {each}" for each in sorted(set(killed)))
    look_at_all(tmp_path, files, len(killed), f"a cluster ({kinds})")
    look_at_sound(tmp_path, files)
