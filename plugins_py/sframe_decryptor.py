# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decrypts SFrames (RFC 9605) back into exactly the stream that was encrypted.

    gst-launch-1.0 udpsrc address=127.0.0.1 port=5004 \
        caps="application/x-rtp, media=application, clock-rate=90000, \
        encoding-name=X-GST" ! rtpjitterbuffer ! rtpgstdepay \
        ! pythonfilter script=plugins_py/sframe_decryptor.py \
        params="p,key_file=call.key" on-error=drop ! opusdec ! audioconvert \
        ! autoaudiosink

You hear what sframe_encryptor.py's launch line encrypts with the same key, and
with another key nothing.

It is an example, not audited.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

from typing import Any

from _caps_seal import UNOPENED
from _replay_window import ReplayWindow, Verdict
from _sframe import SUITES, FrameKey, InvalidTag, decode_header
from _sframe_plugin import SFramePlugin
from _sframe_session import MEDIA_TYPE, Session
from base_plugin import AudioBuffer, DropBuffer, Param

# One sentence, or the sender of a forged frame could ask what was wrong with it.
NOT_AUTHENTIC = "frame not authentic"
LEAST_TAG = 8  # bytes


def _count(name: str, doc: str) -> Any:
    return property(lambda plugin: plugin._counts[name], doc=doc)


class SFrameDecryptor(SFramePlugin):
    """Decrypts SFrames (RFC 9605): an example, not audited.

    Drops what is not authentic, and what has come before.

    These count, over the life of the plugin, and are the fields of the message
    ``sframe-decrypted``, posted when a stream ends or breaks:

    ``frames``
        Decrypted.
    ``lost``
        Frames that the counters say there were and that did not come, from the
        first of each session to its last that came; a late one is taken off again.
    ``reordered``
        Of ``frames``, those that came late.
    ``rejected``
        Dropped because not authentic: changed, cut, of another key or session.
    ``replayed``
        Dropped because their counter has been before, or is below the window.

    Each buffer is one of ``frames``, ``rejected`` and ``replayed``.
    """

    input_caps = MEDIA_TYPE
    output_caps = "ANY"
    ACCOUNTS = "sframe-decrypted"

    window = Param(
        1024,
        min=1,
        unit="frames",
        description="How late a frame may be, in sessions first seen from now on",
    )

    short_tags = Param(
        False,
        description="Take the cipher suites whose tags have 32 bits, which one of "
        "four billion forged frames hits by chance",
    )

    def __init__(self) -> None:
        super().__init__()
        names = ("frames", "lost", "reordered", "rejected", "replayed")
        self._counts = dict.fromkeys(names, 0)
        self._session: Session | None = None
        self._metadata = b""
        self._key: FrameKey | None = None
        # One for every session that was ever heard, or going back to one would replay
        # it.
        self._windows: dict[Session, ReplayWindow] = {}
        self._current = ReplayWindow(self.window)
        self._expected = 0

    frames = _count("frames", "Frames decrypted.")
    lost = _count("lost", "Frames that did not come.")
    reordered = _count("reordered", "Frames decrypted that came late.")
    rejected = _count("rejected", "Frames dropped because they were not authentic.")
    replayed = _count("replayed", "Frames dropped because they came too often or late.")

    def get_output_caps(self, input_caps: str) -> str:
        """The caps of what was encrypted; ValueError if they are not there.

        Where they are not authentic, no frame is either, and nobody hears of them.
        """
        session, original = Session.of_caps(input_caps)
        if session.suite.tag_size < LEAST_TAG and not self.short_tags:
            # Whoever sends the caps names the suite, without a key as well.
            raise ValueError(
                f"{session.suite.name} has tags of 32 bits, which are hit by "
                "chance: set short_tags=true if that is what your sender uses"
            )
        try:
            return session.original_caps(self._read_key(), original)
        except (OSError, ValueError):  # start() tells of the key
            return UNOPENED

    def set_caps(self, input_caps: str, output_caps: str) -> None:
        """The session whose frames come now."""
        self._session = Session.of_caps(input_caps)[0]
        # As it was written, not as GStreamer writes the same.
        self._metadata = self.get_output_caps(input_caps).encode()

    def start(self) -> bool:
        """Read the key; OSError or ValueError says why it is not to be had."""
        session = self._session
        if session is None:
            raise RuntimeError("set_caps() was not called, so there is no session")
        self._find_window(session)
        self._key = session.key(self._read_key())
        return super().start()

    def _find_window(self, session: Session) -> None:
        known = self._windows.get(session)
        self._current = ReplayWindow(self.window) if known is None else known
        self._expected = self._current.highest + 1

    def get_state(self) -> Any:
        """What was heard, for the plugin that takes over at a reload; no key."""
        return {
            "windows": {
                (session.number, session.suite.name, session.padded): window.state()
                for session, window in self._windows.items()
            },
            "expected": self._expected,
            "accounts": self._accounts(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on where another one was; an exception if it cannot."""
        self._windows = {
            Session(number, SUITES[suite], padded): ReplayWindow.restored(*window)
            for (number, suite, padded), window in state["windows"].items()
        }
        self._counts = {name: state["accounts"][name] for name in self._counts}
        if self._session is not None:
            self._find_window(self._session)
            self._expected = state["expected"]

    def _accounts(self) -> dict[str, int | str]:
        return dict(self._counts)

    def process_audio(self, buffer: AudioBuffer) -> bytes:
        """The ``bytes`` that were encrypted; DropBuffer if they are not to be had.

        A buffer that does not continue the last one is marked ``discont``.
        """
        session, key, window = self._session, self._key, self._current
        counts = self._counts
        if session is None or key is None:
            raise RuntimeError("not started, so there is no key")
        frame = buffer.data.tobytes()
        try:
            kid, ctr, size = decode_header(frame)
        except ValueError:
            kid = ctr = size = -1
        if kid != key.kid:
            counts["rejected"] += 1
            raise DropBuffer(NOT_AUTHENTIC)
        verdict = window.check(ctr)
        if verdict is not Verdict.NEW:
            counts["replayed"] += 1
            if verdict is Verdict.SEEN:
                raise DropBuffer("frame replayed")
            raise DropBuffer("frame too late for the window")
        try:
            plaintext = key.decrypt(ctr, size, frame, self._metadata)
            if session.padded:
                plaintext = unpadded(plaintext)
        except (InvalidTag, ValueError):
            counts["rejected"] += 1
            raise DropBuffer(NOT_AUTHENTIC) from None
        lost = window.commit(ctr)
        self._windows.setdefault(session, window)
        counts["frames"] += 1
        counts["lost"] += lost
        counts["reordered"] += lost < 0
        if ctr != self._expected:
            buffer.discont = True
        self._expected = ctr + 1
        return plaintext

    def stop(self) -> None:
        """Forget the key, but not which frames there have been."""
        self._key = None
        super().stop()


def unpadded(data: bytes) -> bytes:
    """What was before its padding; ValueError if it has none."""
    data = data.rstrip(b"\0")
    if data[-1:] != b"\x80":
        raise ValueError("no padding")
    return data[:-1]


def create_plugin() -> SFrameDecryptor:
    """Make the plugin."""
    return SFrameDecryptor()
