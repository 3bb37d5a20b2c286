# SPDX-License-Identifier: LGPL-2.1-or-later
"""A plugin's own attributes as its parameters, in text as a host gives them.

What is one and what is none, types, wrong values and secrets. Those declared by
Param have test_params.py.
"""

import enum

import numpy as np
import pytest

from contract import Mode, Processor, assert_set, assert_wrong


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Knobs(Processor):
    limit = 3  # parameters may live in the class

    def __init__(self):
        super().__init__()
        self.on = False
        self.count = 4
        self.gain = 1.0
        self.name = "x"
        self.f32 = np.float32(1)
        self.f64 = np.float64(1)
        self.mode = Mode.WARM
        self.level = Level.LOW
        self.sampleRate = 1
        self.nothing = None
        self.table = [1.0]
        self._hidden = 1.0
        self._db = 0.0

    @property
    def db(self):
        return self._db

    @db.setter
    def db(self, value):
        self._db = max(value, -60.0)

    @property
    def fixed(self):
        return 7


@pytest.mark.parametrize(
    ("key", "text", "value", "read"),
    [
        ("count", "-12", -12, "-12"),
        ("limit", "9", 9, "9"),
        ("gain", "0.1", 0.1, "0.1"),
        ("gain", "1e-3", 0.001, "0.001"),
        ("gain", "2", 2.0, "2.0"),
        ("name", "", "", ""),
        ("name", "Größe = 1", "Größe = 1", "Größe = 1"),
        ("f32", "0.1", np.float32(0.1), "0.1"),
        ("f64", "0.1", np.float64(0.1), "0.1"),
        ("mode", "cold", Mode.COLD, "cold"),
        ("level", "2", Level.HIGH, "2"),
        ("sampleRate", "44100", 44100, "44100"),
        ("db", "-6.5", -6.5, "-6.5"),
        ("db", "-100", -60.0, "-60.0"),
    ],
)
def test_parameter_keeps_its_type_and_reads_back(key, text, value, read):
    assert_set(Knobs(), key, text, value, read)


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (("true", "TRUE", "1", "yes", "On", " true "), True),
        (("false", "False", "0", "no", "OFF"), False),
    ],
)
def test_bool_parameters(texts, value):
    for text in texts:
        plugin = Knobs()
        plugin.on = not value
        assert plugin.set_parameter("on", text) is True
        assert plugin.on is value
        assert plugin.get_parameter("on") == str(value).lower()


@pytest.mark.parametrize(
    "key",
    """unknown Gain GAIN nothing table _hidden _db state start process_audio
    formats layouts rates channels read_only block_size block_remainder
    fixed __class__ __doc__""".split()
    + ["", "a b", "gain.real"],
)
def test_what_is_no_parameter_is_refused_and_untouched(key):
    plugin = Knobs()
    before = dict(vars(plugin))
    assert plugin.set_parameter(key, "1") is False
    assert vars(plugin) == before
    if key != "fixed":
        assert plugin.get_parameter(key) == ""


def test_a_property_without_setter_can_be_read():
    assert Knobs().get_parameter("fixed") == "7"


def test_reserved_names_are_refused_even_with_a_fitting_value():
    class Narrow(Processor):
        channels = 2
        rates = 48000

    plugin = Narrow()
    assert plugin.set_parameter("channels", "4") is False
    assert plugin.set_parameter("rates", "8000") is False
    assert plugin.set_parameter("read_only", "true") is False
    assert (plugin.channels, plugin.rates, plugin.read_only) == (2, 48000, False)


@pytest.mark.parametrize(
    ("key", "text", "kind"),
    [
        ("gain", "loud", "float"),
        ("gain", "", "float"),
        ("count", "1.5", "int"),
        ("f32", "1,5", "float32"),
        ("on", "maybe", "bool"),
        ("on", "2", "bool"),
        ("mode", "hot", "Mode"),
    ],
)
def test_value_of_the_wrong_type_raises_and_says_which(key, text, kind):
    assert_wrong(Knobs(), key, text, f"{key}: {text!r} is no {kind}")


def test_a_constant_of_the_class_is_no_parameter():
    class Plugin(Processor):
        LIMIT = 4
        MEDIA_TYPE = "application/x-none"

        def __init__(self):
            super().__init__()
            self.Q = 0.7

    plugin = Plugin()
    for key, value in (("LIMIT", "5"), ("MEDIA_TYPE", "x")):
        assert plugin.set_parameter(key, value) is False
        assert plugin.get_parameter(key) == ""
    assert plugin.set_parameter("Q", "0.5") is True
    assert (plugin.LIMIT, plugin.get_parameter("Q")) == (4, "0.5")


def test_parameters_belong_to_the_instance():
    one, two = Knobs(), Knobs()
    one.set_parameter("limit", "5")
    one.set_parameter("gain", "5")
    assert (one.limit, two.limit, Knobs.limit) == (5, 3, 3)
    assert two.gain == 1.0


# Secrets


class Guarded(Processor):
    secrets = ("passphrase", "pin")
    fail_closed = True

    def __init__(self):
        super().__init__()
        self.passphrase = ""
        self.pin = 0
        self.gain = 1.0


def test_a_secret_goes_in_and_does_not_come_out():
    plugin = Guarded()
    plugin.set_parameter("passphrase", "sesame")
    plugin.set_parameter("gain", "2")
    assert plugin.passphrase == "sesame"
    assert plugin.get_parameter("passphrase") == ""
    assert plugin.get_parameter("gain") == "2.0"


def test_a_wrong_secret_is_not_quoted():
    with pytest.raises(ValueError) as caught:
        Guarded().set_parameter("pin", "sesame")
    assert str(caught.value) == "pin: the value is no int"
    assert caught.value.__suppress_context__
    with pytest.raises(ValueError, match="'sesame'"):
        Guarded().set_parameter("gain", "sesame")


@pytest.mark.parametrize("name", ["secrets", "fail_closed"])
def test_what_a_plugin_promises_is_no_parameter(name):
    plugin = Guarded()
    assert plugin.set_parameter(name, "false") is False
    assert plugin.get_parameter(name) == ""
    assert plugin.fail_closed is True
