# SPDX-License-Identifier: LGPL-2.1-or-later
"""As steady.py, of a mixer or a splitter: one more block where there were some."""

from __future__ import annotations

import os
from sys import getrefcount
from time import perf_counter_ns
from typing import Any

from .audio_call import OK, AudioCall
from .control_page import KIND, ONE, REPLY, REPLY_SILENT, REPLY_TIME
from .control_page import SEQUENCE, ControlPage
from .view import DATA


def serve(audio: AudioCall, page: ControlPage) -> bool:
    """Answers requests until something else has to be done, as steady.serve()."""
    view, running, ports = audio.view, audio.running, audio.view.ports
    assert ports is not None
    method, name, mapping = audio.method, audio.name, ports.mapping
    posted, marks, writes = audio.outbox.queue, ports.marks, ports.writes
    buffer, info, place_of = view.buffer, view.info, view.known.get
    words, sequence_word, kind, reply, reply_time = (
        *(page.words, SEQUENCE),
        *(KIND, REPLY, REPLY_TIME),
    )
    watched_word, silent_word = ports.watched, REPLY_SILENT
    requests, replies, one = page.requests, page.replies, ONE
    read, write, clock, count = os.read, os.write, perf_counter_ns, getrefcount
    show, shows, block_type, class_of = DATA.__set__, DATA.__get__, view.type, type

    first = True  # of which all words of the reply are written
    shown: Any = None
    array: Any = None
    memory: Any = None
    theirs: Any = None
    each: Any = None
    bound: Any = ()
    watched = silent = 0

    while True:
        read(requests, 8)
        sequence = words[sequence_word]
        place = place_of(words[kind])
        if place is None or sequence == page.sequence:
            return False
        if place is not shown or words[watched_word] != watched:
            slot, sizes = ports.slot, ports.sizes.get(place.key[1])
            if slot is None or sizes is None:
                return False
            watched = words[watched_word]
            shown = view.shown = place
            ports.shown = sizes
            array, memory, arrays = place.array, place.slot.memory, place.slot.shown
            theirs, their_arrays = slot.memory, slot.shown
            fields = place.fields
            show(buffer, array)
            bound = [
                (it.object, it.empty, it.info, at.array, at.fields)
                for it, at in zip(ports.all, sizes)
                if ports.is_shown(it)
            ]
            for it, at in zip(ports.all, sizes):
                if not ports.is_shown(it):
                    ports.show(it, at)
            # Nobody has kept anything yet. The rows that are counted here are the
            # same as below, on any Python.
            of_port = []
            for thing, empty, what, each, own in bound:
                of_port.append(count(each))
            of_array, of_buffer = count(array), count(buffer)
            of_memory = count(memory) - len(arrays)
            of_theirs = count(theirs) - len(their_arrays)
        page.sequence = sequence
        for thing, empty, what, each, own in bound:
            show(thing, each)
        begin = clock()
        try:
            running.phase = name
            result = method(buffer, mapping)
            running.phase = None
            if running.interrupting:
                running.over()
            time = clock() - begin
        except BaseException as error:
            # The traceback of the exception has this frame.
            array = memory = theirs = each = buffer = None
            bound = ()
            audio.raised(error, begin)
            return True
        hidden = False
        try:
            usual = (
                (result is None or result is True)
                and buffer.data is array
                and buffer._stream is info
                and class_of(buffer) is block_type
                and info.marked is None
                and not marks
                and not posted
            )
            if writes:  # what is bound in its place is what the plugin gives
                for thing, empty, what, each, own in bound:
                    usual = usual and shows(thing) is each
                if not usual:
                    array = memory = theirs = each = None
                    bound = ()
                    audio.accept(result, time)
                    return True
            # Before anything is counted: what a thread takes later is empty.
            hidden = True
            for thing, empty, what, each, own in bound:
                show(thing, empty)
            number = 0
            for thing, empty, what, each, own in bound:
                usual = (
                    usual
                    and count(each) == of_port[number]
                    and own.object == own.object_made
                    and own.axes == own.axes_made
                    and thing._stream is what
                )
                number += 1
            usual = (
                usual
                and count(array) == of_array
                and count(buffer) == of_buffer
                and count(memory) - len(arrays) == of_memory
                and count(theirs) - len(their_arrays) == of_theirs
                and fields.object == fields.object_made
                and fields.axes == fields.axes_made
            )
        except AttributeError:  # there is no buffer.data any more
            usual = False
        if not usual:
            for thing, empty, what, each, own in bound if writes and hidden else ():
                show(thing, each)  # it is what the plugin gives
            array = memory = theirs = each = None
            bound = ()
            audio.accept(result, time)
            return True
        if silent or ports.silent:
            words[silent_word] = silent = ports.silent & watched
            ports.silent = 0
        if first:
            page.reply(OK, 0, 0, 0, 0, time, silent)
            first = False
            continue
        words[reply_time] = time
        words[reply] = sequence
        write(replies, one)
