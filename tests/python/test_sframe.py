# SPDX-License-Identifier: LGPL-2.1-or-later
"""SFrame's header, keys and ciphers, against the published values."""

import random

import pytest

import sframe_vectors as published
from _replay_window import ReplayWindow, Verdict
from _sframe import (
    SUITES,
    FrameKey,
    InvalidTag,
    aead,
    decode_header,
    derive,
    encode_header,
)

BY_NUMBER = {suite.number: suite for suite in SUITES.values()}
unhex = bytes.fromhex


@pytest.mark.parametrize("kid, ctr, encoded", published.HEADERS)
def test_header_is_the_published_one(kid, ctr, encoded):
    header = unhex(encoded)
    assert encode_header(kid, ctr) == header
    assert decode_header(header) == (kid, ctr, len(header))
    assert decode_header(header + b"\xff" * 9) == (kid, ctr, len(header))


@pytest.mark.parametrize("kid, ctr, encoded", published.HEADERS)
def test_header_cut_short_is_refused(kid, ctr, encoded):
    header = unhex(encoded)
    for size in range(len(header)):
        with pytest.raises(ValueError):
            decode_header(header[:size])


def test_every_config_byte_has_one_reading_or_none():
    """Whatever can be read is written the same way again."""
    generator = random.Random(1)
    refused = 0
    for config in range(256):
        for _ in range(50):
            tail = bytes(generator.choice((0, 1, 7, 8, 255)) for _ in range(16))
            try:
                kid, ctr, size = decode_header(bytes((config,)) + tail)
            except ValueError:
                refused += 1
            else:
                assert encode_header(kid, ctr) == (bytes((config,)) + tail)[:size]
    assert refused > 1000


@pytest.mark.parametrize(
    "header",
    ["0800", "0807", "090008", "0900ff", "0a00ffff", "0f00ffffffffffffff", "8007"]
    + ["9000ff", "f000ffffffffffffff", "8807ff", "88ff07"],
)
def test_number_longer_than_need_be_is_refused(header):
    with pytest.raises(ValueError):
        decode_header(unhex(header) + b"\1")


@pytest.mark.parametrize("number", [-1, 2**64])
def test_number_that_is_no_64_bits_has_no_header(number):
    with pytest.raises(ValueError):
        encode_header(number, 0)
    with pytest.raises(ValueError):
        encode_header(0, number)


@pytest.mark.parametrize("number", published.CTR_HMAC)
def test_aes_ctr_hmac_is_the_published_one(number):
    suite = BY_NUMBER[number]
    cipher = aead(suite, bytes(range(suite.key_size)))
    nonce, data = unhex(published.NONCE), unhex(published.METADATA)
    plaintext = unhex(published.PLAINTEXT)
    sealed = cipher.encrypt(nonce, plaintext, data)
    assert sealed.hex() == published.CTR_HMAC[number]
    assert cipher.decrypt(nonce, sealed, data) == plaintext
    for size in range(len(sealed)):
        with pytest.raises(InvalidTag):
            cipher.decrypt(nonce, sealed[:size], data)


@pytest.mark.parametrize("number", published.FRAMES)
def test_frame_is_the_published_one(number):
    suite, expected = BY_NUMBER[number], published.FRAMES[number]
    base_key = unhex(published.BASE_KEY)
    key, salt = derive(suite, published.KID, base_key)
    assert (key.hex(), salt.hex()) == (expected["key"], expected["salt"])
    frame_key = FrameKey(suite, published.KID, base_key)
    assert frame_key.nonce(published.CTR).hex() == expected["nonce"]
    metadata = unhex(published.METADATA)
    frame = frame_key.encrypt(published.CTR, unhex(published.PLAINTEXT), metadata)
    assert frame.hex() == expected["frame"]
    kid, ctr, size = decode_header(frame)
    assert (kid, ctr) == (published.KID, published.CTR)
    plaintext = frame_key.decrypt(ctr, size, frame, metadata)
    assert plaintext.hex() == published.PLAINTEXT


def test_suites_have_the_sizes_of_the_registry():
    """Nk and Nt of IANA's "SFrame Cipher Suites"."""
    sizes = {each.number: (each.key_size, each.tag_size) for each in SUITES.values()}
    assert sizes == {
        **{1: (48, 10), 2: (48, 8), 3: (48, 4), 4: (16, 16), 5: (32, 16)},
        **{6: (96, 10), 7: (96, 8), 8: (96, 4)},
    }


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_suite_kid_and_key_each_make_other_keys(suite):
    others = [each for each in SUITES.values() if each is not suite]
    derived = {derive(each, 1, b"k" * 32) for each in (suite, *others)}
    derived |= {derive(suite, 2, b"k" * 32), derive(suite, 1, b"l" * 32)}
    assert len(derived) == len(SUITES) + 2


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_nonces_differ_over_the_whole_range(suite):
    key = FrameKey(suite, 5, bytes(32))
    numbers = {0, 2**64 - 1}
    numbers |= {2**bit + add for bit in range(64) for add in (-1, 0, 1)}
    assert len({key.nonce(number) for number in numbers}) == len(numbers)


# The replay window


@pytest.mark.parametrize("size", [1, 2, 63, 64, 65, 1024, 65536])
def test_window_ends_where_it_should(size):
    window = ReplayWindow(size)
    window.commit(100_000)
    assert window.check(100_000) is Verdict.SEEN
    assert window.check(100_000 - size) is Verdict.TOO_OLD
    assert window.check(100_001) is Verdict.NEW
    if size > 1:
        oldest = 100_000 - size + 1
        assert window.check(oldest) is Verdict.NEW
        assert window.commit(oldest) == -1
        assert window.check(oldest) is Verdict.SEEN
        window.commit(100_001)
        assert window.check(oldest) is Verdict.TOO_OLD


@pytest.mark.parametrize("size", [0, -1, 65537])
def test_window_of_no_use_is_refused(size):
    with pytest.raises(ValueError, match="window"):
        ReplayWindow(size)


def test_window_bears_the_largest_step():
    window = ReplayWindow(1024)
    assert window.commit(0) == 0
    assert window.commit(2**64 - 1) == 2**64 - 2
    assert window.check(0) is Verdict.TOO_OLD
    assert window.check(2**64 - 2) is Verdict.NEW
    assert window.check(2**64 - 1) is Verdict.SEEN


@pytest.mark.parametrize("size", [1, 2, 3, 8, 64, 65])
def test_window_agrees_with_a_plain_set(size):
    generator = random.Random(size)
    window, accepted, lost = ReplayWindow(size), set(), 0
    now = 0
    for _ in range(5000):
        now += generator.choice((0, 0, 1, 1, 1, 2, size, 3 * size))
        counter = max(0, now - generator.randrange(2 * size + 2))
        highest = max(accepted, default=-1)
        expected = Verdict.NEW
        if counter <= highest - size:
            expected = Verdict.TOO_OLD
        elif counter in accepted:
            expected = Verdict.SEEN
        assert window.check(counter) is expected
        if expected is Verdict.NEW:
            lost += window.commit(counter)
            accepted.add(counter)
            assert window.highest == max(accepted)
            assert lost == window.highest + 1 - len(accepted)
            assert window._seen < 1 << size, "it would grow for ever"
    assert lost > 0


def test_the_encryptor_offers_every_suite():
    from sframe_encryptor import SFrameEncryptor

    assert SFrameEncryptor.cipher_suite.choices == tuple(SUITES)
