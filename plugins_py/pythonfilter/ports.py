# SPDX-License-Identifier: LGPL-2.1-or-later
"""The inputs of a mixer and the outputs of a splitter, as a class declares them.

The registry scan asks as well, of what it could read: no NumPy.
"""

from __future__ import annotations

from typing import NamedTuple

from .brief import shown
from .kinds import FORMATS, MAX_CHANNELS, MAX_PORTS, NATIVE, ranges_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

# What a port of a range is called: its pads are sink_0, sink_1, …
ANY_NAME = "%u"
LONGEST_NAME = 64
KEYS = ("channels", "formats", "optional", "description")
WHAT = {"mixer": "inputs", "splitter": "outputs"}
# What means something for other kinds, and why it does not for these.
RAW = "what goes in and comes out is raw audio: say formats and channels"
IN_VAIN = {
    "read_only": "what comes in refuses writes anyway, and what goes out is written",
    "input_caps": RAW,
    "output_caps": RAW,
    "as_bytes": RAW,
}


class Port(NamedTuple):
    """One input or output. Nothing in `formats` or `channels` is what the class,
    or for an output the input, has."""

    name: str
    formats: tuple[str, ...] = ()
    channels: tuple[tuple[int, int], ...] = ()
    optional: bool = False
    description: str = ""

    def spoken(self) -> tuple[str, ...]:
        """As C++ reads it: its name, then pairs of words and what they are."""
        pairs = [("format", each) for each in self.formats]
        pairs += [("channels", "%d %d" % each) for each in self.channels]
        pairs += [("optional", "1")] if self.optional else []
        pairs += [("description", self.description)] if self.description else []
        return (self.name, *(text for pair in pairs for text in pair))


class Ports(NamedTuple):
    """All inputs of a mixer, or all outputs of a splitter.

    `span`: least and most of those that come and go, where `ports` has one, which
    describes each of them.
    """

    ports: tuple[Port, ...]
    span: tuple[int, int] | None = None

    def names(self) -> tuple[str, ...]:
        """Of those that are always there."""
        return () if self.span else tuple(each.name for each in self.ports)


def read(what: str, value: Any) -> Ports:
    """What is declared as `what`, "inputs" or "outputs".

    Raises ValueError, whose text goes after the class's name.
    """
    if isinstance(value, dict):
        names: Sequence[Any] = list(value)
        about = list(value.values())
    elif isinstance(value, (tuple, list)) and any(
        isinstance(each, (int, float)) for each in value
    ):
        return _range(what, value)
    elif isinstance(value, (tuple, list)) and value:
        names, about = value, [{}] * len(value)
    else:
        raise _wrong(
            what,
            value,
            f"it must be names, as in {{'a': {{}}, 'b': {{'channels': 1}}}} or "
            "('a', 'b'), or a least and a most number of them, as in (1, 16)",
        )
    if not 1 <= len(names) <= MAX_PORTS:
        raise _wrong(what, value, f"there are 1 to {MAX_PORTS} of them")
    return Ports(tuple(_named(what, *pair) for pair in _each_once(what, names, about)))


def _wrong(what: str, value: Any, why: str) -> ValueError:
    return ValueError(f"declares {what} = {shown(value)}: {why}")


def _range(what: str, value: Sequence[Any]) -> Ports:
    about = value[2] if len(value) == 3 else {}
    whole = all(type(each) is int for each in value[:2])
    if len(value) not in (2, 3) or not whole or not isinstance(about, dict):
        raise _wrong(
            what,
            value,
            "a range is (least, most), or (least, most, {…}) with what is true of "
            "each; names are another way, and not together with it",
        )
    least, most = value[:2]
    if not 1 <= least <= most <= MAX_PORTS:
        raise _wrong(
            what,
            value,
            f"least and most are from 1 to {MAX_PORTS}, and most is not less than least",
        )
    return Ports((_described(what, ANY_NAME, about),), (least, most))


def _each_once(
    what: str, names: Sequence[Any], about: Sequence[Any]
) -> Iterator[tuple[Any, Any]]:
    seen: set[str] = set()
    for name, each in zip(names, about):
        if isinstance(name, str) and name in seen:
            raise ValueError(f"declares {what} in which {shown(name)} is twice")
        seen.add(name if isinstance(name, str) else "")
        yield name, each


def _named(what: str, name: Any, about: Any) -> Port:
    fits = isinstance(name, str) and name.isascii() and name.isidentifier()
    if not fits or len(name) > LONGEST_NAME:
        pad = "sink" if what == "inputs" else "src"
        raise ValueError(
            f"declares {what} in which one is called {shown(name)}: its pad would be "
            f"{pad}_…, so a name is an ASCII identifier of at most {LONGEST_NAME} letters"
        )
    return _described(what, name, about)


def _described(what: str, name: str, about: Any) -> Port:
    """Of what the class says of one; `name` is ANY_NAME for each of a range."""
    which = f"declares {what} in which {'each' if name == ANY_NAME else name}"
    if not isinstance(about, dict):
        raise ValueError(f"{which} is {shown(about)}: it must be a dict")
    for key in about:
        if key not in KEYS or (key == "optional" and what != "inputs"):
            known = [each for each in KEYS if each != "optional" or what == "inputs"]
            raise ValueError(
                f"{which} has {shown(key)}, but only {', '.join(known)} exist"
            )
    channels = about.get("channels")
    ranges = [] if channels is None else ranges_of(channels, MAX_CHANNELS)
    if ranges is None:
        raise ValueError(
            f"{which} has channels = {shown(channels)}; it must be an int, a range or "
            f"a tuple of ints from 1 to {MAX_CHANNELS}"
        )
    optional, text = about.get("optional", False), about.get("description", "")
    if not isinstance(optional, bool):
        raise ValueError(f"{which} has optional = {shown(optional)}, not True or False")
    if not isinstance(text, str):
        raise ValueError(f"{which} has description = {shown(text)}, which is no text")
    formats = _formats(which, about.get("formats"))
    return Port(name, formats, tuple(ranges), optional, " ".join(text.split())[:200])


def _formats(which: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    names = (value,) if isinstance(value, str) else value
    if isinstance(names, (tuple, list, set, frozenset)) and names:
        plain = [
            each.removesuffix(NATIVE) if isinstance(each, str) else each
            for each in names
        ]
        if all(each in FORMATS for each in plain):
            return tuple(plain)
    raise ValueError(
        f"{which} has formats = {shown(value)}, but only {', '.join(FORMATS)} exist"
    )


class Misdeclared(ValueError):
    """What is wrong with a declaration, and `name`, which is its name."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Declared(NamedTuple):
    """All that a mixer or a splitter says besides what other kinds say."""

    ports: Ports
    output_like: str
    passthrough: str

    def spoken(self) -> list[tuple[str, tuple[str, ...]]]:
        """As C++ reads it: names and their values. A range of ports has one that
        stands for each of them."""
        span = [self.ports.span] if self.ports.span else []
        return [
            *(("port_count", ("%d %d" % each,)) for each in span),
            *(("port", each.spoken()) for each in self.ports.ports),
            ("output_like", (self.output_like,)),
            ("passthrough", (self.passthrough,)),
        ]


def read_all(kind: str, declared: Callable[[str], Any]) -> Declared:
    """Of a mixer or a splitter, whose class declares `declared(name)`, or None.

    Raises Misdeclared.
    """
    what = WHAT[kind]
    value = declared(what)
    try:
        ports = read(what, (1, MAX_PORTS) if value is None else value)
    except ValueError as error:
        raise Misdeclared(what, str(error)) from None
    for name, why in IN_VAIN.items():
        if declared(name) not in (None, False):
            raise Misdeclared(name, f"declares {name} in vain: {why}")
    layouts = declared("layouts")
    if layouts and "interleaved" not in layouts:
        raise Misdeclared(
            "layouts",
            f"declares layouts = {shown(layouts)}, but a {kind} has interleaved "
            "memory: data has the shape (channels, frames) all the same",
        )
    if kind == "splitter" and declared("block_size"):
        raise Misdeclared(
            "block_size",
            "declares a block_size, which a splitter has none of: it gets buffers as "
            "they come; put a filter with a block_size before it",
        )
    like = _one_of("output_like", declared, ports, what) if kind == "mixer" else ""
    passthrough = _one_of("passthrough", declared, ports, what)
    return Declared(ports, like, passthrough or like)


def _one_of(name: str, declared: Callable[[str], Any], ports: Ports, what: str) -> str:
    """The port that is named there; "" for None."""
    value = declared(name)
    if value is None:
        return ""
    if isinstance(value, str) and value in ports.names():
        return value
    there = ", ".join(ports.names()) or f"which are a range, {ports.span}"
    raise Misdeclared(
        name,
        f"declares {name} = {shown(value)}, which is none of its {what}: {there}",
    )
