# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pictures that pythonfilter-workbench draws, and the plugins it begins."""

import re

import numpy as np
import pytest
from matplotlib import image

import processes
import soak
import workbench
from pythonfilter.workbench import plot, template

# Two that everybody can tell apart.
BEFORE, AFTER = 0x0072B2, 0xD55E00
EQUALIZER = processes.PLUGINS / "examples" / "scipy_equalizer.py"


def colours(path):
    """The picture's size, and how many pixels of each colour."""
    pixels = (image.imread(path)[:, :, :3] * 255).round().astype(np.uint32)
    values = pixels @ np.array([65536, 256, 1], np.uint32)
    return values.shape, dict(zip(*np.unique(values, return_counts=True)))


def test_one_picture_shows_before_and_after(tmp_path):
    path = tmp_path / "eq.png"
    result = workbench.run(
        EQUALIZER, *workbench.SHORT, "--set", "bass=12.0", "--plot", path
    )
    assert result.code == 0, result.err
    assert f"wrote {path}" in result.out.decode()
    (height, width), counts = colours(path)
    assert height > 800 and width > 1000
    assert len(counts) > 300  # a spectrogram and antialiased lines
    for colour in (BEFORE, AFTER):
        assert counts.get(colour, 0) > 500, colour
    assert max(counts.values()) < 0.7 * height * width


def test_folder_gets_a_picture_for_each_signal(tmp_path):
    folder = tmp_path / "pictures"
    gain = processes.PLUGINS / "simple_gain.py"
    code, report, _ = workbench.examine(gain, "--plot", folder)
    names = {"noise", "silence", "impulses", "full-scale"}
    assert {path.name for path in folder.iterdir()} == {f"{n}.png" for n in names}
    assert code == 0 and len(report["plots"]) == 4
    for path in folder.iterdir():
        assert len(colours(path)[1]) > 50, path


def test_source_is_drawn_without_before(tmp_path):
    path = tmp_path / "sine.png"
    source = processes.PLUGINS / "sine_wave_source.py"
    assert workbench.examine(source, "--plot", path)[0] == 0
    counts = colours(path)[1]
    assert AFTER in counts and BEFORE not in counts


def test_plot_of_what_has_no_samples_is_refused(tmp_path):
    result = workbench.run(
        processes.PLUGINS / "null_sink.py",
        *workbench.SHORT,
        "--plot",
        tmp_path / "a.png",
    )
    assert result.code == 2 and "no samples to draw" in result.err


def test_transfer_estimate_finds_gain_behind_a_delay():
    noise = np.random.default_rng(1).standard_normal(48000)
    late = np.concatenate([np.zeros(1000), 0.5 * noise])
    frequencies, gain, coherence = plot.transfer(48000, noise, late)
    np.testing.assert_allclose(gain, 20 * np.log10(0.5), atol=0.01)
    assert frequencies[-1] == 24000 and coherence.min() > 0.99


def test_transfer_estimate_does_not_trust_other_noise():
    rng = np.random.default_rng(1)
    coherence = plot.transfer(48000, *rng.standard_normal((2, 48000)))[2]
    assert np.median(coherence) < plot.TRUSTED


@soak.one_in(2)
@pytest.mark.parametrize("kind", template.KINDS)
def test_new_plugin_and_its_test_pass_at_once(kind, tmp_path):
    made = workbench.run("new", "my_first", "--kind", kind, cwd=tmp_path)
    assert made.code == 0, made.err
    assert "wrote my_first.py and test_my_first.py" in made.out.decode()
    tested = processes.run(
        [
            processes.PYTHON,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "test_my_first.py",
        ],
        cwd=tmp_path,
    )
    assert tested.code == 0 and b"2 passed" in tested.out, tested.out
    code, report, _ = workbench.examine("my_first.py", cwd=tmp_path)
    assert code == 0 and report["plugin"]["class"] == "MyFirst"
    assert not [r for r in report["results"] if r["status"] == "note"]


AS_ELEMENTS = {
    "filter": "audiotestsrc num-buffers=4 ! py-my-first {}={} ! fakesink",
    "source": "py-my-first num-buffers=4 {}={} ! fakesink",
    "sink": "audiotestsrc num-buffers=4 ! py-my-first",
    "mixer": "py-my-first name=mixer {}={} ! fakesink"
    " audiotestsrc num-buffers=4 ! audioconvert ! mixer.sink_music"
    " audiotestsrc num-buffers=4 ! audioconvert ! mixer.sink_voice",
    "splitter": "audiotestsrc num-buffers=4 ! audioconvert"
    " ! py-my-first name=splitter {}={} splitter.src_loud ! queue ! fakesink"
    " splitter.src_quiet ! queue ! fakesink",
}
PARAMETERS = {
    "filter": ("gain", "0.25"),
    "source": ("frequency", "220"),
    "mixer": ("level", "0.25"),
    "splitter": ("level", "0.5"),
}


@soak.one_in(2)
@pytest.mark.parametrize("kind", template.KINDS)
def test_new_plugin_is_an_element_with_its_parameter(kind, tmp_path):
    template.write("my_first", kind, str(tmp_path))
    env = {"GST_PYTHONFILTER_PATH": tmp_path, "GST_REGISTRY": tmp_path / "registry.bin"}
    name, value = PARAMETERS.get(kind, ("", ""))
    result = processes.launch(AS_ELEMENTS[kind].format(name, value), **env)
    assert result.code == 0 and "WARNING" not in result.err, result.err
    inspected = processes.run(["gst-inspect-1.0", "py-my-first"], **env).out.decode()
    assert kind not in PARAMETERS or re.search(rf"\n  {name} +: \w", inspected)
    if kind == "filter":
        python = f"pythonfilter script={tmp_path}/my_first.py plugin::{{}}"
        line = AS_ELEMENTS[kind].replace("py-my-first {}", python)
        result = processes.launch(line.format(name, value))
        assert result.code == 0 and "WARNING" not in result.err, result.err


@soak.one_in(2)
@pytest.mark.parametrize("kind", template.KINDS)
def test_new_test_fails_when_its_plugin_is_broken(kind, tmp_path):
    template.write("broken", kind, str(tmp_path))
    plugin = tmp_path / "broken.py"
    text = plugin.read_text()
    broken = {
        "filter": text.replace("*= self.gain", "*= 2 * self.gain"),
        "source": text.replace("self.frequency /", "2 * self.frequency /"),
        "sink": text.replace("max(self._peak,", "min(self._peak,"),
        "mixer": text.replace("+= self.level", "+= 2 * self.level"),
        "splitter": text.replace("= self.level *", "= 2 * self.level *"),
    }[kind]
    assert broken != text
    plugin.write_text(broken)
    tested = processes.run(
        [
            processes.PYTHON,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "test_broken.py",
        ],
        cwd=tmp_path,
    )
    assert tested.code == 1 and b"failed" in tested.out


@pytest.mark.parametrize("existing", ["mine.py", "test_mine.py"])
def test_new_overwrites_nothing(existing, tmp_path):
    (tmp_path / existing).write_text("precious")
    result = workbench.run("new", "mine", cwd=tmp_path)
    assert result.code == 2 and f"{existing} exists" in result.err
    assert [path.name for path in tmp_path.iterdir()] == [existing]
    assert (tmp_path / existing).read_text() == "precious"


@pytest.mark.parametrize(
    "name", ["1st", "a-b", "a b", "", "class", "../x", "é", "_x", "json", "base_plugin"]
)
def test_names_that_no_module_can_have_are_refused(name):
    assert template.problem(name)


@pytest.mark.parametrize("name", ["x", "my_filter", "Gain2"])
def test_other_names_are_taken(name):
    assert template.problem(name) == ""


def test_new_writes_nothing_for_a_name_it_refuses(tmp_path):
    result = workbench.run("new", "../x", cwd=tmp_path / ".")
    assert result.code == 2 and "is no Python name" in result.err
    assert not list(tmp_path.iterdir())


def test_documentation_shows_what_is_printed(tmp_path):
    text = (processes.ROOT / "docs" / "workbench.md").read_text()
    [source] = re.findall(r"```python\n(.*?)```", text, re.S)
    [shown] = re.findall(r"```text\n(.*?)```", text, re.S)
    (tmp_path / "normalize.py").write_text(source)
    result = workbench.run("normalize.py", cwd=tmp_path, GST_PLUGIN_PATH=None)
    assert result.code == 1
    # Up to the figures, but for how much memory it is.
    want, got = (
        re.sub(r"leaves .* behind", "", printed.partition("\ntime per call")[0])
        for printed in (shown, result.out.decode())
    )
    assert got == want
