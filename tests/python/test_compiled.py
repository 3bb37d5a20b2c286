# SPDX-License-Identifier: LGPL-2.1-or-later
"""Audio methods that Numba compiles: the same samples as Python's, and what is
said where there is no machine code.  tests/check/elements/compiled.cpp has what
the elements do with it.
"""

import importlib.util
import os
from textwrap import dedent

import pytest

import processes
import soak
from loader_program import run
from processes import launch

needs_numba = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None,
    reason="no Numba: apt install python3-numba",
)

# Numba takes seconds to compile anything.
slow = pytest.mark.skipif(not soak.SOAK, reason="only in a soak")
AS_PYTHON = """
import os
os.environ["NUMBA_DISABLE_JIT"] = "1"
"""

HEAD = """
import math
from numpy import float32, float64
import numpy as np
from base_plugin import *
"""
# Recursion, a helper, state, parameters, a curve; float() as the arithmetic of
# short integers and of float32 is another one in NumPy.
RICH = (
    HEAD
    + """
OFFSET = 0.25

def bend(x):
    return x / (1.0 + abs(x))

class Rich(AudioProcessorPlugin):
    formats = ("F32", "F64", "S16", "S32")
    curves = ("level",)

    amount = Param(0.3, min=0.0, max=1.0)
    taps = Param(3, min=1, max=8)
    wet = Param(True)
    mode = Param("plain", choices=("plain", "bent"))
    level = Param(0.5, min=0.0, max=1.0)
    tone = Param(np.float32(0.7), min=0.0, max=1.0)

    class State:
        last: Array[float64, MAX_CHANNELS]
        line: Array[float64, MAX_CHANNELS, 8]
        place: int
        sum: float

    @compiled
    def process_audio(data, params, state, stream):
        for frame in range(data.shape[1]):
            state.place = (state.place + 1) % params.taps
            for channel in range(data.shape[0]):
                x = float(data[channel, frame])
                y = state.last[channel] * params.amount + x * (1.0 - params.amount)
                if params.mode == 1:
                    y = bend(y) + OFFSET
                state.last[channel] = y
                y += 0.5 * state.line[channel, state.place]
                state.line[channel, state.place] = y
                state.sum += y + params.tone * float32(3.0)
                if params.wet:
                    data[channel, frame] = y * float(params.level[frame])
"""
)

SMALL = (
    HEAD
    + """
class Small(AudioProcessorPlugin):
    layouts = "interleaved"

    @compiled
    def process_audio(data, params, state, stream):
        data *= 2
"""
)

AGREE = """
import numpy as np
AudioBuffer = __import__("base_plugin").AudioBuffer
DTYPES = {{"F32": np.float32, "F64": np.float64, "S16": np.int16, "S32": np.int32}}

def play(host, format, planar, channels, sizes, machine):
    host.start(48000, channels, 0, "", "", format, not planar)
    if not machine:
        host.native.call.use(0)
    random = np.random.default_rng(5)
    heard = []
    for number, size in enumerate(sizes):
        samples = random.uniform(-1, 1, (channels, size))
        if format[0] == "S":
            samples = samples * 10000
        shape = (channels, size) if planar else (size, channels)
        memory = np.empty(shape, DTYPES[format])
        data = memory if planar else memory.T
        data[:] = samples
        buffer = AudioBuffer(channels, 0)
        buffer.data = data
        buffer.curves["level"] = np.linspace(0, 1, size, dtype=np.float32)
        host.set_parameter("mode", "bent" if number % 2 else "plain")
        host.set_parameter("amount", str(random.uniform(0, 1)))
        host.audio(buffer)
        heard.append(data.astype(float).ravel())
    return np.concatenate(heard), host.plugin.state.sum, host.plugin.state.line.copy()

# So that nothing is compiled that does not play.
host = load("plugin.py", likely="%s 1" % {formats}[0])
problems = []
for format in {formats}:
    for planar in {planar}:
        for channels in {channels}:
            run = lambda machine: play(host, format, planar, channels, {sizes}, machine)
            (one, sum_one, line_one), (other, sum_other, line_other) = run(1), run(0)
            if format == "F32" and {tolerant}:
                good = np.allclose(one, other, rtol=2e-6, atol=1e-6)
            else:
                good = (one == other).all() and sum_one == sum_other
                good = good and (line_one == line_other).all()
            if not good:
                problems.append([format, planar, channels, float(abs(one-other).max())])
tell([problems, host.native.interpreted])
"""


def agreement(files, source, formats, planar, channels, sizes, tolerant=False):
    """What did not agree, and why nothing was compiled."""
    layouts = ("interleaved", "non-interleaved")[: 1 + planar]
    declared = f"formats, layouts = {formats!r}, {layouts!r}"
    source = source.replace('formats = ("F32", "F64", "S16", "S32")', declared)
    code = AGREE.format(
        formats=formats,
        planar=(False, True)[: 1 + planar],
        channels=channels,
        sizes=sizes,
        tolerant=tolerant,
    )
    return run(files({"plugin.py": source}), code)


@needs_numba
def test_python_and_machine_code_agree_to_the_last_bit(files):
    few = (("F64",), True, (1, 2, 3), (1, 64, 33))
    many = (
        *(("F32", "F64", "S16", "S32"), True, (1, 2, 3, 6, 64)),
        (1, 2, 64, 511, 512, 4096),
    )
    assert agreement(files, RICH, *(many if soak.SOAK else few)) == [[], ""]


@slow
@needs_numba
def test_arithmetic_of_float32_agrees_within_its_precision(files):
    source = RICH.replace("float(data[channel, frame])", "data[channel, frame]")
    told = agreement(files, source, ("F32",), False, (2,), (1, 64, 33), tolerant=True)
    assert told == [[], ""]


FUNCTIONS = processes.BUILD / "tests" / "check" / "functions.so"
CDECL = (
    "int32_t add_up(void *, int32_t, int64_t, int64_t, int64_t, const void *, void *, "
    "void *);"
)
# Ways to one and the same function, but for the last, which does the same.
WAYS = {
    "ctypes": "ctypes.CDLL(FILE).add_up",
    "an address": "ctypes.cast(ctypes.CDLL(FILE).add_up, ctypes.c_void_p).value",
    "a pointer of ctypes": (
        "ctypes.CFUNCTYPE(ctypes.c_int32)(('add_up', ctypes.CDLL(FILE)))"
    ),
    "cffi": "ffi.addressof(library, 'add_up')",
    "numba.cfunc": "made_by_numba()",
}
BY_CFFI = f"""
import cffi
ffi = cffi.FFI()
ffi.cdef({CDECL!r})
library = ffi.dlopen(FILE)
"""
BY_NUMBA = """
def made_by_numba():
    import numba
    from numba import types
    p, i, l = types.voidptr, types.int32, types.int64
    def add_up(data, channels, frames, across, along, params, state, stream):
        samples = numba.carray(data, channels * frames)
        total = numba.carray(state, 1)
        for sample in samples:
            total[0] += sample
        return 0
    floats = types.CPointer(types.float32), types.CPointer(types.float64)
    return numba.cfunc(i(floats[0], i, l, l, l, p, floats[1], p))(add_up)
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_c_function_may_be_given_in_any_way(files, way):
    module = {"cffi": "cffi", "numba.cfunc": "numba"}.get(way)
    if module and importlib.util.find_spec(module) is None:
        pytest.skip(f"no {module}: apt install python3-{module}")
    if not FUNCTIONS.exists():
        pytest.skip(f"{FUNCTIONS} is not built")
    source = f"{HEAD}import ctypes\nFILE = {os.fspath(FUNCTIONS)!r}\n" + (
        f"{BY_NUMBA}{BY_CFFI if way == 'cffi' else ''}"
        "class Sum(AudioProcessorPlugin):\n    class State:\n        sum: float\n"
        f"    process_audio = compiled({WAYS[way]})\n"
    )
    code = """
    import base_plugin
    host = load("plugin.py")
    host.start(48000, 2, 0, "", "", "F32", True)
    buffer = base_plugin.AudioBuffer(2, 8)
    buffer.data += 0.5
    host.audio(buffer)
    tell([float(host.plugin.state.sum), host.native.interpreted])
    """
    assert run(files({"plugin.py": source}), code) == [8.0, ""]


RESULTS = (
    HEAD
    + """
class Results(AudioProcessorPlugin):
    layouts = "interleaved"

    case = Param(0)

    @compiled
    def process_audio(data, params, state, stream):
        {body}
"""
)
# The body, and what it gives for the cases 0, 1 and so on: 0 is success.
GIVEN = {
    "whole numbers": ("return params.case - 1", [-1, 0, 1]),
    "larger than the status": (
        "return (0, 1 << 32, (1 << 32) + 7, -(1 << 40), 1 << 31)[params.case]",
        [0, *[2**31 - 1] * 4],
    ),
    "of some cases only": (
        "if params.case: return (params.case - 1) << 32",
        [0, 0, 2**31 - 1],
    ),
    "truths": ("return params.case == 1", [1, 0]),
    "truths of some cases only": (
        "if params.case: return params.case == 1",
        [0, 0, 1],
    ),
    "float": ("return 0.5", None),
    "str": ("return '0'", None),
}


# Numba takes seconds for each.
COMPILED = (
    GIVEN if soak.SOAK else ("larger than the status", "truths of some cases only")
)


@soak.one_in(3)
@pytest.mark.parametrize(
    "name, machine",
    [(name, False) for name in GIVEN]
    + [pytest.param(name, True, marks=needs_numba) for name in COMPILED],
)
def test_what_is_success_is_the_same_for_python_and_machine_code(files, name, machine):
    body, expected = GIVEN[name]
    code = """
    import base_plugin
    said = []
    try:
        host = load("plugin.py")
        host.start(48000, 1, 0, "", "", "F32", True)
        for case in range(CASES):
            host.plugin.case = case
            try:
                host.plugin.process_audio(base_plugin.AudioBuffer(1, 4))
                said.append("0")
            except Exception as error:
                said.append(str(error).split("returned ")[-1])
    except Exception as error:
        said.append(str(error))
    tell(said)
    """.replace(
        "CASES", str(len(expected or "1"))
    )
    folder = files({"plugin.py": RESULTS.format(body=body)})
    said = run(folder, ("" if machine else AS_PYTHON) + dedent(code))
    if expected is None:
        assert "is no" in said[0] and "nothing or 0 is success" in said[0], said
    else:
        assert said == list(map(str, expected))


MISTAKES = {
    "a type": (
        "data[0, 0] = len(str(data).encode())",
        ["process_audio() cannot be compiled", "plugin.py:10)"],
    ),
    "a module that Numba does not know": (
        "data[0, 0] = json.loads('1')",
        ["process_audio() cannot be compiled", "plugin.py:10)"],
    ),
    "a result that is no number": (
        "return 'done'",
        ["process_audio() cannot be compiled: what it gives is no number"],
    ),
    "a field that is not there": (
        "stream.nothing = 1",
        ["cannot be compiled: there is no field 'nothing'", "plugin.py:10)"],
    ),
    "a field where there are none": (
        "state.nothing = 1.0",
        ["cannot be compiled: there is no field 'nothing'", "plugin.py:10)"],
    ),
    "a parameter that is set": (
        "params.gain = 1.0\n    gain = Param(1.0)",
        ["params.gain cannot be set; what the method changes is in State", ":10)"],
    ),
    "a parameter where there are none": (
        "data[0, 0] = params.gain",
        ["Unknown attribute 'gain' of None: no Param or State has it"],
    ),
}


# Of those that Numba finds, that the plugin's fields have, and that nobody has.
SOME_MISTAKES = ("a type", "a field that is not there", "a parameter that is set")


@needs_numba
@soak.one_in(3)
@pytest.mark.parametrize("name", MISTAKES if soak.SOAK else SOME_MISTAKES)
def test_what_cannot_be_compiled_is_one_message_with_its_line(files, name):
    body, expected = MISTAKES[name]
    folder = files(
        {
            "plugin.py": HEAD
            + "import json\nclass Plugin(AudioProcessorPlugin):\n    @compiled\n"
            + "    def process_audio(data, params, state, stream):\n"
            + f"        {body}\n"
        }
    )
    result = launch(
        "audiotestsrc ! pythonfilter script=plugin.py ! fakesink async=false",
        cwd=folder,
    )
    errors = [
        line for line in result.err.splitlines() if line.startswith("ERROR: from")
    ]
    assert len(errors) == 1, result.err
    for part in expected:
        assert part in errors[0].replace(f"{folder}/", ""), errors[0]
    details = result.err.partition("Additional debug info:")[2]
    # Numba of Debian 13 has no more to say of what is set.
    longer = "nopython" in details or "No definition for lowering" in details
    assert longer or name == "a field that is not there", result.err
    assert "\x1b" not in result.err


REFUSED = {
    "arity": (
        "@compiled\n    def process_audio(self, buffer): pass",
        "process_audio(self, buffer) is compiled, so it is called with "
        "(data, params, state, stream), without self",
    ),
    "no function": (
        "process_audio = compiled('gain')",
        "compiled() takes a Python function, a C function of ctypes or cffi, or its "
        "address, not str",
    ),
    "a text in the State": (
        "State = np.dtype([('name', 'U5')])\n    process_audio = compiled(1)",
        "State.name is <U5; it must be a number",
    ),
    "a State without fields": (
        "State = np.dtype(float)\n    process_audio = compiled(1)",
        "State = float64: it must be a dtype that has fields",
    ),
    "a State without types": (
        "class State:\n        last = 0.5\n    process_audio = compiled(1)",
        "State has no fields: each is declared by its type, as in 'last: float'",
    ),
    "a type that nobody knows": (
        "class State:\n        last: 'Nothing'\n    process_audio = compiled(1)",
        "State.last is 'Nothing': name 'Nothing' is not defined",
    ),
    "a State that is too large": (
        "class State:\n        line: Array[float, 1 << 40]\n"
        "    process_audio = compiled(1)",
        "State.line has more than 1073741824 bytes",
    ),
    "a coroutine": (
        "@compiled\n    async def process_audio(data, params, state, stream): pass",
        "process_audio() is compiled, and can neither be async nor yield",
    ),
    "a generator": (
        "@compiled\n    def process_audio(data, params, state, stream): yield 1",
        "process_audio() is compiled, and can neither be async nor yield",
    ),
    "caps": (
        "output_caps = 'audio/x-opus'\n    process_audio = compiled(1)",
        "the plugin can declare no caps of its own",
    ),
}


@soak.one_in(2)
@pytest.mark.parametrize("name", REFUSED)
def test_declarations_that_are_refused(files, name):
    body, expected = REFUSED[name]
    source = HEAD + f"class Plugin(AudioProcessorPlugin):\n    {body}\n"
    folder = files({"plugin.py": source})
    result = launch(
        "audiotestsrc ! pythonfilter script=plugin.py ! fakesink async=false",
        cwd=folder,
    )
    assert expected in result.err
    assert "plugin.py" in result.err


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_an_attribute_that_is_no_number_is_told_with_the_line(files, isolation):
    source = HEAD + (
        "class Plugin(AudioProcessorPlugin):\n    amount = Param(0.5)\n"
        "    def start(self, *stream): self.amount = 'loud'\n"
        "    @staticmethod\n    @compiled\n"
        "    def process_audio(data, params, state, stream): pass\n"
    )
    result = launch(
        f"audiotestsrc ! pythonfilter script=plugin.py isolation={isolation} "
        "! fakesink async=false",
        cwd=files({"plugin.py": source}),
        NUMBA_DISABLE_JIT="1",
    )
    assert "self.amount is a str that cannot be given to process_audio()" in result.err
    assert "plugin.py:9)" in result.err


def test_more_channels_than_the_state_has(files):
    source = HEAD + (
        "class Plugin(AudioProcessorPlugin):\n"
        "    class State:\n        last: Array[float64, Channels(2)]\n"
        "    @compiled\n"
        "    def process_audio(data, params, state, stream): pass\n"
    )
    folder = files({"plugin.py": source})
    line = "audiotestsrc num-buffers=2 ! audio/x-raw,channels={} ! pythonfilter "
    line += "script=plugin.py ! fakesink async=false"
    result = launch(line.format(3), cwd=folder, NUMBA_DISABLE_JIT="1")
    assert "its State is for 2 channels, and the stream has 3" in result.err
    result = launch(line.format(2), cwd=folder, NUMBA_DISABLE_JIT="1")
    assert result.code == 0, result.err


WITHOUT = {
    "missing": ("raise ModuleNotFoundError('none', name='numba')", "no Numba (apt"),
    "broken": ("raise ImportError('Numba needs NumPy 1.x')", "Numba needs NumPy 1.x"),
    "broken in another way": ("raise SystemError('llvm')", "cannot be used: llvm"),
}


@pytest.mark.parametrize("name", WITHOUT)
@pytest.mark.parametrize("isolation", ["none", "process"])
def test_without_numba_it_runs_as_python_and_says_so(files, name, isolation):
    code, expected = WITHOUT[name]
    folder = files({"plugin.py": RICH, "fake/numba.py": code})
    result = launch(
        "audiotestsrc num-buffers=3 samplesperbuffer=16 ! pythonfilter "
        f"script=plugin.py isolation={isolation} deadline=0 ! fakesink",
        "--no-position",  # and not -q, which keeps warnings to itself
        cwd=folder,
        PYTHONPATH=os.fspath(folder / "fake"),
    )
    assert result.code == 0, result.err
    lines = (result.out.decode() + result.err).splitlines()
    said = [line for line in lines if line.startswith("WARNING: from")]
    assert len(said) == 1 and "runs as Python" in said[0], lines
    assert expected in said[0]


@soak.one_in(2)
@needs_numba
@pytest.mark.parametrize("why", ["nowhere", "broken"])
def test_a_cache_that_cannot_be_used_is_told_and_does_no_harm(files, why):
    folder = files({"plugin.py": SMALL})
    cache = folder / "__pycache__"
    code = """
    import os
    os.environ["XDG_CACHE_HOME"] = os.path.abspath("plugin.py/cache")
    host = load("plugin.py")
    host.start(48000, 1, 0, "", "", "F32", True)
    tell([host.warnings, host.native.interpreted, host.native.address("F32", True)])
    """
    if why == "nowhere":  # no folder can be made there, whoever tries
        cache.write_text("")
    else:
        run(folder, code)
        for index in cache.glob("*.nbi"):
            index.write_bytes(b"no index")
    warnings, interpreted, address = run(folder, code)
    assert len(warnings) == 1 and "set NUMBA_CACHE_DIR" in warnings[0]
    assert interpreted == "" and address > 0


@needs_numba
def test_a_constant_that_is_read_from_a_file_is_not_cached(files):
    source = HEAD + (
        "TABLE = np.loadtxt('table.txt')\nFACTOR = float(TABLE[0])\n"
        "class Plugin(AudioProcessorPlugin):\n    layouts = 'interleaved'\n"
        "    @compiled\n    def process_audio(data, params, state, stream):\n"
        "        data[0, 3] *= {}\n"
    )
    code = """
    import base_plugin
    host = load("plugin.py")
    host.start(48000, 1, 0, "", "", "F32", True)
    buffer = base_plugin.AudioBuffer(1, 4)
    buffer.data += 1
    host.audio(buffer)
    tell(float(buffer.data[0, 3]))
    """
    made = HEAD + (
        "def make(factor):\n    class Plugin(AudioProcessorPlugin):\n"
        "        layouts = 'interleaved'\n        @compiled\n"
        "        def process_audio(data, params, state, stream):\n"
        "            data[0, 3] *= factor\n    return Plugin\n"
        "Plugin = make(float(np.loadtxt('table.txt')[0]))\n"
    )
    ways = (source.format("FACTOR"), source.format("TABLE[1]"), made)
    for text in ways if soak.SOAK else ways[::2]:
        folder = files({"plugin.py": text, "table.txt": "2\n2\n"})
        assert run(folder, code) == 2.0
        (folder / "table.txt").write_text("3\n3\n")
        assert run(folder, code) == 3.0


# In place of Numba: `made` is what would be compiled.
FAKED = """
    from pythonfilter.host import compiling
    made = []
    class Made:
        address = 4096
    def compile(self, format, interleaved, inputs):
        made.append([format, interleaved, self.checked])
        return Made, True
    compiling._numba = lambda: __import__("types").SimpleNamespace(
        njit=lambda **options: lambda function: function, __version__="0"
    )
    compiling._Work._compile = compile
"""


def test_only_what_plays_is_compiled(files):
    folder = files({"plugin.py": RICH})
    code = """
    host = load("plugin.py")
    loaded = len(made)
    for _ in "12":
        host.start(48000, 1, 0, "", "", "S16", False)
    # Another instance has what is there, and the workbench's own is another.
    for format in ("S16", "S32"):
        other = load("plugin.py")
        if format == "S32":
            other.native.run_checked()
        other.start(48000, 1, 0, "", "", format, False)
    tell([loaded, made])
    """
    assert run(folder, FAKED + code) == [
        1,
        [["F32", True, False], ["S16", False, False], ["S32", False, True]],
    ]


def test_it_is_compiled_for_what_may_come(files):
    folder = files({"plugin.py": RICH})
    code = """
    for likely in ("S16 0,F64 0", "S16 1,S16 0", "", "U8 1", "F32 0"):
        load("plugin.py", likely=likely)
    tell([format + str(int(layout)) for format, layout, checked in made])
    """
    assert run(folder, FAKED + code) == ["S160", "S161", "F321", "F320"]


@needs_numba
def test_it_is_compiled_once_for_what_a_converter_likes_most(files):
    source = SMALL.replace("layouts =", "formats = ('F32', 'F64')\n    layouts =")
    folder = files({"plugin.py": source})
    line = "audiotestsrc num-buffers=1 ! audioconvert ! pythonfilter script=plugin.py "
    result = launch(line + "! fakesink", cwd=folder)
    assert result.code == 0, result.err
    assert len([*folder.glob("__pycache__/*.nbc")]) == 1


@needs_numba
def test_the_element_and_the_workbench_use_one_cache_folder(files):
    """What was kept for the one is nothing that the other could load."""
    folder = files({"plugin.py": SMALL})
    assert run(folder, "tell(load('plugin.py').native.interpreted)") == ""
    line = "audiotestsrc num-buffers=1 ! audio/x-raw,format=F32LE ! pythonfilter "
    result = launch(line + "script=plugin.py ! fakesink", cwd=folder)
    assert result.code == 0, result.err


@slow
@needs_numba
def test_the_cache_is_used_until_a_helper_changes(files):
    # Numba reads the source of what it keeps: nothing may depend on what stands in
    # its first lines, which is no Python here.
    source = '"""Louder (or\n(not\n(so\n(loud\n(as\n(before.\n"""\n' + HEAD
    source += (
        "from helper import FACTOR\nclass Plugin(AudioProcessorPlugin):\n"
        "    layouts = 'interleaved'\n"
        "    @compiled\n    def process_audio(data, params, state, stream):\n"
        "        data *= FACTOR\n"
    )
    folder = files({"plugin.py": source, "helper.py": "FACTOR = 2.0"})
    code = """
    import base_plugin
    from numba.core import compiler
    made = []
    compile_extra = compiler.compile_extra
    def counting(*arguments, **more):
        made.append(1)
        return compile_extra(*arguments, **more)
    compiler.compile_extra = counting
    host = load("plugin.py")
    host.start(48000, 1, 0, "", "", "F32", True)
    buffer = base_plugin.AudioBuffer(1, 4)
    buffer.data += 1
    host.audio(buffer)
    tell([bool(made), float(buffer.data[0, 3])])
    """
    assert run(folder, code) == [True, 2.0]
    assert run(folder, code) == [False, 2.0]
    (folder / "helper.py").write_text("FACTOR = 3.0")
    assert run(folder, code) == [True, 3.0]


def test_a_state_goes_to_new_code_by_the_names_of_its_fields(files):
    source = HEAD + (
        "class Plugin(AudioProcessorPlugin):\n    class State:\n{}"
        "    @compiled\n"
        "    def process_audio(data, params, state, stream): pass\n"
    )
    old = "        a: float\n        b: Array[float64, 3]\n        c: int\n"
    new = "        b: Array[float64, 3]\n        d: int\n        a: int\n"
    folder = files({"old.py": source.format(old), "new.py": source.format(new)})
    code = """
    hosts = [load("old.py"), load("new.py")]
    for host in hosts:
        host.start(48000, 1, 0, "", "", "F32", True)
    before, after = (host.plugin.state for host in hosts)
    before.a, before.b[:], before.c = 1.5, (1, 2, 3), 4
    hosts[1].set_state(hosts[0].get_state())
    tell([[host.carries_state for host in hosts],
          after.b.tolist(), int(after.d), int(after.a)])
    """
    # `a` is of another type, `d` is new.
    assert run(folder, AS_PYTHON + dedent(code)) == [[True, True], [1, 2, 3], 0, 0]


def test_self_state_is_the_record_and_get_state_stays_as_it_was(files):
    source = HEAD + (
        "class Plugin(AudioProcessorPlugin):\n"
        "    class State:\n        sum: float\n"
        "    def start(self):\n        self.state.sum = 7\n"
        "        return super().start()\n"
        "    @compiled\n"
        "    def process_audio(data, params, state, stream):\n"
        "        state.sum += stream.frames\n"
    )
    folder = files({"plugin.py": source})
    code = """
    host = load("plugin.py")
    told = [str(host.plugin.state)]
    host.start(48000, 1, 0, "", "", "F32", True)
    import base_plugin
    host.audio(base_plugin.AudioBuffer(1, 4))
    told.append(float(host.plugin.state.sum))
    host.start(48000, 1, 0, "", "", "F32", True)
    tell([*told, float(host.plugin.state.sum), str(host.plugin.get_state())])
    """
    told = run(folder, AS_PYTHON + dedent(code))
    assert told == ["PluginState.INITIALIZED", 11, 7, "PluginState.RUNNING"]
