# SPDX-License-Identifier: LGPL-2.1-or-later
"""wav_file_sink alone: the recording is exact, and whole whatever happens."""

import resource
import struct

import numpy as np
import pytest
from scipy.io import wavfile

from shipped_plugins import RATE, load, noise, read, started, write


@pytest.mark.parametrize("rate", [8000, 44100, 384000])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_recording_is_exact(tmp_path, rate, channels):
    path = tmp_path / "out.wav"
    plugin = started("wav_file_sink", channels, rate, path=path)
    samples = noise(channels, 3 * rate // 2 + 17)
    for size in range(0, samples.shape[1], 5000):
        write(plugin, samples[:, size : size + 5000])
    plugin.stop()
    plugin.shutdown()
    got_rate, got = wavfile.read(path)
    assert got_rate == rate and got.dtype == np.float32
    np.testing.assert_array_equal(got.reshape(-1, channels), samples.T)
    assert path.stat().st_size == 94 + samples.nbytes


def test_file_is_whole_at_every_moment(tmp_path):
    path = tmp_path / "out.wav"
    plugin = started("wav_file_sink", 2, path=path)
    assert len(wavfile.read(path)[1]) == 0
    samples = noise(2, 4 * RATE)
    for end in range(512, samples.shape[1], 512):
        write(plugin, samples[:, end - 512 : end])
        _, got = wavfile.read(path)
        assert end - RATE // 2 < len(got) <= end and len(got) % (RATE // 2) == 0
        if end % 24064 == 0:
            np.testing.assert_array_equal(got, samples[:, : len(got)].T)


def test_empty_and_huge_buffers(tmp_path):
    plugin = started("wav_file_sink", 1, 8000, path=tmp_path / "out.wav")
    samples = noise(1, 50000)
    write(plugin, samples[:, :0])
    write(plugin, samples)
    plugin.stop()
    np.testing.assert_array_equal(wavfile.read(tmp_path / "out.wav")[1], samples[0])


def test_stop_and_start_go_on_with_the_recording(tmp_path):
    path = tmp_path / "out.wav"
    plugin = started("wav_file_sink", 2, path=path)
    samples = noise(2, 2000)
    write(plugin, samples[:, :900])
    plugin.stop()
    plugin.start()
    write(plugin, samples[:, 900:])
    plugin.stop()
    np.testing.assert_array_equal(wavfile.read(path)[1], samples.T)
    plugin.set_sample_rate(8000)
    with pytest.raises(ValueError, match="already holds 48000 Hz and 2 channels"):
        plugin.start()
    np.testing.assert_array_equal(wavfile.read(path)[1], samples.T)


def test_another_path_begins_another_recording(tmp_path):
    plugin = started("wav_file_sink", 2, path=tmp_path / "one.wav")
    samples = noise(2, 2000)
    write(plugin, samples[:, :900])
    assert plugin.set_parameter("path", str(tmp_path / "one.wav")) is True
    assert plugin.set_parameter("path", str(tmp_path / "two.wav")) is True
    write(plugin, samples[:, 900:])
    plugin.stop()
    one, two = (wavfile.read(tmp_path / f"{name}.wav")[1] for name in ("one", "two"))
    np.testing.assert_array_equal(np.concatenate([one, two]), samples.T)
    assert plugin.get_parameter("path") == str(tmp_path / "two.wav")


def test_more_than_four_gigabytes_become_rf64(tmp_path):
    path = tmp_path / "out.wav"
    plugin = started("wav_file_sink", 2, path=path)
    many = 2**29  # 4 GiB of stereo; a hole in the file
    plugin._frames = many - 512
    samples = noise(2, 1024)
    write(plugin, samples[:, :256])
    plugin.stop()
    with path.open("rb") as file:
        head = file.read(94)
    assert head[:4] == b"RIFF"
    assert struct.unpack_from("<I", head, 90) == (8 * (many - 256),)
    write(plugin, samples[:, 256:])
    plugin.stop()
    with path.open("rb") as file:
        head = file.read(94)
        file.seek(0)
        assert head[:4] == b"RF64" and head[12:16] == b"ds64"
        assert head[4:8] == head[-4:] == b"\xff\xff\xff\xff"
        wav = load("wav_file_source").read_header(file)
    assert (wav.frames, wav.start) == (many + 512, 94)
    data = 8 * wav.frames
    assert struct.unpack_from("<3Q", head, 20) == (86 + data, data, wav.frames)
    source = load("wav_file_source").create_plugin()
    source.set_parameter("path", str(path))
    source.start()
    source._file.seek(wav.start + 8 * (many - 512))
    np.testing.assert_array_equal(read(source, 1024), samples)


def test_full_disk_is_an_error_and_what_was_written_stays(tmp_path):
    path = tmp_path / "out.wav"
    samples = noise(2, 2 * RATE)
    plugin = started("wav_file_sink", 2, path=path)
    write(plugin, samples[:, :RATE])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (94 + RATE * 8 + 1000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(plugin, samples[:, RATE : RATE + RATE // 2])
        with pytest.raises(OSError, match="File too large"):
            write(plugin, samples[:, :512])
        # What comes at the end of the stream: an error while there is one.
        with pytest.raises(OSError, match="File too large"):
            plugin.drain()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    np.testing.assert_array_equal(wavfile.read(path)[1], samples[:, :RATE].T)
    write(plugin, samples[:, RATE + RATE // 2 :])  # there is space again
    plugin.stop()
    np.testing.assert_array_equal(wavfile.read(path)[1], samples.T)


def test_sink_without_a_place_to_write_says_so(tmp_path):
    with pytest.raises(ValueError, match="needs the parameter path"):
        started("wav_file_sink", 2)
    with pytest.raises(FileNotFoundError, match="none/out.wav"):
        started("wav_file_sink", 2, path=tmp_path / "none" / "out.wav")
