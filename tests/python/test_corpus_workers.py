# SPDX-License-Identifier: LGPL-2.1-or-later
"""pythonfilter_corpus: who gets work, how much of it, and who gets what has failed."""

import types
from concurrent.futures import Future

import pytest

import corpora
from corpora import PLUGIN, counted, make, run
from pythonfilter_corpus import Corpus, Run, Threads, Unusable, chunks, tend
from pythonfilter_corpus.errors import Stopped
from pythonfilter_corpus.folder import Folder
from pythonfilter_corpus.version import VERSION
from waiting import HANG


class Odd(Threads):
    """A worker that fits, three that do not, and one that does not any more."""

    def __init__(self, fits=True):
        super().__init__(1)
        self.fits, self.avoided = fits, []

    def check(self, order):
        answers = {
            "tcp://old": {"refused": "has pythonfilter 0.1"},
            "tcp://as-old": {"refused": "has pythonfilter 0.1"},
            "tcp://blind": {"refused": "does not see it"},
        }
        return answers | ({"tcp://good": super().check(order)[""]} if self.fits else {})

    def submit(self, chunk, *arguments):
        if chunk > 1:
            return super().submit(chunk, *arguments)
        future = Future()
        future.set_result({"refused": "does not see it", "worker": "tcp://late"})
        self._futures[future] = chunk

    def avoid(self, worker):
        self.avoided.append(worker)


def test_a_worker_that_does_not_fit_gets_no_work_and_is_told_of(tmp_path):
    make(tmp_path, 6)
    corpus, engine, told = Corpus.files(str(tmp_path / "in")), Odd(), []
    this = Run(corpora.job(tmp_path), corpus, engine)
    this.tell = told.append
    assert [each.state for each in this.results()] == ["done"] * 6
    assert told == [
        "tcp://old has pythonfilter 0.1: it gets no work",
        "tcp://as-old has pythonfilter 0.1: it gets no work",
        "tcp://blind does not see it: it gets no work",
        "tcp://late does not see it: it gets no work",
    ]
    names = ("old", "as-old", "blind", "late")
    assert engine.avoided == [f"tcp://{name}" for name in names]
    assert sorted(counted(tmp_path, "begin").values()) == [1] * 6
    (tmp_path / "plugin.py").write_text(PLUGIN + "# new\n")
    why = "tcp://old has pythonfilter 0.1; tcp://blind does not see it"
    with pytest.raises(Unusable, match=f"^{why}$"):
        list(corpora.job(tmp_path).run(corpus, Odd(fits=False)))
    assert len(counted(tmp_path, "begin")) == 6


@pytest.mark.parametrize(
    "ready, why",
    [
        (
            {"element": "0.1", "digest": "a"},
            f"the element of 0.1, and the run {VERSION}",
        ),
        ({"element": VERSION, "digest": "b"}, "another plugin of that name, or other"),
        ({"element": VERSION, "digest": "a"}, ""),
    ],
    ids=["element", "plugin", "fits"],
)
def test_a_worker_has_the_same_element_and_plugin(tmp_path, monkeypatch, ready, why):
    make(tmp_path, 0)
    folder = Folder(str(tmp_path / "out"))
    folder.begin().close()
    folder.write_probe("seen")
    there = types.SimpleNamespace(ready=ready)
    monkeypatch.setattr(tend, "_runner", lambda job, new: there)
    job = corpora.job(tmp_path).as_json()
    answer = tend.check(tend.Order(VERSION, job, "run", "seen", "a"))
    assert answer == ready if not why else why in answer["refused"]


def test_a_chunk_is_about_a_minute_of_work():
    sizes = chunks.Sizes()
    assert sizes.next(10**6, 2) == chunks.FIRST  # nobody knows yet
    for _ in range(4):
        sizes.add(0.1)
    assert sizes.next(10**6, 2) == 600
    # Less towards the end, so that nobody has a minute of it when all others are done;
    # but a second at least, and one file however long it takes.
    assert sizes.next(600, 2) == 100
    assert sizes.next(30, 2) == 10
    sizes.add(10**6)
    assert sizes.next(10**6, 2) == 1
    quick = chunks.Sizes()
    quick.add(0.0)
    assert quick.next(10**6, 2) == chunks.MOST


BROKEN = """
import os
from base_plugin import AudioProcessorPlugin

class Broken(AudioProcessorPlugin):
    def process_audio(self, buffer):
        try:
            with open("FLAG", "x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            pass
        with open("FLAG") as file:
            assert int(file.read()) != os.getpid(), "not in this process"
"""


def test_what_failed_is_tried_again_by_another_process(tmp_path):
    """Where the first one cannot do it any more, as when its memory is used up."""
    make(tmp_path, 2, plugin=BROKEN.replace("FLAG", str(tmp_path / "flag")))
    assert {each.state for each in run(tmp_path).values()} == {"done"}
    assert sorted(counted(tmp_path, "failed").values()) == [1, 1]


def answers_of(engine, chunks):
    for chunk in range(chunks):
        engine.submit(chunk, None)
    answers = {}
    while len(answers) < chunks:
        answers |= dict(engine.completed(HANG))
    return list(answers.values())


def test_dask_gives_no_work_to_whom_it_avoids(monkeypatch):
    distributed = pytest.importorskip("distributed")
    from pythonfilter_corpus import dask_engine

    def where(*_):
        import distributed

        return {"worker": distributed.get_worker().address}

    monkeypatch.setattr(dask_engine, "_tend", where)
    with distributed.LocalCluster(
        n_workers=2, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        engine = dask_engine.Dask(cluster.scheduler_address)
        engine.open()
        try:
            one, other = [each.address for each in cluster.workers.values()]
            engine.avoid(one)
            assert answers_of(engine, 6) == [{"worker": other}] * 6
            engine.avoid(other)
            with pytest.raises(Stopped, match="no worker is left that fits"):
                engine.submit(7, None)
        finally:
            engine.close("nowhere")
