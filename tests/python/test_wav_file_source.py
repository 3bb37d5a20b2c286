# SPDX-License-Identifier: LGPL-2.1-or-later
"""wav_file_source alone: every format plays exactly, what is none is refused."""

import io
import os
import struct

import numpy as np
import pytest
from scipy.io import wavfile

from base_plugin import EndOfStream
from shipped_plugins import RATE, load, noise, read, write_pcm


def play_all(plugin, frames=512, dtype=np.float32):
    blocks = []
    with pytest.raises(EndOfStream):
        while True:
            blocks.append(read(plugin, frames, dtype))
    return np.concatenate(blocks, axis=1)


def source_of(path):
    """As pythonsrc does: the parameters, then what the plugin would like."""
    plugin = load("wav_file_source").create_plugin()
    plugin.initialize()
    assert plugin.set_parameter("path", str(path)) is True
    plugin.set_sample_rate(plugin.get_sample_rate())
    plugin.set_channels(plugin.get_channels())
    plugin.start()
    return plugin


@pytest.mark.parametrize("width", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_integers_play_exactly(tmp_path, width, channels):
    values = write_pcm(tmp_path / "in.wav", width, 3001, channels, 11025)
    for dtype in (np.float32, np.float64):
        plugin = source_of(tmp_path / "in.wav")
        assert plugin.get_sample_rate() == 11025
        assert plugin.get_channel_count() == channels
        out = play_all(plugin, dtype=dtype)
        np.testing.assert_array_equal(out, values.astype(dtype))


def test_duration_and_seeks_are_to_the_frame(tmp_path):
    for width in (2, 3, 4):
        values = write_pcm(tmp_path / "in.wav", width, 3001, 2, 11025)
        plugin = source_of(tmp_path / "in.wav")
        assert plugin.get_duration() == 3001
        for frame in (0, 1, 2999, 512, 3001, 5000, 17):
            plugin.seek(frame)
            if frame >= 3001:
                with pytest.raises(EndOfStream):
                    read(plugin, 512)
                continue
            wanted = values[:, frame : frame + 512].astype(np.float32)
            np.testing.assert_array_equal(read(plugin, 512), wanted)
        np.testing.assert_array_equal(
            play_all(plugin), values[:, 17 + 512 :].astype(np.float32)
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_play_exactly(tmp_path, dtype):
    samples = noise(2, 2048).astype(dtype)
    wavfile.write(tmp_path / "in.wav", 96000, samples.T)
    plugin = source_of(tmp_path / "in.wav")
    np.testing.assert_array_equal(play_all(plugin, 512, dtype), samples)
    plugin.stop()
    plugin.start()
    np.testing.assert_array_equal(play_all(plugin, 2048, dtype), samples)


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def wav_bytes(samples, tag=3, bits=32, extra=b"", more=(), size=None):
    channels = samples.shape[0]
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, 8000, 8000 * width, width, bits)
    data = chunk(b"data", samples.T.tobytes())
    if size is not None:
        data = data[:4] + struct.pack("<I", size) + data[8:]
    body = b"WAVE" + b"".join(more) + chunk(b"fmt ", form + extra) + data
    return chunk(b"RIFF", body)


def test_odd_chunks_and_the_extensible_format_are_read(tmp_path):
    samples = noise(3, 512)
    guid = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    extra = struct.pack("<HHIH", 22, 32, 7, 3) + guid
    file = tmp_path / "in.wav"
    file.write_bytes(
        wav_bytes(samples, 0xFFFE, extra=extra, more=[chunk(b"LIST", b"odd")])
    )
    np.testing.assert_array_equal(play_all(source_of(file)), samples)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 5000])
def test_recording_that_was_cut_off_plays_to_its_end(tmp_path, size):
    samples = noise(2, 300)
    file = tmp_path / "in.wav"
    file.write_bytes(wav_bytes(samples, size=size)[:-4])
    out = play_all(source_of(file))
    np.testing.assert_array_equal(out, samples[:, :299])


def test_file_that_shrinks_while_it_plays_ends(tmp_path):
    samples = noise(1, 100000)
    wavfile.write(tmp_path / "in.wav", RATE, samples[0])
    plugin = source_of(tmp_path / "in.wav")
    read(plugin, 512)
    os.truncate(tmp_path / "in.wav", 50 * 1024 + 2)
    # What is left of the file, or what Python had read ahead of it.
    most = 12800 + io.DEFAULT_BUFFER_SIZE // 4 + 1024
    assert 10000 < play_all(plugin).shape[1] < most


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no WAV file"),
        (b"OggS" * 20, "is no WAV file"),
        (b"RIFF\0\0\0\0WAVE", "has no samples"),
        (wav_bytes(noise(2, 4), tag=0x55), "32-bit samples of format 85"),
        (wav_bytes(noise(2, 4), bits=16), "16-bit samples of format 3"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "no valid format"),
        (wav_bytes(noise(2, 4))[:18], "has no samples"),
    ],
)
def test_other_files_are_refused(tmp_path, content, problem):
    file = tmp_path / "in.wav"
    file.write_bytes(content)
    plugin = load("wav_file_source").create_plugin()
    with pytest.raises(ValueError, match=f"in.wav .*{problem}"):
        plugin.set_parameter("path", str(file))
    with pytest.raises(ValueError, match="needs the parameter path"):
        plugin.start()


def test_source_does_not_play_at_another_rate(tmp_path):
    write_pcm(tmp_path / "in.wav", 2, 100)
    plugin = source_of(tmp_path / "in.wav")
    plugin.stop()
    plugin.set_sample_rate(48000)
    with pytest.raises(ValueError, match="44100 Hz and 2 channels, but 48000 Hz and 2"):
        plugin.start()


def test_path_stays_while_a_file_plays(tmp_path):
    write_pcm(tmp_path / "in.wav", 2, 100)
    plugin = source_of(tmp_path / "in.wav")
    assert plugin.set_parameter("path", str(tmp_path / "in.wav")) is True
    with pytest.raises(ValueError, match="being played"):
        plugin.set_parameter("path", "other.wav")
    assert plugin.get_parameter("path") == str(tmp_path / "in.wav")
