#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What plugins in a folder add to a registry scan, and to a start after it.

    GST_PLUGIN_PATH=build/gst tests/bench/elements.py [PLUGINS]

Prints medians in ms of processes that start GStreamer and load our plugin, with
a folder of so many plugins (200) and without one.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

GAIN = pathlib.Path(__file__).parents[2] / "plugins_py" / "simple_gain.py"
ROUNDS = 21


def milliseconds(env):
    begin = time.perf_counter()
    command = ["gst-inspect-1.0", "pythonfilter"]
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) * 1e3


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place, "plugins")
        folder.mkdir()
        for number in range(count):
            (folder / f"gain{number}.py").write_bytes(GAIN.read_bytes())
        registry = pathlib.Path(place, "registry.bin")
        plain = os.environ | {
            "GST_REGISTRY": str(registry),
            "GST_PLUGIN_SYSTEM_PATH": "",
            "HOME": place,
        }
        plain.pop("GST_PYTHONFILTER_PATH", None)
        times = {"cold": ([], []), "warm": ([], [])}
        for _ in range(ROUNDS):
            for i, more in enumerate(({}, {"GST_PYTHONFILTER_PATH": str(folder)})):
                registry.unlink(missing_ok=True)
                for kind in times:
                    times[kind][i].append(milliseconds(plain | more))
    for kind, both in times.items():
        without, with_them = map(statistics.median, both)
        print(
            f"{kind}: {without:.1f} without, {with_them:.1f} with {count} plugins: "
            f"{with_them - without:.1f} more"
        )


if __name__ == "__main__":
    main()
