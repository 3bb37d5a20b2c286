# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decrypts the tokens of fernet_encryptor.py, where its launch line is.

    gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert \
        ! pythonfilter script=plugins_py/fernet_encryptor.py \
        params="p,key_file=call.key" \
        ! pythonfilter script=plugins_py/fernet_decryptor.py \
        params="p,key_file=call.key" ! audioconvert ! autoaudiosink

You hear the 440 Hz tone that went in; with two different keys you hear nothing.

It is an example, not audited, and sframe_decryptor.py is the better one.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

import hmac

from cryptography.fernet import InvalidToken

from _fernet_plugin import CAPS_TAG, FernetPlugin, tag_of_caps
from _sealed_caps import ORIGINAL_CAPS, read
from base_plugin import AudioBuffer, DropBuffer, Param


class FernetDecryptor(FernetPlugin):
    """Decrypts Fernet tokens: an example, not audited.

    No protection of the order or against replay: sframe_decryptor.py has both.
    """

    input_caps = FernetPlugin.MEDIA_TYPE
    output_caps = "ANY"

    unsealed_caps = Param(
        False,
        description="Take caps without the key's tag, which you set by a capsfilter",
    )

    def __init__(self) -> None:
        super().__init__()
        self._original = self._tag = ""
        self._authentic = False

    def get_output_caps(self, input_caps: str) -> str:
        """The caps of what was encrypted; ValueError if they are not there."""
        original = read(input_caps, self.MEDIA_TYPE).get(ORIGINAL_CAPS, "")
        if not original:
            raise ValueError(f"original-caps is missing: {input_caps}")
        return original

    def set_caps(self, input_caps: str, output_caps: str) -> None:
        """What start() looks at, when there is a key."""
        fields = read(input_caps, self.MEDIA_TYPE)
        self._original = fields.get(ORIGINAL_CAPS, "")
        self._tag = fields.get(CAPS_TAG, "")

    def _use_key(self, key: bytes) -> None:
        tag = tag_of_caps(key, self._original)
        self._authentic = hmac.compare_digest(tag.encode(), self._tag.encode())

    def process_audio(self, buffer: AudioBuffer) -> bytes:
        """The ``bytes`` that were encrypted; DropBuffer if they are not to be had."""
        fernet = self.fernet()
        try:
            if not self._authentic and not self.unsealed_caps:
                raise InvalidToken
            return fernet.decrypt(buffer.data.tobytes())
        except InvalidToken:
            raise DropBuffer("token not authentic") from None


def create_plugin() -> FernetDecryptor:
    """Make the plugin."""
    return FernetDecryptor()
