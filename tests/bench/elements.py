#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What plugins in a folder add to a registry scan, and to a start after it.

    tests/bench/elements.py [PLUGINS] [--of FILE...]

Prints medians in ms of processes that start GStreamer and load our plugin, with
a folder of so many plugins (200) and without one. They are copies of the files in
turn; by default of all plugins and examples that come with the project.
"""

import argparse
import itertools
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import built

PLUGINS = pathlib.Path(__file__).parents[2] / "plugins_py"
ROUNDS = 21


def milliseconds(env):
    begin = time.perf_counter()
    command = ["gst-inspect-1.0", "pythonfilter"]
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) * 1e3


def shipped():
    """The plugins, but not what they import, nor what runs them."""
    return [
        path
        for folder in (PLUGINS, PLUGINS / "examples")
        for path in sorted(folder.glob("*.py"))
        if not path.name.startswith("_")
    ]


def fill(folder, files, count):
    """Copies so many of the files, and the helpers beside them; their lines."""
    for beside in {file.parent for file in files}:
        for helper in beside.glob("_*.py"):
            shutil.copy(helper, folder)
    lines = 0
    for number, file in zip(range(count), itertools.cycle(files)):
        text = file.read_bytes()
        (folder / f"{file.stem}{number}.py").write_bytes(text)
        lines += text.count(b"\n")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("plugins", nargs="?", type=int, default=200)
    parser.add_argument("--of", nargs="+", type=pathlib.Path, default=shipped())
    options = parser.parse_args()
    built.use()
    count = options.plugins
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place, "plugins")
        folder.mkdir()
        lines = fill(folder, options.of, count)
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
    print(f"{count} plugins, {lines / count:.0f} lines each")
    for kind, both in times.items():
        without, with_them = map(statistics.median, both)
        print(
            f"{kind}: {without:.1f} without, {with_them:.1f} with them: "
            f"{with_them - without:.1f} more"
        )


if __name__ == "__main__":
    main()
