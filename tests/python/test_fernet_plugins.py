# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Fernet plugins: lossless, and closed where a token is not authentic."""

import base64
import random

import pytest
from cryptography.fernet import Fernet

import fernet_decryptor
import fernet_encryptor
from _caps_seal import UNOPENED
from _fernet_plugin import FernetPlugin
from _sealed_caps import write
from base_plugin import DropBuffer
from sealing import OPUS, RAW, buffer, key_text, made, negotiate, seal, write_key


@pytest.fixture
def key(tmp_path):
    return write_key(tmp_path / "call.key")


def pair(key, caps=RAW):
    encryptor, decryptor = made(fernet_encryptor, key), made(fernet_decryptor, key)
    sealed = negotiate(encryptor, caps)
    assert negotiate(decryptor, sealed) == caps
    return encryptor, decryptor, sealed


def decoded(token):
    """The bytes that a token's text stands for, or None if it is no base64."""
    try:
        return base64.urlsafe_b64decode(bytes(token))
    except ValueError:
        return None


def refused(decryptor, token):
    with pytest.raises(DropBuffer) as drop:
        decryptor.process_audio(buffer(token))
    assert drop.value.__suppress_context__
    return str(drop.value)


@pytest.mark.parametrize("caps", [RAW, OPUS, "audio/x-opus"])
def test_round_trip_is_exact(caps, key):
    generator = random.Random(1)
    encryptor, decryptor, _ = pair(key, caps)
    payloads = [generator.randbytes(size) for size in (*range(70), 1920, 65536)]
    for payload, token in zip(payloads, seal(encryptor, *payloads)):
        assert type(token) is bytes
        assert decryptor.process_audio(buffer(token)) == payload
        # Anybody's Fernet opens it with the line of the key file.
        assert Fernet(key_text()).decrypt(token) == payload


def test_token_is_as_long_as_the_description_says(key):
    encryptor, _, _ = pair(key)
    short, long = seal(encryptor, bytes(1920), bytes(4096))
    assert round(len(short) / 1920, 2) == 1.39
    assert round(len(long) / 4096, 2) == 1.36
    assert "1.36" in type(encryptor).__doc__ and "1.39" in fernet_encryptor.__doc__


def test_caps_say_what_it_is(key):
    encryptor, decryptor, sealed = pair(key)
    assert sealed.startswith("application/x-fernet, sealed-caps=(string)")
    for plugin in (encryptor, decryptor):
        assert "an example, not audited" in plugin.get_info().description
        assert type(plugin).as_bytes is True and type(plugin).fail_closed is True
    for old, new in (("sealed-", "other-"), ("fernet", "sframe")):
        caps = sealed.replace(old, new)
        with pytest.raises(ValueError, match="sealed-caps|application/x-fernet"):
            decryptor.get_output_caps(caps)


@pytest.mark.parametrize("change", ["cut", "other", "clear", "odd", "none"])
def test_caps_that_the_key_did_not_seal_open_nothing(change, key):
    encryptor, _, sealed = pair(key)
    (token,) = seal(encryptor, b"secret")
    clear = write(FernetPlugin.MEDIA_TYPE, {"original-caps": RAW})
    caps = {
        "cut": sealed[:-1],
        "other": sealed[:-1] + ("0" if sealed[-1] != "0" else "1"),
        "clear": clear,
        "odd": write(FernetPlugin.MEDIA_TYPE, {"sealed-caps": "\u00e9" * 9}),
        "none": write(FernetPlugin.MEDIA_TYPE, {"sealed-caps": "A"}),
    }[change]
    decryptor = made(fernet_decryptor, key)
    assert negotiate(decryptor, caps) == UNOPENED
    assert refused(decryptor, token) == "token not authentic"
    decryptor.stop()
    assert negotiate(decryptor, sealed) == RAW
    assert decryptor.process_audio(buffer(token)) == b"secret"


def test_own_caps_are_taken_where_they_are_to_be(key):
    encryptor, _, _ = pair(key)
    decryptor = made(fernet_decryptor, key, unsealed_caps=True)
    clear = write(FernetPlugin.MEDIA_TYPE, {"original-caps": RAW})
    assert negotiate(decryptor, clear) == RAW
    assert decryptor.process_audio(buffer(*seal(encryptor, b"secret"))) == b"secret"


def test_changed_and_cut_tokens_are_dropped(key):
    encryptor, decryptor, _ = pair(key)
    (token,) = seal(encryptor, b"secret" * 10)
    said = set()
    for index in range(len(token)):
        for bit in range(8):
            changed = bytearray(token)
            changed[index] ^= 1 << bit
            # The last character's spare bits, and what base64 skips, do not count.
            if decoded(changed) != decoded(token):
                said.add(refused(decryptor, bytes(changed)))
        said.add(refused(decryptor, token[:index]))
    assert said == {"token not authentic"}
    assert decryptor.process_audio(buffer(token)) == b"secret" * 10


def test_token_of_another_key_is_dropped(key, tmp_path):
    encryptor, decryptor, sealed = pair(key)
    other = made(fernet_decryptor, write_key(tmp_path / "b.key", "b"))
    negotiate(other, sealed)
    (token,) = seal(encryptor, b"secret")
    wrong_key = refused(other, token)
    for bad in (token[:-8] + b"AAAAAAA=", token[:9], b""):
        assert refused(decryptor, bad) == wrong_key


def test_nothing_is_sealed_or_opened_without_a_key(key, tmp_path):
    encryptor, decryptor, _ = pair(key)
    (token,) = seal(encryptor, b"x")
    for plugin, data in ((encryptor, b"x"), (decryptor, token)):
        plugin.stop()
        plugin.set_parameter("key_file", str(tmp_path / "none"))
        with pytest.raises(FileNotFoundError):
            plugin.start()
        with pytest.raises(RuntimeError, match="not started"):
            plugin.process_audio(buffer(data))
