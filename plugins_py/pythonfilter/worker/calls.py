# SPDX-License-Identifier: LGPL-2.1-or-later
"""The records on `calls`, each of which becomes calls of the plugin's methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import results
from ..host import plugin
from ..host.plugin import LoadedPlugin

from . import failure, state, wire
from .audio_call import AudioCall
from .beside import Beside
from .confinement import Confinement, Refused
from .control_page import ControlPage
from .events import Outbox
from .inputs import Inputs
from .outputs import Outputs
from .ports import Port, Ports, read_port, read_positions
from .running import Running
from .view import View


class CallFailed(Exception):
    """Carries the Failure that is the answer."""

    def __init__(self, told: failure.Failure) -> None:
        super().__init__(told.message)
        self.failure = told


@dataclass
class Calls:
    """Answers the records about one plugin."""

    _running: Running
    _outbox: Outbox
    _view: View
    _confined: Confinement
    _page: ControlPage
    loaded: LoadedPlugin | None = None
    audio: AudioCall | None = None  # while it is loaded
    _beside: Beside | None = None  # between start() and stop()

    def answer(self, fields: list[bytes]) -> list[bytes]:
        """To one record; what the plugin posts meanwhile is in the outbox."""
        if not fields:
            raise wire.ProtocolError("an empty record")
        name = wire.decode(fields[0])
        known = _CALLS.get(name)
        given = len(fields) - 1
        if known is None or not _fits(given, known[1]):
            raise wire.ProtocolError(f"no call {name!r} with {len(fields) - 1} fields")
        if (self.loaded is None) != (name == "load"):
            raise wire.ProtocolError(f"{name!r} at the wrong time")
        try:
            return [b"ok", *known[0](self, *fields[1:])]
        except CallFailed as error:
            return [b"failure", *error.failure.fields()]

    def unload(self) -> None:
        """The instance is dropped."""
        self._end_beside()
        loaded, self.loaded, self.audio = self.loaded, None, None
        self._view.close()
        if loaded is not None:
            loaded.unload()

    def _run(self, phase: str, function: Callable[..., Any], *arguments: Any) -> Any:
        running = self._running
        running.surroundings.before_call()
        try:
            running.phase = phase
            result = function(*arguments)
            running.over()
            return result
        except BaseException as error:
            running.over()
            raise CallFailed(failure.of_call(error, phase)) from None
        finally:
            running.surroundings.after_call()

    @property
    def _plugin(self) -> LoadedPlugin:
        assert self.loaded is not None
        return self.loaded

    # -- one function for each

    def _load(self, *fields: bytes) -> list[bytes]:
        kind, script, module, class_name, venv = map(wire.decode, fields[:5])
        if kind not in plugin.AUDIO_METHODS:
            raise wire.ProtocolError(f"there is no kind {kind!r}")
        again, threshold = wire.truth(fields[5]), wire.number(fields[6])
        likely = wire.decode(fields[7])
        loaded: LoadedPlugin = self._run(
            "load",
            plugin.load,
            *(kind, script, module, class_name, venv),
            *(self._outbox.post, self._outbox.log, threshold, again, likely),
        )
        try:
            answer = _capabilities(loaded)
        except BaseException:
            loaded.unload()
            raise
        self.loaded = loaded
        self.audio = AudioCall(loaded, self._view, self._running, self._outbox)
        return answer

    def _initialize(self, *fields: bytes) -> list[bytes]:
        loaded = self._plugin
        try:
            for key, value in zip(fields[::2], fields[1::2]):
                self._tell(loaded.preset, key, value)
            self._run("initialize", loaded.initialize)
            values = self._run("get_parameter", loaded.values)
        except CallFailed:
            self.unload()
            raise
        return [wire.encode(each) for each in values]

    def _start(self, *fields: bytes) -> list[bytes]:
        loaded = self._plugin
        of_kind = _PORTS.get(loaded.kind)
        least = _FORMAT_FIELDS + (of_kind is not None)
        if len(fields) < least or (len(fields) > least and of_kind is None):
            raise wire.ProtocolError(f"start with {len(fields)} fields")
        format = _format(fields[:_FORMAT_FIELDS])
        ports = of_kind(self._page.words, format.rate) if of_kind else None
        if ports is not None:
            self._view.positions = read_positions(fields[_FORMAT_FIELDS])
        self._view.open(format, loaded.read_only, loaded.kind == "source", ports)
        self._run(
            "start",
            loaded.start,
            *(format.rate, format.channels, format.frames),
            *(format.input_caps, format.output_caps),
            *(wire.decode(fields[0]), format.interleaved),
        )
        if ports is not None:
            self._set_ports(*fields[_FORMAT_FIELDS + 1 :])
        try:
            applied = self._confined.close()
        except Refused as error:
            told = failure.Failure("unusable", "start", "", str(error))
            raise CallFailed(told) from None
        # Its thread is confined as this one is by now.
        self._beside = Beside(loaded, self._running, self._outbox, self._page)
        return [wire.encode(applied)]

    def _set_ports(self, *fields: bytes) -> list[bytes]:
        there = self._view.ports
        if there is None:
            raise wire.ProtocolError("ports of what has none, or is not started")
        ports = [read_port(field) for field in fields]
        self._view.known.clear()
        if isinstance(there, Inputs):
            self._set_inputs(there, ports)
        else:
            there.have(ports)
        return []

    def _set_inputs(self, inputs: Inputs, ports: list[Port]) -> None:
        loaded = self._plugin
        before = {each.port.name: each.port.channels for each in inputs.all}
        told = [each.told() for each in ports]
        inputs.change(ports, self._run("set_inputs", loaded.change_inputs, told))
        now = {each.name: each.channels for each in ports}
        for name in before if loaded.has_remove_input else ():
            if name not in now:
                self._run("remove_input", loaded.remove_input, name)
        for name, channels in now.items() if loaded.has_add_input else ():
            if before.get(name) != channels:
                self._run("add_input", loaded.add_input, name, channels)

    def _set_input_parameter(
        self, name: bytes, key: bytes, value: bytes
    ) -> list[bytes]:
        inputs = self._view.ports
        if not isinstance(inputs, Inputs):
            raise wire.ProtocolError("an input of what is no mixer, or not started")
        attribute = wire.decode(key)
        found = self._run(
            *("set_parameter", self._plugin.input_value, attribute, wire.decode(value))
        )
        inputs.set(wire.decode(name), attribute, found)
        return []

    def _end_beside(self) -> None:
        beside, self._beside = self._beside, None
        if beside is not None:
            beside.end()

    def _stop(self) -> list[bytes]:
        self._end_beside()
        self._run("stop", self._plugin.stop)
        return []

    def _shutdown(self) -> list[bytes]:
        try:
            self._run("shutdown", self._plugin.shutdown)
        finally:
            self.unload()
        return []

    def _set_parameter(self, key: bytes, value: bytes) -> list[bytes]:
        now = self._tell(self._plugin.set_parameter, key, value)
        return [value if now is None else wire.encode(now)]

    def _tell(
        self, method: Callable[[str, str], str | None], key: bytes, value: bytes
    ) -> str | None:
        name = wire.decode(key)
        try:
            now: str | None = self._run(
                "set_parameter", method, name, wire.decode(value)
            )
        except CallFailed as error:
            if name not in self._plugin.secrets:
                raise
            # Whatever is said about a secret that was refused may quote it.
            said = error.failure.kind, error.failure.phase, error.failure.type
            told = failure.Failure(*said, f"refused the secret parameter {name}")
            raise CallFailed(told) from None
        return now

    def _drain(self, pts: bytes) -> list[bytes]:
        wire.number(pts)
        given = self._run("drain", self._plugin.drain)
        format = self._view.format
        if format is None:
            raise wire.ProtocolError("drain before start")
        if self._plugin.kind == "sink":
            return [b"0" if given is False else b"1"]
        try:
            if self._plugin.converts:
                if given is None:
                    return []
                pieces, timed = results.pieces_of(given, format)
                # No output is empty, so that this says that the first is a table.
                said = [b""] if timed else []
                return said + [piece.tobytes() for piece in pieces]
            ports = self._view.ports
            if isinstance(ports, Outputs):
                tails = [] if given is None else ports.tails(given)
                each = [[wire.encode(name), *_samples(tail)] for name, tail in tails]
                return sum(each, [])
            if given is None:
                return [b"0", b""]
            results.check(given, format, -1)
            return _samples(given)
        except (TypeError, ValueError) as error:
            raise CallFailed(failure.of_call(error, "drain")) from None

    def _get_state(self) -> list[bytes]:
        return [self._run("get_state", state.take, self._plugin)]

    def _restore_state(self, data: bytes) -> list[bytes]:
        self._run("set_state", state.give, self._plugin, data)
        return []


def _asks(name: str, method: str = "") -> Callable[..., list[bytes]]:
    """What the plugin answers with numbers, or with nothing."""

    def ask(calls: Calls, *arguments: bytes) -> list[bytes]:
        given = map(wire.number, arguments)
        told = calls._run(method or name, calls._plugin.ask, name, *given)
        return [wire.encode(text) for text in told]

    return ask


def _samples(given: Any) -> list[bytes]:
    """How many frames, and one channel after another."""
    return [b"%d" % given.shape[1], given.tobytes()]


PAIRS, ANY = -1, -2
_FORMAT_FIELDS = 14
_PORTS: dict[str, type[Ports]] = {"mixer": Inputs, "splitter": Outputs}

_CALLS: dict[str, tuple[Callable[..., list[bytes]], int]] = {
    "load": (Calls._load, 8),
    "initialize": (Calls._initialize, PAIRS),
    "start": (Calls._start, ANY),
    "set_ports": (Calls._set_ports, ANY),
    "set_input_parameter": (Calls._set_input_parameter, 3),
    "stop": (Calls._stop, 0),
    "reset": (_asks("reset"), 0),
    "shutdown": (Calls._shutdown, 0),
    "set_parameter": (Calls._set_parameter, 2),
    "preferences": (_asks("preferences"), 0),
    "duration": (_asks("duration", "get_duration"), 0),
    "seek": (_asks("seek"), 1),
    "latency": (_asks("latency", "get_processing_latency"), 0),
    "available_space": (_asks("available_space", "get_available_space"), 0),
    "drain": (Calls._drain, 1),
    "get_state": (Calls._get_state, 0),
    "restore_state": (Calls._restore_state, 1),
}


def _fits(given: int, wanted: int) -> bool:
    return given % 2 == 0 if wanted == PAIRS else wanted in (ANY, given)


def _format(fields: tuple[bytes, ...]) -> results.Format:
    try:
        return results.stream_format([wire.decode(each) for each in fields])
    except (KeyError, ValueError) as error:
        raise wire.ProtocolError(f"there is no format {error}") from None


_LISTS = ("parameter", "input_parameter", "port")  # each of them is several texts


def _capabilities(loaded: LoadedPlugin) -> list[bytes]:
    """Parameters as they are declared; initialize() may change what they are."""
    answer = []
    for name, values in loaded.described():
        said = [wire.encode(value) for value in values]
        each = [wire.pack_list(said)] if name in _LISTS else said
        answer += [field for value in each for field in (wire.encode(name), value)]
    return answer
