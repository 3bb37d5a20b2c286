# SPDX-License-Identifier: LGPL-2.1-or-later
"""key_fd in an application: whose the descriptor is, and for how long its key."""

import pytest

import processes
import sealing
from application import run_application

CODE = f"""
    import fcntl
    KEY, OTHER = {sealing.key_text().encode()!r}, {sealing.key_text("b").encode()!r}

    def descriptor_of(text):
        reader, writer = os.pipe()
        os.write(writer, text)
        os.close(writer)
        # Once closed, a low number would be the next file's.
        number = fcntl.fcntl(reader, fcntl.F_DUPFD_CLOEXEC, 200)
        os.close(reader)
        return number

    def both(number):
        # Encryptor and decryptor of one key.
        plugin = "pythonfilter script={processes.PLUGINS}/sframe_"
        key = f"params=p,key_fd={{number}} ! "
        pipeline = Gst.parse_launch(
            "audiotestsrc num-buffers=10 ! " + plugin + "encryptor.py name=e " + key
            + plugin + "decryptor.py name=d " + key + "fakesink name=sink signal-handoffs=true")
        pipeline.get_by_name("sink").connect("handoff", lambda *_: arrived.append(1))
        return pipeline

    def played(pipeline):
        # What ended it, how many buffers arrived.
        arrived.clear()
        message = play(pipeline)
        ended = "EOS" if message.type == Gst.MessageType.EOS else str(message.parse_error())
        return ended, len(arrived)

    arrived, answers = [], []
    number = descriptor_of(KEY)
    pipeline = both(number)
"""


def answers(folder, code, **env):
    """What `code` appended to them."""
    return run_application(folder, CODE + code + "\n    tell(answers)\n", **env)


def test_two_elements_share_a_descriptor_and_it_stays_open(tmp_path):
    code = """
    for _ in range(3):
        answers.append(played(pipeline))
    os.fstat(number)
    os.close(number)
    for each in pipeline, both(number):
        answers.append(played(each))
    """
    assert answers(tmp_path, code) == [["EOS", 10]] * 5


def test_number_that_became_another_file_is_not_touched(tmp_path):
    code = """
    answers.append(played(pipeline))
    mine = os.open("notes", os.O_RDWR | os.O_CREAT)
    os.write(mine, b"mine")
    os.lseek(mine, 0, os.SEEK_SET)
    os.dup2(mine, number)
    answers.append(played(pipeline))
    answers.append(os.read(number, 9).decode())
    os.dup2(descriptor_of(OTHER), number)
    answers.append(played(pipeline))
    """
    first, refused, untouched, other = answers(tmp_path, code)
    assert first == other == ["EOS", 10]
    assert "holds no key" in refused[0] and refused[1] == 0
    assert untouched == "mine"


def test_empty_pipe_ends_in_an_error(tmp_path):
    code = """
    reader, writer = os.pipe()
    answers.append(played(both(reader)))
    """
    [(ended, arrived)] = answers(tmp_path, code)
    assert "was not closed within 3 s" in ended and arrived == 0


# In a worker 4 is what wakes it, or the like; here it is no descriptor at all.
@pytest.mark.parametrize("isolation, wrong", [("none", 987), ("process", 4)])
def test_descriptors_are_those_of_the_application(isolation, wrong, tmp_path):
    code = f"""
    answers.append(played(pipeline))
    answers.append(played(both({wrong})))
    """
    env = {"GST_PYTHONFILTER_ISOLATION": isolation}
    (ended, arrived), (other, none) = answers(tmp_path, code, **env)
    assert none == 0 and f"key_fd: descriptor {wrong}" in other
    if isolation == "none":
        assert (ended, arrived) == ("EOS", 10)
    else:
        for each in ended, other:
            assert "isolation=process" in each
            assert "key_file or credential" in each
        assert arrived == 0
