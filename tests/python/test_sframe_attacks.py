# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who has no key and can send: RTP packets in any order, and floods of frames."""

import gc
import json
import random
import time

import pytest

import sframe_decryptor
import soak
from _sframe import SUITES, FrameKey, decode_header, encode_header
from _sframe_session import Session
from base_plugin import DropBuffer
from pushing import Steps, caps_of, names
from rtp import CAPS, packet
from sealing import RAW, arrivals, buffer, counts, made, negotiate, pair, seal

ISOLATIONS = ["none", "process"]
COUNT = 60
# As rtpgstpay writes them; what are none are rtpgstdepay's own to complain about.
TAGS = (
    'GstTagList-stream, taglist=(taglist)"taglist\\,\\ title\\=\\(string\\)secret\\;";'
)


def receiver(tmp_path, isolation="none", more="on-error=drop"):
    """What a packet goes through."""
    steps = Steps(tmp_path, isolation, more=more)
    steps.line = f"rtpgstdepay name=first ! {steps.line}"
    return steps.begin(CAPS)


def payloads(count=COUNT):
    """Whole frames of RAW, each another one."""
    return [b"%04d" % number for number in range(count)]


def outputs(rows):
    """The buffers behind the decryptor, in their order."""
    seen = [each for row in rows for each in row["seen"]]
    return [bytes.fromhex(each[1]) for each in seen if each[0] == "buffer"]


def all_caps(rows):
    """The caps behind the decryptor."""
    return [caps for row in rows for caps in caps_of(row)]


ORDERS = {
    "as sent": (0, list(range(COUNT))),
    "reordered": (0, arrivals(COUNT, 1, loss=0, jitter=9, copies=0)),
    "duplicated": (0, [n for n in range(COUNT) for _ in range(2)]),
    "backwards": (0, list(reversed(range(COUNT)))),
    "wrapped": (65536 - COUNT // 2, list(range(COUNT))),
    "lost": (0, list(range(0, COUNT, 7))),
    "played twice": (0, list(range(COUNT)) * 2),
    "bad": (65500, arrivals(COUNT, 2, loss=0.2, jitter=40, copies=0.5)),
}


JUMPS = 1, 7, 1000, 32768, 65535


def test_no_game_with_sequence_numbers_opens_a_frame_twice(tmp_path):
    """Whatever the depayloader makes of them; what it lets through is exact."""
    steps = receiver(tmp_path)
    encryptor, _, sealed = pair(steps.key)
    sent = payloads()
    frames = seal(encryptor, *sent)
    games = [(order, jump) for order in ORDERS for jump in JUMPS]
    for order, jump in games:
        first, numbers = ORDERS[order]
        steps.add("null").begin(CAPS)
        steps.frames(packet(first - jump, b"x", caps=sealed))
        steps.frames(*(packet(first + n * jump, frames[n]) for n in numbers))
        # The same in new packets, which only the window knows; and once more.
        steps.frames(*(packet(n, frames[n], ssrc=2) for n in range(COUNT)))
        steps.frames(*(packet(n, frames[n], ssrc=3) for n in range(COUNT)))
    rows = steps.run()[3:]
    for at, game in enumerate(games):
        case = rows[8 * at : 8 * at + 8]
        out = outputs(case)
        assert sorted(out) == sent, game
        assert outputs(case[7:]) == [], game
        assert all_caps(case) == [RAW], game
        if game[0] == "as sent" and game[1] < 32768:
            assert outputs(case[:6]) == sent, game


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_packets_of_somebody_change_nothing(isolation, tmp_path):
    """Caps, tags, begins and frames of an attacker's between those of a call."""
    steps = receiver(tmp_path, isolation)
    encryptor, _, sealed = pair(steps.key)
    session = Session.of_caps(sealed)[0]
    deep = "[" * 22000
    # Not one without an id: from 1.26 on GStreamer crashes in rtpgstdepay.
    attacks = [
        {"caps": session.clear_caps("video/x-h264, codec_data=(buffer)dead")},
        {"caps": session.clear_caps(f"audio/x-raw, a=(GstCaps){deep}")},
        {"caps": Session.fresh(session.suite).clear_caps(RAW)},
        {"caps": sealed.replace(session.suite.name, "AES_128_CTR_HMAC_SHA256_32")},
        {"caps": "application/x-sframe"},
        {"caps": "video/x-h264, codec_data=(buffer)dead"},
        {"caps": sealed[:-2] + "AA"},
        {"event": ("tag", TAGS)},
        {"event": ("custom", "any, title=(string)secret;")},
        {"event": ("custom-both", "any, title=(string)secret;")},
        {"event": ("stream-start", "GstEventStreamStart, stream-id=(string)secret;")},
        {"event": ("stream-start", "any, stream-id=(string)other, flags=(string)mad;")},
    ]
    number, sent = 0, payloads(len(attacks) + 1)
    frames = seal(encryptor, *sent)
    for attack in attacks:
        number += 2
        steps.frames(
            packet(number, b"\0" * 40, **attack),
            packet(number + 1, frames[0][:-1] + b"x"),
        )
    for attack, frame in zip(attacks, frames):
        number += 3
        steps.frames(packet(number, frame, caps=sealed))
        steps.frames(packet(number + 1, b"\1" * 40, **attack))
        steps.frames(packet(number + 2, frame))
    rows = steps.run()
    before = rows[3 : 3 + len(attacks)]
    assert [names(row) for row in before] == [[]] * len(attacks)
    assert outputs(rows) == sent[:-1]
    assert all_caps(rows) == [RAW]
    seen = json.dumps([row["seen"] + row["queries"] for row in rows])
    assert "secret" not in seen and "h264" not in seen
    assert not any(kind == "error" for row in rows for kind, _ in row["told"])


@pytest.mark.parametrize("suite", [each for each in SUITES if each.endswith("_32")])
def test_nobody_chooses_a_tag_that_is_hit_by_chance(suite, tmp_path):
    """The suite is in the caps, and 2**32 packets are sent in a day."""
    steps = Steps(tmp_path, "none", more="on-error=drop")
    encryptor, _, sealed = pair(steps.key)
    short, _, caps = pair(steps.key, cipher_suite=suite)
    frames = seal(encryptor, b"1234", b"5678")
    (weak,) = seal(short, b"weak")
    steps.begin(sealed).frames(frames[0]).add("caps", caps).frames(weak)
    steps.add("caps", sealed).frames(frames[1])
    rows = steps.run()
    assert outputs(rows) == [b"1234", b"5678"]
    assert any("short_tags=true" in text for row in rows for _, text in row["told"])
    # As an honest sender may have them.
    steps = Steps(tmp_path, "none", more="on-error=drop")
    steps.line = steps.line.replace('params="p,', 'params="p,short_tags=true,')
    assert outputs(steps.begin(caps).frames(weak).run()) == [b"weak"]


def test_two_calls_of_one_key_do_not_mix(tmp_path):
    """Each packet under the caps of either; each frame opens under its own."""
    steps = receiver(tmp_path)
    calls = [pair(steps.key), pair(steps.key)]
    sent = [payloads(20), [b"x" + each[1:] for each in payloads(20)]]
    frames = [seal(call[0], *texts) for call, texts in zip(calls, sent)]
    generator, number = random.Random(1), 0
    expected, done = [], set()
    for _ in range(200):
        caps, call, index = (generator.randrange(n) for n in (2, 2, 20))
        number += 1
        steps.frames(packet(number, frames[call][index], caps=calls[caps][2]))
        if caps == call and (call, index) not in done:
            done.add((call, index))
            expected.append(sent[call][index])
    rows = steps.run()
    assert outputs(rows) == expected and len(expected) > 20
    assert all_caps(rows) == [RAW]


def test_an_old_session_is_not_played_again(tmp_path):
    """To who heard it, while the next one of the same key plays, or after it."""
    steps = receiver(tmp_path)
    old, _, old_caps = pair(steps.key)
    new, _, new_caps = pair(steps.key)
    before, after = seal(old, *payloads()), seal(new, *payloads())
    steps.frames(*(packet(n, each, caps=old_caps) for n, each in enumerate(before)))
    steps.frames(*(packet(60 + n, each, caps=new_caps) for n, each in enumerate(after)))
    steps.frames(
        *(packet(120 + n, each, caps=old_caps) for n, each in enumerate(before))
    )
    steps.frames(
        *(packet(180 + n, each, caps=new_caps) for n, each in enumerate(after))
    )
    rows = steps.run()
    assert [len(outputs([row])) for row in rows[3:]] == [COUNT, COUNT, 0, 0]


# ---- floods -----------------------------------------------------------------

FLOOD = soak.count(4000, 1_000_000)


def test_a_wrong_frame_costs_one_look_at_most(tmp_path, monkeypatch):
    """None for another key's number or a replay, and nothing is kept of any."""
    key = Steps(tmp_path, "none").key
    encryptor, decryptor, sealed = pair(key)
    (true, later) = seal(encryptor, b"true", b"later")
    assert decryptor.process_audio(buffer(true)) == b"true"
    kid, ctr, size = decode_header(true)
    opened, decrypt = [], FrameKey.decrypt

    def count(self, ctr, *more):
        opened.append(ctr)
        return decrypt(self, ctr, *more)

    monkeypatch.setattr(FrameKey, "decrypt", count)
    generator = random.Random(1)
    forged = later[:-1] + bytes((later[-1] ^ 1,))
    kinds = {
        "noise": lambda: generator.randbytes(generator.randrange(100)),
        "another KID": lambda: encode_header(kid ^ 1, ctr) + true[size:],
        "replayed": lambda: true,
        "forged": lambda: forged,
        "far ahead": lambda: encode_header(kid, 0xF0 << 56 | generator.getrandbits(56))
        + generator.randbytes(33),
    }
    costs = {"noise": 0, "another KID": 0, "replayed": 0, "forged": 1, "far ahead": 1}
    sizes = []
    for name, make in kinds.items():
        opened.clear()
        for _ in range(FLOOD):
            with pytest.raises(DropBuffer):
                decryptor.process_audio(buffer(make()))
        assert len(opened) == costs[name] * FLOOD, name
        opened.clear()
        gc.collect()
        sizes.append(len(gc.get_objects()))
    assert max(sizes) - min(sizes) < 200, sizes
    assert len(decryptor._windows) == 1
    # And none of them did any harm.
    assert decryptor.process_audio(buffer(later)) == b"later"
    good, lost, wrong, replayed, _ = counts(decryptor)
    assert (good, lost, wrong, replayed) == (2, 0, 4 * FLOOD, FLOOD)


def test_caps_without_a_frame_leave_nothing(tmp_path):
    """However many sessions somebody announces."""
    key = Steps(tmp_path, "none").key
    encryptor, decryptor, sealed = pair(key)
    (true,) = seal(encryptor, b"true")
    session = Session.of_caps(sealed)[0]
    for _ in range(soak.count(200, 20000)):
        decryptor.stop()
        negotiate(decryptor, Session.fresh(session.suite).clear_caps(RAW))
        with pytest.raises(DropBuffer):
            decryptor.process_audio(buffer(true))
    assert decryptor._windows == {}
    decryptor.stop()
    negotiate(decryptor, sealed)
    assert decryptor.process_audio(buffer(true)) == b"true"


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_names_of_caps_come_to_an_end(isolation, tmp_path):
    """GLib keeps each of them. Caps whose names are known still are caps."""
    steps = Steps(tmp_path, isolation, more="on-error=drop")
    encryptor, _, sealed = pair(steps.key)
    frames = seal(encryptor, b"1234", b"5678")
    session = Session.of_caps(sealed)[0]
    steps.begin(sealed).frames(frames[0])
    for n in range(5):
        fields = "".join(f", new{n}x{i}=(int)1" for i in range(300))
        steps.add("caps", session.clear_caps(f"audio/x-raw{fields}"))
    longest = "a" * 255
    for name in longest, longest + "a":
        steps.add("caps", session.clear_caps(f"audio/x-raw, {name}=(int)1"))
    steps.add("known", "new0x299", "new4x299", longest + "a")
    steps.add("caps", sealed).frames(frames[1])
    rows = steps.run()
    assert rows[-3]["result"] == [True, False, False]
    assert outputs(rows) == [b"1234", b"5678"]


def test_a_flood_of_caps_is_no_flood_of_messages(tmp_path):
    key = Steps(tmp_path, "none").key
    encryptor, decryptor, sealed = pair(key)
    (true,) = seal(encryptor, b"true")
    decryptor.posted.clear()
    began = time.monotonic()
    for _ in range(300):
        with pytest.raises(DropBuffer):
            decryptor.process_audio(buffer(true[:-1]))
        decryptor.stop()
        negotiate(decryptor, sealed)
    seconds = 2 + int(time.monotonic() - began)
    assert 10 <= len(decryptor.posted) <= 10 * seconds
    decryptor.posted.clear()
    # What a frame has opened for is told at once.
    assert decryptor.process_audio(buffer(true)) == b"true"
    decryptor.stop()
    ((_, told),) = decryptor.posted
    assert told["frames"] == 1 and told["rejected"] == 300


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_flood_is_told_once_a_second(isolation, tmp_path):
    steps = Steps(tmp_path, isolation, more="on-error=drop")
    encryptor, _, sealed = pair(steps.key)
    frames = seal(encryptor, b"1234", b"5678")
    steps.begin(sealed).frames(frames[0]).frames(*[b"\0" * 40] * 3000)
    broken = [f"application/x-sframe, session=(string){n}" for n in range(50)]
    for caps in broken:
        steps.add("caps", caps).frames(b"x")
    steps.add("stats", "dropped").add("caps", sealed).frames(frames[1])
    began = time.monotonic()
    rows = steps.run()
    # Of the program, which took longer than the flood.
    seconds = time.monotonic() - began
    told = [each for row in rows for each in row["told"]]
    assert 1 <= len(told) <= 2 + seconds
    assert rows[-3]["result"] == 3000 + len(broken)
    assert outputs(rows) == [b"1234", b"5678"]


# ---- the window, where it ends ----------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 1024, 65536])
@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_the_last_frame_in_the_window_is_the_last(size, ahead, tmp_path):
    """Of the whole plugin, whose default is not the smallest."""
    key = Steps(tmp_path, "none").key
    encryptor, _, sealed = pair(key)
    decryptor = made(sframe_decryptor, key, window=size)
    negotiate(decryptor, sealed)

    def frame(ctr):
        return buffer(encryptor._key.encrypt(ctr, b"x", RAW.encode()))

    highest = size + ahead
    assert decryptor.process_audio(frame(highest)) == b"x"
    inside = [ctr for ctr in (highest - size + 1, highest - 1) if ctr > highest - size]
    for ctr in dict.fromkeys(ctr for ctr in inside if ctr != highest):
        assert decryptor.process_audio(frame(ctr)) == b"x", ctr
        with pytest.raises(DropBuffer, match="replayed"):
            decryptor.process_audio(frame(ctr))
    for ctr in {highest - size, max(highest - size - 1, 0)}:
        with pytest.raises(DropBuffer, match="too late"):
            decryptor.process_audio(frame(ctr))
    # One more, and what was the last is too late as well.
    assert decryptor.process_audio(frame(highest + 1)) == b"x"
    with pytest.raises(DropBuffer, match="too late"):
        decryptor.process_audio(frame(highest + 1 - size))
    with pytest.raises(DropBuffer, match="replayed" if size > 1 else "too late"):
        decryptor.process_audio(frame(highest))
