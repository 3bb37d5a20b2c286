# SPDX-License-Identifier: LGPL-2.1-or-later
"""AudioBuffer outside a pipeline: samples, memory, what it knows of the stream."""

import re
import types

import numpy as np
import pytest

import processes
from base_plugin import AudioBuffer


def test_new_buffer_is_silent_float32():
    buffer = AudioBuffer(3, 512)
    assert buffer.data.shape == (3, 512)
    assert buffer.data.dtype == np.float32
    assert not buffer.data.any()
    assert (buffer.get_channel_count(), buffer.get_frame_count()) == (3, 512)
    assert type(buffer.get_frame_count()) is int


def test_buffer_of_no_frames():
    buffer = AudioBuffer(2, 0)
    buffer.clear()
    assert (buffer.get_channel_count(), buffer.get_frame_count()) == (2, 0)


def test_channel_data_is_a_view_of_the_row():
    buffer = AudioBuffer(2, 4)
    row = buffer.get_channel_data(1)
    row[:] = 0.5
    assert buffer.data.tolist() == [[0.0] * 4, [0.5] * 4]
    assert row.shape == (4,) and row.base is buffer.data


def test_channel_out_of_range_is_an_index_error():
    with pytest.raises(IndexError):
        AudioBuffer(2, 4).get_channel_data(2)


def test_clear_zeroes_in_place():
    buffer = AudioBuffer(2, 4)
    data = buffer.data
    data[:] = np.nan
    buffer.clear()
    assert buffer.data is data and data.tolist() == [[0.0] * 4] * 2


def test_copy_from_copies_values_into_own_memory():
    one, two = AudioBuffer(2, 4), AudioBuffer(2, 4)
    mine = one.data
    two.data[:] = 0.25
    one.copy_from(two)
    two.data[:] = 0.0
    assert one.data is mine and (mine == 0.25).all()


def test_copy_from_mono_fills_every_channel():
    one, two = AudioBuffer(3, 2), AudioBuffer(1, 2)
    two.data[:] = [[0.25, 0.5]]
    one.copy_from(two)
    assert one.data.tolist() == [[0.25, 0.5]] * 3


@pytest.mark.parametrize("shape", [(2, 5), (3, 4)])
def test_copy_from_other_shape_is_an_error(shape):
    with pytest.raises(ValueError):
        AudioBuffer(2, 4).copy_from(AudioBuffer(*shape))


def test_copy_from_float_into_integer_is_an_error():
    one = AudioBuffer(1, 4)
    one.data = np.zeros((1, 4), np.int16)
    with pytest.raises(TypeError):
        one.copy_from(AudioBuffer(1, 4))


def test_buffer_has_three_slots_and_nothing_else():
    assert AudioBuffer.__slots__ == ("data", "_stream", "curves")
    assert isinstance(AudioBuffer.__dict__["data"], types.MemberDescriptorType)
    with pytest.raises(AttributeError):
        AudioBuffer(1, 1).other = 1


def test_data_can_be_rebound():
    buffer, other = AudioBuffer(2, 4), np.ones((2, 8), np.float64)
    buffer.data = other
    assert buffer.data is other and buffer.get_frame_count() == 8


def test_methods_follow_a_strided_view_as_the_element_makes_it():
    memory = np.arange(8, dtype=np.int16)
    buffer = AudioBuffer.__new__(AudioBuffer)
    buffer.data = np.lib.stride_tricks.as_strided(memory, (2, 4), (2, 4))
    buffer._stream = None
    assert buffer.get_channel_data(1).tolist() == [1, 3, 5, 7]
    assert (buffer.get_channel_count(), buffer.get_frame_count()) == (2, 4)
    buffer.clear()
    assert not memory.any()


FACTS = {
    "pts": 20_000_000,
    "duration": 10_000_000,
    "offset": 960,
    "discont": True,
    "gap": True,
    "sample_rate": 48000,
}


def test_stream_facts_are_unknown_outside_a_pipeline():
    buffer = AudioBuffer(1, 1)
    assert {name: getattr(buffer, name) for name in FACTS} == {
        "pts": None,
        "duration": None,
        "offset": None,
        "discont": False,
        "gap": False,
        "sample_rate": 48000,
    }


@pytest.mark.parametrize("rate", [8000, 44100, None])
def test_buffer_is_made_with_a_rate(rate):
    assert AudioBuffer(1, 1, sample_rate=rate).sample_rate == rate


def test_first_plugin_of_the_readme_can_be_tested(tmp_path):
    readme = (processes.ROOT / "README.md").read_text()
    source = re.search(r"```python\n# tremolo\.py\n(.*?)```", readme, re.DOTALL)[1]
    namespace = {}
    exec(source, namespace)
    heard = {}
    for rate in (48000, 24000):
        tremolo = namespace["Tremolo"]()
        tremolo.set_sample_rate(rate)
        buffer = AudioBuffer(2, 512, rate)
        buffer.data[:] = 1
        tremolo.process_audio(buffer)
        heard[rate] = buffer.data
    # At half the rate the same time has passed after half as many frames.
    assert np.allclose(heard[48000][:, ::2], heard[24000][:, :256], atol=1e-6)
    assert heard[48000].std() > 0.01


def test_stream_facts_come_from_the_stream_at_each_read():
    buffer = AudioBuffer(1, 1)
    buffer._stream = types.SimpleNamespace(**FACTS)
    assert {name: getattr(buffer, name) for name in FACTS} == FACTS
    buffer._stream.pts = None
    assert buffer.pts is None


@pytest.mark.parametrize("name", sorted(FACTS.keys() - {"discont"}))
def test_stream_facts_are_read_only(name):
    with pytest.raises(AttributeError):
        setattr(AudioBuffer(1, 1), name, 1)


def test_discont_can_be_set_outside_a_pipeline():
    buffer, other = AudioBuffer(1, 1), AudioBuffer(1, 1)
    for value in (True, False, True):
        buffer.discont = value
        assert buffer.discont is value
    unknown = {name: getattr(buffer, name) for name in FACTS if name != "discont"}
    assert unknown == {name: getattr(other, name) for name in unknown}
    assert not other.discont
    assert not hasattr(buffer, "__dict__")


def test_discont_goes_to_the_stream():
    buffer = AudioBuffer(1, 1)
    buffer._stream = types.SimpleNamespace(**FACTS)
    buffer.discont = False
    assert buffer._stream.discont is False


@pytest.mark.parametrize("value", [1, 0, None, "yes", np.True_, [True]])
def test_discont_is_a_bool(value):
    buffer = AudioBuffer(1, 1)
    with pytest.raises(TypeError, match="discont is a bool, not "):
        buffer.discont = value
    assert buffer.discont is False
