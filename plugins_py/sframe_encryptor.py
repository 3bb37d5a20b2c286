# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encrypts a stream into SFrames (RFC 9605), one for each buffer.

    examples/make-key call.key
    gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert ! opusenc \
        ! pythonfilter script=plugins_py/sframe_encryptor.py \
        params="p,key_file=call.key" ! rtpgstpay config-interval=1 \
        ! udpsink host=127.0.0.1 port=5004

You hear nothing; whoever has the key and sframe_decryptor.py does.

It is an example, not audited.  It takes any stream.  A frame is at most 30 bytes
longer than its buffer, but raw audio in blocks of 10 ms is too long for a network
packet as it is, so put an encoder before it.

What it shows to all: how long each buffer is, and when it was sent.  With pad_to=N
lengths are multiples of N.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

from _caps_seal import UNOPENED
from _sframe import SUITES, FrameKey
from _sframe_plugin import SFramePlugin
from _sframe_session import MEDIA_TYPE, Session
from _this_process import Mark
from base_plugin import AudioBuffer, Param, PluginState


class SFrameEncryptor(SFramePlugin):
    """Encrypts each buffer into an SFrame (RFC 9605): an example, not audited.

    Each start after a stop is a new session with a key of its own, which
    ``get_output_caps`` announces beforehand.  Its counter only ever goes up: new
    caps in one session (a start with the session that was there), flushes, seeks
    and failed calls do not set it back.

    The message ``sframe-encrypted``, posted when a stream ends or breaks, has the
    fields ``session`` (as in the caps) and ``frames`` (over the life of the plugin).
    """

    input_caps = "ANY"
    output_caps = MEDIA_TYPE
    ACCOUNTS = "sframe-encrypted"

    cipher_suite = Param(
        "AES_128_GCM_SHA256_128",
        # The names in SUITES, where whoever only reads this file can see them.
        choices=(
            "AES_128_CTR_HMAC_SHA256_80",
            "AES_128_CTR_HMAC_SHA256_64",
            "AES_128_CTR_HMAC_SHA256_32",
            "AES_128_GCM_SHA256_128",
            "AES_256_GCM_SHA512_128",
            "AES_256_CTR_HMAC_SHA512_80",
            "AES_256_CTR_HMAC_SHA512_64",
            "AES_256_CTR_HMAC_SHA512_32",
        ),
        description="The RFC's name of the cipher suite, from the next session on",
    )
    frame_limit = Param(
        2**40,
        min=0,
        description="Frames of a session after which to fail, at most the suite's",
    )

    pad_to = Param(
        0,
        min=0,
        max=1_048_576,
        unit="bytes",
        description="What lengths are a multiple of, from the next session on; "
        "0: as they are",
    )

    def __init__(self) -> None:
        super().__init__()
        # Holds the session to announce, if there is one. A dict, since caps
        # queries come on any thread: setdefault() lets one of them win.
        self._announced: dict[str, Session] = {}
        # The next frame's CTR in every session announced so far.
        self._counters: dict[Session, int] = {}
        self._session: Session | None = None
        self._metadata = b""
        self._key: FrameKey | None = None
        self._limit = self._multiple = 0
        self._here = Mark()

    def __reduce_ex__(self, protocol: object) -> str | tuple[object, ...]:
        """For copy and pickle: two with one counter would use each nonce twice."""
        raise TypeError("an encryptor cannot be copied: each nonce is used once")

    def set_parameter(self, key: str, value: str) -> bool | None:
        """Another ``cipher_suite`` needs another session, and so does padding."""
        accepted = super().set_parameter(key, value)
        if key in ("cipher_suite", "pad_to") and self.state is not PluginState.RUNNING:
            self._announced.clear()
        return accepted

    def get_output_caps(self, input_caps: str) -> str:
        """The frames' caps, which hold the session and, sealed, ``input_caps``."""
        fresh = Session.fresh(SUITES[self.cipher_suite], self.pad_to > 0)
        session = self._announced.setdefault("session", fresh)
        self._counters.setdefault(session, 0)
        try:
            return session.caps(self._read_key(), input_caps)
        except (OSError, ValueError):  # start() tells of the key
            return session.clear_caps(UNOPENED)

    def set_caps(self, input_caps: str, output_caps: str) -> None:
        """ValueError if ``output_caps`` are of a session not announced here."""
        session, _ = Session.of_caps(output_caps)
        if session not in self._counters:
            # Somebody else may have used its nonces.
            raise ValueError(f"these caps are of another element: {output_caps}")
        self._session = session
        # What the receiver will read there, authenticated with each frame.
        self._metadata = input_caps.encode()

    def start(self) -> bool:
        """Read the key; OSError or ValueError says why it is not to be had."""
        session = self._session
        if session is None:
            raise RuntimeError("set_caps() was not called, so there is no session")
        self._key = session.key(self._read_key())
        self._limit = min(self.frame_limit, session.suite.frame_limit)
        self._multiple = self.pad_to if session.padded else 0
        self._announced["session"] = session
        return super().start()

    def process_audio(self, buffer: AudioBuffer) -> bytes:
        """Header, ciphertext and tag of ``buffer.data``, as ``bytes``."""
        session, key = self._session, self._key
        if session is None or key is None:
            raise RuntimeError("not started, so there is no key")
        if not self._here:
            raise RuntimeError(
                "this process was forked from the one that the session belongs to, "
                "which goes on with its nonces: make an element of its own here"
            )
        ctr = self._counters[session]
        if ctr >= self._limit:
            raise OverflowError(
                f"this session's {self._limit} frames are used up: stop the element, "
                "and its next start begins a new one"
            )
        # Before it is used: what may interrupt this call must not bring it back.
        self._counters[session] = ctr + 1
        plaintext = buffer.data.tobytes()
        if session.padded:
            plaintext += b"\x80"
            plaintext += bytes(-len(plaintext) % max(self._multiple, 1))
        return key.encrypt(ctr, plaintext, self._metadata)

    def _accounts(self) -> dict[str, int | str]:
        session = self._session.number if self._session else ""
        return {"session": session, "frames": sum(self._counters.values())}

    def stop(self) -> None:
        """Forget the key; what is announced from now on is a new session."""
        self._key = None
        self._announced.clear()
        super().stop()


def create_plugin() -> SFrameEncryptor:
    """Make the plugin."""
    return SFrameEncryptor()
