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

from _caps_seal import SEALED_CAPS, UNOPENED, open_caps
from _fernet_plugin import FernetPlugin
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
        description="Take original-caps that are not sealed, which you set yourself",
    )

    _authentic = False  # the caps

    def get_output_caps(self, input_caps: str) -> str:
        """The caps of what was encrypted; ValueError if they are not there.

        Where they are not authentic, no token is, and nobody hears of them.
        """
        fields = read(input_caps, self.MEDIA_TYPE)
        sealed, original = fields.get(SEALED_CAPS, ""), fields.get(ORIGINAL_CAPS, "")
        if not sealed and not original:
            raise ValueError(f"sealed-caps and original-caps are missing: {input_caps}")
        if not sealed:
            return original if self.unsealed_caps else UNOPENED
        try:
            return open_caps(self._read_key(), self.MEDIA_TYPE, sealed)
        except (OSError, ValueError):  # start() tells of the key
            return UNOPENED

    def set_caps(self, input_caps: str, output_caps: str) -> None:
        """Whether what comes now may be opened."""
        self._authentic = self.get_output_caps(input_caps) != UNOPENED

    def process_audio(self, buffer: AudioBuffer) -> bytes:
        """The ``bytes`` that were encrypted; DropBuffer if they are not to be had."""
        fernet = self.fernet()
        try:
            if not self._authentic:
                raise InvalidToken
            return fernet.decrypt(buffer.data.tobytes())
        except InvalidToken:
            raise DropBuffer("token not authentic") from None


def create_plugin() -> FernetDecryptor:
    """Make the plugin."""
    return FernetDecryptor()
