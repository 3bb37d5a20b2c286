# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of base_plugin share; no test itself."""

import enum

import pytest

import base_plugin as bp


# Its docstring is what test_base_plugin.py finds in get_info().
class Processor(bp.AudioProcessorPlugin):
    """Does nothing.

    Second paragraph.
    """

    def process_audio(self, buffer):
        return True


class Mode(str, enum.Enum):
    WARM = "warm"
    COLD = "cold"


def assert_set(plugin, key, text, value, read):
    """The text becomes this value, of the type it had, and reads back as `read`."""
    kind = type(getattr(plugin, key))
    assert plugin.set_parameter(key, text) is True
    assert getattr(plugin, key) == value
    assert type(getattr(plugin, key)) is kind
    assert plugin.get_parameter(key) == read
    assert type(plugin.get_parameter(key)) is str
    assert plugin.set_parameter(key, read) is True
    assert getattr(plugin, key) == value


def assert_wrong(plugin, key, text, message):
    """The text is an error that says `message`, and changes nothing."""
    before = getattr(plugin, key)
    with pytest.raises(ValueError) as failure:
        plugin.set_parameter(key, text)
    assert str(failure.value) == message
    assert getattr(plugin, key) is before
