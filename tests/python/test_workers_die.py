# SPDX-License-Identifier: LGPL-2.1-or-later
"""Workers die at any moment, and nothing is lost but what they had in hand.

PYTHONFILTER_KILLS (150) and PYTHONFILTER_WORKER_STARTS (3) make it a soak; what
was found is printed: pytest -s.
"""

import json
import os
import pathlib
import signal
import time

import processes

APPLICATION = pathlib.Path(__file__).parent / "workers_application.py"
KILLS = int(os.environ.get("PYTHONFILTER_KILLS", 150))
STARTS = int(os.environ.get("PYTHONFILTER_WORKER_STARTS", 3))


def figures(*arguments, timeout):
    command = [processes.PYTHON, APPLICATION, *arguments]
    result = processes.run(command, timeout=timeout)
    assert result.code == 0, result.err[-3000:]
    print(result.out.decode())
    return json.loads(result.out)


def test_the_stream_goes_on_whenever_workers_are_killed(tmp_path):
    found = figures("kills", tmp_path, KILLS, timeout=60 + KILLS)
    assert sum(found["kills"].values()) == KILLS
    assert found["restarts"] > 0 and found["silent"] > 0
    assert found["breaks"] == 0
    assert found["unprocessed"] == 0
    # A deadline of 10 ms and 300 ms, but for the few that this computer had no
    # time for.
    assert found["outages"] > KILLS / 2
    middle, most, _ = found["outage-ms"]
    assert middle < 310 and (most < 310 or KILLS < 1000)
    before, after = found["descriptors"]
    assert after <= before + 2  # one that is just being started
    before, after = found["server-descriptors"]
    assert after <= before + 2
    assert found["processes"] == 1


def test_a_hundred_workers_leave_nothing(tmp_path):
    found = figures("many", 100, STARTS, timeout=60 + 20 * STARTS)
    assert found["processes"] == [101] * STARTS
    assert len(set(found["descriptors"])) == 1
    before, after = found["descriptors-alone"]
    assert after <= before + 6  # the server's
    assert found["left"] == 1
    assert found["workers-kB"][-1] < 1.1 * found["workers-kB"][0]
    # The first time brings what the application loads once.
    assert found["application-kB"][-1] < 1.1 * found["application-kB"][1]


def test_no_orphan_is_left_when_the_application_is_killed(tmp_path):
    process = processes.start([processes.PYTHON, APPLICATION, "wait", tmp_path])
    pids = json.loads(process.stdout.readline())
    assert len(pids) == 2  # server and worker
    process.kill()
    processes.finish(process)
    assert process.returncode == -signal.SIGKILL
    until = time.monotonic() + 10
    while any(map(is_there, pids)):
        assert time.monotonic() < until, "still there"
        time.sleep(0.01)


def is_there(pid):
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
