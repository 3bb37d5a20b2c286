# SPDX-License-Identifier: LGPL-2.1-or-later
"""One call of the audio method, and what came of it."""

from __future__ import annotations

import mmap
from time import perf_counter_ns
from typing import Any

import numpy as np
from .. import results
from ..host.plugin import LoadedPlugin, PluginError

from . import failure, wire
from .events import Outbox
from .failure import Failure
from .running import Running
from .view import Request, View

OK, FAILED, DROPPED, DECLINED, END_OF_STREAM, NO_SPACE = range(6)
ALIGNMENT = 16  # of each output in the region
ESCAPED, DISCONT, CONVERTED, COPIED, SHORT, TIMED = 1, 2, 4, 8, 16, 32


class AudioCall:
    """The audio method of one plugin: the same object for every buffer."""

    def __init__(
        self, loaded: LoadedPlugin, view: View, running: Running, outbox: Outbox
    ) -> None:
        self.method = loaded.audio
        self.name = loaded.audio_name
        self.view = view
        self.running = running
        self.outbox = outbox
        self._loaded = loaded
        self._converts = loaded.converts
        self.region: mmap.mmap | None = None  # for outputs
        self.pieces: list[Any] = []  # for which it is too small
        # What came of the last call.
        self.outcome = OK
        self.flags = 0
        self.failure: Failure | None = None
        self.outputs = 0
        self.bytes = 0
        self.time = 0
        self.silent = self.breaks = 0  # of a splitter: a bit for each output

    def run(self, request: Request) -> None:
        """The call; what came of it is in the attributes, after release()."""
        try:
            self.view.point_at(request)
        except (KeyError, TypeError, ValueError) as error:
            raise wire.ProtocolError(f"no samples there: {error}") from None
        running = self.running
        running.surroundings.before_call()  # after point_at(), which makes it usual
        begin = perf_counter_ns()
        try:
            running.phase = self.name
            ports = self.view.ports
            if ports is None:
                result = self.method(self.view.buffer)
            else:
                result = self.method(self.view.buffer, ports.mapping)
            running.over()
        except BaseException as error:
            self.raised(error, begin)
        else:
            self.accept(result, perf_counter_ns() - begin)

    def raised(self, error: BaseException, begin: int) -> None:
        """The audio method did, or PluginTimeout came just after it."""
        self.running.over()
        self._begin_answer(perf_counter_ns() - begin)
        self.outcome = self._raised(error)

    def accept(self, result: Any, time: int) -> None:
        """The audio method returned this, after so many ns."""
        self._begin_answer(time)
        self.outcome = self._accept(result)

    def _begin_answer(self, time: int) -> None:
        self.running.end_if_forked()
        self.time = time
        self.flags = self.outputs = self.bytes = 0
        self.view.after_call()
        self.running.surroundings.after_call()
        # Pieces may be left of a call that was late, and is resumed no more.
        self.pieces.clear()

    def release(self) -> None:
        """What the plugin did not keep is ours again.

        Nobody may refer to the result of the call any more, nor to anything that
        the view shows.
        """
        if self.pieces:
            self.put_outputs()
        view = self.view
        self.silent = self.breaks = 0
        if view.ports is not None and self.outcome == OK:
            self.silent, self.breaks = view.ports.said()
        # What the plugin put there may be a part of the samples.
        view.buffer._stream = view.info
        if view.info.discont:
            self.flags |= DISCONT
        if view.shows_copies:
            self.flags |= COPIED
        if view.release(self.outcome == OK):
            self.flags |= ESCAPED

    def interrupted(self, error: BaseException) -> None:
        """PluginTimeout came when the plugin's own code had just ended."""
        self.outcome, self.failure = FAILED, failure.of(error, self.name)
        self.pieces.clear()
        self.outputs = self.bytes = self.silent = self.breaks = 0
        self.flags = ESCAPED if self.view.release(False) else 0

    # -- what the plugin gave

    def _raised(self, error: BaseException) -> int:
        told = failure.of(error, self.name)
        if told.kind == "end-of-stream":
            return END_OF_STREAM
        self.failure = told
        if told.kind != "dropped":
            return FAILED
        if self._loaded.kind != "source":
            return DROPPED
        told.kind = "raised"
        told.message += results.NOTHING_TO_DROP
        return FAILED

    def _accept(self, result: Any) -> int:
        """What a result means: None and True are success, and so is an array, which is
        the samples themselves.
        """
        if isinstance(result, (bool, np.bool_)):
            if not result:
                if self._loaded.kind in ("source", "sink"):
                    return DECLINED
                return self._complain()
            result = None
        try:
            if self._converts:
                given = self._take_outputs(result)
                empty = not (self.pieces or isinstance(given, (list, tuple)))
                if empty and self._loaded.kind == "source":
                    self.flags = 0
                    return END_OF_STREAM
            else:
                self.view.missing = 0
                self.view.take_result(result)
                return self._length()
            return OK
        except Exception as error:
            told = failure.of(error, self.name)
        return self._complain("bad-result", told.type, told.message)

    def _length(self) -> int:
        """Fewer frames than there is space for are told; none are the end."""
        missing = self.view.missing
        if not missing:
            return OK
        if missing == self.view.shown.frames:
            return END_OF_STREAM
        self.flags |= SHORT
        self.bytes = missing
        return OK

    def _complain(self, *problem: str) -> int:
        """Names the place of the plugin's method, where ours would be."""
        try:
            self._loaded.complain(*problem)
        except PluginError as error:
            self.failure = failure.of(error, self.name)
        return FAILED

    def _take_outputs(self, returned: Any) -> Any:
        view = self.view
        format = view.format
        assert format is not None
        bound = view.bound()
        by_binding = returned is None
        given = bound if by_binding else returned
        if given is view.shown.array and (by_binding or format.in_place):
            if format.in_place:
                return given
            results.gave_nothing(format)
        self.pieces, timed = results.pieces_of(given, format)
        self.flags |= CONVERTED | (TIMED if timed else 0)
        return given

    def put_outputs(self) -> None:
        """Into the region; what does not go in is kept, but for the block itself."""
        places, end = [], 8 * len(self.pieces)  # behind their sizes
        for piece in self.pieces:
            begin = -(-end // ALIGNMENT) * ALIGNMENT
            end = begin + piece.size
            places.append(slice(begin, end))
        self.bytes = end
        if self.region is None or end > len(self.region):
            self.pieces = [piece.copy() for piece in self.pieces]
            return
        sizes = np.frombuffer(self.region, np.uint64, len(self.pieces))
        memory = np.frombuffer(self.region, np.uint8)
        for i, (piece, place) in enumerate(zip(self.pieces, places)):
            sizes[i] = piece.size
            memory[place] = piece
        self.outputs = len(self.pieces)
        self.pieces.clear()
