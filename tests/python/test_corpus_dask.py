# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter_corpus on Dask."""

import os
import shlex
import shutil
import subprocess
import sys
import urllib.request

import pytest

import corpora
from corpora import counted, end_group, make, read_wav, run, samples_of, start_group
from processes import PLUGINS, PYTHON, environment
from pythonfilter_corpus import Corpus, Run, Unusable, engines, tend
from soak import SOAK
from waiting import HANG, eventually

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """Two workers in this process, which is told from without."""
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
    ) as cluster:
        yield cluster.scheduler_address


def on(cluster, folder, **more):
    from pythonfilter_corpus.dask_engine import Dask

    corpus = Corpus.files(str(folder / "in"))
    return list(corpora.job(folder, **more).run(corpus, Dask(cluster)))


def test_a_cluster_that_is_there(cluster, tmp_path):
    make(tmp_path, 30)
    assert len(on(cluster, tmp_path)) == 30
    for number in range(30):
        out = read_wav(tmp_path / f"out/{number}.wav")
        assert (out == samples_of(number) // 2).all()
    assert set(counted(tmp_path, "done").values()) == {1}
    assert on(cluster, tmp_path) == []
    # What it gave back is let go of, and its runners have ended.
    with distributed.Client(cluster, set_as_default=False) as client:
        assert (
            client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
            == 0
        )
    assert not [each for each in tend._all if each.is_there()]


def test_workers_are_looked_at_before_the_first_file(cluster, tmp_path, monkeypatch):
    make(tmp_path, 2)
    monkeypatch.setattr(tend, "VERSION", "0.1")
    with pytest.raises(Unusable, match=r"tcp://.* has pythonfilter 0.1, and the run"):
        on(cluster, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(tend.Folder, "has_probe", lambda *_: False)
    with pytest.raises(Unusable, match="does not see .*out as it is"):
        on(cluster, tmp_path)
    monkeypatch.undo()
    assert counted(tmp_path, "begin") == {}
    (tmp_path / "plugin.py").write_text("import no_such_package\n")
    with pytest.raises(Unusable, match="no_such_package"):
        on(cluster, tmp_path)


def test_local_is_dask_in_this_process(tmp_path, monkeypatch):
    make(tmp_path, 4)
    engine = engines.named("local", 1)
    assert type(engine).__name__ == "Dask"
    corpus = Corpus.files(str(tmp_path / "in"))
    assert len(list(corpora.job(tmp_path).run(corpus, engine))) == 4
    with pytest.raises(Unusable, match="no address such as"):
        engines.named("scheduler", 1)
    monkeypatch.setattr("pythonfilter_corpus.dask_engine._CONNECT_SECONDS", 0.1)
    with pytest.raises(Unusable, match="there is no scheduler with workers at"):
        list(corpora.job(tmp_path).run(corpus, engines.named("tcp://127.0.0.1:1", 1)))


def test_its_page_is_there_and_is_told(tmp_path, capsys):
    from pythonfilter_corpus import cli

    make(tmp_path, 1)
    told = []

    def fetch(sentence):
        told.append(sentence)
        page = sentence.rpartition(" ")[2]
        with urllib.request.urlopen(page, timeout=HANG) as answer:
            told.append(answer.read())

    engine = engines.named("local", 1)
    this = Run(corpora.job(tmp_path), Corpus.files(str(tmp_path / "in")), engine)
    this.tell = fetch
    assert [each.state for each in this.results()] == ["done"]
    assert told[0].startswith("what the engine does is shown at http://127.0.0.1:")
    assert b"<html" in told[1].lower()
    # Where nothing is to be done, nothing is said.
    words = ("run", tmp_path / "plugin.py", "--in", tmp_path / "in", "--out")
    words += (tmp_path / "out", "--engine", "local", "--workers", "1")
    assert cli.main([str(each) for each in words]) == 0
    assert "shown at" not in capsys.readouterr().err


def test_without_dask_there_is_this_machine(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "pythonfilter_corpus.dask_engine", raising=False)
    assert isinstance(engines.named("local", 1), engines.Threads)
    with pytest.raises(Unusable, match="apt install python3-distributed"):
        engines.named("tcp://somewhere:8786", 0)


# -- two machines


class Machine:
    """A network of its own, from which only this one is reached."""

    def __init__(self, number):
        self.name = f"corpus-{os.getpid()}-{number}"
        self.here, self.there = f"10.213.{number}.1", f"10.213.{number}.2"
        link = f"corp{os.getpid() % 10000}v{number}"
        ip("netns", "add", self.name)
        ip("link", "add", link, "type", "veth", "peer", "eth0", "netns", self.name)
        ip("addr", "add", f"{self.here}/24", "dev", link)
        ip("link", "set", link, "up")
        ip("-n", self.name, "addr", "add", f"{self.there}/24", "dev", "eth0")
        ip("-n", self.name, "link", "set", "eth0", "up")
        ip("-n", self.name, "link", "set", "lo", "up")

    def start(self, *words):
        return start_group("ip", "netns", "exec", self.name, *words)

    def remove(self):
        ip("netns", "del", self.name)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.mark.skipif(not SOAK, reason="two machines: in a soak")
@pytest.mark.skipif(os.geteuid() != 0, reason="networks are made by root")
@pytest.mark.skipif(not shutil.which("ip"), reason="there is no iproute2")
def test_two_machines_and_a_scheduler_that_dies(tmp_path):
    files = 3000
    make(tmp_path, files, frames=8000)
    machines, processes = [], {}
    scheduler = ("dask-scheduler", "--port", "18787", "--no-dashboard")

    def begun():
        return len(counted(tmp_path, "begin"))

    try:
        machines += [Machine(0), Machine(1)]
        processes["scheduler"] = start_group(*scheduler)
        for number, machine in enumerate(machines):
            address = f"tcp://{machine.here}:18787"
            options = ("--nworkers", "1", "--nthreads", "1", "--no-dashboard")
            worker = shlex.join(["dask-worker", address, *options])
            # It ends with its scheduler; a service that restarts it is usual.
            again = f"while :; do {worker}; sleep 0.5; done"
            processes[number] = machine.start("sh", "-c", again)
        run_words = ("run", "plugin.py", "--in", "in", "--out", "out", "--retries", "9")
        with open(tmp_path / "said", "wb") as said:
            client = subprocess.Popen(
                [PYTHON, PLUGINS / "pythonfilter-corpus", *run_words]
                + ["--engine", f"tcp://{machines[0].here}:18787"],
                cwd=tmp_path,
                env=environment(),
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        processes["client"] = client
        for more in (200, 400, 600):
            eventually(lambda: begun() > more or client.poll() is not None, "files")
            assert client.poll() is None, (tmp_path / "said").read_text()[-3000:]
            end_group(processes["scheduler"])
            processes["scheduler"] = start_group(*scheduler)
        eventually(lambda: begun() > 900 or client.poll() is not None, "files")
        # And a machine, for good.
        end_group(processes[1])
        assert client.wait(HANG) == 0, (tmp_path / "said").read_text()[-3000:]
    finally:
        for process in processes.values():
            end_group(process)
        for machine in machines:
            machine.remove()
    done = counted(tmp_path, "done")
    assert len(done) == files
    # Four times something was lost. What was being done is begun again, and told once.
    assert set(done.values()) == {1}
    again = sum(times - 1 for times in counted(tmp_path, "begin").values())
    assert again <= 4 * 2 * tend.AHEAD
    for number in range(0, files, 100):
        out = read_wav(tmp_path / f"out/{number}.wav")
        assert (out == samples_of(number, 8000) // 2).all()
    assert run(tmp_path, retries=9) == {}
