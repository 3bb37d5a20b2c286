# SPDX-License-Identifier: LGPL-2.1-or-later
"""One plugin: the thread that makes its calls, and its control page."""

from __future__ import annotations

import os
import socket
import threading
import traceback

from . import failure, steady, steady_ports, wire, worker
from .audio_call import NO_SPACE, AudioCall
from .calls import Calls
from .confinement import Confinement
from .control_page import CALL, PROCESS, RESUME, ControlPage
from .events import Outbox
from .failure import Timeout
from .listening import Listening
from .running import Running
from .view import FIRST_PLACE, Curves, Request, View, keep_apart, map_region


_channels: list[Channel] = []


def _after_fork() -> None:
    """In the child: of a plugin's, mostly."""
    for channel in _channels:
        channel.note_fork()


os.register_at_fork(after_in_child=_after_fork)


def open_channel(descriptors: list[int], confined: Confinement) -> None:
    """Starts its threads; they end when the host closes its end of `events`."""
    channel = Channel(descriptors, confined)
    threading.Thread(target=channel.run, name="plugin", daemon=True).start()


class Channel:
    """All on the plugin's thread, but for what `events` brings."""

    def __init__(self, descriptors: list[int], confined: Confinement) -> None:
        calls, events, requests, replies, page = descriptors
        self._calls = socket.socket(fileno=calls)
        self._events = socket.socket(fileno=events)
        self._page = ControlPage(requests, replies, page)
        self._running = Running()
        self._outbox = Outbox(self._events, self._running)
        self._view = View(self._page.words)
        # The next buffer is then no usual one, and sees it.
        self._running.surroundings.changed = self._view.known.clear
        self._plugin = Calls(
            self._running, self._outbox, self._view, confined, self._page
        )
        self._listening = Listening(
            self._events, self._plugin, self._running, self._outbox
        )
        self._calling = False
        self._open = True
        _channels.append(self)

    def run(self) -> None:
        self._running.surroundings.run(self._run)

    def note_fork(self) -> None:
        """The plugin's thread is the one that there still is, if it forked."""
        for memory in self._view.memories():
            keep_apart(memory)
        if self._running.thread == threading.get_ident():
            self._running.forked = True
            self._outbox.queue.append(b"")  # the call that runs is then no usual one

    def _run(self) -> None:
        self._running.thread = threading.get_ident()
        listening = threading.Thread(target=self._listen, name="events", daemon=True)
        listening.start()
        try:
            while self._open:
                try:
                    self._serve()
                except Timeout as error:
                    self._late(error)
        except (wire.ProtocolError, OSError) as error:
            if self._open:
                worker.end(f"{type(error).__name__}: {error}")
        except BaseException:
            traceback.print_exc()
            worker.end("a mistake of the worker's own")
        listening.join()
        self._close()

    def _listen(self) -> None:
        """On a thread of its own, until the host closes its end."""
        try:
            self._listening.run()
        except (wire.ProtocolError, OSError) as error:
            worker.end(f"{type(error).__name__}: {error}")
        self._open = False
        self._view.known.clear()  # so that nothing is left that is usual
        self._page.wake()

    def _close(self) -> None:
        _channels.remove(self)
        try:
            self._plugin.unload()
        except Exception:
            traceback.print_exc()
        self._outbox.close()
        self._page.close()
        self._calls.close()
        self._events.close()

    # -- requests

    def _serve_usual(self, audio: AudioCall) -> bool:
        """False: what came is none of the usual requests."""
        serve = steady.serve if audio.view.ports is None else steady_ports.serve
        if not serve(audio, self._page):
            return False
        audio.release()
        self._finish(audio)
        return True

    def _serve(self) -> None:
        page, known = self._page, self._view.known
        while self._open:
            # In no variable here, which would keep it when the plugin is dropped.
            if known and self._plugin.audio is not None:
                if self._serve_usual(self._plugin.audio):
                    continue
            else:
                page.wait()
            request = page.take()
            if request is not None and self._open:
                self._answer(request)

    def _answer(self, request: Request) -> None:
        if request[2]:
            self._read_notices(request[2])
        kind = request[1]
        if kind == PROCESS or kind >= FIRST_PLACE:
            self._process(request)
        elif kind == CALL:
            self._calling = True
            self._call()
            self._calling = False
        elif kind == RESUME:
            self._resume()
        else:
            raise wire.ProtocolError(f"there is no request {kind}")

    def _process(self, request: Request) -> None:
        audio = self._plugin.audio
        if audio is None:
            raise wire.ProtocolError("samples before load")
        audio.run(request)
        audio.release()
        self._finish(audio)

    def _resume(self) -> None:
        audio = self._plugin.audio
        if audio is None or not audio.pieces:
            raise wire.ProtocolError("there is nothing to resume")
        audio.put_outputs()
        self._finish(audio)

    def _finish(self, audio: AudioCall) -> None:
        """The reply to a request of samples."""
        if audio.pieces:
            self._page.reply(NO_SPACE, 0, 0, audio.bytes, 0, 0)
            return
        records = self._outbox.take()
        if audio.failure is not None:
            records.append(audio.failure.record())
            audio.failure = None
        if records:
            self._calls.sendall(b"".join(records))
        self._page.reply(
            *(audio.outcome, audio.flags, audio.outputs),
            *(audio.bytes, len(records), audio.time, audio.silent, audio.breaks),
        )

    def _late(self, error: BaseException) -> None:
        """PluginTimeout came when the plugin's own code had just ended."""
        self._running.over()
        if self._calling:
            self._tell(failure.of(error, "call").record())
        elif self._plugin.audio is not None and not self._page.is_answered():
            self._plugin.audio.interrupted(error)
            self._finish(self._plugin.audio)
        self._calling = False

    # -- records

    def _call(self) -> None:
        fields, descriptors = self._receive()
        if descriptors:
            raise wire.ProtocolError("a call with descriptors")
        self._listening.settle()
        answer = self._plugin.answer(fields)
        self._running.end_if_forked()
        try:
            record = wire.pack(answer)
        except ValueError as error:
            record = failure.of(error, wire.decode(fields[0])).record()
        self._tell(record)

    def _tell(self, record: bytes) -> None:
        """The answer to a call, behind what was posted in it."""
        self._outbox.tell_lost()
        self._calls.sendall(b"".join([*self._outbox.take(), record]))

    def _receive(self) -> tuple[list[bytes], list[int]]:
        received = wire.receive(self._calls)
        if received is None or not received[0]:
            raise wire.ProtocolError("a record of `calls` is missing")
        return received

    def _read_notices(self, count: int) -> None:
        for _ in range(count):
            fields, descriptors = self._receive()
            name = fields[0]
            numbers = [wire.number(each) for each in fields[1:4] if name != b"curves"]
            if name == b"forget" and len(numbers) == 1 and not descriptors:
                self._view.forget_slot(numbers[0])
            elif len(descriptors) != 1:
                raise wire.ProtocolError(f"{name[:20]!r} is no notice")
            elif name == b"slot" and len(numbers) == 3:
                number, size, writable = numbers
                offsets = [wire.number(each) for each in fields[4:]]
                self._view.add_slot(
                    number, descriptors[0], size, bool(writable), offsets
                )
            elif (
                name == b"outputs"
                and len(numbers) == 1
                and self._plugin.audio is not None
            ):
                self._plugin.audio.region = map_region(descriptors[0], numbers[0], True)
            elif name == b"curves" and len(fields) > 2:
                size = wire.number(fields[1])
                memory = map_region(descriptors[0], size, False)
                names = [wire.decode(each) for each in fields[2:]]
                self._view.curves = Curves(memory, names)
            else:
                raise wire.ProtocolError(f"{name[:20]!r} is no notice")
