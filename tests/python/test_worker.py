# SPDX-License-Identifier: LGPL-2.1-or-later
"""The worker of isolation=process, over its protocol: the life of a plugin."""

import numpy as np
import pytest

import worker_host
from worker_host import FAILED, OK, WorkerHost


@pytest.fixture(scope="module")
def server():
    with WorkerHost() as host:
        yield host


def test_the_server_says_which_python_it_is(server):
    assert server.hello[0] == "ready"
    assert server.hello[2] == np.__version__


def test_load_process_stop(server, files):
    folder = files({"gain.py": """
        class Gain:
            def process_audio(self, buffer):
                buffer.data *= 0.5
    """})
    plugin = server.spawn().load(folder / "gain.py")
    assert plugin.capabilities["audio_name"] == [b"process_audio"]
    assert plugin.capabilities["format"] == [b"F32"]
    assert plugin.start() == ""
    reply = plugin.process(np.ones((2, 480)))
    assert (reply.outcome, reply.flags) == (OK, 0)
    assert (reply.samples == 0.5).all()
    plugin.stop()
    assert plugin.ask("shutdown") == []
