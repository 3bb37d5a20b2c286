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

from cryptography.fernet import InvalidToken

from _fernet_plugin import FernetPlugin
from _sealed_caps import ORIGINAL_CAPS, read
from base_plugin import AudioBuffer, DropBuffer


class FernetDecryptor(FernetPlugin):
    """Decrypts Fernet tokens: an example, not audited.

    No protection of the order or against replay: sframe_decryptor.py has both.
    """

    input_caps = FernetPlugin.MEDIA_TYPE
    output_caps = "ANY"

    def get_output_caps(self, input_caps: str) -> str:
        """The caps of what was encrypted; ValueError if they are not there."""
        original = read(input_caps, self.MEDIA_TYPE).get(ORIGINAL_CAPS, "")
        if not original:
            raise ValueError(f"original-caps is missing: {input_caps}")
        return original

    def process_audio(self, buffer: AudioBuffer) -> bytes:
        """The ``bytes`` that were encrypted; DropBuffer if they are not to be had."""
        try:
            return self.fernet().decrypt(buffer.data.tobytes())
        except InvalidToken:
            raise DropBuffer("token not authentic") from None


def create_plugin() -> FernetDecryptor:
    """Make the plugin."""
    return FernetDecryptor()
