# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the plugins that encrypt and decrypt share: how they get their key."""

from __future__ import annotations

from typing import ClassVar

from _keys import looks_like_a_key, read_key
from base_plugin import AudioProcessorPlugin, Param

WANTED = {
    "key_file": "name of a file",
    "key_fd": "number of a descriptor",
    "credential": "name of a credential",
}
KEY_PARAMETERS = tuple(WANTED)


class SealedPlugin(AudioProcessorPlugin):
    """Has the parameters ``key_file``, ``key_fd`` and ``credential``.

    One of them names the key, which is read at each start.
    """

    as_bytes: ClassVar[bool] = True
    fail_closed: ClassVar[bool] = True

    key_file = Param("", description="The file that holds the key")
    key_fd = Param(-1, min=-1, description="The file descriptor that holds the key")
    credential = Param("", description="The service credential that is the key")

    def set_parameter(self, key: str, value: str) -> bool | None:
        """Refuses, without repeating it, what may be a key in the wrong place."""
        if key in KEY_PARAMETERS and looks_like_a_key(value):
            raise ValueError(
                f"{key} is the name of a place that holds the key, not the key "
                "itself, which others can now have seen: make a new one"
            )
        try:
            accepted = super().set_parameter(key, value)
        except (TypeError, ValueError):
            if key not in KEY_PARAMETERS and not looks_like_a_key(value):
                raise
            # A key with a typing error would be in the message.
            raise ValueError(
                f"{key} was given what is no {WANTED.get(key, 'value for it')}; it is "
                "not shown, as it may be the key itself"
            ) from None
        if accepted is False:
            # The name may have been "key" or "password".
            mine = type(self)
            known = [n for n in dir(mine) if isinstance(getattr(mine, n), Param)]
            raise ValueError(
                f"there is no parameter {key}, only {', '.join(known)}; what it was "
                "given is not shown, as it may be the key itself"
            )
        return accepted

    def _read_key(self) -> bytes:
        """32 bytes; OSError or ValueError says what to do."""
        return read_key(self.key_file, self.key_fd, self.credential)
