# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a key is in the memory of Python: nowhere once the element has stopped.

The application is a Python program, so the plugins are in its interpreter and
its garbage collector knows all that they keep.
"""

import base64
import copy
import hashlib
import json
import multiprocessing
import os
import pickle
import re

import pytest

import processes
import soak
import _keys
import fernet_decryptor
import fernet_encryptor
import sframe_decryptor
from _sframe import SUITES, derive
from _sframe_session import Session
from base_plugin import DropBuffer
from sealing import RAW, buffer, key_text, made, negotiate, pair, seal, write_key

PROGRAM = """\
import gc, hashlib, json, sys, types
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
line, reload, plugins = sys.argv[1:]


def held():
    '''Digests of all that may be a key, and how many tracebacks of plugins.'''
    gc.collect()
    digests, tracebacks = set(), 0
    for thing in gc.get_objects():
        if isinstance(thing, types.TracebackType):
            file = thing.tb_frame.f_code.co_filename
            tracebacks += file.startswith(plugins)
        inside = gc.get_referents(thing)
        for each in inside:  # which grows by what it does not track
            if isinstance(each, (tuple, dict)) and not gc.is_tracked(each):
                inside += gc.get_referents(each)
            if isinstance(each, str) and len(each) <= 80:
                each = each.encode(errors="replace")
            if isinstance(each, (bytes, bytearray)) and len(each) <= 80:
                digests.add(hashlib.sha256(each).hexdigest())
    return sorted(digests), tracebacks


def run():
    # In a call of its own, or the last message would be held by this module.
    pipeline = Gst.parse_launch(line)
    told, sessions, playing = [], [], None
    kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR | Gst.MessageType.ELEMENT
    pipeline.set_state(Gst.State.PLAYING)
    while not told:
        message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, kinds)
        if message.type != Gst.MessageType.ELEMENT:
            told.append(message.type.first_value_nick)
        elif message.get_structure().get_name() == "sframe-encrypted":
            sessions.append(message.get_structure().get_string("session"))
        elif message.get_structure().get_name() == "again" and not playing:
            playing = held()
            if reload == "yes":
                pipeline.get_by_name("d").emit("reload")
    pipeline.set_state(Gst.State.NULL)
    return told, sessions, playing


mine = [b"what the search has to find"]
told, sessions, playing = run()
print(json.dumps([told, sessions, playing, held()]))
"""

# Between the two: changes some frames, and says when the stream is on its way.
BETWEEN = """\
from base_plugin import AudioProcessorPlugin

class Between(AudioProcessorPlugin):
    input_caps = output_caps = "application/x-%s"
    count = 0

    def process_audio(self, buffer):
        self.count += 1
        if self.count == 20:
            self.post("again")
        return bytes(buffer.data[:-1]) if self.count %% 3 == 0 else None
"""
CONTROL = hashlib.sha256(b"what the search has to find").hexdigest()


def digests(*secrets):
    """As the program finds them."""
    return {hashlib.sha256(secret).hexdigest() for secret in secrets}


def keys_of(name, sessions=()):
    """A key in all that is made of it."""
    line = key_text(name).encode()
    master = base64.urlsafe_b64decode(line)
    # Fernet's two halves, too.
    secrets = [line, line + b"\n", master, master[:16], master[16:]]
    for number in sessions:
        session = Session(number, SUITES["AES_128_GCM_SHA256_128"])
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        label = b"pythonfilter SFrame session 1" + bytes.fromhex(number) + b"\0\4"
        base = HKDF(hashes.SHA256(), 32, None, label).derive(master)
        secrets += [base, *derive(session.suite, int(number, 16), base)]
    return digests(*secrets)


@soak.one_in(2)
@pytest.mark.parametrize("pair_of", ["sframe", "fernet"])
@pytest.mark.parametrize("case", ["plain", "wrong key", "reload", "no key"])
def test_no_key_is_left_of_a_stream(pair_of, case, tmp_path):
    if (pair_of, case) == ("fernet", "reload"):
        pytest.skip("it has no state to carry")
    key, other = write_key(tmp_path / "a.key"), write_key(tmp_path / "b.key", "b")
    broken = tmp_path / "broken.key"
    broken.write_text(key_text()[:-1] + "+\n")
    broken.chmod(0o600)
    between = tmp_path / "between.py"
    between.write_text(BETWEEN % pair_of)
    opens = {"wrong key": other, "no key": broken}.get(case, key)
    element = f"pythonfilter script={processes.PLUGINS}/{pair_of}_"
    line = (
        f"audiotestsrc num-buffers=60 ! {element}encryptor.py params=p,key_file={key} "
        f"! pythonfilter script={between} ! {element}decryptor.py name=d "
        f"params=p,key_file={opens} ! fakesink async=false"
    )
    reload = "yes" if case == "reload" else "no"
    result = processes.run_python(PROGRAM, line, reload, processes.PLUGINS)
    assert result.code == 0, result.err
    told, sessions, playing, (left, tracebacks) = json.loads(result.out)
    assert told == (["error"] if case == "no key" else ["eos"])
    assert sessions or pair_of == "fernet" or case == "no key"
    keys = keys_of("a", sessions) | keys_of("b") | digests(broken.read_bytes())
    assert CONTROL in left and keys.isdisjoint(left)
    assert tracebacks == 0
    if pair_of == "sframe" and playing:
        # While it plays there is only what belongs to its session.
        assert keys_of("a").isdisjoint(playing[0])


@pytest.mark.parametrize("pair_of", ["sframe", "fernet"])
def test_a_key_is_not_copied_into_a_pickle(pair_of, tmp_path):
    """Nor to another process, with what multiprocessing sends."""
    key = write_key(tmp_path / "call.key")
    if pair_of == "sframe":
        plugins = pair(key)[:2]
    else:
        plugins = [made(each, key) for each in (fernet_encryptor, fernet_decryptor)]
        negotiate(plugins[1], negotiate(plugins[0], RAW))
    for plugin in plugins:
        for copied in (copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="copied"):
                copied(plugin._key if pair_of == "sframe" else plugin.fernet())
        for copied in (copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="copied"):
                copied(plugin)
        process = multiprocessing.get_context("spawn").Process(
            target=print, args=(plugin,)
        )
        with pytest.raises(TypeError, match="copied"):
            process.start()


@pytest.mark.parametrize("case", ["wrong key", "changed", "no caps"])
def test_an_exception_tells_of_no_key(case, tmp_path):
    """What it says, and what is behind it: none says why a frame did not open."""
    key = write_key(tmp_path / "call.key")
    encryptor, _, sealed = pair(key)
    (frame,) = seal(encryptor, b"secret")
    if case == "wrong key":
        key = write_key(tmp_path / "b.key", "b")
    decryptor = made(sframe_decryptor, key)
    if case == "no caps":
        sealed = Session.of_caps(sealed)[0].clear_caps(RAW + ", a=(int)1")
    negotiate(decryptor, sealed)
    with pytest.raises(DropBuffer) as drop:
        decryptor.process_audio(buffer(frame[:-1] if case == "changed" else frame))
    error = drop.value
    assert error.__cause__ is None and error.__suppress_context__
    assert str(error) == "frame not authentic"


@pytest.mark.parametrize("line", [key_text(), key_text()[:-1] + "+"])
def test_what_a_key_was_read_from_is_overwritten(line, tmp_path, monkeypatch):
    """A key can only be let go of; its line in a file or a pipe, where it is read."""
    spaces, space = [], _keys._space
    monkeypatch.setattr(_keys, "_space", lambda: spaces.append(space()) or spaces[-1])
    path = write_key(tmp_path / "call.key")
    (tmp_path / "call.key").write_text(f"# of today\n\n  {line} \r\n")
    reader, writer = os.pipe()
    os.write(writer, line.encode())
    os.close(writer)
    for read, place in ((_keys.read_key_file, path), (_keys.read_descriptor, reader)):
        try:
            assert read(place) == base64.urlsafe_b64decode(line)
        except ValueError as error:
            assert "holds no key" in str(error) and line.endswith("+")
    os.close(reader)
    assert len(spaces) == 2 and not any(map(any, spaces))


def test_a_worker_is_not_told_the_key(tmp_path):
    """Its command line and its environment have the name of the file at most."""
    key = write_key(tmp_path / "call.key")
    program = """\
import glob, os, sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
pipeline = Gst.parse_launch(sys.argv[1])
pipeline.set_state(Gst.State.PAUSED)
pipeline.get_state(Gst.CLOCK_TIME_NONE)
worker = pipeline.get_by_name("e").get_property("stats").get_value("worker-pid")
for name in "cmdline", "environ":
    sys.stdout.buffer.write(open(f"/proc/{worker}/{name}", "rb").read() + b"|")
limits = open(f"/proc/{worker}/limits").read()
print([each for each in limits.splitlines() if "core" in each])
pipeline.set_state(Gst.State.NULL)
"""
    line = (
        "audiotestsrc ! pythonfilter name=e isolation=process "
        f"script={processes.PLUGINS}/sframe_encryptor.py params=p,key_file={key} "
        "! fakesink"
    )
    result = processes.run_python(program, line)
    assert result.code == 0, result.err
    raw = base64.urlsafe_b64decode(key_text())
    text = result.out.decode(errors="replace")
    for form in (key_text()[:12], raw.hex()[:12], base64.b64encode(raw).decode()[:12]):
        assert form not in text
    assert raw[:8] not in result.out
    # And what is in its memory is not in a core file.
    assert re.search(r"Max core file size +0 +0 ", text), text
