# SPDX-License-Identifier: LGPL-2.1-or-later
"""Base classes for audio plugins written in Python.

A plugin is one file with a class that has one method::

    from base_plugin import AudioBuffer, AudioProcessorPlugin

    class HalfVolume(AudioProcessorPlugin):
        def process_audio(self, buffer: AudioBuffer) -> bool:
            buffer.data *= 0.5
            return True

    def create_plugin() -> HalfVolume:
        return HalfVolume()

Samples are ``buffer.data``, a NumPy array of shape ``(channels, frames)``.
A frame is one sample of every channel.  F32 and F64 samples have a full scale
of -1.0 to 1.0, S16 and S32 that of their integer type.  Rates are in Hz.

The element calls, in this order: ``initialize`` once; then for each stream
format ``set_sample_rate``, ``set_channels``, ``set_buffer_size``, ``start``,
the audio method once per buffer, ``stop``; in the end ``shutdown``.
``set_parameter`` can come at any time between two of these calls, also before
the rate is known.

Nothing here needs GStreamer: make an ``AudioBuffer(2, 512)``, fill its
``data`` and call the plugin's method.
"""

from __future__ import annotations

import abc
import collections
import enum
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from . import _compiled, _compiled_mixing  # noqa: F401
from ._buffer import AudioBuffer
from ._compiled import Array, Channels, compiled
from ._every import every
from ._messages import PlainValue, checked_fields
from ._mixing import (
    MixerInput,
    MixerInputs,
    MixerOutput,
    SplitterOutput,
    SplitterOutputs,
)
from ._param import BOOLS, InputParam, Param, text_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Array",
    "AudioBuffer",
    "AudioMixerPlugin",
    "AudioProcessorPlugin",
    "AudioSinkPlugin",
    "AudioSourceCallback",
    "AudioSourcePlugin",
    "AudioSplitterPlugin",
    "BasePlugin",
    "Channels",
    "DropBuffer",
    "EndOfStream",
    "Field",
    "Gap",
    "InputParam",
    "MAX_CHANNELS",
    "MixerInput",
    "MixerInputs",
    "MixerOutput",
    "NOTHING_YET",
    "Output",
    "Param",
    "PluginInfo",
    "PluginState",
    "PluginTimeout",
    "PluginType",
    "SplitterOutput",
    "SplitterOutputs",
    "Timed",
    "compiled",
    "every",
]

#: As many channels as a stream can have.
MAX_CHANNELS = _compiled.MAX_CHANNELS

#: What the compiled method of a source or a sink returns where others return
#: ``False``: it has, or takes, nothing now.
NOTHING_YET = _compiled.NOTHING_YET


class PluginType(enum.Enum):
    """What a plugin does with audio."""

    AUDIO_SOURCE = "AudioSource"
    AUDIO_SINK = "AudioSink"
    PROCESSOR = "Processor"
    AUDIO_MIXER = "AudioMixer"
    AUDIO_SPLITTER = "AudioSplitter"


class PluginState(enum.Enum):
    """Where a plugin is in its life."""

    UNLOADED = "Unloaded"
    LOADED = "Loaded"
    INITIALIZED = "Initialized"
    RUNNING = "Running"
    ERROR = "Error"


class PluginTimeout(BaseException):
    """Raised inside a call that has run for a second while the pipeline stops.

    It can appear at any line.  It is no ``Exception``, so that
    ``except Exception`` does not swallow it; clean up in ``finally``.
    """


class EndOfStream(Exception):
    """Raised by the audio method to end the stream, as if upstream had.

    The buffer of that call goes no further; ``drain`` is called as at any end.
    """


class DropBuffer(Exception):
    """Raised by ``process_audio`` or ``write_audio``: this block goes no further.

    For a block that is not fit to go on, such as a packet that somebody
    tampered with.  It is dropped and counted, a warning with the reason (this
    exception's text) comes at most once a second, and the next block downstream
    is marked as not continuous.  It is no failure of the plugin, so the stream
    goes on whatever the element's ``on-error`` says.  In ``read_audio`` and all
    other methods it is an exception like any other.
    """


class PluginInfo:
    """Who a plugin is.  The kind of plugin is the attribute ``type``."""

    def __init__(
        self,
        name: str,
        version: str,
        author: str,
        description: str,
        plugin_type: PluginType,
        api_version: int = 1,
    ) -> None:
        self.name = name
        self.version = version
        self.author = author
        self.description = description
        self.type = plugin_type
        self.api_version = api_version

    def __repr__(self) -> str:
        return (
            f"PluginInfo({self.name!r}, {self.version!r}, {self.author!r}, "
            f"{self.description!r}, {self.type}, {self.api_version})"
        )


#: Takes a block from a source that makes them by itself.
AudioSourceCallback = Callable[[AudioBuffer], None]


@dataclass(slots=True, eq=False, repr=False)
class Timed:
    """An output, and when it is: for plugins whose output is not like its input.

    ``process_audio``, ``read_audio`` and ``drain`` return it in place of the data,
    alone or in a list.  Times are whole nanoseconds on the line of ``buffer.pts``.  ``None``
    for ``pts`` is the time that the element would give it, and for ``duration``
    that nobody knows.  Raw audio lasts as long as it lasts, whatever is said; what
    is given after it without a time follows it.
    """

    data: bytes | bytearray | memoryview | NDArray[Any]
    pts: int | None = None
    duration: int | None = None

    def __repr__(self) -> str:
        return f"Timed({self.data!r}, {self.pts}, {self.duration})"


@dataclass(slots=True, eq=False, repr=False)
class Gap:
    """There is nothing now, as between two subtitles: downstream need not wait.

    It stands in the place of an output, and goes on as a GAP event.  Without
    times it is the time that an output would have here.
    """

    pts: int | None = None
    duration: int | None = None

    def __repr__(self) -> str:
        return f"Gap({self.pts}, {self.duration})"


#: One buffer of a plugin whose output is not like its input.
Output = bytes | bytearray | memoryview | np.ndarray[Any, np.dtype[Any]] | Timed | Gap

#: What a field of a message can be, once it is on its way; see
#: ``BasePlugin.post``.
Field = PlainValue

_KEPT_MESSAGES = 1000


class BasePlugin(abc.ABC):
    """What all plugins have in common.

    These class attributes tell the element what the plugin can work with,
    before any stream is there; set them in the class, not in ``__init__``:

    ``formats``
        Sample formats, any of ``"F32"``, ``"F64"``, ``"S16"``, ``"S32"``.
        ``data.dtype`` is then float32, float64, int16 or int32.
    ``layouts``
        Memory layouts.  ``data`` is ``(channels, frames)`` in both; a row of it
        is contiguous when ``"non-interleaved"``, strided when
        ``"interleaved"``.
    ``rates``, ``channels``
        Sample rates in Hz and channel counts: ``None`` for any, an int, a
        ``range``, or a tuple, list or set of ints.
    ``read_only``
        True for a plugin that only looks at the samples.  It is spared copies
        of buffers that others use too, and ``data`` refuses writes.
    ``fail_closed``
        True if nothing unprocessed may ever leave the plugin, as of an
        encryptor.  The element then refuses ``on-error=passthrough`` and
        ``silence``, and tells of the stream's caps with the first output.
    ``secrets``
        Names of parameters that only go in: ``set_parameter`` gets them, and
        the element shows them nowhere, nor what ``set_parameter`` says when it
        refuses one.  A plugin must not print them, or raise them, itself.
    ``curves``
        Names of float ``Param``s whose value the plugin wants for each frame: see
        ``AudioBuffer.curve``.

    Parameters are declared with ``Param``.

    Every method has a working default.  One that returns ``bool`` says with
    ``False`` that it failed; an exception says the same and why.
    """

    formats: ClassVar[Collection[str]] = ("F32",)
    layouts: ClassVar[Collection[str]] = ("interleaved", "non-interleaved")
    rates: ClassVar[int | Collection[int] | None] = None
    channels: ClassVar[int | Collection[int] | None] = None
    read_only: ClassVar[bool] = False
    fail_closed: ClassVar[bool] = False
    secrets: ClassVar[Collection[str]] = ()
    curves: ClassVar[Collection[str]] = ()

    # In the class as well, for plugins whose __init__ does not call ours.
    state: PluginState = PluginState.UNLOADED

    # Put into the instance by the element; takes what checked_fields() made.
    _send_message: Callable[[str, dict[str, Field]], None] | None = None

    def __init__(self) -> None:
        self.state = PluginState.UNLOADED

    def initialize(self) -> bool:
        """Get what the plugin needs for its whole life (models, files).

        Each ``Param`` that was set by then has its value; ``set_parameter`` is
        called for it as well, after this.
        """
        self.state = PluginState.INITIALIZED
        return True

    def shutdown(self) -> None:
        """Give everything back.  The instance is not used again."""
        self.state = PluginState.UNLOADED

    def start(self) -> bool:
        """Get ready for a stream whose rate and channel count are now set."""
        self.state = PluginState.RUNNING
        return True

    def stop(self) -> None:
        """The stream is over; called once after each ``start``."""
        self.state = PluginState.INITIALIZED

    def get_info(self) -> PluginInfo:
        """Name, version and so on, made from the class unless overridden."""
        doc = (type(self).__doc__ or "").strip()
        return PluginInfo(
            type(self).__name__, "1.0", "", doc.partition("\n")[0], self.get_type()
        )

    def get_type(self) -> PluginType:
        """What the plugin does with audio."""
        return PluginType.PROCESSOR

    def get_state(self) -> PluginState:
        """Where the plugin is in its life."""
        # In a plugin with a State the attribute is that one's record.
        state: PluginState = vars(self).get("state", self.state)
        return state

    def set_parameter(self, key: str, value: str) -> bool | None:
        """Change a parameter; ``False`` refuses it, ``None`` is success.

        As it stands here, a parameter is a ``Param`` of the class, whose range
        and type are checked, or any public attribute that holds a bool, int,
        float, str or NumPy float, and keeps that type: with ``self.gain = 1.0``
        in ``__init__``, ``set_parameter("gain", "0.5")`` works.  What the class
        has in capitals is a constant.  A bool takes true, yes, on or 1 and
        false, no, off or 0.  Unknown keys are refused; a value of the wrong type
        or out of range raises ValueError, which says what a ``Param`` allows.
        """
        param = getattr(type(self), key, None)
        if isinstance(param, InputParam):
            raise ValueError(f"{key} is a parameter of each input, not of the plugin")
        if isinstance(param, Param):
            setattr(self, key, param.parse(value))
            return True
        current = self._parameter(key)
        if current is None:
            return False
        kind: Any = type(current)
        try:
            if isinstance(current, bool):
                new = kind(BOOLS[value.strip().lower()])
            elif isinstance(current, int):
                new = kind(int(value))
            elif isinstance(current, (float, np.floating)):
                new = kind(float(value))
            else:
                new = kind(value)
        except (KeyError, ValueError, OverflowError):
            shown = "the value" if key in self.secrets else repr(value)
            raise ValueError(f"{key}: {shown} is no {kind.__name__}") from None
        try:
            setattr(self, key, new)
        except AttributeError:  # a property without a setter
            return False
        return True

    def get_parameter(self, key: str) -> str:
        """A parameter's value in the form that ``set_parameter`` takes.

        The empty string for an unknown key, and for a secret.
        """
        param = getattr(type(self), key, None)
        if key in self.secrets or isinstance(param, InputParam):
            return ""
        if isinstance(param, Param):
            return "" if param.secret else param.format(getattr(self, key))
        value = self._parameter(key)
        if isinstance(value, enum.Enum):
            value = value.value
        return "" if value is None else text_of(value)

    def post(self, name: str, /, **fields: object) -> None:
        """Tell the application something, as a message on the pipeline's bus.

        ``self.post("clipped", channel=1, peak=1.07)`` becomes an element message
        named ``clipped`` with these fields and four more, in ns:
        ``timestamp``, ``stream-time``, ``running-time`` and ``duration`` of the
        buffer whose call posted it (all ones where there is none).

        A value is a bool, an int of up to 64 bits, a float or a str, also one of
        NumPy's, or a list, a tuple or a one-dimensional NumPy array of one of
        these; together they may take 64 KiB. Raises TypeError for any other type
        and ValueError for a value or a name that cannot be sent; both name the
        field.

        Any method may call this, and so may threads of the plugin's own. What an
        element's call posts comes when the call is over, before its samples go
        on. Of the messages of one call the last 1000 are sent; statistics count
        the others as ``messages-dropped``.

        Outside a pipeline messages go to ``posted``.
        """
        checked = checked_fields(name, fields)
        if self._send_message is not None:
            self._send_message(name, checked)
        else:
            self.posted.append((name, checked))

    @property
    def posted(self) -> collections.deque[tuple[str, dict[str, Field]]]:
        """Name and fields of the last 1000 messages that no element has sent.

        For tests of a plugin. What is posted before the element knows the
        instance, in ``__init__``, it sends later.
        """
        kept: collections.deque[tuple[str, dict[str, Field]]] = vars(self).setdefault(
            "_posted", collections.deque(maxlen=_KEPT_MESSAGES)
        )
        return kept

    def _parameter(self, key: str) -> Any:
        """The parameter's value, or None if there is none of that name."""
        mixes = isinstance(self, (AudioMixerPlugin, AudioSplitterPlugin))
        declared = _NOT_PARAMETERS if mixes else _NOT_PARAMETERS - _OF_MIXING
        if key.startswith("_") or key in declared:
            return None
        # A constant of the class; a filter's own Q may be a parameter.
        if key.isupper() and key not in getattr(self, "__dict__", ()):
            return None
        value = getattr(self, key, None)
        known = isinstance(value, (bool, int, float, str, np.floating))
        return value if known else None


class _StreamPlugin(BasePlugin):
    """Rate, channel count and block size, which all three kinds have."""

    _sample_rate: int = 48000
    _channel_count: int = 2
    _buffer_size: int = 512

    def get_sample_rate(self) -> int:
        """Frames per second."""
        return self._sample_rate

    def set_sample_rate(self, sample_rate: int) -> None:
        """The stream's rate in Hz; called before ``start``."""
        self._sample_rate = sample_rate

    def get_channel_count(self) -> int:
        """Number of channels."""
        return self._channel_count

    def set_channel_count(self, channels: int) -> None:
        """The stream's number of channels; called before ``start``."""
        self._channel_count = channels

    def get_channels(self) -> int:
        """The same as ``get_channel_count``."""
        return self.get_channel_count()

    def set_channels(self, channels: int) -> None:
        """The same as ``set_channel_count``."""
        self.set_channel_count(channels)

    def get_buffer_size(self) -> int:
        """Frames per block that the plugin works best with."""
        return self._buffer_size

    def set_buffer_size(self, frames: int) -> None:
        """The block size to expect, in frames.  Blocks may differ from it."""
        self._buffer_size = frames


class AudioSourcePlugin(_StreamPlugin):
    """A plugin that makes audio.

    These methods are called if a plugin defines them; there is no default:

    ``get_duration(self) -> int | float | None``
        How long the source is: an int is frames, a float seconds, ``None`` not
        known.  Asked after ``start`` and ``seek``, and once a second.
    ``seek(self, frame: int) -> bool | None``
        The next ``read_audio`` begins with this frame, counted from 0; there may
        be none there any more.  ``False``: it cannot go there, and stays where
        it is.  Without it a source can only be played from its beginning.
    ``get_processing_latency(self) -> float``
        How much later than it was heard a device gives a sample, in seconds.  A
        live stream waits so much longer for ``read_audio``, and tells
        downstream.
    ``get_output_caps(self) -> str``
        What it gives, if that is not always all of ``output_caps``.  Asked on
        any thread, at any time: it has to compute and nothing else.
    ``set_caps(self, caps: str) -> None``
        What was agreed on; called before ``start`` where caps are declared.

    With ``output_caps``, a string as ``gst-launch-1.0`` takes it, a source gives
    anything that has caps: ``read_audio`` returns ``bytes``, ``bytearray``, a
    ``memoryview`` or a C-contiguous array, which goes on without a copy, or a
    list of them, which are as many buffers.  An empty list and ``False`` are
    nothing yet, any other empty object is the end.  ``buffer.data`` is empty.
    Raw audio is bytes of whole frames or an array of ``(channels, frames)``;
    for anything else ``get_duration`` and ``seek`` are about seconds.
    """

    output_caps: ClassVar[str | None] = None

    _audio_callback: AudioSourceCallback | None = None

    def get_type(self) -> PluginType:
        """``PluginType.AUDIO_SOURCE``."""
        return PluginType.AUDIO_SOURCE

    @abc.abstractmethod
    def read_audio(
        self, buffer: AudioBuffer
    ) -> bool | None | Output | Sequence[Output]:
        """Fill ``buffer.data``, of shape ``(channels, frames)``, completely.

        What it holds before is undefined.  Return ``False`` if there is nothing
        to read yet; raise ``EndOfStream`` to end the stream.

        Where there is less than that left, return what there is, an array of
        shape ``(channels, fewer)``, such as ``buffer.data[:, :fewer]``: the
        buffer is then as long as that.  One of no frames is the end.

        ``buffer.discont = True`` says that some was lost before it.  Of a live
        source, times then move to now.
        """

    def set_audio_callback(self, callback: AudioSourceCallback | None) -> None:
        """Whom to call with each block, for plugins that push by themselves."""
        self._audio_callback = callback


class AudioSinkPlugin(_StreamPlugin):
    """A plugin that takes audio out of the pipeline.

    Two more methods are called if a plugin defines them; there is no default:

    ``reset(self) -> None``
        The next block does not continue the last one.
    ``drain(self) -> bool | None``
        The stream ends, or its format changes: wait until the device has played
        what it got, or finish the file.  ``False`` while that is not so; it is
        asked again.  What it raises is an error of the stream, while nobody can
        be told of what ``stop`` raises but by a warning.
    ``set_caps(self, caps: str) -> None``
        What was agreed on; called before ``start`` where caps are declared.

    With ``input_caps``, a string as ``gst-launch-1.0`` takes it, a sink takes
    anything that has caps: what is no raw audio in one of the four formats comes
    as ``buffer.data`` of shape ``(bytes,)`` and dtype uint8, each buffer whole.
    ``as_bytes = True`` gives raw audio of any format in that way as well.
    """

    input_caps: ClassVar[str | None] = None
    as_bytes: ClassVar[bool] = False

    def get_type(self) -> PluginType:
        """``PluginType.AUDIO_SINK``."""
        return PluginType.AUDIO_SINK

    @abc.abstractmethod
    def write_audio(self, buffer: AudioBuffer) -> bool | None:
        """Take ``buffer.data``, of shape ``(channels, frames)``."""

    def get_available_space(self) -> int:
        """Frames that can be taken without waiting."""
        return self.get_buffer_size()


class AudioProcessorPlugin(_StreamPlugin):
    """A plugin that changes audio on its way through.

    Two class attributes more tell the element how the audio is to come:

    ``block_size``
        Frames of each call, whatever the buffers' own size is; 0 for buffers as
        they come.  The element's property of that name goes before it.
    ``block_remainder``
        What becomes of less than a block, at the end of the stream or before a
        gap in it: ``"pad"`` fills it up with zeros, and takes them away from
        what comes out; ``"pass"`` gives the plugin fewer frames.

    Two more methods are called if a plugin defines them; there is no default:

    ``reset(self) -> None``
        The next block does not continue the last one (a seek, lost data, a
        flush).  Forget the samples held back and the state of filters.
    ``drain(self) -> numpy.ndarray | None``
        The stream ends.  Return what is still held back, an array of shape
        ``(channels, frames)`` and of the stream's dtype with any number of
        frames, or ``None``.  The plugin may then be given a new stream.  Of a
        plugin that reports a latency as many frames are used as went in and did
        not come out; without this method ``process_audio`` gets silence instead.

    **Other formats and sizes.**  A plugin whose output is not like its input (an
    encryptor, an encoder) says so with these, all optional; caps are strings as
    ``gst-launch-1.0`` takes them:

    ``input_caps``, ``output_caps``
        Class attributes: what goes in, in place of ``formats`` and so on; what
        comes out.  What is left out is raw audio, or the same as goes in.
    ``get_output_caps(self, input_caps: str) -> str``
        The output for this input.  Asked on any thread, at any time, for fixed
        caps only: it has to compute and nothing else.
    ``get_input_caps(self, output_caps: str) -> str``
        The inverse; it may be asked about ranges.
    ``set_caps(self, input_caps: str, output_caps: str) -> None``
        What was agreed on; called before ``start``.
    ``as_bytes = True``
        Raw audio comes as bytes, too: of any format, layout and channel count,
        planar audio one channel after another.

    Whatever is no raw audio in one of the four sample formats comes as
    ``buffer.data`` of shape ``(bytes,)`` and dtype uint8, a view of the buffer's
    own memory; it refuses writes where input and output caps differ.

    ``process_audio`` then returns what comes out: ``bytes``, ``bytearray``, a
    ``memoryview`` or a C-contiguous array, which goes on as it is, without a
    copy, so do not change it later; or a list of them, which are as many buffers
    and share the time of this one.  An empty list is nothing yet: the next output
    gets that time as well.  ``Timed`` says another time, ``Gap`` that there is
    nothing.  Raw audio counts its own samples from the first input on.  Raw audio is given as bytes of whole frames or as an
    array of shape ``(channels, frames)``.  ``None`` and ``True`` send on the
    block itself, if its caps are the same before and after; otherwise they are a
    failure.  ``drain`` may return the same.
    """

    input_caps: ClassVar[str | None] = None
    output_caps: ClassVar[str | None] = None
    as_bytes: ClassVar[bool] = False
    block_size: ClassVar[int] = 0
    block_remainder: ClassVar[str] = "pad"

    def get_type(self) -> PluginType:
        """``PluginType.PROCESSOR``."""
        return PluginType.PROCESSOR

    @abc.abstractmethod
    def process_audio(
        self, buffer: AudioBuffer
    ) -> bool | None | Output | Sequence[Output]:
        """Change ``buffer.data``, of shape ``(channels, frames)``, in place.

        As many frames come out as went in, unless the class says otherwise.
        ``None`` and ``True`` are success; after ``False`` or an exception
        nothing of the block is used.
        """

    def get_processing_latency(self) -> float:
        """How much later a sample comes out than it went in, in seconds.

        The element moves the times of what comes out back by it, and leaves out
        what comes before the first sample.
        """
        return 0.0


#: What a class may say of an input or output: ``channels``, ``formats``,
#: ``description``, and of an input whether it is ``optional``.
Port = Mapping[str, Any]

#: The names of inputs or outputs, and what they are; or a least and a most number
#: of them, and what is true of each.
Ports = Mapping[str, Port] | Sequence[str] | tuple[int, int] | tuple[int, int, Port]


class AudioMixerPlugin(_StreamPlugin):
    """A plugin with several inputs, which are aligned by their times, to the sample.

    ``inputs``
        A dict, as ``{"music": {}, "voice": {"channels": 1, "optional": True}}``:
        each name is an input, whose pad is ``sink_music``.  Or the least and
        the most number of inputs that come and go, ``(1, 32)``: their pads are
        ``sink_0``, ``sink_1``, …, and they are called ``"0"``, ``"1"``, ….
        ``(1, 32, {"channels": 1})`` also says what each of them is.  There are at
        most 64.

        What can be said of an input: ``channels`` and ``formats``, as the class
        says its own, which are used where the input says nothing;
        ``optional``, if the output may end before this input does; a
        ``description``.
    ``formats``, ``channels``
        What the output may be.
    ``output_like``
        The name of the input whose format and channels the output has.
    ``block_size``, ``block_remainder``
        As a filter's: frames of each call, whatever comes in.  With 0 the
        element's ``output-buffer-duration`` says how long a block is.
    ``output_zero``
        False if ``mix_audio`` fills all of ``output.data``: it is then undefined
        what that holds before.
    ``passthrough``
        The name of the input that goes through where ``mix_audio`` fails and the
        element has ``on-error=passthrough``; without it ``output_like``.

    Inputs and output have the same rate.  Memory is interleaved: ``data`` has the
    shape ``(channels, frames)`` all the same.

    These methods are called if a plugin defines them; there is no default:

    ``reset(self) -> None``, ``drain(self) -> numpy.ndarray | None``
        As a filter's.  The output ends when all inputs have that are not optional.
    ``add_input(self, name: str, channels: int) -> None``
        An input is there, with so many channels, from the next block on.
    ``remove_input(self, name: str) -> None``
        It is gone.
    """

    inputs: ClassVar[Ports] = (1, 64)
    output_like: ClassVar[str | None] = None
    output_zero: ClassVar[bool] = True
    passthrough: ClassVar[str | None] = None
    block_size: ClassVar[int] = 0
    block_remainder: ClassVar[str] = "pad"

    def get_type(self) -> PluginType:
        """``PluginType.AUDIO_MIXER``."""
        return PluginType.AUDIO_MIXER

    @abc.abstractmethod
    def mix_audio(self, output: MixerOutput, inputs: MixerInputs) -> bool | None:
        """Fill ``output.data``, of shape ``(channels, frames)``, from the inputs.

        ``inputs`` is the same mapping in each call, and so are the inputs in it.
        All have as many frames as the output.  ``None`` and ``True`` are success;
        after ``False`` or an exception nothing of the block is used.
        """

    def get_processing_latency(self) -> float:
        """How much later a sample comes out than it went in, in seconds.

        The element moves the times of what comes out back by it, as a filter's.
        """
        return 0.0


class AudioSplitterPlugin(_StreamPlugin):
    """A plugin with one input and several outputs.

    ``outputs``
        Names, as ``("vocals", "rest")``, or a dict that says more of them,
        ``{"mid": {"channels": 1}, "side": {"channels": 1}}``: the pad of one is
        ``src_vocals``.  Or the least and the most number of outputs that are asked
        for while playing, ``(1, 16)`` or ``(1, 16, {"channels": 1})``: their pads
        are ``src_0``, ``src_1``, …, and they are called ``"0"``, ``"1"``, ….
        There are at most 64.

        What can be said of an output: ``channels`` and ``formats``, which are the
        input's where nothing is said; a ``description``.
    ``formats``, ``channels``
        What the input may be.
    ``passthrough``
        The name of the output that gets the input where ``split_audio`` fails and
        the element has ``on-error=passthrough``.  The others are then silent.

    All outputs have the times of the input, and one latency.

    ``reset`` and ``drain`` are as a filter's, but that ``drain`` returns a dict:
    the name of each output that has something left, and an array of shape
    ``(channels, frames)``.
    """

    outputs: ClassVar[Ports] = (1, 64)
    passthrough: ClassVar[str | None] = None

    def get_type(self) -> PluginType:
        """``PluginType.AUDIO_SPLITTER``."""
        return PluginType.AUDIO_SPLITTER

    @abc.abstractmethod
    def split_audio(self, buffer: AudioBuffer, outputs: SplitterOutputs) -> bool | None:
        """Fill the ``data`` of each output from ``buffer.data``, which refuses writes.

        ``outputs`` is the same mapping in each call, and so are the outputs in it.
        ``None`` and ``True`` are success; after ``False`` or an exception nothing
        of the block is used.
        """

    def get_processing_latency(self) -> float:
        """How much later a sample comes out than it went in, in seconds.

        The element moves the times of what comes out back by it, as a filter's.
        """
        return 0.0


def _declared_by(*classes: type) -> frozenset[str]:
    return frozenset(
        name
        for each in classes
        for name, kind in each.__annotations__.items()
        if kind.startswith("ClassVar")
    )


# What these classes declare: no parameters, though their values look like some.
_COMMON = _declared_by(
    BasePlugin, AudioSourcePlugin, AudioSinkPlugin, AudioProcessorPlugin
)
_NOT_PARAMETERS = _COMMON | _declared_by(AudioMixerPlugin, AudioSplitterPlugin)
# A filter may have a parameter called passthrough.
_OF_MIXING = _NOT_PARAMETERS - _COMMON
