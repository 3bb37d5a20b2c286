# SPDX-License-Identifier: LGPL-2.1-or-later
"""base_plugin.Param: declared in a class, checked from outside, plain inside."""

import enum

import numpy as np
import pytest

import base_plugin as bp
from base_plugin import AudioBuffer, Param
from contract import Mode, assert_set, assert_wrong


class Slope(enum.Enum):
    GENTLE = 12
    STEEP = 24


class Plain(bp.AudioProcessorPlugin):
    """What the class of a user looks like."""

    gain = Param(1.0, min=0.0, max=4.0, unit="x", description="Linear gain")
    least = Param(2.0, min=1.0)
    most = Param(-2, max=5)
    any_number = Param(0.0)
    f32 = Param(np.float32(1), min=0, max=2)
    on = Param(False)
    title = Param("")
    text = Param("a", choices=("a", "b c"))
    mode = Param(Mode.WARM)
    slope = Param(Slope.STEEP)
    pin = Param("0000", secret=True)
    code = Param(1, min=1, max=9999, secret=True)

    def process_audio(self, buffer):
        return True


def test_attributes_tell_what_was_declared():
    gain = Plain.gain
    assert isinstance(gain, Param)
    assert (gain.name, gain.type, gain.default) == ("gain", float, 1.0)
    assert (gain.minimum, gain.maximum, gain.unit) == (0.0, 4.0, "x")
    assert (gain.description, gain.choices, gain.secret) == ("Linear gain", (), False)
    assert (Plain.mode.type, Plain.mode.choices) == (Mode, ("warm", "cold"))
    assert Plain.slope.choices == ("GENTLE", "STEEP")
    assert Plain.text.choices == ("a", "b c")
    assert Plain.pin.secret and Plain.f32.type is np.float32


def test_inside_it_is_a_plain_attribute():
    one, two = Plain(), Plain()
    assert (one.gain, one.mode, one.slope) == (1.0, Mode.WARM, Slope.STEEP)
    one.gain = 99.0  # the plugin's own business
    assert (one.gain, two.gain, Plain.gain.default) == (99.0, 1.0, 1.0)


def test_reading_one_calls_nothing(monkeypatch):
    plugin = Plain()
    assert plugin.gain == 1.0
    plugin.least = 3.0

    def called(*_):
        raise AssertionError("__get__ was called")

    monkeypatch.setattr(Param, "__get__", called)
    assert (plugin.gain, plugin.least) == (1.0, 3.0)


def test_a_class_with_slots_can_have_one():
    class Slotted:
        __slots__ = ()
        gain = Param(0.5)

    assert Slotted().gain == 0.5


def test_subclasses_inherit_and_replace():
    class Louder(Plain):
        gain = Param(2.0, min=0.0, max=10.0)
        least = 7.0  # no Param any more

    plugin = Louder()
    assert plugin.set_parameter("gain", "9") is True
    assert plugin.set_parameter("least", "0.5") is True
    assert plugin.set_parameter("most", "3") is True
    assert (plugin.gain, plugin.least, plugin.most) == (9.0, 0.5, 3)
    with pytest.raises(ValueError):
        Plain().set_parameter("gain", "9")


@pytest.mark.parametrize(
    ("key", "text", "value", "read"),
    [
        ("gain", "0.1", 0.1, "0.1"),
        ("gain", "0", 0.0, "0.0"),
        ("gain", "4", 4.0, "4.0"),
        ("any_number", "-1e300", -1e300, "-1e+300"),
        ("any_number", "inf", np.inf, "inf"),
        ("f32", "0.1", np.float32(0.1), "0.1"),
        ("most", "5", 5, "5"),
        ("on", "Yes", True, "true"),
        ("on", "0", False, "false"),
        ("title", "ä = 1", "ä = 1", "ä = 1"),
        ("text", "b c", "b c", "b c"),
        ("mode", "cold", Mode.COLD, "cold"),
        ("slope", "GENTLE", Slope.GENTLE, "GENTLE"),
    ],
)
def test_set_parameter_keeps_the_type_and_reads_back(key, text, value, read):
    assert_set(Plain(), key, text, value, read)


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("gain", "5.0", "gain = 5.0: must be a number from 0.0 to 4.0"),
        ("gain", "-0.1", "gain = -0.1: must be a number from 0.0 to 4.0"),
        ("gain", "nan", "gain = nan: must be a number from 0.0 to 4.0"),
        ("gain", "loud", "gain = loud: must be a number from 0.0 to 4.0"),
        ("least", "0", "least = 0: must be a number, at least 1.0"),
        ("most", "6", "most = '6': must be a whole number, at most 5"),
        ("most", "1.5", "most = '1.5': must be a whole number, at most 5"),
        ("any_number", "nan", "any_number = nan: must be a number"),
        ("any_number", "", "any_number = : must be a number"),
        ("on", "maybe", "on = 'maybe': must be true or false"),
        ("text", "b", "text = 'b': must be one of a, b c"),
        ("mode", "WARM", "mode = 'WARM': must be one of warm, cold"),
        ("slope", "12", "slope = '12': must be one of GENTLE, STEEP"),
        ("code", "10000", "code = this value: must be a whole number from 1 to 9999"),
    ],
)
def test_what_is_not_allowed_raises_and_says_what_is(key, text, message):
    assert_wrong(Plain(), key, text, message)


def test_a_secret_is_set_and_not_told():
    plugin = Plain()
    assert plugin.set_parameter("pin", "1234") is True
    assert plugin.pin == "1234" and plugin.get_parameter("pin") == ""


def test_other_attributes_are_parameters_still():
    class Both(Plain):
        def __init__(self):
            super().__init__()
            self.depth = 3

    plugin = Both()
    assert plugin.set_parameter("depth", "4") is True
    assert plugin.get_parameter("depth") == "4"
    assert plugin.set_parameter("unknown", "4") is False
    assert plugin.get_parameter("unknown") == ""


@pytest.mark.parametrize(
    ("declare", "error", "message"),
    [
        (lambda: Param(None), TypeError, "a Param is a bool, int, float, str"),
        (lambda: Param([1.0]), TypeError, "not list"),
        (lambda: Param(5.0, max=4.0), ValueError, "5.0 must be a number, at most 4"),
        (lambda: Param(float("nan")), ValueError, "nan must be a number"),
        (lambda: Param("x", min=1), TypeError, "only a number has min and max"),
        (lambda: Param(True, max=1), TypeError, "only a number has min and max"),
        (lambda: Param(1, choices=("1", "2")), TypeError, "only a str or an enum"),
        (lambda: Param("c", choices=("a", "b")), ValueError, "'c' must be one of a, b"),
    ],
)
def test_a_declaration_that_contradicts_itself(declare, error, message):
    with pytest.raises(error, match=message):
        declare()


def test_curve_outside_a_pipeline_is_what_a_test_put_there():
    buffer = AudioBuffer(2, 4)
    with pytest.raises(KeyError, match="gain"):
        buffer.curve("gain")
    buffer.curves["gain"] = 0.5
    first = buffer.curve("gain")
    assert (first.dtype, first.tolist()) == (np.float32, [0.5] * 4)
    buffer.curves["gain"] = np.arange(4) / 4
    assert buffer.curve("gain").tolist() == [0.0, 0.25, 0.5, 0.75]
    assert first.tolist() == [0.5] * 4
    buffer.discont = True
    assert buffer.curve("gain").tolist() == [0.0, 0.25, 0.5, 0.75]
    buffer.curves["gain"] = np.arange(3)
    with pytest.raises(ValueError):
        buffer.curve("gain")
