# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Python half of the elements: finds, loads and describes one plugin.

The C++ side calls load() once for each element and keeps the LoadedPlugin that it
returns; only the audio method itself is then called for each buffer, and not through
this file. Plugins import base_plugin, never this module.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import importlib.util
import inspect
import math
import operator
import os
import weakref
from types import ModuleType
from typing import Any, Callable

from .. import interpreter, loader, log, spelling
from ..brief import is_large, shown
from ..failures import (
    PluginError,
    as_c_string,
    describe_exception,
    place_of,
    stack_of_thread,
    unusable,
)
from ..interpreter import check_numpy, log_with, prepare_interpreter
from ..kinds import AUDIO_METHODS, ELEMENTS, MOST_CAPS
from ..ports import WHAT
from ..reading import Unusable, read
from .capabilities import Capabilities
from .info import info_of
from .instance import (
    call,
    check_arguments,
    make_instance,
    method_of,
    name_of,
    wrong_kind,
)
from .native import Native, compiled_method, taken_apart
from .params import MOST_VALUE
from .regular import regular_methods

__all__ = [
    "AUDIO_METHODS",
    "ELEMENTS",
    "LoadedPlugin",
    "PluginError",
    "check_numpy",
    "describe_exception",
    "load",
    "log_with",
    "names",
    "prepare_interpreter",
    "stack_of_thread",
]


# A day: who looks further ahead has its units wrong.
LONGEST_LATENCY = 24 * 3600.0


def names() -> tuple[Any, ...]:
    """What the C++ side keeps: load(), PluginTimeout, AudioBuffer, and what a mixer
    and a splitter get."""
    base = loader.base_plugin()
    mixing = base.MixerOutput, base.MixerInput, base.MixerInputs
    splitting = base.SplitterOutput, base.SplitterOutputs
    return load, base.PluginTimeout, base.AudioBuffer, *mixing, *splitting


# ---- loading ----------------------------------------------------------------


def load(
    kind: str,
    script: str,
    module: str,
    class_name: str,
    venv: str,
    post: Callable[[str, dict[str, Any]], None] | None = None,
    log_record: log.Log | None = None,
    log_threshold: int = log.OFF,
    again: bool = False,
    likely: str = "",
) -> LoadedPlugin:
    """Loads a plugin and makes its instance; does not initialize() it.

    `post` and `log_record` take what it tells; without an element nobody does.
    `again`: its code replaces one that runs, which may have been another.
    `likely`: what it may play, "F32 1,S16 0": formats, and whether interleaved.
    """
    if venv:
        interpreter.use_venv(venv)
    log.set_threshold(log_threshold)
    namespace: loader.Namespace | None = None
    if script:
        path = _check_script(script)
        namespace = loader.Namespace(path)
        if log_record is not None:
            log.open_plugin(namespace, log_record)
        try:
            loaded = namespace.load()
            return LoadedPlugin(
                kind, loaded, class_name, script, namespace, post, again, likely
            )
        except BaseException:
            _forget(namespace)
            raise
    log.open_module(module)
    try:
        loaded = _import_again(module) if again else importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(error.name + ".")):
            raise PluginError(
                "not-found",
                f"there is no module {module!r} on sys.path",
            ) from None
        raise
    return LoadedPlugin(kind, loaded, class_name, module, None, post, again, likely)


def _import_again(name: str) -> ModuleType:
    """A module from its source of now, which only its plugin uses.

    Whoever else imported it keeps what they have: their objects are of its
    classes. A .pyc is not asked, as one may be stale for a second.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise PluginError("not-found", f"there is no module {name!r} on sys.path")
    module = importlib.util.module_from_spec(spec)
    if isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        path = spec.loader.get_filename(name)
        code = spec.loader.source_to_code(spec.loader.get_data(path), path)
        exec(code, vars(module))
    else:
        spec.loader.exec_module(module)
    return module


def _forget(namespace: loader.Namespace) -> None:
    namespace.forget()
    log.close_plugin(namespace)


def _check_script(script: str) -> str:
    path = file = os.path.abspath(os.path.expanduser(script))
    if os.path.isdir(path):
        file = os.path.join(path, "__init__.py")
        if not os.path.exists(file):
            raise PluginError(
                "not-found", "is a folder without __init__.py, so no package", script
            )
    if not os.path.exists(path):
        raise PluginError("not-found", "there is no such file", script)
    # Reading a FIFO or a device may never come to an end.
    if not os.path.isfile(file):
        raise unusable("is no regular file", script)
    if not os.access(path, os.R_OK):
        raise PluginError("not-found", "may not be read", script)
    return path


def _number(told: Any) -> float:
    """NaN for what is none."""
    if isinstance(told, int):
        told = max(-(2**62), min(told, 2**62))
    try:
        return math.nan if is_large(told) else float(told)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _refused(answer: object) -> bool:
    """False and numpy.False_ mean no; None and anything else mean yes."""
    return answer is False or (
        type(answer).__name__ in ("bool_", "bool") and not answer
    )


def _is_own(method: object) -> bool:
    return getattr(method, "__module__", "base_plugin") != "base_plugin"


# States on their way to new code, which may be any objects, by a name that the
# elements can carry.
_offers: dict[str, object] = {}


class LoadedPlugin(Capabilities):
    """One plugin instance and what the element needs to know about it."""

    def __init__(
        self,
        kind: str,
        module: ModuleType,
        class_name: str,
        name: str,
        namespace: loader.Namespace | None,
        post: Callable[[str, dict[str, Any]], None] | None,
        again: bool,
        likely: str,
    ) -> None:
        file = getattr(module, "__file__", None) or name
        super().__init__(kind, make_instance(kind, module, class_name, file), file)
        self.namespace = namespace
        if post is not None:
            self._connect(post)
        spellings = AUDIO_METHODS[kind]
        audio = compiled_method(self.plugin, file, *spellings)
        self.native = Native(audio, file) if audio is not None else None
        if audio is not None and kind == "splitter":
            raise unusable(
                f"{name_of(audio)}() is compiled, which the audio methods of sources, "
                "filters, sinks and mixers can be, but not those of splitters",
                file,
                audio,
            )
        if audio is None:
            audio = method_of(self.plugin, *spellings)
        if audio is None:
            raise wrong_kind(kind, self.plugin, file)
        if inspect.iscoroutinefunction(audio) or inspect.isasyncgenfunction(audio):
            raise unusable(
                f"{name_of(audio)} is `async def`; it must be a plain function",
                file,
                audio,
            )
        check_arguments(kind, audio, file)
        self.audio = audio
        self.audio_name = name_of(audio)
        self.read_class_attributes()
        self.has_reset = method_of(self.plugin, "reset") is not None
        self.has_drain = method_of(self.plugin, "drain") is not None
        self._latency = method_of(self.plugin, "get_processing_latency")
        self.has_latency = self._latency is not None
        self.has_unlock = method_of(self.plugin, "unlock") is not None
        self._space = method_of(self.plugin, "get_available_space")
        # The default of our base class knows nothing about any device.
        self.has_space = self._space is not None and _is_own(self._space)
        self._duration = method_of(self.plugin, "get_duration")
        self._seek = method_of(self.plugin, "seek")
        self.has_duration = kind == "source" and self._duration is not None
        self.has_seek = kind == "source" and self._seek is not None
        self.has_add_input = kind == "mixer" and hasattr(self.plugin, "add_input")
        self.has_remove_input = kind == "mixer" and hasattr(self.plugin, "remove_input")
        self._rate = 0  # of frames; 0: it gives none
        # Any base_plugin has a get_state(), which says in which state of its
        # life a plugin is: only with the other one it is the plugin's own.
        self._get_state = method_of(self.plugin, "get_state")
        self._set_state = method_of(self.plugin, "set_state")
        self._carries_own = None not in (self._get_state, self._set_state)
        self.carries_state = self._carries_own
        self.regular = regular_methods(self.plugin)
        self.files = self.code_files()
        self.warnings = (*self._warnings(), *self._read_info(module))
        if self.native is not None:
            self._compile(self.native, likely)
        self.compiled = self.native is not None and self.native.has_machine_code
        interpreter.plugin_loaded(again)

    def _warnings(self) -> tuple[str, ...]:
        """What the plugin may not mean as it is written."""
        classes = [
            each
            for each in type(self.plugin).__mro__
            if each.__module__ not in ("builtins", "abc", "base_plugin", "typing")
        ]
        if inspect.ismodule(self.plugin) or not any(
            spelling.meant(name, callable(value))
            for each in classes
            for name, value in vars(each).items()
        ):
            return ()
        files = set(self.namespace.files()) if self.namespace else {self._file}
        try:
            trees = {
                file: ast.parse(read(file)) for file in files if file[-3:] == ".py"
            }
        except (Unusable, SyntaxError, ValueError, RecursionError):
            return ()  # it is no source, or another one by now
        return tuple(spelling.warnings(trees, {each.__name__ for each in classes}))

    def _read_info(self, module: ModuleType) -> tuple[str, ...]:
        """Who it is, and what is wrong with its get_info(), which ends no stream."""
        is_module = inspect.ismodule(self.plugin)
        # That of our base class tells no more than the class and the module.
        own = not is_module and _is_own(method_of(self.plugin, "get_info"))
        try:
            told = self._call("get_info") if own else None
            self.info = info_of(self.plugin, module, told)
            return ()
        except Exception as error:
            self.info = info_of(self.plugin, module, None)
            _, name, message, file, line, _, _ = describe_exception(error)
            return (f"get_info() raised {name}: {message} ({file}:{line})",)

    @property
    def namespace_name(self) -> str:
        """Below which its modules are; "" for a module that is everybody's."""
        return self.namespace.name if self.namespace else ""

    def _compile(self, native: Native, likely: str) -> None:
        native.compile_for(self, likely)
        self.warnings += native.warnings
        # Where it is in the stream, if nothing else.
        self.carries_state = True
        # Asked for the default of our base class, Python would be called each second.
        self.has_latency = self.has_latency and _is_own(self._latency)
        # All that a compiled method gives is what it writes in place.
        if self.converts:
            raise unusable(
                f"{self.audio_name}() is compiled, and so gives what it gets: the "
                "plugin can declare no caps of its own",
                self._file,
                self.audio,
            )

    def code_files(self) -> tuple[str, ...]:
        """The plugin's file and its helpers', also where links lead to."""
        files = self.namespace.files() if self.namespace else [self._file]
        paths = {os.path.abspath(file) for file in files}
        return tuple(sorted(paths | {os.path.realpath(path) for path in paths}))

    def place_of(self, thing: object) -> tuple[str, int, str]:
        """(file, line, function) of one of its methods."""
        return place_of(thing, self._file)

    def _connect(self, post: Callable[[str, dict[str, Any]], None]) -> None:
        """Lets its post() reach the bus, and what it posted up to now."""
        if not hasattr(type(self.plugin), "_send_message"):
            return  # it has a base class of its own, or none
        posted = self.plugin.posted
        vars(self.plugin)["_send_message"] = post
        while posted:
            post(*posted.popleft())

    # -- the life of the instance; phases as the contract names them

    def _call(self, name: str, *arguments: Any) -> object:
        """What the plugin's method gives; None where the plugin has none."""
        method = method_of(self.plugin, name)
        return None if method is None else call(method, *arguments)

    def _ask(self, name: str) -> None:
        if _refused(self._call(name)):
            raise self._error("refused", getattr(self.plugin, name), "returned False")

    def _error(self, kind: str, method: object, said: str) -> PluginError:
        """What a method of the plugin did wrong, at its place."""
        text = f"{name_of(method)}() {said}"
        return PluginError(kind, text, *self.place_of(method))

    def preset(self, key: str, value: str) -> None:
        """Before initialize(), which may need it: a Param that was set.

        set_parameter() comes as well, afterwards: a plugin that has its own may
        do more, and need what initialize() makes.
        """
        param = self._params.all.get(key)
        if param is None:
            return
        try:
            now = param.parse(value)
        except ValueError:
            # The plugin may make something of texts that Param does not know.
            if self._has_own_setter():
                return
            raise
        setattr(self.plugin, key, now)

    def _has_own_setter(self) -> bool:
        return _is_own(method_of(self.plugin, "set_parameter"))

    def _place_of(self, method: object) -> tuple[str, int, str]:
        """A method of base_plugin is no place where anything could be mended."""
        return self.place_of(method) if _is_own(method) else (self._file, 0, "")

    def initialize(self) -> None:
        if not inspect.ismodule(self.plugin):
            self._ask("initialize")
        if self.namespace:
            self.namespace.adopt_paths()

    def preferences(self) -> tuple[int, int, int]:
        """A source's own rate, channels and frames; 0 where it says nothing."""

        def ask(*names: str) -> int:
            getter = method_of(self.plugin, *names)
            value = getter() if getter is not None else 0
            return max(0, min(value, 2**31 - 1)) if isinstance(value, int) else 0

        return (
            ask("get_sample_rate"),
            ask("get_channel_count", "get_channels"),
            ask("get_buffer_size"),
        )

    def start(
        self,
        rate: int,
        channels: int,
        frames: int,
        input_caps: str,
        output_caps: str,
        format: str = "F32",
        interleaved: bool = True,
    ) -> None:
        """`rate` and `channels` are 0 where the input is no raw audio."""
        self._rate = rate
        if inspect.ismodule(self.plugin):
            if self.native is not None:
                self.native.start(format, interleaved, channels)
            return
        set_caps = getattr(self.plugin, "set_caps", None)
        if callable(set_caps) and self.converts:
            set_caps(*self._caps_for(set_caps, input_caps, output_caps))
        if rate:
            self._set_format(rate, channels, frames)
        if self.native is not None:
            self.native.start(format, interleaved, channels)
        self._ask("start")

    def native_call(
        self, format: str, interleaved: bool
    ) -> tuple[int, int, int, list[tuple[str, int]], str, int, bool] | None:
        """After start(), for whoever calls it without Python: its address, where
        its parameters and its state are, the fields of the parameters, where it is
        written, and whether set_parameter() is the plugin's own.  None: Python has
        to be called."""
        address = self.native.address(format, interleaved) if self.native else 0
        if not self.native or not address:
            return None
        file, line, _ = self.place_of(self.audio)
        own = self._has_own_setter()
        return (address, *self.native.records(), self.native.fields(), file, line, own)

    def _caps_for(self, method: Any, *caps: str) -> tuple[str, ...]:
        """A source has no input and a sink no output, which need not be taken."""
        if self.kind == "processor":
            return caps
        parameters = inspect.signature(method).parameters.values()
        if any(each.kind is each.VAR_POSITIONAL for each in parameters):
            return caps
        named = (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        count = sum(each.kind in named for each in parameters)
        first = max(0, len(caps) - count) if self.kind == "source" else 0
        return caps[first : first + count]

    def _set_format(self, rate: int, channels: int, frames: int) -> None:
        self._call("set_sample_rate", rate)
        # Newer NDA plugins have the one, older ones the other, some both.
        for name in ("set_channel_count", "set_channels"):
            self._call(name, channels)
        set_size = method_of(self.plugin, "set_buffer_size")
        if set_size is not None:
            get_size = method_of(self.plugin, "get_buffer_size")
            size = get_size() if get_size is not None else None
            set_size(frames or (size if isinstance(size, int) and size > 0 else 512))

    def stop(self) -> None:
        self._call("stop")

    def shutdown(self) -> None:
        self._call("shutdown")

    def unload(self) -> None:
        """The instance is dropped and never initialised again."""
        try:
            instance: Any = weakref.ref(self.plugin)
        except TypeError:  # nobody can refer to it so
            instance = bool
        self.plugin = None
        del self.audio
        self._latency = self._space = self._get_state = self._set_state = None
        _offers.pop(str(id(self)), None)
        self._duration = self._seek = None
        self.regular = []
        if self.namespace:
            _forget(self.namespace)
            self.namespace = None
        interpreter.plugin_gone(instance() is not None)

    def regular_calls(self) -> list[tuple[str, int]]:
        """The methods that are called now and then, and how often, in ns."""
        return [(each.name, each.interval_ns) for each in self.regular]

    def call_regular(self, index: int) -> None:
        """Calls one of them, on a thread of its own."""
        self.regular[index].call()

    # -- between buffers

    def ask(self, name: str, place: int = 0) -> tuple[str, ...]:
        """One of the methods below that give numbers, or nothing: as texts."""
        told: Any = getattr(self, name)(*([place] if name == "seek" else []))
        numbers = () if told is None else told if isinstance(told, tuple) else (told,)
        # Of an int, whatever its class is. Of a list, as a tuple of what has no length
        # is cut to its size, and CPython keeps up to 2000 such for later.
        return tuple(
            ["%d" % each if isinstance(each, int) else repr(each) for each in numbers]
        )

    def set_parameter(self, key: str, value: str) -> str | None:
        """The value that the plugin now says it has, if it says any."""
        self._tell(key, value)
        return self._value_of(key)

    def set_parameter_beside(self, key: str, value: str) -> list[tuple[str, str]]:
        """While the audio method runs as machine code: what else the plugin has
        made of its parameters, which the record does not have."""
        assert self.native is not None
        before = self.native.texts()
        try:
            self._tell(key, value)
        except Exception:
            if key in self.secrets:
                text = f"refused the secret parameter {key}"
                raise PluginError("refused", text) from None
            raise
        asked = self._text_for(key, value)
        return [
            (name, text)
            for name, text in self.native.texts().items()
            if text != before[name] and (name, text) != (key, asked)
        ]

    def _text_for(self, key: str, value: str) -> str:
        param = self._params.all.get(key)
        try:
            return value if param is None else str(param.format(param.parse(value)))
        except ValueError:
            return value

    def _tell(self, key: str, value: str) -> None:
        setter = method_of(self.plugin, "set_parameter")
        param = self._params.all.get(key)
        if setter is None and param is not None:
            setattr(self.plugin, key, param.parse(value))
        elif setter is None:
            raise PluginError(
                "refused",
                f"has no set_parameter(), so {key}={value} means nothing"
                + self._params.advice(key),
                self._file,
            )
        elif _refused(call(setter, key, value)):
            raise PluginError(
                "refused",
                f"refused the parameter {key}={value}" + self._params.advice(key),
                *self._place_of(setter),
            )

    def values(self) -> tuple[str, ...]:
        """Pairs: a Param and the value that the plugin has, unless it hides it."""
        pairs = [(key, self._value_of(key)) for key in self._params.all]
        return tuple(text for key, now in pairs if now for text in (key, now))

    def _value_of(self, key: str) -> str | None:
        if key in self.secrets:
            return None
        getter = method_of(self.plugin, "get_parameter")
        # Before base_plugin makes a text of it.
        self._check_value(key, getattr(self.plugin, "__dict__", {}).get(key), None)
        if getter is None and key in self._params.all:
            return str(self._params.all[key].format(getattr(self.plugin, key)))
        now = getter(key) if getter is not None else None
        self._check_value(key, now, getter)
        return now if isinstance(now, str) and now else None

    def _check_value(self, key: str, value: object, getter: object) -> None:
        if is_large(value, MOST_VALUE):
            raise PluginError(
                "bad-result",
                f"{key} is now {shown(value)}: no parameter has a value of more than "
                f"{MOST_VALUE} characters",
                *self._place_of(getter),
            )

    def get_output_caps(self, input_caps: str) -> tuple[str, str, int, str]:
        """(caps, file, line, function): the answer and whose it is."""
        return self._mapped_caps("get_output_caps", input_caps)

    def get_input_caps(self, output_caps: str) -> tuple[str, str, int, str]:
        """As get_output_caps(), for the inverse."""
        return self._mapped_caps("get_input_caps", output_caps)

    def _mapped_caps(self, name: str, caps: str) -> tuple[str, str, int, str]:
        method = getattr(self.plugin, name)
        mapped = call(method, *self._caps_for(method, caps))
        if isinstance(mapped, str) and len(mapped) <= MOST_CAPS:
            return (as_c_string(mapped), *self.place_of(method))
        raise self._error(
            "bad-result",
            method,
            (
                f"gave {len(mapped)} characters, which are longer than any caps"
                if isinstance(mapped, str)
                else f"gave {shown(mapped)}, not a string of GStreamer caps"
            ),
        )

    def latency(self) -> float:
        """In seconds."""
        assert self._latency is not None
        told = call(self._latency)
        seconds = _number(told)
        if seconds <= LONGEST_LATENCY:
            return seconds
        raise self._bad_result(self._latency, told, ", which is no time in seconds")

    def _bad_result(self, method: object, told: object, why: str) -> PluginError:
        return self._error("bad-result", method, f"gave {shown(told)}{why}")

    def duration(self) -> int | None:
        """In ns; None where it does not know.

        An int is a number of frames, as seek() gets them, and a float seconds,
        as everything else that plugins say of time.
        """
        assert self._duration is not None
        told = call(self._duration)
        if told is None or told == math.inf:
            return None
        try:
            frames = operator.index(told) if self._rate else None
        except TypeError:
            frames = None
        try:
            if frames is not None:
                length = (frames * 10**9 + self._rate // 2) // self._rate
            else:
                length = round(float(told) * 1e9)
            if 0 <= length < 2**63:
                return length
        except (TypeError, ValueError, OverflowError):
            pass
        why = "; it must be an int, which is frames, a float, which is seconds, or None"
        raise self._bad_result(self._duration, told, why)

    def seek(self, place: int) -> None:
        """To a frame; to a time in ns where it gives no raw audio."""
        assert self._seek is not None
        if _refused(call(self._seek, place if self._rate else place / 1e9)):
            text = f"{name_of(self._seek)}({place}) returned False"
            raise PluginError("refused", text, *self.place_of(self._seek))

    def available_space(self) -> int:
        """Frames a sink can take; less than none is none."""
        assert self._space is not None
        told = self._space()
        frames = _number(told)
        if math.isnan(frames):
            raise self._bad_result(self._space, told, ", which is no number of frames")
        return int(max(0, min(frames, 2**31 - 1)))

    def unlock(self) -> None:
        plugin: Any = self.plugin
        if plugin is not None:  # it was replaced meanwhile
            plugin.unlock()

    def reset(self) -> None:
        call(self.plugin.reset)

    def get_state(self) -> object:
        if self.native is not None:
            own = self._get_state() if self._get_state and self._carries_own else None
            return self.native.carried(own)
        assert self._get_state is not None
        return call(self._get_state)

    def set_state(self, state: object) -> None:
        fields, own = taken_apart(state)
        if self.native is not None:
            self.native.restore(fields)
        if (own is None and own is not state) or not self._carries_own:
            return
        assert self._set_state is not None
        if _refused(call(self._set_state, own)):
            raise self._error("refused", self._set_state, "returned False")

    def offer_state(self) -> str:
        """The name of what get_state() gives, as long as this plugin is loaded."""
        state = self.get_state()
        _offers[str(id(self))] = state
        return str(id(self))

    def adopt_state(self, name: str) -> None:
        self.set_state(_offers.pop(name))

    def unfit_state(self, name: str, why: str) -> PluginError:
        """`name`: whose answer, or whose argument, cannot be used."""
        method = self._get_state if name == "get_state" else self._set_state
        return self._error("bad-result", method, why)

    def drain(self) -> object:
        return call(self.plugin.drain)

    def add_input(self, name: str, channels: int) -> None:
        self._call("add_input", name, channels)

    def remove_input(self, name: str) -> None:
        self._call("remove_input", name)

    def change_inputs(self, ports: list[tuple[str, str, int]]) -> dict[str, Any]:
        """A mixer has these from here on, the name, format and channels of each.
        The InputParams of one that is new."""
        if self.native is not None:
            self.native.change_inputs(ports)
        return self.input_defaults()

    def native_inputs(self) -> tuple[int, list[int], list[tuple[str, int]], int]:
        """As native_call(), of a mixer, whenever its inputs have changed."""
        assert self.native is not None
        return self.native.inputs()

    def input_defaults(self) -> dict[str, Any]:
        """The InputParams of an input that nobody has set any of."""
        return {name: each.default for name, each in self._params.of_inputs.items()}

    def input_value(self, name: str, text: str) -> Any:
        """What a text means for one of them. Raises PluginError."""
        param = self._params.of_inputs.get(name)
        if param is None:
            there = ", ".join(self._params.of_inputs) or "none"
            text = f"has no InputParam {name!r}; there is {there}"
            raise PluginError("refused", text, self._file)
        try:
            return param.parse(text)
        except ValueError as error:
            raise PluginError("refused", str(error), self._file) from None

    def complain(
        self, kind: str = "refused", type: str = "", message: str = "returned False"
    ) -> None:
        """What is wrong with the audio method, at its place. Without arguments: it said
        no.
        """
        raise PluginError(
            kind,
            f"{self.audio_name}() {message}",
            *self.place_of(self.audio),
            type=type,
        )
