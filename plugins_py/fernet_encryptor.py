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

from _fernet_plugin import CAPS_TAG, FernetPlugin, tag_of_caps
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
        """The tokens' caps, which hold ``input_caps`` and the key's tag of them."""
        fields = {ORIGINAL_CAPS: input_caps}
        try:
            fields[CAPS_TAG] = tag_of_caps(self._read_key(), input_caps)
        except (OSError, ValueError):
            pass  # start() says so
        return write(self.MEDIA_TYPE, fields)

    def process_audio(self, buffer: AudioBuffer) -> bytes:
        """The token of ``buffer.data``, as ``bytes``."""
        return self.fernet().encrypt(buffer.data.tobytes())


def create_plugin() -> FernetEncryptor:
    """Make the plugin."""
    return FernetEncryptor()
