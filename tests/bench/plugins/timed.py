# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plugin in $BENCH_PLUGIN, and what its method costs called from Python.

$BENCH_PARAMETER, KEY=VALUE, is set first.

Setting the parameter `calls` times that many calls of the same method on an
array of the same kind; reading it gives ns per call.
"""

import ctypes
import importlib.util
import time

import numpy as np

from base_plugin import AudioBuffer


def environment(name):
    """As it is now; os.environ is as it was when Python started."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    return getenv(name.encode()).decode()


def create_plugin():
    spec = importlib.util.spec_from_file_location(
        "benched", environment("BENCH_PLUGIN")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    plugin = module.create_plugin()
    key, _, value = environment("BENCH_PARAMETER").partition("=")
    if key:
        plugin.set_parameter(key, value)
    for name in ("process_audio", "read_audio", "write_audio"):
        if hasattr(plugin, name):
            audio = getattr(plugin, name)
    buffer = AudioBuffer(2, 512)
    if getattr(plugin, "as_bytes", False):
        buffer.data = np.zeros(2 * 480 * 4, np.uint8)
    took = 0.0

    def set_parameter(key, value):
        nonlocal took
        calls = range(int(value))
        begin = time.perf_counter_ns()
        for _ in calls:
            audio(buffer)
        took = (time.perf_counter_ns() - begin) / len(calls)

    plugin.set_parameter = set_parameter
    plugin.get_parameter = lambda key: repr(took)
    return plugin
