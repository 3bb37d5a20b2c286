# SPDX-License-Identifier: LGPL-2.1-or-later
"""One GStreamer pipeline for each file, around an element that stays.

    filesrc ! decodebin ! audioconvert ! audioresample ! pythonfilter
      ! audioconvert ! ENCODER ! filesink

No clock waits for anything. The element is in READY between two files, so that
its plugin is loaded once: for each it is started, reset and stopped, as live.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gi
import numpy as np

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

from . import formats, sides  # noqa: E402
from .loudness import Loudness  # noqa: E402
from .job import Job  # noqa: E402

SOUND = "audio/x-raw"
TEXT = "text/x-raw"
_ENDS = Gst.MessageType.EOS | Gst.MessageType.ERROR
_HEARD = _ENDS | Gst.MessageType.ELEMENT | Gst.MessageType.WARNING
_BUFFERS = Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST
# The same 24 bits, as decoders of FLAC have them, and as WAV files do.
_PACKED = {"S24_32LE": "S24LE", "S24LE": "S24_32LE"}
# By their formats: what is in a buffer, and what is 1.
_SAMPLES = {
    "F32LE": ("<f4", 1.0),
    "F64LE": ("<f8", 1.0),
    "S16LE": ("<i2", 2.0**15),
    "S32LE": ("<i4", 2.0**31),
}


class Failed(Exception):
    """A file failed. `event` is what the ledger has of it."""

    def __init__(self, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.event: dict[str, Any] = {"kind": kind, "message": message, **more}


@dataclass
class Heard:
    """What a file gave but its samples."""

    seconds: float = 0.0
    lines: list[dict[str, Any]] = field(default_factory=list)
    loudness: list[float | None] = field(default_factory=list)  # before and after
    warning: str = ""


class Player:
    """Plays files, one after the other, through one plugin."""

    def __init__(self, job: Job, on_length: Callable[[float], None]) -> None:
        self._job = job
        self._on_length = on_length
        self._element: Any = None
        self._formats: dict[str, Any] = {}
        self.makes = ""  # the media type of what comes out
        self.encoder = job.encoder or formats.ENCODERS[job.format or formats.DEFAULT]
        self.load()
        if self.encoder and self.makes != TEXT:
            self._try_encoder()

    def _try_encoder(self) -> None:
        """Before the first file, as it would fail with each. Raises Failed."""
        what = f"the encoder {self.encoder}"
        if not self._job.encoder:
            what = f"the format {self._job.format or formats.DEFAULT}"
        try:
            encoder = Gst.parse_bin_from_description(self.encoder, True)
        except GLib.Error as error:
            raise Failed("unusable", f"{what} cannot be made: {error.message}")
        sink, src = map(encoder.get_static_pad, ("sink", "src"))
        if sink is None or src is None:
            raise Failed("unusable", f"{what} has no beginning or no end to link")
        kind = Gst.Caps.from_string(self.makes)
        if not sink.query_caps(None).can_intersect(kind):
            raise Failed("unusable", f"{what} takes no {self.makes}")

    def load(self) -> None:
        """A new instance of the plugin. Raises Failed."""
        self.unload()
        job = self._job
        element = _make("pythonfilter")
        element.set_property("script", job.plugin)
        for name, text in (("class", job.plugin_class), ("venv", job.venv)):
            if text:
                element.set_property(name, text)
        given = dict(job.parameters)
        for name, path in job.secrets.items():
            with open(path, encoding="utf-8") as file:
                given[name] = file.read().removesuffix("\n")
        if given:
            params = Gst.Structure.new_empty("p")
            for name, text in given.items():
                params.set_value(name, text)
            element.set_property("params", params)
        # Alone in a pipeline, whose bus says why if it fails.
        home = Gst.Pipeline()
        home.add(element)
        if home.set_state(Gst.State.READY) == Gst.StateChangeReturn.FAILURE:
            message = home.get_bus().pop_filtered(Gst.MessageType.ERROR)
            home.set_state(Gst.State.NULL)
            raise failure_of(message, element)
        self._take_out(home, element)
        self._element = element
        caps = element.get_static_pad("src").query_caps(None)
        names = [_read(r"[^,(]+", caps.copy_nth(i)) for i in range(caps.get_size())]
        self.makes = SOUND if caps.is_any() or SOUND in names else names[0]

    def unload(self) -> None:
        if self._element is not None:
            self._element.set_state(Gst.State.NULL)
            self._element = None

    def hidden(self) -> list[str]:
        """Parameters that the plugin calls secrets: their values are not shown."""
        params = self._element.get_property("params")
        return [
            name
            for name in self._job.parameters
            if params is None or not params.has_field(name)
        ]

    def play(self, work: dict[str, Any], output: str) -> Heard:
        """Raises Failed."""
        if self._element is None or self._job.fresh:
            self.load()
        element, heard = self._element, Heard()
        pipeline = Gst.Pipeline()
        chain = _Chain(self, pipeline, element, work, output, heard)
        element.set_locked_state(False)
        try:
            pipeline.set_state(Gst.State.PLAYING)
            error = self._listen(pipeline, chain)
        finally:
            # After an ERROR a thread may wait there, in the element's own call.
            chain.close()
            self._reset(element)
            pipeline.set_state(Gst.State.READY)
            self._take_out(pipeline, element)
            pipeline.set_state(Gst.State.NULL)
        if error is not None:
            if error.event["kind"] == "exception":
                self.unload()  # nobody knows in which state it is
            raise error
        chain.look_at_ends()
        return heard

    def _listen(self, pipeline: Any, chain: _Chain) -> Failed | None:
        bus = pipeline.get_bus()
        while True:
            message = bus.timed_pop_filtered(Gst.CLOCK_TIME_NONE, _HEARD)
            if message.type == Gst.MessageType.ERROR:
                return failure_of(message, self._element)
            if message.type == Gst.MessageType.EOS:
                return None
            chain.hear(message)

    @staticmethod
    def _reset(element: Any) -> None:
        """Tells the plugin that what comes does not go on with what was.

        By a flush, which goes no further: a filesink would begin anew.
        """
        pad = element.get_static_pad("src")
        peer = pad.get_peer()
        if peer is not None:
            pad.unlink(peer)
        sink = element.get_static_pad("sink")
        sink.send_event(Gst.Event.new_flush_start())
        sink.send_event(Gst.Event.new_flush_stop(True))

    @staticmethod
    def _take_out(pipeline: Any, element: Any) -> None:
        element.set_locked_state(True)
        pipeline.remove(element)

    def length(self, seconds: float) -> None:
        self._on_length(seconds)

    def format_for(self, decoded: str, encoder: Any) -> Any:
        """Caps that keep the samples as exact as the file had them, or None."""
        if decoded not in self._formats:
            takes = encoder.get_static_pad("sink").query_caps(None)
            names = decoded, _PACKED.get(decoded, decoded)
            found = [Gst.Caps.from_string(f"{SOUND},format={name}") for name in names]
            fitting = [caps for caps in found if takes.can_intersect(caps)]
            self._formats[decoded] = fitting[0] if fitting else None
        return self._formats[decoded]


class _Chain:
    """The elements of one file."""

    def __init__(
        self,
        player: Player,
        pipeline: Any,
        element: Any,
        work: dict[str, Any],
        output: str,
        heard: Heard,
    ) -> None:
        self._player, self._pipeline, self._heard = player, pipeline, heard
        self._element = element
        self._part = work.get("start", 0.0), work.get("duration")
        self._linked = threading.Event()
        self._measured: list[_Measured] = []
        source = _make("filesrc")
        self._opened: list[int] = []  # for their names
        source.set_property("location", self._name_of(work["input"], ""))
        decoder = _make("decodebin")
        decoder.set_property("caps", Gst.Caps.from_string(SOUND))
        decoder.set_property("expose-all-streams", False)
        decoder.connect("pad-added", self._on_pad)
        decoder.connect("no-more-pads", self._on_no_more)
        chain = [_make("audioconvert"), _make("audioresample")]
        chain.append(element)
        chain += self._end(output)
        if work.get("measure") and player.makes == SOUND:
            # Of its neighbours, as the element's own stay from file to file.
            pads = chain[1].get_static_pad("src"), chain[3].get_static_pad("sink")
            self._measured = [_Measured(pad) for pad in pads]
        for each in (source, decoder, *chain):
            pipeline.add(each)
        source.link(decoder)
        self._entry = chain[0].get_static_pad("sink")
        self.sink = chain[-1]
        self._entry.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._on_event)
        self._came = _First(self._entry)
        if self._encoder is not None:
            self._went = _First(self._encoder.get_static_pad("sink"))
        for one, other in zip(chain, chain[1:]):
            if not one.link(other):
                raise Failed("output", f"{other.get_name()} takes nothing of the kind")

    def _end(self, output: str) -> list[Any]:
        self._encoder: Any = None
        if not self._player.encoder or self._player.makes == TEXT:
            sink = _make("fakesink")
            sink.set_property("sync", False)
            if self._player.makes == TEXT:
                sink.set_property("signal-handoffs", True)
                sink.connect("handoff", self._on_text)
            return [sink]
        file = _make("filesink")
        file.set_property("location", self._name_of(*os.path.split(output)))
        self._encoder = Gst.parse_bin_from_description(self._player.encoder, True)
        if self._player.makes != SOUND:
            return [self._encoder, file]
        convert, self._format = _make("audioconvert"), _make("capsfilter")
        # So that samples which nobody changed are what they were.
        convert.set_property("dithering", 0)
        return [convert, self._format, self._encoder, file]

    def _name_of(self, folder: str, name: str) -> str:
        """GStreamer has only names in UTF-8; another one is reached by a number."""
        try:
            folder.encode()
        except UnicodeEncodeError:
            self._opened.append(os.open(folder, os.O_PATH))
            folder = f"/proc/self/fd/{self._opened[-1]}"
        return os.path.join(folder, name) if name else folder

    def close(self) -> None:
        self.sink.set_state(Gst.State.NULL)
        while self._opened:
            os.close(self._opened.pop())

    def look_at_ends(self) -> None:
        """Encoders make broken files of nothing. Raises Failed."""
        start, duration = self._part
        if not self._came or duration == 0:  # for which GStreamer 1.28 gives a block
            where = f" from {start:g} s on" if start else ""
            raise Failed("input", f"there is not one sample in this file{where}")
        if self._encoder is not None and not self._went:
            raise Failed("empty", "the plugin gave nothing that can be written")
        if all(each.loudness is not None for each in self._measured):
            self._heard.loudness = [
                each.loudness.integrated() for each in self._measured if each.loudness
            ]

    # -- on GStreamer's threads

    def _on_pad(self, _decoder: Any, pad: Any) -> None:
        if self._linked.is_set():
            return  # the first of several
        caps = pad.get_current_caps() or pad.query_caps(None)
        if self._encoder is not None and self._player.makes == SOUND:
            decoded = _read(r"format=\(string\)(\w+)", caps)
            wanted = (
                self._player.format_for(decoded, self._encoder) if decoded else None
            )
            if wanted is not None:
                self._format.set_property("caps", wanted)
        known, length = pad.query_duration(Gst.Format.TIME)
        start, duration = self._part
        if start or duration is not None:
            self._cut(pad, start, duration)
        seconds = max(0.0, length / Gst.SECOND - start) if known else duration or 0.0
        self._heard.seconds = min(seconds, duration or seconds)
        self._player.length(self._heard.seconds)
        pad.link(self._entry)
        self._linked.set()

    def _on_event(self, pad: Any, info: Any) -> Any:
        if info.get_event().type == Gst.EventType.EOS:
            behind = pad.get_parent_element().get_static_pad("src")
            # Else it was the plugin that wanted no more.
            if behind.get_last_flow_return() == Gst.FlowReturn.OK:
                self._look_at_length(behind)
        return Gst.PadProbeReturn.OK

    def _look_at_length(self, pad: Any) -> None:
        """At its end: decoders take a file that is cut off for one that ends there."""
        start, duration = self._part
        known, end = pad.query_position(Gst.Format.TIME)
        end = max(0.0, end / Gst.SECOND - start)
        said = self._heard.seconds
        if not known:
            return
        if not said:  # some do not say it before
            self._heard.seconds = min(end, duration or end)
        elif end < said - max(0.1, 0.02 * said):
            self._heard.seconds = end
            self._heard.warning = self._heard.warning or (
                f"it says that it has {said:.2f} s, and ended after {end:.2f} s: "
                "it may be cut off"
            )

    def _cut(self, pad: Any, start: float, duration: float | None) -> None:
        """Goes to a part of the file before anything of it goes on."""
        seeks: list[threading.Thread] = []

        def block(pad: Any, _info: Any) -> Any:
            def seek() -> None:
                stop = Gst.SeekType.NONE if duration is None else Gst.SeekType.SET
                end = 0 if duration is None else round((start + duration) * Gst.SECOND)
                flags = Gst.SeekFlags.FLUSH | Gst.SeekFlags.ACCURATE
                begin = round(start * Gst.SECOND)
                event = Gst.Event.new_seek(
                    *(1.0, Gst.Format.TIME, flags, Gst.SeekType.SET, begin, stop, end)
                )
                if not pad.send_event(event):
                    self._complain("this file cannot be read from its middle")
                pad.remove_probe(probe)

            # Not on the thread that the seek has to stop. The next one comes here,
            # too, if it is quicker than the end of the seek.
            if not seeks:
                seeks.append(threading.Thread(target=seek))
                seeks[0].start()
            return Gst.PadProbeReturn.OK

        probe = pad.add_probe(Gst.PadProbeType.BLOCK_DOWNSTREAM, block)

    def _on_no_more(self, _decoder: Any) -> None:
        if not self._linked.is_set():
            self._complain("there is no sound in this file")

    def _complain(self, sentence: str) -> None:
        error = GLib.Error.new_literal(
            Gst.stream_error_quark(), sentence, Gst.StreamError.FAILED
        )
        self._pipeline.post_message(
            Gst.Message.new_error(self._pipeline, error, sentence)
        )

    def _on_text(self, _sink: Any, buffer: Any, _pad: Any) -> None:
        self._heard.lines.append(sides.text(buffer))

    # -- on the thread that listens

    def hear(self, message: Any) -> None:
        if message.type == Gst.MessageType.WARNING:
            self._heard.warning = message.parse_warning()[0].message
            return
        structure = message.get_structure()
        if message.src is self._element:
            if not structure.get_name().startswith("pythonfilter-"):
                self._heard.lines.append(sides.message(structure))


class _First:
    """Whether a pad has had a buffer; it looks at no more than the first."""

    def __init__(self, pad: Any) -> None:
        self._had = False
        pad.add_probe(_BUFFERS, self._on_buffer)

    def _on_buffer(self, _pad: Any, _info: Any) -> Any:
        self._had = True
        return Gst.PadProbeReturn.REMOVE

    def __bool__(self) -> bool:
        return self._had


class _Measured:
    """How loud it is what goes over a pad, if it is samples that are known here."""

    def __init__(self, pad: Any) -> None:
        self.loudness: Loudness | None = None
        self._caps: Any = None
        pad.add_probe(Gst.PadProbeType.BUFFER, self._on_buffer)

    def _on_buffer(self, pad: Any, info: Any) -> Any:
        """Whatever is wrong, the sound goes on."""
        try:
            if self._caps is not None or self._begin(pad.get_current_caps()):
                self._add(info.get_buffer())
                return Gst.PadProbeReturn.OK
        except (ValueError, TypeError):
            self.loudness = None  # as where the channels become others
        return Gst.PadProbeReturn.REMOVE

    def _add(self, buffer: Any) -> None:
        kind, one, channels, planes = self._caps
        flat = np.frombuffer(buffer.extract_dup(0, buffer.get_size()), kind) / one
        shape = (channels, -1) if planes else (-1, channels)
        assert self.loudness is not None
        self.loudness.add(flat.reshape(shape).T if planes else flat.reshape(shape))

    def _begin(self, caps: Any) -> bool:
        kind, one = _SAMPLES.get(_read(r"format=\(string\)(\w+)", caps), ("", 1.0))
        if not kind:
            return False
        channels = int(_read(r"channels=\(int\)(\d+)", caps))
        planes = "layout=(string)non-interleaved" in caps.to_string()
        self._caps = kind, one, channels, planes
        mask = _read(r"channel-mask=\(bitmask\)0x(\w+)", caps)
        rate = int(_read(r"rate=\(int\)(\d+)", caps))
        self.loudness = Loudness(rate, channels, int(mask or "0", 16))
        return True


def _read(pattern: str, caps: Any) -> str:
    """Of the text: gst-python since 1.26 gives no structures of caps, only views."""
    found = re.search(pattern, caps.to_string())
    return found[found.re.groups] if found else ""


def _make(name: str) -> Any:
    element = Gst.ElementFactory.make(name)
    if element is None:
        raise Failed("unusable", f"GStreamer has no element {name} here")
    return element


def failure_of(message: Any, element: Any) -> Failed:
    """What an ERROR says. Of the plugin: where it is in its code."""
    if message is None:
        return Failed("exception", "the plugin does not load, and does not say why")
    error, debug = message.parse_error()
    details = message.parse_error_details()
    if details is not None and details.get_name() == "python-exception":
        get = details.get_value
        more = {name: get(name) for name in ("type", "file", "line", "function")}
        return Failed("exception", error.message, **more, traceback=debug)
    factory = (
        message.src.get_factory() if isinstance(message.src, Gst.Element) else None
    )
    if factory is not None and factory.get_name() == "filesink":
        full = error.matches(
            Gst.resource_error_quark(), Gst.ResourceError.NO_SPACE_LEFT
        )
        return Failed("output", _sentence(error, debug), full=full)
    if message.src is element:
        return Failed("exception", error.message, traceback=debug)
    return Failed("input", _sentence(error, debug))


def _sentence(error: Any, debug: str | None) -> str:
    """GStreamer's own sentence, and the system's where it has one."""
    # The first line says where in GStreamer's code that is.
    last = (debug or "").strip().partition("\n")[2].rpartition("\n")[2]
    return (
        f"{error.message} ({last})"
        if last and last not in error.message
        else str(error.message)
    )
