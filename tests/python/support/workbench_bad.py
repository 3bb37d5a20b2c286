# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugins that do one thing wrong each, for test_workbench.py.

By name: the source, the check that has to catch it, what its message says, and
the text of the line that the report has to name ("" for any line or none).
"""

FILTER = """\
import itertools, os
import numpy as np
from base_plugin import AudioProcessorPlugin

class Bad(AudioProcessorPlugin):
    def __init__(self):
        super().__init__()
        self._kept = []
        self._calls = 0

"""


def processor(body, more=""):
    """A filter whose process_audio has this body, with more methods."""
    lines = ["def process_audio(self, buffer):", *("    " + x for x in body)]
    text = "".join(f"    {line}\n" for line in lines)
    return FILTER + text + "".join(f"    {line}\n" for line in more.splitlines())


BAD = {
    "nan": (
        processor(
            ["with np.errstate(all='ignore'):", "    buffer.data /= buffer.data"]
        ),
        "finite",
        "NaN or infinite",
        "def process_audio",
    ),
    "infinite": (
        processor(["buffer.data[:, -1:] = np.inf"]),
        "finite",
        "infinite",
        "def process_audio",
    ),
    "keeps-array": (
        processor(["self._kept = [buffer.data]"]),
        "kept",
        "kept after the call",
        "def process_audio",
    ),
    "keeps-slice": (
        processor(["self._kept = [buffer.data[0, ::2]]"]),
        "kept",
        "kept after the call",
        "def process_audio",
    ),
    "keeps-buffer": (
        processor(["self._kept = [buffer]"]),
        "kept",
        "kept after the call",
        "def process_audio",
    ),
    "wrong-dtype": (
        processor(["buffer.data = buffer.data * np.float64(2)"]).replace(
            "np.float64(2)", "np.ones(1)"
        ),
        "results",
        "an array of float64, not float32",
        "def process_audio",
    ),
    "wrong-shape": (
        processor(["return buffer.data[:, :0]"]),
        "results",
        "shape (2, 0), not (2, ",
        "def process_audio",
    ),
    "not-an-array": (
        processor(["return 1.0"]),
        "results",
        "gave float, not an array",
        "def process_audio",
    ),
    "nondeterministic": (
        processor(["buffer.data += np.random.default_rng().normal()"]),
        "deterministic",
        "two new instances differ",
        "def process_audio",
    ),
    "raises-on-size-1": (
        processor(
            ["if buffer.data.shape[1] == 1:", "    raise ValueError('too short')"]
        ),
        "results",
        "process_audio() raised ValueError: too short",
        "raise ValueError",
    ),
    "raises-on-planar": (
        processor(
            [
                "if buffer.data.flags.c_contiguous and buffer.data.shape[1] > 1:",
                "    raise ValueError('planar')",
            ]
        ),
        "results",
        "planar",
        "raise ValueError",
    ),
    "exits": (
        processor(["raise SystemExit(0)"]),
        "results",
        "SystemExit",
        "raise SystemExit",
    ),
    "returns-false": (
        processor(["return False"]),
        "results",
        "returned False",
        "def process_audio",
    ),
    "leaks-blocks": (
        processor(["self._kept.append(object())"]),
        "allocations",
        "blocks",
        "self._kept.append",
    ),
    "leaks-memory": (
        processor(["self._kept.append(buffer.data.copy())"]),
        "allocations",
        "bytes behind",
        "self._kept.append",
    ),
    "ignores-parameter": (
        processor(
            ["pass"],
            "gain = 1.0\ndef set_parameter(self, key, value):\n" "    return True",
        ),
        "parameters",
        "reads back 1.0",
        "def set_parameter",
    ),
    "breaks-on-parameter": (
        processor(["np.zeros(self.order)[3]"], "order = 4"),
        "parameters",
        "IndexError",
        "np.zeros(self.order)",
    ),
    "ignores-range": (
        processor(["buffer.data *= self.gain"], "gain = Range(0.5, 0.0, 1.0)").replace(
            "class Bad",
            "class Range:\n"
            "    type, choices, unit, secret = float, None, '', False\n"
            "    def __init__(self, default, minimum, maximum):\n"
            "        self.default, self.minimum, self.maximum = default, minimum, maximum\n"
            "    def __set_name__(self, owner, name):\n"
            "        self.name = name\n"
            "    def __get__(self, plugin, owner=None):\n"
            "        if plugin is None:\n"
            "            return self\n"
            "        return vars(plugin).get(self.name, self.default)\n"
            "    def __set__(self, plugin, value):\n"
            "        vars(plugin)[self.name] = value\n\nclass Bad",
        ),
        "parameters",
        "is accepted, which is not within 0.0 to 1.0",
        "",
    ),
    "dies-when-started-again": (
        processor(
            ["buffer.data *= self._gain[0]"],
            "_gain = [0.5]\ndef stop(self):\n    self._gain = []",
        ),
        "life",
        "after stop() and start()",
        "self._gain[0]",
    ),
    "refuses-to-start": (
        processor(["pass"], "def start(self):\n    return False"),
        "start",
        "start() returned False",
        "def start",
    ),
    "cannot-stop": (
        processor(["pass"], "def stop(self):\n    raise OSError('busy')"),
        "life",
        "stop() raised OSError: busy",
        "raise OSError",
    ),
    "bad-reset": (
        processor(["pass"], "def reset(self):\n    self._nothing.clear()"),
        "reset",
        "AttributeError",
        "self._nothing",
    ),
    "bad-drain": (
        processor(["pass"], "def drain(self):\n    return np.zeros((2, 5))"),
        "drain",
        "drain() gave an array of float64, not float32",
        "def drain",
    ),
    "bad-latency": (
        processor(["pass"], "def get_processing_latency(self):\n    return -1.0"),
        "describes",
        "gave -1.0",
        "def get_processing_latency",
    ),
    "does-not-load": ("import no_such_module\n", "load", "no_such_module", "import"),
    "syntax": ("def process_audio(buffer)\n", "load", "SyntaxError", "def process"),
    "no-plugin": ("x = 1\n", "load", "has no plugin", ""),
    "half-filled-source": (
        FILTER.replace("AudioProcessorPlugin", "AudioSourcePlugin")
        + "    def read_audio(self, buffer):\n        buffer.data[0] = 0.0\n",
        "filled",
        "left as they were",
        "def read_audio",
    ),
    "silent-source": (
        "def read_audio(buffer):\n    return False\n",
        "results",
        "returned False for",
        "def read_audio",
    ),
    "full-sink": (
        "class Full:\n    def get_available_space(self):\n        return 0\n\n"
        "    def write_audio(self, buffer):\n        pass\n",
        "results",
        "no space",
        "def get_available_space",
    ),
}


def converter(body, caps="application/x-thing"):
    """A plugin that makes bytes of samples."""
    lines = "".join(f"        {line}\n" for line in body)
    return (
        f"class Converting:\n    as_bytes = True\n    output_caps = '{caps}'\n\n"
        f"    def process_audio(self, buffer):\n{lines}"
    )


CONVERTING = {
    "gives-nothing": (
        converter(["return None"]),
        "results",
        "gave nothing, and its input, ",
        "def process",
    ),
    "gives-a-number": (
        converter(["return 7"]),
        "results",
        "gave int, not bytes",
        "def process",
    ),
    "keeps-bytes": (
        converter(["self.kept = buffer.data", "return b'abc'"]),
        "kept",
        "kept after the call",
        "def process",
    ),
    "random-bytes": (
        "import os\n" + converter(["return os.urandom(16)"]),
        "deterministic",
        "different bytes",
        "",
    ),
    "writes-to-input": (
        converter(["buffer.data[:] = 0", "return b'abc'"]),
        "results",
        "read-only",
        "buffer.data[:] = 0",
    ),
}
