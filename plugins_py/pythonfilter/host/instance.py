# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds the plugin in a module, and makes its instance."""

from __future__ import annotations

import difflib
import inspect
from types import ModuleType
from typing import Any, Callable

from ..failures import PluginError, place_of, unusable
from ..kinds import ARGUMENTS, AUDIO_METHODS, ELEMENTS


def method_of(instance: object, *names: str) -> Callable[..., Any] | None:
    """The first of these that the instance has, called so or in camel case."""
    for name in names:
        head, *tail = name.split("_")
        for spelling in (name, head + "".join(map(str.capitalize, tail))):
            method = getattr(instance, spelling, None)
            if callable(method):
                return method  # type: ignore[no-any-return]
    return None


def call(method: Callable[..., Any], *arguments: Any) -> Any:
    """What the plugin's method gives. Python names no line where a method takes
    other arguments, since nothing of it has run: then it is that of the method."""
    try:
        return method(*arguments)
    except TypeError as error:
        ran = error.__traceback__ is None or error.__traceback__.tb_next is not None
        file, line, name = place_of(method, "")
        if ran or not line:
            raise
        trace = (
            "Traceback (most recent call last):\n"
            f'  File "{file}", line {line}, in {name}\nTypeError: {error}'
        )
        told = PluginError("raised", str(error), file, line, name, "TypeError", trace)
        raise told from error


def name_of(function: object) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def check_arguments(kind: str, audio: Callable[..., Any], file: str) -> None:
    """Raises PluginError where it cannot be called with a buffer, or what else its
    kind gets: what Python says of such a call names no line."""
    try:
        # What a decorator wraps may take more than it does itself.
        signature = inspect.signature(audio, follow_wrapped=False)
    except (TypeError, ValueError):  # not every callable tells
        return
    try:
        signature.bind(*ARGUMENTS[kind])
    except TypeError as error:
        given = f"({', '.join(ARGUMENTS[kind])})"
        if given == "(buffer)":
            given = "the buffer alone"
        raise unusable(
            f"{name_of(audio)}() is called with {given}, which its "
            f"arguments do not allow: {error}",
            file,
            audio,
        ) from None


def make_instance(kind: str, module: ModuleType, class_name: str, file: str) -> object:
    """What `module`, which is in `file`, makes of itself.  Raises PluginError."""
    if class_name:
        cls = getattr(module, class_name, None)
        if not inspect.isclass(cls):
            found = ", ".join(c.__name__ for c in _classes(kind, module)) or "none"
            raise unusable(
                f"has no class {class_name!r} (plugin classes in it: {found})", file
            )
        return cls()
    create = getattr(module, "create_plugin", None) or getattr(
        module, "createPlugin", None
    )
    if callable(create):
        instance: object = create()
        if instance is None:
            raise unusable("create_plugin() returned None", file, create)
        return instance
    classes = _classes(kind, module)
    if len(classes) == 1:
        made: object = classes[0]()
        return made
    if classes:
        listed = ", ".join(cls.__name__ for cls in classes)
        raise unusable(
            f"has several plugin classes ({listed}): choose one with class=", file
        )
    if method_of(module, *AUDIO_METHODS[kind]):
        return module
    raise wrong_kind(kind, module, file)


def _classes(kind: str, module: ModuleType) -> list[type]:
    return [
        cls
        for cls in vars(module).values()
        if inspect.isclass(cls)
        and _is_of(cls, module)
        and not inspect.isabstract(cls)
        and method_of(cls, *AUDIO_METHODS[kind])
    ]


def _is_of(cls: type, module: ModuleType) -> bool:
    """Whether a class is the module's own; of a package, its submodules' too."""
    inside = module.__name__ + "."
    return cls.__module__ == module.__name__ or (
        hasattr(module, "__path__") and cls.__module__.startswith(inside)
    )


def wrong_kind(kind: str, candidate: object, file: str) -> PluginError:
    """Why a module or an instance has no audio method of this kind."""
    want, given = AUDIO_METHODS[kind][0], ", ".join(ARGUMENTS[kind])
    objects = [candidate]
    if inspect.ismodule(candidate):
        objects += [c for c in vars(candidate).values() if inspect.isclass(c)]
    for other, spellings in AUDIO_METHODS.items():
        for thing in objects:
            defined = method_of(thing, *spellings)
            if other == kind or defined is None:
                continue
            if getattr(thing, "__module__", "") == "base_plugin":
                continue
            return unusable(
                f"has no {want}(); its {name_of(defined)}() belongs to the "
                f"element {ELEMENTS[other]}",
                file,
            )
    abstract = [
        f"{cls.__name__} lacks {', '.join(sorted(vars(cls)['__abstractmethods__']))}"
        for cls in objects
        if inspect.isclass(cls)
        and inspect.isabstract(cls)
        and cls.__module__ == getattr(candidate, "__name__", "")
    ]
    if abstract:
        return unusable(f"has only abstract classes ({'; '.join(abstract)})", file)
    misspelt = _misspelt(want, objects)
    return unusable(
        f"has no plugin: no create_plugin(), no class with {want}({given}) "
        f"and no function {want}({given})"
        + (f"; is {misspelt.__qualname__}() meant to be it?" if misspelt else ""),
        file,
        misspelt,
    )


def _misspelt(name: str, objects: list[object]) -> Any:
    """The function of these that is called nearly so, if there is one."""
    functions = {
        key: value
        for thing in objects
        for key, value in vars(_definition(thing)).items()
        if inspect.isfunction(value) and value.__module__ != "base_plugin"
    }
    near = difflib.get_close_matches(name, functions, 1)
    return functions[near[0]] if near else None


def _definition(thing: object) -> Any:
    is_one = inspect.isclass(thing) or inspect.ismodule(thing)
    return thing if is_one else type(thing)
