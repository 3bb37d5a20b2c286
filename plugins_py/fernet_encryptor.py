# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encrypts each buffer into a Fernet token.

    examples/make-key call.key
    gst-launch-1.0 audiotestsrc num-buffers=200 ! audioconvert \
        ! pythonfilter script=plugins_py/fernet_encryptor.py \
        params="p,key_file=call.key" \
        ! pythonfilter script=plugins_py/fernet_decryptor.py \
        params="p,key_file=call.key" ! audioconvert ! autoaudiosink

You hear the 440 Hz tone that went in.

It is an example, not audited, and sframe_encryptor.py is the better one.  A token
is text: 1.36 times the size of a buffer of 4096 bytes, 1.39 times that of 1920.
And it stands for itself alone: tokens can be left out, repeated, put into another
order or mixed with those of another stream of this key, or its caps, without the
receiver noticing.
"""

from __future__ import annotations

__author__ = "The pythonfilter authors"

from _caps_seal import SEALED_CAPS, UNOPENED, seal_caps
from _fernet_plugin import FernetPlugin
from _sealed_caps import ORIGINAL_CAPS, write
from base_plugin import AudioBuffer


class FernetEncryptor(FernetPlugin):
    """Encrypts each buffer into a Fernet token: an example, not audited.

    1.36 times the size, and no protection of the order or against replay:
    sframe_encryptor.py has both, for at most 30 bytes a buffer.
    """

    input_caps = "ANY"
    output_caps = FernetPlugin.MEDIA_TYPE

    def get_output_caps(self, input_caps: str) -> str:
        """The tokens' caps, which hold ``input_caps``, sealed."""
        try:
            sealed = seal_caps(self._read_key(), self.MEDIA_TYPE, input_caps)
        except (OSError, ValueError):  # start() tells of the key
            return write(self.MEDIA_TYPE, {ORIGINAL_CAPS: UNOPENED})
        return write(self.MEDIA_TYPE, {SEALED_CAPS: sealed})

    def process_audio(self, buffer: AudioBuffer) -> bytes:
        """The token of ``buffer.data``, as ``bytes``."""
        return self.fernet().encrypt(buffer.data.tobytes())


def create_plugin() -> FernetEncryptor:
    """Make the plugin."""
    return FernetEncryptor()
