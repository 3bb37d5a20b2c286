# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Python half of the elements: finds, loads and describes one plugin.

The C++ side calls load() once for each element and keeps the Host it returns;
only the audio method itself is then called for each buffer, and not through
this file. Plugins import base_plugin, never this module.
"""

from __future__ import annotations

import gc
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterable
from types import FrameType, FunctionType, ModuleType, TracebackType
from typing import Any, Callable

import pythonfilter_loader as loader
import pythonfilter_logging as log
import pythonfilter_params as params

AUDIO_METHODS = {
    "source": ("read_audio", "readAudio"),
    "processor": ("process_audio", "processAudio"),
    "sink": ("write_audio", "writeAudio"),
}
ELEMENTS = {
    "source": "pythonsrc",
    "processor": "pythonfilter",
    "sink": "pythonsink",
}
FORMATS = ("F32", "F64", "S16", "S32")
LAYOUTS = ("interleaved", "non-interleaved")
REMAINDERS = ("pad", "pass")
MAX_BLOCK_SIZE = 2**20


class PluginError(Exception):
    """A failure that is told in one sentence and needs no traceback.

    kind: "not-found", "unusable", "refused" or "bad-result"; type: the class
    of exception it stands for, or "".
    """

    def __init__(
        self,
        kind: str,
        message: str,
        file: str = "",
        line: int = 0,
        function: str = "",
        type: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.file = file
        self.line = line
        self.function = function
        self.type = type


# ---- the interpreter --------------------------------------------------------


def prepare_interpreter(ours: bool, venv: str) -> None:
    """Before NumPy is imported. `ours`: no application shares this Python."""
    global _ours
    _ours = ours
    if ours:
        # Standard output belongs to the application: it may be a stream.
        sys.stdout = sys.stderr
        # A busy Python thread otherwise holds every buffer up for 5 ms.
        sys.setswitchinterval(0.0005)
        venv = venv or os.environ.get("VIRTUAL_ENV", "")
    if venv:
        use_venv(venv)
    loader.install()


def prepare_worker() -> None:
    """In a process that runs nothing but plugins; its NumPy is imported."""
    global _ours
    _ours = True
    sys.setswitchinterval(0.0005)
    loader.install()


def log_with(anonymous: log.Log) -> None:
    """`anonymous`: for what no plugin's own logger says."""
    log.install(_ours, anonymous)


def names() -> tuple[Any, Any, Any]:
    """What the C++ side keeps: load(), PluginTimeout, AudioBuffer."""
    base = loader.base_plugin()
    return load, base.PluginTimeout, base.AudioBuffer


_ours = False
_live = 0
_frozen = 0  # modules on sys.modules that are nobody's own, when last frozen
_reloads = False


def _shared_modules() -> int:
    return sum(not name.startswith(loader.PREFIX) for name in list(sys.modules))


def _plugin_loaded(again: bool) -> None:
    global _live, _frozen, _reloads
    _live += 1
    _reloads = _reloads or again
    if _ours and (not again or _shared_modules() != _frozen):
        # What is loaded now stays; collections then need not walk it again
        # (2 million objects were measured at 187 ms, in one buffer). Not so
        # code that replaces another and is itself replaced soon: what is
        # frozen is never found to be garbage. Unless it imported a library.
        gc.freeze()
        _frozen = _shared_modules()


def _plugin_gone() -> None:
    global _live
    _live -= 1
    if _ours and _live == 0:
        # Nobody plays: the time to find what the unloaded modules left.
        gc.unfreeze()
        gc.collect()
    elif _ours and _reloads:
        # Little is not frozen; and else it would wait for a collection that
        # comes in the middle of a buffer.
        gc.collect()


def use_venv(path: str) -> None:
    """Puts a virtual environment's site-packages first on sys.path.

    Raises PluginError when it is none, or belongs to another Python version.
    """
    config = os.path.join(path, "pyvenv.cfg")
    try:
        with open(config, encoding="utf-8") as file:
            pairs = [line.partition("=") for line in file]
    except OSError as error:
        raise PluginError(
            "unusable", f"{path} is not a virtual environment: {error}"
        ) from None
    settings = {key.strip().lower(): value.strip() for key, _, value in pairs}
    version = settings.get("version", "") or settings.get("version_info", "")
    theirs = ".".join(version.split(".")[:2])
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if theirs and theirs != ours:
        raise PluginError(
            "unusable",
            f"the virtual environment {path} was made for Python {theirs}, "
            f"but this element runs Python {ours}: make one with "
            f"python{ours} -m venv",
        )
    packages = os.path.join(path, "lib", f"python{ours}", "site-packages")
    if packages in sys.path:
        return
    import site

    before = list(sys.path)
    site.addsitedir(packages)
    added = [entry for entry in sys.path if entry not in before]
    sys.path[:] = added + before
    if _ours:
        sys.prefix = sys.exec_prefix = os.path.abspath(path)
        executable = os.path.join(path, "bin", "python3")
        if os.path.exists(executable):
            sys.executable = executable


# ---- failures ---------------------------------------------------------------


_WORKER = os.path.join(loader.HERE, "pythonfilter_worker")


def _is_machinery(file: str) -> bool:
    folder, name = os.path.split(file)
    if folder == loader.HERE:
        return name.startswith("pythonfilter_")
    return folder == _WORKER or file.startswith("<frozen ")


def _own_frames(
    trace: TracebackType | None,
) -> traceback.StackSummary:
    """Without the frames of this file and of the import machinery."""
    summary = traceback.extract_tb(trace)
    return traceback.StackSummary.from_list(
        [frame for frame in summary if not _is_machinery(frame.filename)]
    )


def describe_exception(
    error: BaseException,
) -> tuple[str, str, str, str, int, str, str]:
    """(kind, type, message, file, line, function, traceback) of an exception."""
    kind, name, message, file, line, function, trace = _describe(error)
    return (
        kind,
        _as_c_string(name),
        _as_c_string(message),
        _as_c_string(file),
        line,
        _as_c_string(function),
        _as_c_string(trace),
    )


def _as_c_string(text: str) -> str:
    """Without NULs and lone surrogates, which UTF-8 and a GstMessage lack."""
    shown = text.replace("\0", "\\0").encode("utf-8", "backslashreplace")
    return shown.decode("utf-8")


def _describe(error: BaseException) -> tuple[str, str, str, str, int, str, str]:
    if isinstance(error, PluginError):
        return (
            error.kind,
            error.type,
            str(error),
            error.file,
            error.line,
            error.function,
            str(error),
        )
    name = type(error).__qualname__
    if type(error).__module__ not in ("builtins", "__main__"):
        name = f"{type(error).__module__}.{name}"
        name = name.removeprefix("base_plugin.")
        if name.startswith(loader.PREFIX):
            name = name.partition(".")[2]
    try:
        message = str(error)
    except BaseException as nested:  # its __str__ is the plugin's code as well
        message = f"(its __str__ raised {type(nested).__name__})"
    message = " ".join(message.split())
    if _is_called(error, "DropBuffer"):
        # Whoever sends bad packets decides how many, and a traceback is slow.
        return "dropped", name, message, "", 0, "", ""
    frames = _own_frames(error.__traceback__)
    file, line, function = "", 0, ""
    if frames:
        last = _deepest_plugin_frame(frames)
        file, line, function = last.filename, last.lineno or 0, last.name
    if isinstance(error, SyntaxError) and error.filename:
        file, line = error.filename, error.lineno or 0
        message = error.msg
    kind = "end-of-stream" if _is_called(error, "EndOfStream") else "raised"
    return kind, name, message, file, line, function, _format(error, frames)


def _is_called(error: BaseException, name: str) -> bool:
    """By name: a plugin may bring a base_plugin of its own."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def _deepest_plugin_frame(
    frames: traceback.StackSummary,
) -> traceback.FrameSummary:
    """The innermost line of the plugin's own folder, not of a library."""
    for frame in reversed(frames):
        if loader.is_plugin_file(frame.filename):
            return frame
    return frames[-1]


def _format(error: BaseException, frames: traceback.StackSummary) -> str:
    try:
        shown = traceback.TracebackException.from_exception(error)
        shown.stack = frames
        return "".join(shown.format()).rstrip()
    except BaseException:  # a repr in it raised
        return "".join(frames.format()).rstrip()


def stack_of_thread(thread: int) -> str:
    """Where a thread stands; for the warning about a call that hangs."""
    frame: FrameType | None = sys._current_frames().get(thread)
    if frame is None:
        return ""
    summary = traceback.StackSummary.from_list(
        [
            entry
            for entry in traceback.extract_stack(frame)
            if not _is_machinery(entry.filename)
        ]
    )
    return "".join(summary.format()).rstrip()


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
) -> Host:
    """Loads a plugin and makes its instance; does not initialize() it.

    `post` and `log_record` take what it tells; without an element nobody does.
    `again`: its code replaces one that runs, which may have been another.
    """
    if venv:
        use_venv(venv)
    log.set_threshold(log_threshold)
    namespace: loader.Namespace | None = None
    if script:
        path = _check_script(script)
        namespace = loader.Namespace(path)
        if log_record is not None:
            log.open_plugin(namespace.name, log_record)
        try:
            loaded = namespace.load()
            return Host(kind, loaded, class_name, script, namespace, post, again)
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
    return Host(kind, loaded, class_name, module, None, post, again)


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
    log.close_plugin(namespace.name)


def _check_script(script: str) -> str:
    path = os.path.abspath(os.path.expanduser(script))
    if os.path.isdir(path):
        raise PluginError("not-found", "is a directory, not a .py file", script)
    if not os.path.exists(path):
        raise PluginError("not-found", "there is no such file", script)
    if not os.access(path, os.R_OK):
        raise PluginError("not-found", "may not be read", script)
    return path


def _method(instance: object, *spellings: str) -> Callable[..., Any] | None:
    for name in spellings:
        method = getattr(instance, name, None)
        if callable(method):
            return method  # type: ignore[no-any-return]
    return None


def _refused(answer: object) -> bool:
    """False and numpy.False_ mean no; None and anything else mean yes."""
    return answer is False or (
        type(answer).__name__ in ("bool_", "bool") and not answer
    )


class Host:
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
    ) -> None:
        self._name = name
        self._file = getattr(module, "__file__", None) or name
        self._namespace = namespace
        self.kind = kind
        self.plugin = self._make_instance(module, class_name)
        if post is not None:
            self._connect(post)
        audio = _method(self.plugin, *AUDIO_METHODS[kind])
        if audio is None:
            raise self._wrong_kind(self.plugin)
        if inspect.iscoroutinefunction(audio) or inspect.isasyncgenfunction(audio):
            raise self._unusable(
                f"{_name_of(audio)} is `async def`; it must be a plain function", audio
            )
        self.audio = audio
        self.audio_name = _name_of(audio)
        self._read_class_attributes()
        self.has_reset = _method(self.plugin, "reset") is not None
        self.has_drain = _method(self.plugin, "drain") is not None
        self._latency = _method(
            self.plugin, "get_processing_latency", "getProcessingLatency"
        )
        self.has_latency = self._latency is not None
        self.has_unlock = _method(self.plugin, "unlock") is not None
        self._space = _method(
            self.plugin, "get_available_space", "getAvailableSpace"
        )
        # The default of our base class knows nothing about any device.
        self.has_space = (
            self._space is not None
            and getattr(self._space, "__module__", "") != "base_plugin"
        )
        # Any base_plugin has a get_state(), which says in which state of its
        # life a plugin is: only with the other one it is the plugin's own.
        self._get_state = _method(self.plugin, "get_state", "getState")
        self._set_state = _method(self.plugin, "set_state", "setState")
        self.carries_state = None not in (self._get_state, self._set_state)
        self.files = self._code_files()
        _plugin_loaded(again)

    @property
    def namespace_name(self) -> str:
        """Below which its modules are; "" for a module that is everybody's."""
        return self._namespace.name if self._namespace else ""

    def _code_files(self) -> tuple[str, ...]:
        """The plugin's file and its helpers', also where links lead to."""
        files = self._namespace.files() if self._namespace else [self._file]
        paths = {os.path.abspath(file) for file in files}
        return tuple(sorted(paths | {os.path.realpath(path) for path in paths}))

    # -- making the instance

    def _make_instance(self, module: ModuleType, class_name: str) -> object:
        if class_name:
            cls = getattr(module, class_name, None)
            if not inspect.isclass(cls):
                found = ", ".join(c.__name__ for c in self._classes(module)) or "none"
                raise self._unusable(
                    f"has no class {class_name!r} (plugin classes in it: {found})"
                )
            return cls()
        create = getattr(module, "create_plugin", None) or getattr(
            module, "createPlugin", None
        )
        if callable(create):
            instance: object = create()
            if instance is None:
                raise self._unusable("create_plugin() returned None", create)
            return instance
        classes = self._classes(module)
        if len(classes) == 1:
            made: object = classes[0]()
            return made
        if classes:
            listed = ", ".join(cls.__name__ for cls in classes)
            raise self._unusable(
                f"has several plugin classes ({listed}): choose one with class="
            )
        if _method(module, *AUDIO_METHODS[self.kind]):
            return module
        raise self._wrong_kind(module)

    def _classes(self, module: ModuleType) -> list[type]:
        return [
            cls
            for cls in vars(module).values()
            if inspect.isclass(cls)
            and cls.__module__ == module.__name__
            and not inspect.isabstract(cls)
            and _method(cls, *AUDIO_METHODS[self.kind])
        ]

    def _wrong_kind(self, candidate: object) -> PluginError:
        want = AUDIO_METHODS[self.kind][0]
        objects = [candidate]
        if inspect.ismodule(candidate):
            objects += [c for c in vars(candidate).values() if inspect.isclass(c)]
        for kind, spellings in AUDIO_METHODS.items():
            for thing in objects:
                defined = _method(thing, *spellings)
                if kind == self.kind or defined is None:
                    continue
                if getattr(thing, "__module__", "") == "base_plugin":
                    continue
                return self._unusable(
                    f"has no {want}(); its {_name_of(defined)}() belongs to the "
                    f"element {ELEMENTS[kind]}"
                )
        abstract = [
            f"{cls.__name__} lacks {_listed(getattr(cls, '__abstractmethods__', ()))}"
            for cls in objects
            if inspect.isclass(cls)
            and inspect.isabstract(cls)
            and cls.__module__ == getattr(candidate, "__name__", "")
        ]
        if abstract:
            return self._unusable(f"has only abstract classes ({'; '.join(abstract)})")
        return self._unusable(
            f"has no plugin: no create_plugin(), no class with {want}(buffer) "
            f"and no function {want}(buffer)"
        )

    def _unusable(self, message: str, place: object = None) -> PluginError:
        return PluginError("unusable", message, *self._place(place))

    def _place(self, place: object) -> tuple[str, int, str]:
        function = inspect.unwrap(place) if callable(place) else None
        function = getattr(function, "__func__", function)
        if not isinstance(function, FunctionType):
            return self._file, 0, ""
        code = function.__code__
        return code.co_filename, code.co_firstlineno, function.__name__

    def _connect(self, post: Callable[[str, dict[str, Any]], None]) -> None:
        """Lets its post() reach the bus, and what it posted up to now."""
        if not hasattr(type(self.plugin), "_send_message"):
            return  # it has a base class of its own, or none
        posted = self.plugin.posted  # type: ignore[attr-defined]
        vars(self.plugin)["_send_message"] = post
        while posted:
            post(*posted.popleft())

    # -- what the plugin says of itself

    def _declared(self, name: str) -> Any:
        """Of the class: instances use `self.channels` for what is now."""
        place = self.plugin if inspect.ismodule(self.plugin) else type(self.plugin)
        value = getattr(place, name, None)
        return None if callable(value) or hasattr(value, "__get__") else value

    def _read_class_attributes(self) -> None:
        formats = _as_names(self._declared("formats")) or ("F32",)
        self.formats = tuple(name.removesuffix(_native_suffix()) for name in formats)
        layouts = _as_names(self._declared("layouts")) or LAYOUTS
        for what, given, known in (
            ("formats", self.formats, FORMATS),
            ("layouts", layouts, LAYOUTS),
        ):
            wrong = [name for name in given if name not in known]
            if wrong:
                raise self._unusable(
                    f"declares {what} = {given!r}, but only {', '.join(known)} exist"
                )
        self.interleaved = "interleaved" in layouts
        self.non_interleaved = "non-interleaved" in layouts
        self.rates = self._ranges("rates", 1, 2**31 - 1)
        self.channels = self._ranges("channels", 1, 64)
        self.read_only = self._declared("read_only") is True
        self._read_conversion()
        self._read_params()
        self._read_promises()
        self.block_size, self.pass_remainder = self._blocks()

    def _read_params(self) -> None:
        try:
            self._params = params.Params(type(self.plugin))
        except ValueError as error:
            raise self._unusable(str(error)) from None
        self.parameters = self._params.describe()

    def _read_conversion(self) -> None:
        """What it says of itself if its output is not like its input."""
        self.input_caps = self._caps("input_caps")
        self.output_caps = self._caps("output_caps")
        self.maps_to_output = _method(self.plugin, "get_output_caps") is not None
        self.maps_to_input = _method(self.plugin, "get_input_caps") is not None
        self.as_bytes = self._declared("as_bytes") is True
        self.converts = bool(
            self.input_caps
            or self.output_caps
            or self.maps_to_output
            or self.maps_to_input
            or self.as_bytes
        )
        if self.converts and self.kind != "processor":
            raise self._unusable(
                "declares caps of its own (input_caps, output_caps, as_bytes, "
                "get_output_caps), which only pythonfilter can honour"
            )

    def _caps(self, name: str) -> str:
        value = self._declared(name)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.strip():
            raise self._unusable(
                f"declares {name} = {value!r}; it must be a string of GStreamer "
                "caps, such as 'application/x-sframe'"
            )
        return value

    def _read_promises(self) -> None:
        """What must not be overlooked: also of the instance, and never a guess."""
        closed = getattr(self.plugin, "fail_closed", False)
        if not isinstance(closed, bool):
            raise self._unusable(
                f"declares fail_closed = {closed!r}; it must be True or False"
            )
        self.fail_closed = closed
        secrets = getattr(self.plugin, "secrets", ())
        if inspect.ismodule(secrets):  # of a module that imports Python's own
            secrets = ()
        if isinstance(secrets, str):
            secrets = (secrets,)
        if not isinstance(secrets, (tuple, list, set, frozenset)) or not all(
            isinstance(name, str) for name in secrets
        ):
            raise self._unusable(
                f"declares secrets as {type(secrets).__name__}; it must be a tuple "
                f"of the names of parameters"
            )
        self.secrets = tuple(sorted({*secrets, *self._params.secrets()}))

    def _blocks(self) -> tuple[int, bool]:
        """Frames of each call, 0 for any; whether the last one gets fewer."""
        if self.kind != "processor":
            return 0, False
        size = self._declared("block_size")
        if size is None:
            size = 0
        if type(size) is not int or not 0 <= size <= MAX_BLOCK_SIZE:
            raise self._unusable(
                f"declares block_size = {size!r}; it must be an int from 0 to "
                f"{MAX_BLOCK_SIZE}"
            )
        remainder = self._declared("block_remainder")
        if remainder not in (None, *REMAINDERS):
            raise self._unusable(
                f"declares block_remainder = {remainder!r}, but only "
                f"{', '.join(REMAINDERS)} exist"
            )
        return size, remainder == "pass"

    def _ranges(self, name: str, least: int, most: int) -> tuple[tuple[int, int], ...]:
        """None, an int, a range, or a collection of ints; () is "any"."""
        value = self._declared(name)
        if value is None:
            return ()
        if isinstance(value, int):
            ranges = [(value, value)]
        elif isinstance(value, range) and value.step == 1 and value:
            ranges = [(value.start, value.stop - 1)]
        elif isinstance(value, (tuple, list, set, frozenset, range)) and value:
            ranges = [(each, each) for each in value]
        else:
            ranges = [(least - 1, least - 1)]
        for low, high in ranges:
            if not (isinstance(low, int) and least <= low <= high <= most):
                raise self._unusable(
                    f"declares {name} = {value!r}; it must be an int, a range or a "
                    f"tuple of ints from {least} to {most}"
                )
        return tuple(ranges)

    # -- the life of the instance; phases as the contract names them

    def _ask(self, *spellings: str) -> None:
        method = _method(self.plugin, *spellings)
        if method is not None and _refused(method()):
            raise PluginError(
                "refused", f"{_name_of(method)}() returned False", *self._place(method)
            )

    def initialize(self) -> None:
        if not inspect.ismodule(self.plugin):
            self._ask("initialize")
        if self._namespace:
            self._namespace.adopt_paths()

    def preferences(self) -> tuple[int, int, int]:
        """A source's own rate, channels and frames; 0 where it says nothing."""

        def ask(*spellings: str) -> int:
            getter = _method(self.plugin, *spellings)
            value = getter() if getter is not None else 0
            return value if isinstance(value, int) and value > 0 else 0

        return (
            ask("get_sample_rate", "getSampleRate"),
            ask("get_channel_count", "getChannelCount", "get_channels", "getChannels"),
            ask("get_buffer_size", "getBufferSize"),
        )

    def start(
        self, rate: int, channels: int, frames: int, input_caps: str, output_caps: str
    ) -> None:
        """`rate` and `channels` are 0 where the input is no raw audio."""
        if inspect.ismodule(self.plugin):
            return
        set_caps = _method(self.plugin, "set_caps")
        if set_caps is not None and self.converts:
            set_caps(input_caps, output_caps)
        if rate:
            self._set_format(rate, channels, frames)
        self._ask("start")

    def _set_format(self, rate: int, channels: int, frames: int) -> None:
        set_rate = _method(self.plugin, "set_sample_rate", "setSampleRate")
        if set_rate is not None:
            set_rate(rate)
        # Newer NDA plugins have the one, older ones the other, some both.
        for spellings in (
            ("set_channel_count", "setChannelCount"),
            ("set_channels", "setChannels"),
        ):
            set_channels = _method(self.plugin, *spellings)
            if set_channels is not None:
                set_channels(channels)
        set_size = _method(self.plugin, "set_buffer_size", "setBufferSize")
        if set_size is not None:
            get_size = _method(self.plugin, "get_buffer_size", "getBufferSize")
            size = get_size() if get_size is not None else None
            set_size(frames or (size if isinstance(size, int) and size > 0 else 512))

    def stop(self) -> None:
        method = _method(self.plugin, "stop")
        if method is not None:
            method()

    def shutdown(self) -> None:
        method = _method(self.plugin, "shutdown")
        if method is not None:
            method()

    def unload(self) -> None:
        """The instance is dropped and never initialised again."""
        self.plugin = None
        del self.audio
        self._latency = self._space = self._get_state = self._set_state = None
        if self._namespace:
            _forget(self._namespace)
        _plugin_gone()

    # -- between buffers

    def set_parameter(self, key: str, value: str) -> str | None:
        """The value that the plugin now says it has, if it says any."""
        setter = _method(self.plugin, "set_parameter", "setParameter")
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
        elif _refused(setter(key, value)):
            raise PluginError(
                "refused",
                f"refused the parameter {key}={value}" + self._params.advice(key),
                *self._place(setter),
            )
        return self._value_of(key)

    def values(self) -> tuple[str, ...]:
        """Of the Params, as the plugin has them; "" for one that it hides."""
        return tuple(self._value_of(key) or "" for key in self._params.all)

    def _value_of(self, key: str) -> str | None:
        if key in self.secrets:
            return None
        getter = _method(self.plugin, "get_parameter", "getParameter")
        if getter is None and key in self._params.all:
            return str(self._params.all[key].format(getattr(self.plugin, key)))
        now = getter(key) if getter is not None else None
        return now if isinstance(now, str) and now else None

    def get_output_caps(self, input_caps: str) -> tuple[str, str, int, str]:
        """(caps, file, line, function): the answer and whose it is."""
        return self._mapped_caps("get_output_caps", input_caps)

    def get_input_caps(self, output_caps: str) -> tuple[str, str, int, str]:
        """The same of the inverse."""
        return self._mapped_caps("get_input_caps", output_caps)

    def _mapped_caps(self, name: str, caps: str) -> tuple[str, str, int, str]:
        method = getattr(self.plugin, name)
        mapped = method(caps)
        if isinstance(mapped, str):
            return (_as_c_string(mapped), *self._place(method))
        raise PluginError(
            "bad-result",
            f"{name}() gave {mapped!r}, not a string of GStreamer caps",
            *self._place(method),
        )

    def latency(self) -> float:
        """In seconds."""
        assert self._latency is not None
        return float(self._latency())

    def available_space(self) -> int:
        """Frames a sink can take; less than none is none."""
        assert self._space is not None
        return max(0, min(int(self._space()), 2**31 - 1))

    def unlock(self) -> None:
        plugin: Any = self.plugin
        if plugin is not None:  # it was replaced meanwhile
            plugin.unlock()

    def reset(self) -> None:
        self.plugin.reset()  # type: ignore[attr-defined]

    def get_state(self) -> object:
        assert self._get_state is not None
        return self._get_state()

    def set_state(self, state: object) -> None:
        assert self._set_state is not None
        if _refused(self._set_state(state)):
            raise PluginError(
                "refused",
                f"{_name_of(self._set_state)}() returned False",
                *self._place(self._set_state),
            )

    def unfit_state(self, name: str, why: str) -> PluginError:
        """`name`: whose answer, or whose argument, cannot be used."""
        method = self._get_state if name == "get_state" else self._set_state
        return PluginError(
            "bad-result", f"{_name_of(method)}() {why}", *self._place(method)
        )

    def drain(self) -> object:
        return self.plugin.drain()  # type: ignore[attr-defined]

    def complain(self, kind: str, type: str, message: str) -> None:
        raise PluginError(
            kind, f"{self.audio_name}() {message}", *self._place(self.audio), type=type
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _name_of(function: object) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def _as_names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (tuple, list, set, frozenset)):
        return tuple(str(name) for name in value)
    return ()


def _native_suffix() -> str:
    return "LE" if sys.byteorder == "little" else "BE"
