# SPDX-License-Identifier: LGPL-2.1-or-later
"""As steady.py, for a mixer: one more block where there were some before."""

from __future__ import annotations

import os
from sys import getrefcount
from time import perf_counter_ns
from typing import Any

from .audio_call import OK, AudioCall
from .control_page import KIND, ONE, REPLY, REPLY_TIME, SEQUENCE, ControlPage
from .view import DATA, MixerOutput


def serve(audio: AudioCall, page: ControlPage) -> bool:
    """Answers requests until something else has to be done, as steady.serve()."""
    view, running, inputs = audio.view, audio.running, audio.view.inputs
    assert inputs is not None
    method, name, mapping = audio.method, audio.name, inputs.mapping
    posted, marks = audio.outbox.queue, inputs.marks
    buffer, info, place_of = view.buffer, view.info, view.known.get
    words, sequence_word, kind, reply, reply_time = (
        *(page.words, SEQUENCE),
        *(KIND, REPLY, REPLY_TIME),
    )
    requests, replies, one = page.requests, page.replies, ONE
    read, write, clock, count = os.read, os.write, perf_counter_ns, getrefcount
    show, output, class_of = DATA.__set__, MixerOutput, type

    first = True  # of which all words of the reply are written
    shown: Any = None
    array: Any = None
    memory: Any = None
    theirs: Any = None
    each: Any = None
    bound: Any = ()

    while True:
        read(requests, 8)
        sequence = words[sequence_word]
        place = place_of(words[kind])
        if place is None or sequence == page.sequence:
            return False
        if place is not shown:
            slot, sizes = inputs.slot, inputs.sizes.get(place.key[1])
            if slot is None or sizes is None:
                return False
            shown = view.shown = place
            inputs.shown = sizes
            array, memory, arrays = place.array, place.slot.memory, place.slot.shown
            theirs, their_arrays = slot.memory, slot.shown
            fields = place.fields
            show(buffer, array)
            bound = [
                (it.object, it.empty, it.info, at.array, at.fields)
                for it, at in zip(inputs.all, sizes)
            ]
            # Nobody has kept anything yet. The rows that are counted here are the
            # same as below, on any Python.
            of_input = []
            for thing, empty, what, each, own in bound:
                of_input.append(count(each))
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
        try:
            usual = (
                (result is None or result is True)
                and buffer.data is array
                and buffer._stream is info
                and class_of(buffer) is output
                and info.marked is None
                and not marks
                and not posted
            )
            # Before anything is counted: what a thread takes later is empty.
            for thing, empty, what, each, own in bound:
                show(thing, empty)
            number = 0
            for thing, empty, what, each, own in bound:
                usual = (
                    usual
                    and count(each) == of_input[number]
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
            array = memory = theirs = each = None
            bound = ()
            audio.accept(result, time)
            return True
        if first:
            page.reply(OK, 0, 0, 0, 0, time)
            first = False
            continue
        words[reply_time] = time
        words[reply] = sequence
        write(replies, one)
