# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plays the host of docs/worker-protocol.md, for tests of the worker alone.

What goes over the sockets is packed and taken apart here a second time, so that
a mistake in the worker's own code does not go unseen.
"""

import array
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import time

import numpy as np

import processes
from waiting import PATIENCE

SERVER = processes.PLUGINS / "pythonfilter" / "worker" / "server.py"
PROCESS, CALL, RESUME, FIRST_PLACE = 1, 2, 3, 16
OK, FAILED, DROPPED, DECLINED, END_OF_STREAM, NO_SPACE = range(6)
ESCAPED, DISCONT, CONVERTED, COPIED = 1, 2, 4, 8
NO_TIME = 2**64 - 1
ADD_SEALS, SEAL_SEAL, SEAL_SHRINK, SEAL_GROW, SEAL_FUTURE_WRITE = 1033, 1, 2, 4, 16
DTYPES = {"F32": np.float32, "F64": np.float64, "S16": np.int16, "S32": np.int32}
FAILURE = ("kind", "phase", "type", "message", "file", "line", "function", "traceback")


def data(field):
    return field if isinstance(field, bytes) else str(field).encode()


def pack_list(fields):
    parts = [struct.pack("=I", len(fields))]
    for field in map(data, fields):
        parts += [struct.pack("=I", len(field)), field]
    return b"".join(parts)


def unpack_list(rest):
    (count,) = struct.unpack_from("=I", rest)
    fields, at = [], 4
    for _ in range(count):
        (length,) = struct.unpack_from("=I", rest, at)
        fields.append(rest[at + 4 : at + 4 + length])
        at += 4 + length
    assert at == len(rest)
    return fields


def send(connection, fields, descriptors=()):
    rest = pack_list(fields)
    record = struct.pack("=I", len(rest)) + rest
    ancillary = array.array("i", descriptors)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, ancillary)] if ancillary else []
    rest = record[connection.sendmsg([record], rights) :]
    # Even nothing cannot be sent to somebody who has ended in between.
    if rest:
        connection.sendall(rest)


def receive(connection):
    """Fields as text where they are, and descriptors; None at the end."""
    connection.settimeout(PATIENCE)
    head, rights, _, _ = connection.recvmsg(4, 1024)
    if not head:
        return None
    assert len(head) == 4
    (length,) = struct.unpack("=I", head)
    rest = b""
    while len(rest) < length:
        more = connection.recv(length - len(rest))
        assert more
        rest += more
    descriptors = array.array("i")
    for _, _, each in rights:
        descriptors.frombytes(each)
    return unpack_list(rest), list(descriptors)


def text(fields):
    return [field.decode() for field in fields]


def region(size, writable=True):
    """A sealed memfd and the host's own mapping of it."""
    descriptor = os.memfd_create("region", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    memory = mmap.mmap(descriptor, size)
    seals = SEAL_SHRINK | SEAL_GROW | SEAL_SEAL
    fcntl.fcntl(descriptor, ADD_SEALS, seals | (0 if writable else SEAL_FUTURE_WRITE))
    return descriptor, memory


class Failure(Exception):
    """What a record `failure` said."""

    def __init__(self, fields):
        super().__init__(": ".join(fields[:4]))
        assert len(fields) == len(FAILURE)
        for name, value in zip(FAILURE, fields):
            setattr(self, name, value)


class WorkerHost:
    """A server, and the workers that it was asked for."""

    def __init__(self, python=processes.PYTHON, server=SERVER, **env):
        self.socket, theirs = socket.socketpair()
        self._output, output = os.pipe()
        self.workers = []
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        files = ((null, 0), (output, 1), (output, 2), (theirs.fileno(), 3))
        self.pid = os.posix_spawn(
            python,
            [python, "-B", str(server)],
            processes.environment(**env),
            file_actions=[(os.POSIX_SPAWN_DUP2, *each) for each in files],
            setsigmask=(),
            # What a plugin may do to its group is nothing to whoever started us.
            setpgroup=0,
        )
        self.pidfd = os.pidfd_open(self.pid)
        os.close(null)
        theirs.close()
        os.close(output)
        self.hello = text(receive(self.socket)[0])

    def spawn(self, sandbox="none", required=False):
        worker = Worker(self, len(self.workers), sandbox, required)
        self.workers.append(worker)
        return worker

    def exited(self):
        """The next `exited`: of which worker, and how."""
        name, number, status = text(receive(self.socket)[0])
        assert name == "exited"
        return int(number), int(status)

    def output(self):
        """What the server itself has printed up to its end."""
        return _read_to_end(self._output)

    def printed_so_far(self):
        ready = select.select([self._output], [], [], 1)[0]
        return os.read(self._output, 65536).decode() if ready else ""

    def close(self):
        self.socket.close()
        for worker in self.workers:
            worker.close()
        ended = select.select([self.pidfd], [], [], PATIENCE)[0]
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        os.close(self._output)
        assert ended, "the server is still there"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Worker:
    """One of its processes."""

    def __init__(self, host, number, sandbox, required):
        self.number = number
        self.socket, theirs = socket.socketpair()
        self._output, output = os.pipe()
        send(
            host.socket,
            ["spawn", number, sandbox, int(required)],
            [theirs.fileno(), output],
        )
        theirs.close()
        os.close(output)
        fields, descriptors = receive(host.socket)
        name, told, pid = text(fields)
        if (name, told) != ("spawned", str(number)):
            raise AssertionError(f"{text(fields)}; {host.printed_so_far()}")
        (self.pidfd,) = descriptors
        self.pid = int(pid)
        self.plugins = []
        received = receive(self.socket)
        self.hello = received and text(received[0])

    def open(self):
        plugin = Plugin(self)
        self.plugins.append(plugin)
        return plugin

    def load(self, script, kind="processor", **more):
        plugin = self.open()
        plugin.load(script, kind, **more)
        return plugin

    def ended(self, seconds=PATIENCE):
        """Whether it ends within this time."""
        return bool(select.select([self.pidfd], [], [], seconds)[0])

    def output(self):
        """All that it printed; once it has ended."""
        return _read_to_end(self._output)

    def printed(self, word):
        """Waits until it has printed this."""
        seen, end = "", time.monotonic() + PATIENCE
        while word not in seen:
            left = end - time.monotonic()
            assert select.select([self._output], [], [], max(0, left))[0], seen
            seen += os.read(self._output, 65536).decode()
        return seen

    def close(self):
        for plugin in self.plugins:
            plugin.close()
        self.socket.close()
        assert self.ended(), f"worker {self.pid} is still there"
        os.close(self.pidfd)
        os.close(self._output)


def _read_to_end(descriptor):
    parts = []
    while part := os.read(descriptor, 65536):
        parts.append(part)
    return b"".join(parts).decode()


class Plugin:
    """One plugin in a worker, as its channel shows it."""

    def __init__(self, worker):
        self.calls, calls = socket.socketpair()
        self.events, events = socket.socketpair()
        self.requests = os.eventfd(0, os.EFD_CLOEXEC)
        self.replies = os.eventfd(0, os.EFD_CLOEXEC)
        page, self._page = region(4096)
        self.words = memoryview(self._page).cast("Q")
        descriptors = [calls.fileno(), events.fileno()]
        descriptors += [self.requests, self.replies, page]
        send(worker.socket, ["open", len(worker.plugins)], descriptors)
        calls.close()
        events.close()
        os.close(page)
        self.messages = []
        self.capabilities = {}
        self.slots = {}
        self._notices = 0
        self._places = {}
        self._regions = None
        self._format = None

    # -- calls

    def request(self, kind, **words):
        """Writes the control page and wakes the worker up."""
        names = ("slot", "offset", "frames", "stride", "pts", "duration", "position")
        names += ("flags", "curves")
        for number, name in enumerate(names, 3):
            none = NO_TIME if name in ("pts", "duration", "position") else 0
            self.words[number] = words.get(name, none)
        if kind == PROCESS and not (
            self._notices or self.words[11] or self.words[10] & 1
        ):
            place = tuple(self.words[3:7])
            kind = self._places.setdefault(place, FIRST_PLACE + len(self._places))
        self.words[1] = kind
        self.words[2] = self._notices
        self.words[0] += 1
        self._notices = 0
        os.eventfd_write(self.requests, 1)

    def notice(self, fields, descriptors=()):
        send(self.calls, fields, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._notices += 1

    def ask(self, *fields):
        """A call and its answer; messages go to `messages`."""
        send(self.calls, fields)
        self.request(CALL)
        return self.answer()

    def answer(self):
        while True:
            received = receive(self.calls)
            assert received is not None, "the worker is gone"
            name, *rest = received[0]
            if name == b"ok":
                return rest
            if name == b"failure":
                raise Failure(text(rest))
            self.take_message(received[0])

    def take_message(self, fields):
        name, *rest = fields
        assert name in (b"message", b"dropped"), fields
        self.messages.append(message(fields) if name == b"message" else int(rest[0]))

    def load(
        self,
        script,
        kind="processor",
        module="",
        cls="",
        venv="",
        again=0,
        level=1000,
        likely="",
        parameters=(),
    ):
        told = self.ask("load", kind, script, module, cls, venv, again, level, likely)
        assert len(told) % 2 == 0
        for name, value in zip(told[::2], told[1::2]):
            self.capabilities.setdefault(name.decode(), []).append(value)
        self.values = text(self.ask("initialize", *parameters))

    def start(self, channels=2, format="F32", interleaved=1, rate=48000, **more):
        get = more.get
        self._format = (format, interleaved, channels, get("bytes", 0))
        told = self.ask(
            *("start", format, interleaved, rate, channels, get("frames", 0)),
            *(get("input_caps", ""), get("output_caps", ""), get("bytes", 0)),
            *(get("in_place", 1), get("output_frame", 0), get("output_known", 0)),
            *(get("output_format", "F32"), get("output_interleaved", 1)),
            get("output_channels", channels),
        )
        return told[0].decode()

    def stop(self):
        assert self.ask("stop") == []

    # -- samples

    def add_slot(self, number, size, writable=True):
        descriptor, memory = region(size, writable)
        self.slots[number] = memory
        self.notice(["slot", number, size, int(writable)], [descriptor])
        return memory

    def add_outputs(self, size):
        descriptor, self._regions = region(size)
        self.notice(["outputs", size], [descriptor])

    def process(self, samples=None, slot=0, writable=True, **words):
        """Sends an array of (channels, frames), or bytes; its Reply."""
        format, interleaved, channels, as_bytes = self._format
        if samples is not None:
            if as_bytes:
                flat = np.frombuffer(samples, np.uint8)
                words.setdefault("frames", len(flat))
            else:
                array = np.asarray(samples, DTYPES[format])
                words.setdefault("frames", array.shape[1])
                words.setdefault("stride", array.shape[1] * array.itemsize)
                flat = np.ascontiguousarray(array.T if interleaved else array)
            if slot not in self.slots:
                self.add_slot(slot, max(4096, flat.nbytes), writable)
            offset = words.get("offset", 0)
            memory = np.frombuffer(self.slots[slot], np.uint8)
            memory[offset : offset + flat.nbytes] = flat.reshape(-1).view(np.uint8)
        self.request(PROCESS, slot=slot, **words)
        return self.reply(slot, words.get("frames", 0), words.get("offset", 0))

    def resume(self):
        self.request(RESUME)
        return self.reply(None, 0, 0)

    def reply(self, slot, frames, offset):
        assert select.select([self.replies], [], [], PATIENCE)[0], "no reply"
        os.eventfd_read(self.replies)
        return Reply(self, slot, frames, offset)

    def samples(self, slot, frames, offset=0):
        """A copy of what lies there now."""
        format, interleaved, channels, as_bytes = self._format
        if as_bytes:
            return bytes(self.slots[slot][offset : offset + frames])
        dtype = DTYPES[format]
        flat = np.frombuffer(self.slots[slot], dtype, frames * channels, offset)
        if interleaved:
            return flat.reshape(frames, channels).T.copy()
        return flat.reshape(channels, frames).copy()

    def outputs(self, count, end):
        given, at = [], 8 * count
        for i in range(count):
            at = -(-at // 16) * 16
            (size,) = struct.unpack_from("=Q", self._regions, 8 * i)
            given.append(self._regions[at : at + size])
            at += size
        assert at == end
        return given

    # -- events

    def tell(self, *fields):
        send(self.events, fields)

    def event(self):
        received = receive(self.events)
        assert received is not None, "the worker is gone"
        name, *rest = received[0]
        return (
            message(received[0]) if name == b"message" else (name.decode(), *text(rest))
        )

    def close(self):
        self.calls.close()
        self.events.close()
        for descriptor in (self.requests, self.replies):
            os.close(descriptor)


class Reply:
    """What came of one buffer."""

    def __init__(self, plugin, slot, frames, offset):
        words = plugin.words[256:263].tolist()
        (
            sequence,
            self.outcome,
            self.flags,
            count,
            self.bytes,
            records,
            self.time,
        ) = words
        assert sequence == plugin.words[0]
        self.samples = None if slot is None else plugin.samples(slot, frames, offset)
        self.outputs = plugin.outputs(count, self.bytes) if count else []
        self.messages, self.failure = [], None
        for _ in range(records):
            fields = receive(plugin.calls)[0]
            if fields[0] == b"failure":
                assert self.failure is None
                self.failure = Failure(text(fields[1:]))
            else:
                plugin.take_message(fields)


READ = {"b": lambda t: {"0": False, "1": True}[t], "i": int, "d": float, "s": str}


def message(fields):
    """(name, fields), values as the plugin gave them."""
    name, *rest = fields[1:]
    values = {}
    for key, kind, value in zip(rest[::3], rest[1::3], rest[2::3]):
        kind = kind.decode()
        if kind[0] == "a":
            values[key.decode()] = [READ[kind[1]](t) for t in text(unpack_list(value))]
        else:
            values[key.decode()] = READ[kind](value.decode())
    return name.decode(), values
