# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pushes what a script says into an element, and prints what comes out.

Arguments: a launch line with an element of the name "it", and "first" if another
one is before it, and a file of the steps, as JSON.  A step is a list of a name and
its arguments; what it brought is one line of JSON.  All of it happens in the main
thread, so one step is over before the next.
"""

import json
import os
import pathlib
import signal
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402

Gst.init(None)
seen = []
types = Gst.PadProbeType


def structure_text(thing):
    """What an event or a query says, in GStreamer's words."""
    structure = thing.get_structure()
    if hasattr(structure, "__enter__"):  # gst-python 1.26 only lends it
        structure = structure.__enter__()
    return structure.to_string() if structure else ""


def look(pad, info):
    """What is downstream, from where the element's output is."""
    if info.type & types.BUFFER:
        buffer = info.get_buffer()
        discont = buffer.has_flags(Gst.BufferFlags.DISCONT)
        data = buffer.extract_dup(0, buffer.get_size())
        seen.append(["buffer", data.hex(), discont])
    elif info.type & types.QUERY_DOWNSTREAM:
        query = info.get_query()
        if info.type & types.PUSH:
            queries.append(structure_text(query))
    else:
        event = info.get_event()
        name = Gst.EventType.get_name(event.type)
        caps = event.type == Gst.EventType.CAPS
        text = event.parse_caps().to_string() if caps else structure_text(event)
        seen.append([name, text])
    return Gst.PadProbeReturn.OK


line, script = sys.argv[1:]
pipeline = Gst.parse_launch(f"{line} ! fakesink name=end async=false")
it, end = pipeline.get_by_name("it"), pipeline.get_by_name("end")
queries = []
end.get_static_pad("sink").add_probe(
    types.BUFFER | types.EVENT_DOWNSTREAM | types.EVENT_FLUSH | types.QUERY_DOWNSTREAM,
    look,
)
source = Gst.Pad.new("source", Gst.PadDirection.SRC)
upstream = []


def from_behind(pad, parent, event):
    """The element's own upstream events, as whoever sent the stream sees them."""
    upstream.append(Gst.EventType.get_name(event.type))
    return True


source.set_event_function_full(from_behind)
source.set_active(True)
first = pipeline.get_by_name("first") or it
source.link(first.get_static_pad("sink"))
pipeline.set_state(Gst.State.PLAYING)


def segment(text=""):
    """A segment event; of this text where it is to be a bad one."""
    made = Gst.Segment()
    made.init(Gst.Format.TIME)
    event = Gst.Event.new_segment(made)
    return event if not text else custom(Gst.EventType.SEGMENT, text)


def custom(kind, text):
    """An event of a structure that need not fit it."""
    return Gst.Event.new_custom(kind, Gst.Structure.new_from_string(text))


def take(name, *given):
    """One step."""
    if name == "start":
        return source.push_event(Gst.Event.new_stream_start(given[0]))
    if name == "caps":
        return source.push_event(Gst.Event.new_caps(Gst.Caps.from_string(given[0])))
    if name == "segment":
        return source.push_event(segment(*given))
    if name == "custom":
        kind = getattr(Gst.EventType, given[0])
        return source.push_event(custom(kind, given[1]))
    if name == "gap":
        return source.push_event(Gst.Event.new_gap(*given))
    if name == "flush":
        source.push_event(Gst.Event.new_flush_start())
        return source.push_event(Gst.Event.new_flush_stop(True))
    if name == "eos":
        return source.push_event(Gst.Event.new_eos())
    if name == "buffers":
        flows = {source.push(whole(data)).value_nick for data in given}
        return sorted(flows)
    if name == "kill":
        os.kill(it.get_property("stats").get_value("worker-pid"), signal.SIGKILL)
        return None
    if name == "until":
        # One after the other, until something comes out.
        for count, data in enumerate(given, 1):
            source.push(whole(data))
            if seen:
                return count
            time.sleep(0.05)
        return None
    if name == "until told":
        text, data = given
        while not any(text in said for _, said in heard):
            source.push(whole(data))
            heard.extend(told())
            time.sleep(0.05)
        return None
    if name == "allocation":
        caps = Gst.Caps.from_string(given[0])
        return source.peer_query(Gst.Query.new_allocation(caps, False))
    if name == "upstream":
        kind = getattr(Gst.EventType, given[0])
        text = given[1] if len(given) > 1 else "any"
        event = (
            Gst.Event.new_reconfigure()
            if given[0] == "RECONFIGURE"
            else custom(kind, text)
        )
        end.get_static_pad("sink").push_event(event)
        return list(upstream)
    if name == "output":
        pad = it.get_static_pad("src")
        now = pad.get_current_caps()
        may = pad.query_caps(None).to_string()
        return [now.to_string() if now else None, may]
    if name == "set":
        it.set_property(*given)
        return None
    if name == "known":
        # To GLib, which forgets no name.
        return [GLib.quark_try_string(text) != 0 for text in given]
    if name == "stats":
        return it.get_property("stats").get_value(given[0])
    if name == "null":
        pipeline.set_state(Gst.State.NULL)
        source.set_active(False)
        source.set_active(True)
        pipeline.set_state(Gst.State.PLAYING)
        return None
    raise SystemExit(f"no such step: {name}")


def whole(data):
    """A buffer of these bytes, in hexadecimal digits."""
    # An empty one has no memory to wrap.
    wrap = Gst.Buffer.new_wrapped
    buffer = wrap(bytes.fromhex(data)) if data else Gst.Buffer.new()
    buffer.pts = 0
    return buffer


def told():
    """What is on the bus by now."""
    texts = []
    kinds = Gst.MessageType.ERROR | Gst.MessageType.WARNING
    while message := pipeline.get_bus().pop_filtered(kinds):
        error = message.type == Gst.MessageType.ERROR
        parsed = message.parse_error() if error else message.parse_warning()
        texts.append([message.type.first_value_nick, parsed[0].message])
    return texts


for step in json.loads(pathlib.Path(script).read_text()):
    seen.clear()
    heard = []
    queries.clear()
    upstream.clear()
    result = take(*step)
    row = {"result": result, "seen": seen, "queries": queries, "told": heard + told()}
    print(json.dumps(row), flush=True)
pipeline.set_state(Gst.State.NULL)
