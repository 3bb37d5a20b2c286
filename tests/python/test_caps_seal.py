# SPDX-License-Identifier: LGPL-2.1-or-later
"""Caps that only who has the key can read, or write."""

import base64
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from _caps_seal import open_caps, seal_caps
from _sframe_session import Session
from pushing import Steps, caps_of
from sealing import OPUS, RAW, buffer, key_text, pair, write_key

KEY = base64.urlsafe_b64decode(key_text())
OTHER = base64.urlsafe_b64decode(key_text("b"))
CAPS = [RAW, OPUS, "", "a" * 256, "a" * 257, "é, 音"]


@pytest.mark.parametrize("caps", CAPS)
def test_caps_come_back(caps):
    sealed = seal_caps(KEY, "context", caps)
    assert open_caps(KEY, "context", sealed) == caps
    assert seal_caps(KEY, "context", caps) == sealed
    # It is one word, which caps hold without quotes, and tells no format.
    assert sealed.replace("-", "").replace("_", "").isalnum()
    assert len(sealed) in (38, 379, 720)


def test_whatever_is_changed_they_do_not_open():
    sealed = seal_caps(KEY, "context", RAW)
    tried = {sealed[:end] for end in range(len(sealed))}
    for at, was in enumerate(sealed):
        tried |= {sealed[:at] + to + sealed[at + 1 :] for to in "A_=é" if to != was}
    tried |= {sealed + "=", sealed + "A", "=" * 8, sealed.replace("A", "B")}
    for each in tried:
        with pytest.raises(ValueError):
            open_caps(KEY, "context", each)
    for key, context in ((OTHER, "context"), (KEY, "contex"), (KEY, "context2")):
        with pytest.raises(ValueError, match="not authentic"):
            open_caps(key, context, sealed)


@pytest.mark.parametrize("plugin", ["sframe_encryptor.py", "fernet_encryptor.py"])
def test_no_title_is_in_the_caps(plugin, tmp_path):
    """Encoders write the tags into the stream's headers, and those into caps."""
    title = b"my secret title"
    steps = Steps(tmp_path, "none", plugin=plugin)
    headers = "audio/x-opus, rate=(int)48000, streamheader=(buffer)< %s >"
    rows = steps.begin(headers % title.hex()).frames(b"1234").run()
    (caps,) = caps_of(rows[3])
    assert title.hex() not in caps and "opus" not in caps


def test_a_key_that_is_not_there_is_told_by_any_policy(tmp_path):
    for plugin in ("sframe_encryptor.py", "fernet_encryptor.py", "sframe_decryptor.py"):
        steps = Steps(tmp_path, "none", plugin=plugin, more="on-error=drop")
        _, _, sealed = pair(steps.key)
        steps.line = steps.line.replace("call.key", "no.key")
        steps.begin(sealed if "decrypt" in plugin else RAW)
        told = [each for row in steps.run() for each in row["told"]]
        assert [kind for kind, _ in told] == ["error"], told
        assert "key_file: No such file" in told[0][1]


def test_who_has_another_key_hears_of_no_caps(tmp_path):
    steps = Steps(tmp_path, "none")
    encryptor, _, sealed = pair(write_key(tmp_path / "other.key", "b"))
    steps.begin(sealed).frames(encryptor.process_audio(buffer(b"1234"))).add("output")
    rows = steps.run()
    assert rows[4]["result"] == [None, "ANY"]
    assert [each for row in rows for each in row["seen"]] == []


def test_caps_in_clear_open_the_frames_sealed_with_them(tmp_path):
    """Another sender of RFC 9605 frames writes them so, and so did ours."""
    steps = Steps(tmp_path, "none")
    encryptor, _, sealed = pair(steps.key)
    clear = Session.of_caps(sealed)[0].clear_caps(RAW)
    rows = steps.begin(clear).frames(encryptor.process_audio(buffer(b"1234"))).run()
    assert caps_of(rows[3]) == [RAW]


def test_they_are_what_the_page_says():
    """Made of what docs/encryption.md says, with nothing of ours."""
    caps, context = "audio/x-opus", "application/x-sframe 0123456789abcdef SUITE"
    secret = hmac.digest(bytes(32), KEY, "sha256")
    one = hmac.digest(secret, b"pythonfilter sealed caps 1\1", "sha256")
    two = hmac.digest(secret, one + b"pythonfilter sealed caps 1\2", "sha256")
    plain = caps.encode().ljust(256, b"\0")
    nonce = hmac.digest(one, context.encode() + b"\0" + plain, "sha256")[:12]
    sealed = nonce + AESGCM(two).encrypt(nonce, plain, context.encode())
    text = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    assert seal_caps(KEY, context, caps) == text
