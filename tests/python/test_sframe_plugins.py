# SPDX-License-Identifier: LGPL-2.1-or-later
"""What leaves the SFrame plugins, and what does not."""

import random

import pytest

import sframe_decryptor
import sframe_encryptor
import soak
from _sframe import SUITES, FrameKey, decode_header, encode_header
from _sframe_session import Session
from base_plugin import DropBuffer
from sealing import OPUS, RAW, arrivals, buffer, counts, key_text, made, negotiate
from sealing import pair, seal, write_key

REFUSALS = {"frame not authentic", "frame replayed", "frame too late for the window"}


@pytest.fixture
def key(tmp_path):
    return write_key(tmp_path / "call.key")


def accepted(decryptor, frames):
    """How many of these the decryptor gives anything out for."""
    passed = 0
    for frame in frames:
        try:
            decryptor.process_audio(buffer(frame))
        except DropBuffer as drop:
            assert str(drop) in REFUSALS
            assert drop.__suppress_context__ or drop.__context__ is None
        else:
            passed += 1
    return passed


def flips(frame):
    """The frame with each of its bits changed."""
    for bit in range(8 * len(frame)):
        changed = bytearray(frame)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


# What goes in comes out


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("caps", [RAW, OPUS, "audio/x-opus"])
def test_round_trip_is_exact(suite, caps, key):
    generator = random.Random(5)
    encryptor, decryptor, sealed = pair(key, caps, cipher_suite=suite)
    assert f"cipher-suite=(string){suite}" in sealed
    sizes = [*range(70), 160, 1920, 3840, 65536]
    payloads = [generator.randbytes(size) for size in sizes]
    for payload, frame in zip(payloads, seal(encryptor, *payloads)):
        assert type(frame) is bytes
        assert len(frame) <= len(payload) + 30
        assert len(payload) < 16 or payload not in frame
        arrived = buffer(frame)
        assert decryptor.process_audio(arrived) == payload
        assert not arrived.discont
    assert counts(decryptor) == (len(sizes), 0, 0, 0, 0)


def test_plugins_say_what_they_are():
    for module in (sframe_encryptor, sframe_decryptor):
        plugin = module.create_plugin()
        assert "an example, not audited" in plugin.get_info().description
        assert type(plugin).as_bytes is True and type(plugin).fail_closed is True
    assert sframe_encryptor.SFrameEncryptor.output_caps == "application/x-sframe"
    assert sframe_decryptor.SFrameDecryptor.input_caps == "application/x-sframe"


def test_counters_are_read_only(key):
    _, decryptor, _ = pair(key)
    for name in ("frames", "lost", "rejected", "replayed", "reordered"):
        with pytest.raises(ValueError, match=f"no parameter {name}"):
            decryptor.set_parameter(name, "5")
    assert counts(decryptor) == (0, 0, 0, 0, 0)


def test_accounts_are_posted_when_a_stream_stops(key):
    encryptor, decryptor, sealed = pair(key)
    frames = seal(encryptor, *[b"x"] * 5)
    assert accepted(decryptor, [frames[0], frames[3], frames[3], frames[2], b""]) == 3
    for _ in range(2):
        for plugin in encryptor, decryptor:
            plugin.stop()
    session = Session.of_caps(sealed)[0].number
    assert [*encryptor.posted] == [
        ("sframe-encrypted", {"session": session, "frames": 5})
    ]
    told = {"frames": 3, "lost": 1, "reordered": 1, "rejected": 1, "replayed": 1}
    assert [*decryptor.posted] == [("sframe-decrypted", told)]


# Nothing that is not authentic comes out


SIZES = [0, 1, 16, 160, soak.count(480, 1920)]


@pytest.mark.parametrize("size", SIZES)
def test_every_bit_and_every_length_matters(size, key):
    generator = random.Random(size)
    encryptor, decryptor, _ = pair(key)
    payloads = [generator.randbytes(size) for _ in range(300)]
    frames = seal(encryptor, *payloads)
    # From the first (nothing is known yet) to one whose CTR takes two bytes.
    tried = 0
    for index in (0, 1, 7, 8, 9, 255, 256, 299):
        frame = frames[index]
        forged = list(flips(frame)) + [frame[:cut] for cut in range(len(frame))]
        forged += [frame + bytes(count) for count in range(1, 40)]
        forged += [generator.randbytes(count) + frame for count in range(1, 40)]
        assert accepted(decryptor, forged) == 0
        tried += len(forged)
        # None of them kept the real one out.
        assert decryptor.process_audio(buffer(frame)) == payloads[index]
    passed, _, rejected, replayed, _ = counts(decryptor)
    assert passed == 8 and rejected + replayed == tried > 8 * 8 * (size + 25)
    assert size < SIZES[-1] or tried > 50 * SIZES[-1]


@pytest.mark.parametrize("suite", SUITES)
def test_every_bit_matters_in_every_suite(suite, key):
    encryptor, decryptor, _ = pair(key, cipher_suite=suite)
    for frame in seal(encryptor, *(bytes([n]) * 40 for n in range(10))):
        forged = list(flips(frame)) + [frame[:cut] for cut in range(len(frame))]
        assert accepted(decryptor, forged) == 0
        assert accepted(decryptor, [frame]) == 1


def test_parts_of_two_frames_make_none(key):
    encryptor, decryptor, _ = pair(key)
    frames = seal(encryptor, *(bytes([n]) * 60 for n in range(14)))
    forged = [
        one[:cut] + other[cut:]
        for one in frames
        for other in frames
        if one is not other
        for cut in range(min(len(one), len(other)) + 1)
    ]
    forged = [each for each in forged if each not in frames]
    assert len(forged) > 10_000
    assert accepted(decryptor, forged) == 0
    assert accepted(decryptor, frames) == len(frames)


def test_random_bytes_are_no_frame(key):
    generator = random.Random(7)
    encryptor, decryptor, _ = pair(key)
    header = seal(encryptor, b"")[0][:9]
    forged = [generator.randbytes(generator.randrange(80)) for _ in range(10_000)]
    forged += [header + generator.randbytes(size % 60) for size in range(10_000)]
    assert accepted(decryptor, forged) == 0


def test_replay_is_refused_for_the_life_of_the_plugin(key):
    encryptor, decryptor, sealed = pair(key, window=16)
    first = seal(encryptor, *(bytes([n]) for n in range(50)))
    assert accepted(decryptor, first) == 50
    assert accepted(decryptor, first) == 0
    assert counts(decryptor) == (50, 0, 0, 50, 0)
    # Another session, and back to the first one.
    encryptor.stop()
    second = negotiate(encryptor, RAW)
    decryptor.stop()
    negotiate(decryptor, second)
    assert accepted(decryptor, first) == 0
    frames = seal(encryptor, b"a", b"b")
    assert accepted(decryptor, frames) == 2
    for caps, old in ((sealed, first), (second, frames)) * 2:
        decryptor.stop()
        decryptor.set_parameter("window", "60000")  # a window must not grow
        negotiate(decryptor, caps)
        assert accepted(decryptor, old) == 0
    assert counts(decryptor)[:2] == (52, 0)


@pytest.mark.parametrize("suite", SUITES)
def test_another_key_opens_nothing(suite, key, tmp_path):
    encryptor, _, sealed = pair(key, cipher_suite=suite)
    frames = seal(encryptor, *(bytes([n]) * 20 for n in range(100)))
    other = made(sframe_decryptor, write_key(tmp_path / "b.key", "b"), short_tags=True)
    negotiate(other, sealed)
    assert accepted(other, frames) == 0
    assert counts(other) == (0, 0, 100, 0, 0)


def test_wrong_key_and_wrong_tag_look_the_same(key, tmp_path):
    encryptor, decryptor, sealed = pair(key)
    (frame,) = seal(encryptor, b"secret")
    other = made(sframe_decryptor, write_key(tmp_path / "b.key", "b"))
    negotiate(other, sealed)
    spoilt = [frame[:-1] + bytes([frame[-1] ^ 1]), frame[:5], b"", bytes(40)]
    said = set()
    for plugin, bad in [(other, frame)] + [(decryptor, each) for each in spoilt]:
        with pytest.raises(DropBuffer) as drop:
            plugin.process_audio(buffer(bad))
        said.add(repr(drop.value))
    assert len(said) == 1


def test_frames_of_another_session_are_not_taken(key):
    encryptor, decryptor, sealed = pair(key)
    other, _, other_sealed = pair(key)
    assert accepted(decryptor, seal(encryptor, *[b"y"] * 50)) == 50
    frames = seal(other, *[b"x"] * 100)
    assert accepted(decryptor, frames) == 0
    # That a CTR was there in this session says nothing of that one's frames.
    assert counts(decryptor) == (50, 0, 100, 0, 0)
    # Not even where its own KID is put in their place, or the caps' session.
    kid = decode_header(seal(encryptor, b"")[0])[0]
    moved = []
    for frame in frames:
        _, ctr, size = decode_header(frame)
        moved.append(encode_header(kid, ctr) + frame[size:])
    assert accepted(decryptor, moved) == 0
    number = Session.of_caps(other_sealed)[0].number
    original = Session.of_caps(sealed)[0].number
    decryptor.stop()
    negotiate(decryptor, sealed.replace(original, number))
    assert accepted(decryptor, seal(encryptor, b"1", b"2")) == 0


def test_caps_are_authenticated(key):
    """Whatever is changed in the caps beside the frames, none is let through."""
    encryptor, _, sealed = pair(key)
    frames = seal(encryptor, b"a" * 32, b"b" * 32)
    readable = 0
    for index in range(len(sealed)):
        for character in 'x1"\\ ':
            caps = sealed[:index] + character + sealed[index + 1 :]
            try:
                same = Session.of_caps(caps) == Session.of_caps(sealed)
            except ValueError:
                continue
            if not same:
                readable += 1
                decryptor = made(sframe_decryptor, key)
                negotiate(decryptor, caps)
                assert accepted(decryptor, frames) == 0, caps
    assert readable > 100
    for suite in SUITES:
        caps = sealed.replace("AES_128_GCM_SHA256_128", suite)
        if caps != sealed:
            decryptor = made(sframe_decryptor, key, short_tags=True)
            negotiate(decryptor, caps)
            assert accepted(decryptor, frames) == 0, caps


# Loss and reordering


# An hour of frames of 10 ms in a soak, else a minute; and seconds in every way.
NETWORKS = [(3000, seed, window) for seed in range(3) for window in (8, 64, 1024)]
NETWORKS += [(soak.count(6000, 360_000), 3, 1024)]


@soak.one_in(2)
@pytest.mark.parametrize("count, seed, window", NETWORKS)
def test_every_loss_is_accounted_for(count, seed, window, key):
    """Against a model that remembers every number that was let through."""
    encryptor, decryptor, _ = pair(key, window=window)
    frames = seal(encryptor, *(n.to_bytes(4, "big") * 8 for n in range(count)))
    delivered, replayed, reordered, last, highest = set(), 0, 0, -1, -1
    numbers = arrivals(count, seed)
    for number in numbers:
        arrived = buffer(frames[number])
        if number in delivered or number <= highest - window:
            replayed += 1
            assert accepted(decryptor, [frames[number]]) == 0
            continue
        assert decryptor.process_audio(arrived) == number.to_bytes(4, "big") * 8
        # As GStreamer has it: this is not what comes after the buffer before.
        assert arrived.discont == (number != last + 1)
        reordered += number < highest
        delivered.add(number)
        last, highest = number, max(number, highest)
        lost = highest + 1 - len(delivered)
        assert counts(decryptor) == (len(delivered), lost, 0, replayed, reordered)
    assert window < 64 or len(delivered) == len(set(numbers))
    assert reordered > count // 30 and lost > count // 30 and replayed > count // 150


def test_without_loss_and_reordering_nothing_is_discont(key):
    encryptor, decryptor, _ = pair(key)
    for frame in seal(encryptor, *[b"x"] * 2000):
        arrived = buffer(frame)
        decryptor.process_audio(arrived)
        assert not arrived.discont


@pytest.mark.parametrize("discont", [False, True])
def test_discont_is_never_taken_away(discont, key):
    encryptor, decryptor, _ = pair(key)
    arrived = buffer(seal(encryptor, b"x")[0])
    arrived.discont = discont
    decryptor.process_audio(arrived)
    assert arrived.discont is discont


def test_forged_counter_does_not_shut_the_real_frames_out(key):
    """A window that moved before the frame was authentic would."""
    encryptor, decryptor, sealed = pair(key)
    frames = seal(encryptor, *[b"x"] * 10)
    kid = decode_header(frames[0])[0]
    stranger = FrameKey(SUITES["AES_128_GCM_SHA256_128"], kid, b"")
    for ctr in (5, 10**6, 2**64 - 1):
        assert accepted(decryptor, [stranger.encrypt(ctr, b"x", RAW.encode())]) == 0
    assert accepted(decryptor, frames) == 10
    assert counts(decryptor) == (10, 0, 3, 0, 0)


# Fails closed


def test_nothing_is_sealed_or_opened_without_a_key(key, tmp_path):
    encryptor, decryptor, sealed = pair(key)
    (frame,) = seal(encryptor, b"x")
    for plugin, data in ((encryptor, b"x"), (decryptor, frame)):
        plugin.stop()
        with pytest.raises(RuntimeError, match="not started"):
            plugin.process_audio(buffer(data))
        assert plugin.set_parameter("key_file", str(tmp_path / "none")) is True
        with pytest.raises(FileNotFoundError, match="key_file"):
            plugin.start()
        with pytest.raises(RuntimeError, match="not started"):
            plugin.process_audio(buffer(data))
    for module in (sframe_encryptor, sframe_decryptor):
        plugin = made(module, key)
        with pytest.raises(RuntimeError, match="set_caps"):
            plugin.start()


@pytest.mark.parametrize(
    "old, new",
    [
        ("AES_128_GCM_SHA256_128", "NONE"),
        ("cipher-suite", "cipher"),
        ("session", "sessions"),
        ("sealed-caps", "seals"),
        ("session=(string)", "session=(string)0"),
        ("session=(string)", "session=(string)g"),
        ("x-sframe", "x-fernet"),
    ],
)
def test_caps_without_what_is_needed_are_refused(old, new, key):
    _, decryptor, sealed = pair(key)
    assert old in sealed
    for call in (decryptor.get_output_caps, lambda caps: decryptor.set_caps(caps, "")):
        with pytest.raises(
            ValueError, match="x-sframe|cipher-suite|session|sealed-caps"
        ):
            call(sealed.replace(old, new))


def test_keys_never_show_up(key):
    encryptor, decryptor, _ = pair(key)
    for plugin in (encryptor, decryptor):
        shown = repr(plugin) + repr(vars(plugin))
        shown += "".join(plugin.get_parameter(name) for name in dir(plugin))
        assert key_text() not in shown and key_text()[:8] not in shown


def test_queries_on_two_threads_announce_one_session(key, monkeypatch):
    """The second query comes while the first one makes its session."""
    encryptor, fresh, second = made(sframe_encryptor, key), Session.fresh, []

    def interrupted(suite, padded):
        if not second:
            second.append("")
            second[0] = encryptor.get_output_caps(RAW)
        return fresh(suite, padded)

    monkeypatch.setattr(sframe_encryptor.Session, "fresh", interrupted)
    assert encryptor.get_output_caps(RAW) == second[0] == negotiate(encryptor, RAW)


# Padding


@pytest.mark.parametrize("multiple", [1, 16, 100, 4096])
def test_padded_lengths_tell_nothing_below_the_multiple(multiple, key):
    encryptor, decryptor, sealed = pair(key, pad_to=multiple)
    assert "padding=(string)iso7816-4" in sealed
    payloads = [bytes(n) for n in range(40)] + [b"\x80" * n for n in range(40)]
    payloads += [b"\x80\0\0", b"x" * (multiple - 1), b"x" * multiple]
    frames = seal(encryptor, *payloads)
    for payload, frame in zip(payloads, frames):
        header = decode_header(frame)[2]
        assert (len(frame) - header - 16) % multiple == 0
        assert len(frame) - header - 16 - len(payload) in range(1, multiple + 1)
        assert decryptor.process_audio(buffer(frame)) == payload


def test_padding_is_a_part_of_the_session(key):
    """Nobody turns it on or off in between, and it stays until the next one."""
    for padding in (0, 16):
        encryptor, _, sealed = pair(key, pad_to=padding)
        frames = seal(encryptor, b"12345678", bytes(16) + b"\x80")
        plain = sealed.replace(", padding=(string)iso7816-4", "")
        padded = plain.replace(", session", ", padding=(string)iso7816-4, session")
        other = made(sframe_decryptor, key)
        negotiate(other, plain if padding else padded)
        assert accepted(other, frames) == 0
    encryptor.set_parameter("pad_to", "0")
    assert encryptor.get_output_caps(RAW) == sealed
    assert len(seal(encryptor, bytes(20))[0]) == len(frames[1])
    encryptor.stop()
    assert "padding" not in negotiate(encryptor, RAW)
    with pytest.raises(ValueError, match="padding is not"):
        sframe_decryptor.create_plugin().get_output_caps(
            sealed.replace("iso7816-4", "other")
        )


def test_a_frame_without_its_padding_is_not_authentic(key):
    """Of a sender that says it pads, and does not."""
    encryptor, decryptor, sealed = pair(key, pad_to=16)
    for text in (b"", bytes(16), b"\x81", b"\x80\1"):
        ctr = len(text) + 7
        frame = encryptor._key.encrypt(ctr, text, RAW.encode())
        assert accepted(decryptor, [frame]) == 0
