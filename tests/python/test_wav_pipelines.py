# SPDX-License-Identifier: LGPL-2.1-or-later
"""WAV files in pipelines: each sample, the caps that the file decides, the ends."""

import signal
import time

import numpy as np
import pytest
from scipy.io import wavfile

import processes
from waiting import eventually
from shipped_plugins import (
    PLUGINS,
    RATE,
    element,
    launched,
    noise,
    program,
    read,
    started,
    write_pcm,
)


def test_sine_is_recorded_exactly(tmp_path):
    path = tmp_path / "out.wav"
    source = element("src", "sine_wave_source", "frequency=1234.5,amplitude=0.75")
    sink = element("sink", "wav_file_sink", f"path={path}")
    caps = "audio/x-raw,rate=44100,channels=3"
    launched(f"{source} num-buffers=100 ! {caps} ! {sink} sync=false")
    rate, got = wavfile.read(path)
    assert rate == 44100 and got.shape == (51200, 3)
    plugin = started("sine_wave_source", 3, 44100, frequency=1234.5, amplitude=0.75)
    expected = np.concatenate([read(plugin, 512) for _ in range(100)], axis=1)
    np.testing.assert_array_equal(got, expected.T)


@pytest.mark.parametrize(
    "between", ["", "! pythonfilter script={}/passthrough.py !", "! queue !"]
)
def test_wav_goes_through_bit_by_bit(tmp_path, between):
    samples = noise(2, 50000)
    samples[:, :4] = [[0, -0.0, 1e-42, 7.5], [-1, 1, -3.4e38, 2**-149]]
    wavfile.write(tmp_path / "in.wav", 22050, samples.T)
    source = element("src", "wav_file_source", f"path={tmp_path}/in.wav")
    sink = element("sink", "wav_file_sink", f"path={tmp_path}/out.wav")
    launched(f"{source} {between.format(PLUGINS) or '!'} {sink} sync=false")
    rate, got = wavfile.read(tmp_path / "out.wav")
    assert rate == 22050
    assert got.tobytes() == samples.T.tobytes()


@pytest.mark.parametrize("width", [2, 3, 4])
def test_wav_plays_as_gstreamer_plays_it(tmp_path, width):
    write_pcm(tmp_path / "in.wav", width, 10000)
    source = element("src", "wav_file_source", f"path={tmp_path}/in.wav")
    wanted = "audio/x-raw,format=F64LE ! filesink location"
    launched(f"{source} ! {wanted}={tmp_path}/ours")
    source = f"filesrc location={tmp_path}/in.wav ! wavparse ! audioconvert"
    launched(f"{source} ! {wanted}={tmp_path}/theirs")
    ours, theirs = (np.fromfile(tmp_path / name) for name in ("ours", "theirs"))
    assert len(theirs) == 20000
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "after",
    [
        "audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=1",
        "audio/x-raw,rate={48000,96000};audio/x-raw,rate=44100",
        "fakesink sync=false",
    ],
)
def test_file_decides_rate_and_channels(tmp_path, after):
    """Though it is known only from `params`, and downstream likes others."""
    write_pcm(tmp_path / "in.wav", 2, 4410, 2, 44100)
    code = (
        "play(); wait()\n"
        "caps = pipeline.get_by_name('s').get_static_pad('src').get_current_caps()[0]\n"
        "stop(rate=caps['rate'], channels=caps['channels'])"
    )
    end = "" if "sink" in after else "! fakesink sync=false"
    source = element("src", "wav_file_source", f"path={tmp_path}/in.wav")
    told = program(code, f"{source} name=s ! {after} {end}")
    assert (told["rate"], told["channels"]) == (44100, 2)


def test_path_set_in_ready_decides_too(tmp_path):
    write_pcm(tmp_path / "in.wav", 2, 4410, 1, 8000)
    code = f"""
source = pipeline.get_by_name("s")
pipeline.set_state(Gst.State.READY)
params = Gst.Structure.new_from_string("p,path={tmp_path}/in.wav")
source.set_property("params", params)
play()
wait()
stop(caps=source.get_static_pad("src").get_current_caps().to_string())
"""
    line = f"{element('src', 'wav_file_source')} name=s ! fakesink sync=false"
    caps = program(code, line)["caps"]
    assert "rate=(int)8000" in caps and "channels=(int)1" in caps


def test_missing_file_is_one_clear_error():
    source = element("src", "wav_file_source", "path=/none.wav")
    result = processes.launch(f"{source} ! fakesink")
    assert result.code != 0
    assert "wav_file_source.py: set_parameter() raised FileNotFoundError" in result.err
    assert "'/none.wav'" in result.err


def test_recording_survives_kill_9(tmp_path):
    path = tmp_path / "out.wav"
    source = element("src", "sine_wave_source", "frequency=100.0") + " is-live=true"
    sink = element("sink", "wav_file_sink", f"path={path}")
    line = f"{source} ! audio/x-raw,rate=48000,channels=2 ! {sink}"
    process = processes.start(["gst-launch-1.0", "-q", *line.replace('"', "").split()])
    try:
        enough = 94 + 3 * 24000 * 8
        eventually(lambda: path.exists() and path.stat().st_size >= enough)
        time.sleep(0.2)  # somewhere between two writes
    finally:
        process.send_signal(signal.SIGKILL)
        processes.finish(process)
    rate, got = wavfile.read(path)
    assert rate == RATE and len(got) >= 3 * 24000 and len(got) % 24000 == 0
    plugin = started("sine_wave_source", 2, frequency=100.0)
    expected = read(plugin, len(got))
    np.testing.assert_allclose(got, expected.T, atol=6e-8)


def test_end_of_the_file_ends_the_stream(tmp_path):
    write_pcm(tmp_path / "in.wav", 2, 4410)
    source = element("src", "wav_file_source", f"path={tmp_path}/in.wav")
    code = """
counts = []
def probe(pad, info):
    counts.append(info.get_buffer().get_size())
    return Gst.PadProbeReturn.OK
pad = pipeline.get_by_name("s").get_static_pad("src")
pad.add_probe(Gst.PadProbeType.BUFFER, probe)
play()
ended = wait().type == Gst.MessageType.EOS
stop(ended=ended, counts=counts)
"""
    told = program(code, f"{source} name=s ! fakesink sync=false")
    assert told["ended"] and told["counts"] == [4096] * 8 + [2512]
