# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the build is, for benchmarks that start GStreamer from anywhere."""

import atexit
import os
import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def use():
    """Lets GStreamer find the elements: to be called before it is initialized.

    The build folder is $BUILD_DIR, or build in this source tree; the registry is
    a file of this process alone.
    """
    build = ROOT / os.environ.get("BUILD_DIR", "build")
    if not (build / "gst" / "libgstpythonfilter.so").exists():
        sys.exit(
            f"{sys.argv[0]}: no elements in {build}: build them with "
            f"`meson setup {build} && ninja -C {build} elements`, or say "
            "with BUILD_DIR where they are"
        )
    folder = tempfile.mkdtemp(prefix="pythonfilter-bench-")
    atexit.register(shutil.rmtree, folder, True)
    for name in ("GST_PLUGIN_PATH", "GST_REGISTRY"):
        os.environ.pop(f"{name}_1_0", None)
    os.environ["GST_PLUGIN_PATH"] = os.fspath(build / "gst")
    os.environ["GST_REGISTRY"] = os.path.join(folder, "registry.bin")
