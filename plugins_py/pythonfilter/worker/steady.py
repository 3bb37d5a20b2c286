# SPDX-License-Identifier: LGPL-2.1-or-later
"""The steady state: one more buffer where there were some before.

With a buffer each 10 ms the caches are cold, and what a buffer costs is how much
code and data it touches. So this is one function over names of its own: it knows
the place by its number, reads no more of the request, and writes no more of the
reply than what changes.
"""

from __future__ import annotations

import os
from sys import getrefcount
from time import perf_counter_ns
from typing import Any

from .audio_call import OK, AudioCall
from .control_page import KIND, ONE, REPLY, REPLY_TIME, SEQUENCE, ControlPage
from .view import DATA, AudioBuffer


def serve(audio: AudioCall, page: ControlPage) -> bool:
    """Answers requests until something else has to be done.

    True: the audio method was called and something unusual came of it, which is
    in `audio` and not answered yet. False: a signal, with or without a request,
    that was not looked at.
    """
    view, running = audio.view, audio.running
    method, name = audio.method, audio.name
    posted = audio.outbox.queue
    buffer, info, place_of = view.buffer, view.info, view.known.get
    words, sequence_word, kind, reply, reply_time = (
        *(page.words, SEQUENCE),
        *(KIND, REPLY, REPLY_TIME),
    )
    requests, replies, one = page.requests, page.replies, ONE
    read, write, clock, count = os.read, os.write, perf_counter_ns, getrefcount
    show, audio_buffer, class_of = DATA.__set__, AudioBuffer, type

    first = True  # of which all words of the reply are written
    shown = view.shown
    array: Any = shown.array
    memory: Any = shown.slot.memory
    arrays, fields = shown.slot.shown, shown.fields
    # Nobody has kept anything yet: what more there is after a call, somebody has.
    # The rows that are counted here are the same as below, on any Python.
    of_array, of_buffer = count(array), count(buffer)
    of_memory = count(memory) - len(arrays)

    while True:
        read(requests, 8)
        sequence = words[sequence_word]
        place = place_of(words[kind])
        if place is None or sequence == page.sequence:
            return False
        page.sequence = sequence
        if place is not shown:
            shown = view.shown = place
            array = shown.array
            show(buffer, array)
            memory, arrays = shown.slot.memory, shown.slot.shown
            fields = shown.fields
            view.shows_copies = False
        begin = clock()
        try:
            running.phase = name
            result = method(buffer)
            running.phase = None
            if running.interrupting:
                running.over()
            time = clock() - begin
        except BaseException as error:
            # The traceback of the exception has this frame.
            array = memory = buffer = None
            audio.raised(error, begin)
            return True
        try:
            usual = (
                (result is None or result is True)
                and buffer.data is array
                and buffer._stream is info
                and count(array) == of_array
                and count(buffer) == of_buffer
                and count(memory) - len(arrays) == of_memory
                and fields.object == fields.object_made
                and fields.axes == fields.axes_made
                and class_of(buffer) is audio_buffer
                and info.marked is None
                and not posted
            )
        except AttributeError:  # there is no buffer.data any more
            usual = False
        if not usual:
            array = memory = None
            audio.accept(result, time)
            return True
        if first:
            page.reply(OK, 0, 0, 0, 0, time)
            first = False
            continue
        words[reply_time] = time
        words[reply] = sequence
        write(replies, one)
