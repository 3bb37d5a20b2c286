#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The GStreamer plugins that the tests use, and a folder with no others.

    gst_plugins.py FOLDER

fills it with links to those that are installed. As GST_PLUGIN_SYSTEM_PATH_1_0
it keeps away whatever else this machine has: a plugin that brings a Python of
its own, a sound sink, a user's own plugins.
"""

import os
import pathlib
import subprocess
import sys

NAMES = (
    # GStreamer itself
    *("coreelements", "coretracers"),
    # gst-plugins-base
    *("app", "audioconvert", "audiomixer", "audioresample", "audiotestsrc"),
    *("ogg", "opus", "playback", "typefindfunctions", "volume", "vorbis"),
    # gst-plugins-good; of all sound sinks none, so autoaudiosink is a fakesink
    *(
        "audiofx",
        "audioparsers",
        "autodetect",
        "flac",
        "id3demux",
        "interleave",
        "lame",
        "level",
        "mpg123",
        "rawparse",
        "rtp",
        "rtpmanager",
        "spectrum",
        "taglib",
        "udp",
    ),
    *("wavenc", "wavparse"),
)


def link(folder):
    """Makes the folder anew."""
    asked = ["pkg-config", "--variable=pluginsdir", "gstreamer-1.0"]
    where = pathlib.Path(subprocess.check_output(asked, text=True).strip())
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name in NAMES:
        plugin = where / f"libgst{name}.so"
        if plugin.exists():
            (folder / plugin.name).symlink_to(plugin)
    return os.fspath(folder)


if __name__ == "__main__":
    link(sys.argv[1])
