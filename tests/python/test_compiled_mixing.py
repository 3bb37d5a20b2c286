# SPDX-License-Identifier: LGPL-2.1-or-later
"""Audio methods of mixers that Numba compiles: the same samples as Python's, and what
is said of those that cannot be.  tests/check/elements/compiledmixing.cpp has what the
elements do with machine code.
"""

from textwrap import dedent

import pytest

import soak
from loader_program import run
from processes import PLUGINS, launch
from test_compiled import AS_PYTHON, HEAD, needs_numba

# All that there is of an input, and what machine code has to make of each.
NAMED = (
    HEAD
    + """
def share(one, params, frame, channel):
    count = one.data.shape[0]
    # Of two float32 Numba makes another one, and NumPy does not.
    x = params.volume * float(one.data[channel % count, frame]) * one.gain
    return 0.0 if one.mute else x * float(one.level[frame])

class Named(AudioMixerPlugin):
    inputs = {
        "music": {},
        "voice": {"formats": ("F32", "S16"), "channels": (1, 2), "optional": True},
    }
    formats = ("F32", "F64", "S16", "S32")
    output_like = "music"
    curves = ("level",)

    volume = Param(0.5, min=0.0, max=4.0)
    gain = InputParam(np.float32(1.0), min=0.0, max=8.0)
    mute = InputParam(False)
    mode = InputParam("plain", choices=("plain", "bent"))
    level = InputParam(1.0, min=0.0, max=2.0)

    class State:
        last: Array[float64, MAX_CHANNELS]
        seen: Array[int, 8]

    @compiled
    def mix_audio(output, inputs, params, state, stream):
        music, voice = inputs.music, inputs.voice
        state.seen[0] += music.present + 2 * voice.present + 4 * voice.gap
        state.seen[1] += voice.late + 2 * voice.discont + 4 * voice.mode
        state.seen[2] = voice.pts + music.pts
        state.seen[3] = 10 * music.format + voice.format
        for frame in range(output.shape[1]):
            for channel in range(output.shape[0]):
                last = 0.5 * state.last[channel]
                last += share(music, params, frame, channel)
                last += share(voice, params, frame, channel)
                state.last[channel] = last
                output[channel, frame] = last
"""
)

RANGE = (
    HEAD
    + """
class Range(AudioMixerPlugin):
    inputs = (1, 8, {"formats": "S16"})
    formats = ("F32", "F64", "S16", "S32")

    gain = InputParam(1.0, min=0.0, max=8.0)

    class State:
        seen: Array[int, 8]

    @compiled
    def mix_audio(output, inputs, params, state, stream):
        state.seen[0] = len(inputs)
        for number in range(len(inputs)):
            one = inputs[number]
            state.seen[1] += one.present * (1 << number)
            for frame in range(output.shape[1]):
                for channel in range(output.shape[0]):
                    x = float(one.data[channel % one.data.shape[0], frame])
                    output[channel, frame] += one.gain * x
        if inputs[-1].late:
            return inputs[len(inputs)].format
"""
)

AGREE = """
import numpy as np
import base_plugin as bp
from pythonfilter.results import DTYPES

def samples(random, format, channels, size):
    # Interleaved, as a mixer has it.
    values = random.uniform(-1, 1, (size, channels))
    return (values * (10000 if format[0] == "S" else 1)).astype(DTYPES[format]).T

def play(host, format, channels, ports, machine):
    host.start(48000, channels, 0, "", "", format, True)
    defaults = host.change_inputs(ports)
    if not machine:
        host.native.call.use(0)
    random = np.random.default_rng(5)
    inputs = bp.MixerInputs(
        {name: bp.MixerInput(count, 1, **defaults) for name, _, count in ports}
    )
    heard = []
    for number, size in enumerate({sizes}):
        for place, (name, of, count) in enumerate(ports):
            one = inputs[name]
            one.data = samples(random, of, count, size)
            one.gain = random.uniform(0, 1)
            known = one._stream
            known.present, known.gap = number % 2 == place, number == 2
            known.discont, known.pts = number == 0, (None, 7, 1 << 40)[number % 3]
            if "level" in defaults:
                one.curves["level"] = np.linspace(0, 1, size, dtype=np.float32)
                one.mute = number == 1
                one.mode = ("plain", "bent")[number % 2]
        output = bp.MixerOutput(channels, size)
        output.data = np.zeros((size, channels), DTYPES[format]).T
        host.audio(output, inputs)
        heard.append(output.data.astype(float).ravel())
    return np.concatenate(heard), host.plugin.state.seen.tolist()

# So that nothing is compiled that does not play.
host = load("plugin.py", kind="mixer", likely="%s 1" % {cases}[0][0])
problems = []
for format, channels, ports in {cases}:
    (one, seen), (other, seen_other) = (
        play(host, format, channels, ports, machine) for machine in (1, 0)
    )
    if not (one == other).all() or not one.any() or seen != seen_other:
        problems.append([format, channels, ports, float(abs(one - other).max()), seen])
tell([problems, host.native.interpreted, seen])
"""

FEW = {
    "names": (NAMED, [("F64", 3, [("voice", "S16", 1), ("music", "F64", 3)])]),
    "a range": (
        RANGE,
        [("F64", 1, [("0", "S16", 1), ("3", "S16", 2), ("1", "S16", 1)])],
    ),
}
MANY = {
    "names": [
        (of, channels, [("music", of, channels), ("voice", voice, 2)])
        for of in ("F32", "F64", "S16", "S32")
        for voice in ("F32", "S16")
        for channels in (1, 2, 6)
    ],
    "a range": [
        (of, channels, [(str(i), "S16", 1 + i % 2) for i in range(count)])
        for of in ("F32", "F64", "S32")
        for channels in (1, 2, 6)
        for count in (1, 2, 8)
    ],
}


@soak.one_in(2)
@needs_numba
@pytest.mark.parametrize("name", FEW)
def test_python_and_machine_code_agree_to_the_last_bit(files, name):
    source, few = FEW[name]
    code = AGREE.replace("{sizes}", repr((1, 64, 33, 64, 512)))
    code = code.replace("{cases}", repr([*few, *(MANY[name] if soak.SOAK else [])]))
    problems, interpreted, seen = run(files({"plugin.py": source}), code)
    assert (problems, interpreted) == ([], "") and any(seen)


@needs_numba
def test_an_input_that_is_not_there_is_a_failure_and_no_memory(files):
    code = """
    import base_plugin as bp
    host = load("plugin.py", kind="mixer")
    host.start(48000, 1, 0, "", "", "F32", True)
    host.change_inputs([("0", "S16", 1)])
    one = bp.MixerInput(1, 8, gain=1.0)
    one.data = one.data.astype("int16")
    one._stream.late = True
    try:
        host.audio(bp.MixerOutput(1, 8), bp.MixerInputs({"0": one}))
    except Exception as error:
        tell(str(error))
    """
    told = run(files({"plugin.py": RANGE}), code)
    assert told.startswith("mix_audio() raised an exception in machine code"), told


SHIPPED = """
import numpy as np
import base_plugin as bp

def play(signal, key, machine):
    host.start(48000, 2, 0, "", "", signal, True)
    ports = [("signal", signal, 2), ("key", key, 1)]
    inputs = bp.MixerInputs({{name: bp.MixerInput(1, 1) for name, _, _ in ports}})
    host.change_inputs(ports)
    if not machine:
        host.native.call.use(0)
    random, heard = np.random.default_rng(5), []
    for size in (1, 63, 200, 64):
        for name, format, count in ports:
            values = random.uniform(-1, 1, (size, count))
            if format == "S16":
                values *= 32767
            elif size == 64 and name == "key":
                values[:4, 0] = np.nan, np.inf, 1e30, 0.5
            made = values.astype({{"F32": "f4", "F64": "f8", "S16": "i2"}}[format])
            inputs[name].data = made.T
        output = bp.MixerOutput(2, size)
        output.data = np.zeros_like(inputs["signal"].data)
        host.audio(output, inputs)
        heard.append(output.data.ravel().astype(float))
    return np.concatenate(heard), host.plugin.state.reduction

host = load({path!r}, kind="mixer")
problems = []
for formats in {formats}:
    (one, less), (other, less_other) = play(*formats, True), play(*formats, False)
    if not (one == other).all() or less != less_other or not 0 < less < 60:
        problems.append([formats, float(abs(one - other).max()), less, less_other])
tell([problems, host.native.interpreted])
"""


@needs_numba
def test_the_side_chain_compressor_is_the_same_as_machine_code(tmp_path):
    # The first is what plays elsewhere in these tests, and is compiled for all.
    formats = [("F32", "F32"), ("F32", "S16"), ("S16", "F32"), ("F64", "F64")]
    some = formats if soak.SOAK else formats[:1]
    path = str(PLUGINS / "side_chain_compressor.py")
    code = SHIPPED.format(path=path, formats=some)
    assert run(tmp_path, code) == [[], ""]


HEADER = HEAD + (
    "class Plugin(AudioMixerPlugin):\n    inputs = {'a': {}, 'b': {'optional': True}}\n"
    "    output_like = 'a'\n    gain = InputParam(1.0, min=0.0, max=2.0)\n"
)
METHOD = "    @compiled\n    def mix_audio(output, inputs, params, state, stream):\n"
# What is written, what is said, and whether only a compiler can say it.
MISTAKES = {
    "an input that is written": (
        HEADER + METHOD + "        inputs.a.data[0, 0] = 1.0\n",
        ["mix_audio() cannot be compiled: ", "eadonly", "plugin.py:12)"],
        True,
    ),
    "an input that there is not": (
        HEADER + METHOD + "        output[0, 0] = inputs.c.data[0, 0]\n",
        ["cannot be compiled: Unknown attribute 'c' of inputs (", "plugin.py:12)"],
        True,
    ),
    "the arguments of a filter": (
        HEADER
        + "    @compiled\n    def mix_audio(data, params, state, stream): pass\n",
        [
            "mix_audio(data, params, state, stream) is compiled, so it is called with "
            "(output, inputs, params, state, stream), without self",
            "plugin.py:10)",
        ],
        False,
    ),
    "a name that is a word of Python's": (
        HEADER.replace("'b'", "'class'") + METHOD + "        pass\n",
        ["reads inputs.class: that input must be called something else"],
        False,
    ),
    "a range of several formats": (
        HEAD
        + "class Plugin(AudioMixerPlugin):\n    formats = ('F32', 'S16')\n"
        + f"{METHOD}        pass\n",
        ["all of a range of inputs have one format", "{'formats': 'F32'}"],
        True,
    ),
    "a parameter that each input has already": (
        HEADER + "    format = InputParam(1)\n" + METHOD + "        pass\n",
        ["InputParam 'format': it must be called something else"],
        False,
    ),
    "more channels than the State is for": (
        HEADER.replace("{'a'", "{'a': {'channels': 1}, 'c'")
        + "    class State:\n        last: Array[float, Channels(1)]\n"
        + METHOD
        + "        pass\n",
        ["its State is for 1 channels, and its input b has 2"],
        False,
    ),
}


@soak.one_in(3)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=needs_numba if by_compiler else ())
        for name, (_, _, by_compiler) in MISTAKES.items()
    ],
)
def test_a_mistake_is_one_message_with_its_line(files, name):
    source, expected, by_compiler = MISTAKES[name]
    folder = files({"plugin.py": source})
    line = (
        "pythonmixer name=m script=plugin.py ! fakesink async=false "
        "audiotestsrc ! audio/x-raw,format=F32LE,channels=1 ! m.sink_a "
        "audiotestsrc ! audio/x-raw,format=F32LE,channels=2 ! m.sink_b"
    )
    env = {} if by_compiler else {"NUMBA_DISABLE_JIT": "1"}
    result = launch(line, cwd=folder, **env)
    # What feeds it may say that it cannot any more.
    lines = [each for each in result.err.splitlines() if "ERROR: from" in each]
    errors = [each for each in lines if "GstPythonMixer" in each]
    assert len(errors) == 1, result.err
    for part in expected:
        assert part in errors[0].replace(f"{folder}/", ""), errors[0]


def test_a_compiled_splitter_is_refused_with_one_sentence(files):
    source = HEAD + (
        "class Plugin(AudioSplitterPlugin):\n    outputs = ('a', 'b')\n"
        "    @compiled\n    def split_audio(data, params, state, stream): pass\n"
    )
    line = "audiotestsrc ! pythondemixer name=d script=plugin.py d.src_a ! fakesink"
    result = launch(line, cwd=files({"plugin.py": source}))
    assert (
        "split_audio() is compiled, which the audio methods of sources, filters, sinks "
        "and mixers can be, but not those of splitters" in result.err
    )


def test_without_numba_it_runs_as_python_and_says_so(files):
    code = """
    host = load("plugin.py", kind="mixer")
    host.start(48000, 1, 0, "", "", "F32", True)
    host.change_inputs([("music", "F32", 1), ("voice", "S16", 1)])
    tell([host.warnings, host.native.inputs()[:2], host.native_call("F32", True)])
    """
    warnings, inputs, call = run(files({"plugin.py": NAMED}), AS_PYTHON + dedent(code))
    assert "mix_audio() runs as Python" in warnings[0]
    assert (inputs, call) == ([0, [0, 1]], None)
