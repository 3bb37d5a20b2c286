# SPDX-License-Identifier: LGPL-2.1-or-later
"""Workers die at any moment, and nothing is lost but what they had in hand.

PYTHONFILTER_KILLS and PYTHONFILTER_WORKER_STARTS say how often; what was found is
printed: pytest -s.
"""

import json
import pathlib
import signal

import processes
import soak
from waiting import HANG, eventually

APPLICATION = pathlib.Path(__file__).parent / "programs" / "workers_application.py"
KILLS = soak.count(40, 1000, "PYTHONFILTER_KILLS")
STARTS = soak.count(2, 25, "PYTHONFILTER_WORKER_STARTS")
WORKERS = soak.count(25, 100)


def figures(*arguments):
    command = [processes.PYTHON, APPLICATION, *arguments]
    # It waits for each by itself.
    result = processes.run(command, timeout=HANG + KILLS + 20 * STARTS)
    assert result.code == 0, result.err[-3000:]
    print(result.out.decode())
    return json.loads(result.out)


def test_the_stream_goes_on_whenever_workers_are_killed(tmp_path):
    found = figures("kills", tmp_path, KILLS)
    assert sum(found["kills"].values()) == KILLS
    assert found["restarts"] > 0 and found["silent"] > 0
    assert found["breaks"] == 0
    assert found["unprocessed"] == 0
    assert found["outages"] > KILLS / 2
    # A deadline of 10 ms and 300 ms. A busy machine stretches some, a fault all.
    assert found["outage-ms"][0] < 310
    before, after = found["descriptors"]
    assert after <= before + 2  # one that is just being started
    before, after = found["server-descriptors"]
    assert after <= before + 2


def test_many_workers_leave_nothing(tmp_path):
    found = figures("many", WORKERS, STARTS)
    assert found["processes"] == [WORKERS + 1] * STARTS
    assert len(set(found["descriptors"])) == 1
    before, after = found["descriptors-alone"]
    assert after <= before + 6  # the server's
    # Of what each has touched; a tenth of it differs from start to start.
    assert found["workers-kB"][-1] < 1.25 * found["workers-kB"][0]
    # The first time brings what the application loads once.
    assert found["application-kB"][-1] < 1.1 * found["application-kB"][1]


def test_no_orphan_is_left_when_the_application_is_killed(tmp_path):
    process = processes.start([processes.PYTHON, APPLICATION, "wait", tmp_path])
    pids = json.loads(processes.read_until(process, "\n", "stdout"))
    assert len(pids) == 2  # server and worker
    process.kill()
    processes.finish(process)
    assert process.returncode == -signal.SIGKILL
    eventually(lambda: not any(map(is_there, pids)))


def is_there(pid):
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
