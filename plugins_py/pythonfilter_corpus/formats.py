# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the outputs can be: GStreamer's encoders, as one writes them in a line.

`none` is no sound: what the plugin posts or writes is in NAME.jsonl.
"""

from __future__ import annotations

NONE = "none"
DEFAULT = "wav"

ENCODERS = {
    "wav": "wavenc",
    "flac": "flacenc",
    "opus": "audioresample ! opusenc ! oggmux",
    "ogg": "vorbisenc ! oggmux",
    "mp3": "audioresample ! lamemp3enc ! id3v2mux",
    "m4a": "audioresample ! avenc_aac ! mp4mux",
    NONE: "",
}


def ending(format: str) -> str:
    """The extension of an output's name."""
    return "jsonl" if format == NONE else format
