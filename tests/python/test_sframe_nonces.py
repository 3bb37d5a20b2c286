# SPDX-License-Identifier: LGPL-2.1-or-later
"""No nonce is used twice with one key, whatever happens to the encryptor."""

import base64
import copy
import hmac
import json
import pickle
import random
import sys

import pytest

import processes
import soak
import _sframe
import sframe_encryptor
from _sframe import SUITES, decode_header
from _sframe_session import Session
from sealing import OPUS, RAW, buffer, key_text, made, negotiate, pair, seal, write_key


@pytest.fixture
def key(tmp_path):
    return write_key(tmp_path / "call.key")


def session_of(caps):
    return Session.of_caps(caps)[0]


def ctr_of(frame):
    return decode_header(frame)[1]


@pytest.fixture
def ledger(monkeypatch):
    """Every key + nonce that a cipher was given; the ciphers do nothing else."""
    used = []

    class Recorder:
        def __init__(self, key):
            self.key = key

        def encrypt(self, nonce, data, associated_data):
            used.append(self.key + nonce)
            return b""

    monkeypatch.setattr(_sframe, "AESGCM", Recorder)
    monkeypatch.setattr(_sframe, "AesCtrHmac", lambda suite, key: Recorder(key))
    return used


RESTARTS = soak.count(100, 1000)


def test_ledger_of_many_frames_has_no_entry_twice(key, ledger):
    """Over many restarts, new caps, breaks, other suites and failed calls."""
    generator = random.Random(11)
    encryptor = made(sframe_encryptor, key)
    data = buffer(b"x")
    frames = restarts = kept = 0
    while restarts < RESTARTS:
        if generator.random() < 0.2:
            suite = generator.choice(list(SUITES))
            encryptor.set_parameter("cipher_suite", suite)
        caps = negotiate(encryptor, RAW)
        restarts += 1
        for stretch in range(generator.randrange(1, 5)):
            # Read here, so that it is found anew at each stretch.
            process = encryptor.process_audio
            count = generator.randrange(1, 820)
            for _ in range(count):
                process(data)
            frames += count
            happening = generator.randrange(4)
            if happening == 0:
                encryptor.drain()  # as the element calls it at a break
            elif happening == 1:
                # New caps: the element asks first, while it still runs.
                caps = encryptor.get_output_caps(generator.choice([RAW, OPUS]))
                encryptor.stop()
                if generator.random() < 0.5:
                    encryptor.get_output_caps(RAW)  # somebody's query
                encryptor.set_caps(RAW, caps)
                encryptor.start()
                kept += 1
            elif happening == 2:
                with pytest.raises(AttributeError):
                    process(None)
        encryptor.stop()
    # A million frames in a soak.
    assert frames >= 900 * RESTARTS and kept > 0.3 * RESTARTS
    assert len(ledger) == frames
    assert len(set(ledger)) == frames


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_ledger_has_the_keys_that_the_session_derives(suite, key, ledger):
    """HKDF of the key file's key, then the RFC's derivation."""
    encryptor = made(sframe_encryptor, key, cipher_suite=suite.name)
    kid = bytes.fromhex(session_of(negotiate(encryptor, RAW)).number)
    seal(encryptor, b"a", b"b", b"c")
    master = base64.urlsafe_b64decode(key_text())
    label = b"pythonfilter SFrame session 1" + kid + suite.number.to_bytes(2, "big")
    secret = hmac.digest(bytes(32), master, "sha256")
    base_key = hmac.digest(secret, label + b"\1", "sha256")
    derived, salt = _sframe.derive(suite, int.from_bytes(kid, "big"), base_key)
    nonces = [salt[:-1] + bytes((salt[-1] ^ ctr,)) for ctr in range(3)]
    assert ledger == [derived + nonce for nonce in nonces]


def test_announcement_stays_until_the_stop(key):
    encryptor = made(sframe_encryptor, key)
    announced = encryptor.get_output_caps(RAW)
    assert encryptor.get_output_caps(RAW) == announced
    assert negotiate(encryptor, RAW) == announced
    assert session_of(encryptor.get_output_caps(OPUS)) == session_of(announced)
    encryptor.stop()
    again = encryptor.get_output_caps(RAW)
    assert session_of(again) != session_of(announced)
    assert negotiate(encryptor, RAW) == again


def test_counter_goes_on_in_the_same_session(key):
    """New caps: stop and start with the session that was already negotiated."""
    encryptor, _, sealed = pair(key)
    assert [ctr_of(frame) for frame in seal(encryptor, *[b"x"] * 10)] == [*range(10)]
    for first in (10, 20, 30):
        caps = encryptor.get_output_caps(OPUS)
        assert session_of(caps) == session_of(sealed)
        encryptor.stop()
        assert session_of(encryptor.get_output_caps(RAW)) != session_of(sealed)
        encryptor.set_caps(OPUS, caps)
        encryptor.start()
        # Downstream has these caps: queries must be told of them again.
        assert encryptor.get_output_caps(OPUS) == caps
        found = [ctr_of(frame) for frame in seal(encryptor, *[b"x"] * 10)]
        assert found == [*range(first, first + 10)]


def test_counter_goes_on_with_an_older_session(key):
    encryptor, _, first = pair(key)
    seal(encryptor, b"a", b"b")
    encryptor.stop()
    negotiate(encryptor, RAW)
    seal(encryptor, b"c")
    encryptor.stop()
    encryptor.set_caps(RAW, first)
    encryptor.start()
    assert ctr_of(seal(encryptor, b"d")[0]) == 2


def test_session_of_somebody_else_is_refused(key):
    """Its nonces may be used already."""
    encryptor, _, sealed = pair(key)
    other = made(sframe_encryptor, key)
    with pytest.raises(ValueError, match="another element"):
        other.set_caps(RAW, sealed)
    suite = sealed.replace("AES_128_GCM_SHA256_128", "AES_256_GCM_SHA512_128")
    with pytest.raises(ValueError, match="another element"):
        encryptor.set_caps(RAW, suite)


def test_another_suite_waits_for_another_session(key):
    encryptor, _, sealed = pair(key)
    assert encryptor.set_parameter("cipher_suite", "AES_256_GCM_SHA512_128") is True
    assert encryptor.get_output_caps(RAW) == sealed
    encryptor.stop()
    assert session_of(encryptor.get_output_caps(RAW)).suite.number == 5
    encryptor.set_parameter("cipher_suite", "AES_128_CTR_HMAC_SHA256_80")
    assert session_of(encryptor.get_output_caps(RAW)).suite.number == 1
    with pytest.raises(ValueError, match="AES_128_GCM_SHA256_128"):
        encryptor.set_parameter("cipher_suite", "ROT13")


def test_used_up_counter_is_an_error_that_stays(key):
    encryptor, _, sealed = pair(key, frame_limit=5)
    assert len(seal(encryptor, *[b"x"] * 5)) == 5
    for _ in range(3):
        with pytest.raises(OverflowError, match="5 frames are used up"):
            seal(encryptor, b"x")
    encryptor.stop()
    encryptor.set_caps(RAW, sealed)
    encryptor.start()
    with pytest.raises(OverflowError):
        seal(encryptor, b"x")
    encryptor.stop()
    negotiate(encryptor, RAW)
    assert ctr_of(seal(encryptor, b"x")[0]) == 0


@pytest.mark.parametrize("suite", SUITES)
def test_limit_is_never_above_the_suites(suite, key):
    assert SUITES[suite].frame_limit <= 2**48
    encryptor, _, sealed = pair(key, cipher_suite=suite, frame_limit=2**64)
    encryptor._counters[session_of(sealed)] = SUITES[suite].frame_limit - 1
    assert ctr_of(seal(encryptor, b"x")[0]) == SUITES[suite].frame_limit - 1
    with pytest.raises(OverflowError):
        seal(encryptor, b"x")


def test_interrupted_call_does_not_give_its_nonce_back(key, monkeypatch):
    encryptor, _, _ = pair(key)
    seal(encryptor, b"x")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(encryptor._key, "encrypt", interrupted)
        with pytest.raises(KeyboardInterrupt):
            seal(encryptor, b"x")
    assert ctr_of(seal(encryptor, b"x")[0]) == 2


FORKS = {
    "python": "os.fork()",
    # Which Python hears nothing of.
    "c": "ctypes.PyDLL(None).fork()",
}


@pytest.mark.parametrize("how", FORKS)
def test_a_fork_has_no_nonces(key, how):
    """Its frames would have the counters of the process that it came from."""
    code = f"""
import ctypes, os, sys
sys.path[:0] = {sys.path!r}
import sealing
encryptor, decryptor, _ = sealing.pair({key!r})
sealing.seal(encryptor, b"before")
child = {FORKS[how]}
if child == 0:
    try:
        encryptor.process_audio(sealing.buffer(b"a secret"))
    except RuntimeError as error:
        os._exit(7 if "forked" in str(error) else 8)
    os._exit(9)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
frame, = sealing.seal(encryptor, b"after")
print(status, bytes(decryptor.process_audio(sealing.buffer(frame))).decode())
"""
    result = processes.run_python(code)
    assert result.out.split() == [b"7", b"after"], result.err


FORK = """\
import ctypes, json, os, signal, sys
import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
seen, bus = [], Gst.Bus()


def stream():
    # A pad behind which a new encryptor is, in front of `seen`.
    element = Gst.parse_launch(sys.argv[1])
    element.set_bus(bus)
    ways = Gst.PadDirection.SRC, Gst.PadDirection.SINK
    pads = [Gst.Pad.new(None, way) for way in ways]
    pads[1].set_chain_function_full(look)
    for pad in pads:
        pad.set_active(True)
    pads[0].link(element.get_static_pad("sink"))
    element.get_static_pad("src").link(pads[1])
    element.set_state(Gst.State.PLAYING)
    pads[0].push_event(Gst.Event.new_stream_start("any"))
    pads[0].push_event(Gst.Event.new_caps(Gst.Caps.from_string("audio/x-opus")))
    segment = Gst.Segment()
    segment.init(Gst.Format.TIME)
    pads[0].push_event(Gst.Event.new_segment(segment))
    alive.append((element, pads))
    return pads[0]


def look(pad, parent, buffer):
    seen.append(buffer.extract_dup(0, buffer.get_size()).hex())
    return Gst.FlowReturn.OK


def push(pad, text):
    pad.push(Gst.Buffer.new_wrapped(text))


alive, said = [], []
before = stream()
push(before, b"before")
reading, writing = os.pipe()
child = eval(sys.argv[2])
if child == 0:
    signal.alarm(60)
    seen.clear()
    for _ in range(3):
        push(before, b"a secret")
    used = len(seen)
    while message := bus.pop_filtered(Gst.MessageType.ERROR):
        said.append(message.parse_error()[0].message)
    push(stream(), b"its own")
    os.write(writing, json.dumps([used, said, seen]).encode())
    os._exit(0)
os.waitpid(child, 0)
for _ in range(3):
    push(before, b"after")
print(json.dumps([seen, json.loads(os.read(reading, 65536))]))
alive[0][0].set_state(Gst.State.NULL)
"""


@pytest.mark.parametrize("how", ["os.fork()", "ctypes.PyDLL(None)._Fork()"])
@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_fork_has_no_part_in_its_parents_session(isolation, how, key):
    """Wherever that is: it gets an error, and an element of its own works."""
    script = processes.PLUGINS / "sframe_encryptor.py"
    line = f"pythonfilter script={script} params=p,key_file={key} isolation={isolation}"
    result = processes.run_python(FORK, line, how)
    assert result.code == 0, result.err
    seen, (used, said, own) = json.loads(result.out)
    assert len({*seen}) == 4 and used == 0 and len(own) == 1
    assert len(said) == 1 and "make an element of its own here" in said[0]
    first, fourth, other = (
        decode_header(bytes.fromhex(each))[0] for each in (seen[0], seen[3], own[0])
    )
    assert first == fourth != other


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_an_encryptor_cannot_be_copied(key, copied):
    encryptor, _, _ = pair(key)
    with pytest.raises(TypeError, match="each nonce is used once"):
        copied(encryptor)
