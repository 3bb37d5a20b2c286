# SPDX-License-Identifier: LGPL-2.1-or-later
"""As steady.py, of a mixer or a splitter: one more block where there were some.

Nothing is done for each port. Their arrays stay where the plugin finds them, as
long as nobody else has the objects; what may have become of all of them is one
comparison.
"""

from __future__ import annotations

import os
from time import perf_counter_ns
from typing import Any

from .audio_call import OK, AudioCall
from .control_page import KIND, ONE, REPLY, REPLY_SILENT, REPLY_TIME
from .control_page import SEQUENCE, ControlPage
from .looks import ARE_POSSIBLE, Looks
from .ports import OnePort, Ports
from .view import DATA, Shown, View

# Ports whose objects the plugin has kept, with what they show in a call.
_Hidden = list[tuple[OnePort, Shown]]


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
    read, write, clock, join = os.read, os.write, perf_counter_ns, b"".join

    first = True  # of which all words of the reply are written
    # By place and by what is watched: what is looked at after a call, how it is
    # where nobody kept anything, and what is hidden between two.
    states: Any = {}
    shown: Any = None
    parts: Any = ()
    wanted = b""
    hidden: Any = ()
    watched = silent = 0

    while True:
        read(requests, 8)
        sequence = words[sequence_word]
        place = place_of(words[kind])
        if place is None or sequence == page.sequence:
            ports.hide()
            return False
        if place is not shown or words[watched_word] != watched:
            if not _can_begin(view, ports, place):
                ports.hide()
                return False
            shown, watched = place, words[watched_word]
            known = states.get((place, watched))
            hidden = _begin(view, ports, place, known and known[2])
            if known is None:
                parts = _look(view, ports)
                # Nobody has kept anything yet: what is so now is so after a call.
                wanted = join(parts)
                states[place, watched] = parts, wanted, hidden
            else:
                parts, wanted, _ = known
        page.sequence = sequence
        if hidden:
            _show(hidden)
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
            buffer = None
            audio.raised(error, begin)
            return True
        usual = (
            (result is None or result is True)
            and info.marked is None
            and not marks
            and not posted
        )
        if hidden:
            usual = usual and _hide(hidden, writes)
        if not (usual and join(parts) == wanted):
            if hidden and usual:
                _show(hidden)  # it may be what the plugin gives
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


def _can_begin(view: View, ports: Ports, place: Shown) -> bool:
    return ARE_POSSIBLE and ports.slot is not None and place.frames in ports.sizes


def _begin(view: View, ports: Ports, place: Shown, known: _Hidden | None) -> _Hidden:
    """Shows these samples from here on, and says what is to be hidden meanwhile,
    if that is not known."""
    view.shown = place
    view.shows_copies = False
    DATA.__set__(view.buffer, place.array)
    ports.shown = ports.sizes[place.frames]
    for each, shown in zip(ports.all, ports.shown):
        ports.show(each, shown)
    if known is None:
        both = zip(ports.all, ports.shown)
        known = [each for each in both if ports.is_shown(each[0])]
        if ports.are_ours():
            known = []
    _hide(known, False)
    return known


def _look(view: View, ports: Ports) -> list[Any]:
    looks = Looks()
    looks.at(view.buffer)
    looks.at(view.shown.slot.memory)
    assert ports.slot is not None
    looks.at(ports.slot.memory)
    looks.at_array(view.shown.array)
    for each, shown in zip(ports.all, ports.shown):
        looks.at(each.object)
        looks.at_array(shown.array)
    return looks.parts()


def _show(hidden: _Hidden) -> None:
    for each, shown in hidden:
        DATA.__set__(each.object, shown.array)


def _hide(hidden: _Hidden, writes: bool) -> bool:
    """What a thread takes from now on is empty.

    False: something else is bound to one of those that the plugin `writes` to, and
    nothing was hidden.
    """
    for each, shown in hidden if writes else ():
        try:
            if DATA.__get__(each.object) is not shown.array:
                return False
        except AttributeError:
            return False
    for each, _ in hidden:
        DATA.__set__(each.object, each.empty)
    return True
