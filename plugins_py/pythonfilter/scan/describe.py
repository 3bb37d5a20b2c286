# SPDX-License-Identifier: LGPL-2.1-or-later
"""The plugins of one file, as its source describes them.

What host/ finds out by running a plugin, as far as it can be read.
"""

from __future__ import annotations

import ast
import os
import sys
from typing import NamedTuple

from .. import ports
from ..kinds import (
    AUDIO_METHODS,
    FORMATS,
    LAYOUTS,
    LONGEST_LINE,
    MAX_CHANNELS,
    NATIVE,
    input_param_name_problem,
    one_line,
    param_name_problem,
    ranges_of,
    spoken,
)
from ..reading import Unusable, read
from ..spelling import warnings
from .reader import ABSENT, FUNCTIONS, PLUGINS, UNKNOWN, SourceText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Param = tuple[dict[str, str], list[str]]  # what spoken() takes

BASES = {
    "AudioSourcePlugin": "source",
    "AudioProcessorPlugin": "processor",
    "AudioSinkPlugin": "sink",
    "AudioMixerPlugin": "mixer",
    "AudioSplitterPlugin": "splitter",
}
# The fields of a plugin that may give or take anything.
WIDE = {"wide": ["1"], "converts": ["1"]}


class Plugin(NamedTuple):
    """A plugin of a file: ``name`` is its class's, "" if nobody can tell.

    ``problem`` is why it cannot be loaded, None if it may, ``more`` what a mixer or a
    splitter says, and ``notes`` are on what its ``classes`` may not mean.
    """

    name: str
    fields: dict[str, list[str]]
    problem: Unusable | None = None
    classes: Sequence[str] = ()
    parameters: Sequence[tuple[str, ...]] = ()
    more: Sequence[tuple[str, tuple[str, ...]]] = ()
    notes: Sequence[str] = ()


def plugins(text: bytes, path: str, root: str = "") -> list[Plugin]:
    """As those of _plugins(), with notes on what they may not mean."""
    helpers = Helpers(path, root)
    source = SourceText(text, path, helpers.find)
    found = _plugins(source, helpers)
    trees = {path: source.tree} | helpers.trees()
    return [each._replace(notes=warnings(trees, each.classes)) for each in found]


def _plugins(source: SourceText, helpers: Helpers) -> list[Plugin]:
    """The plugins of a file, or of a package, whose ``path`` is its __init__.py's.

    Raises SyntaxError, ValueError and others as ast.parse() does, and Unusable for
    a plugin that makes no element.
    """
    bare = _brings_base_plugin(helpers.folders)
    create = source.functions.get("create_plugin") or source.functions.get(
        "createPlugin"
    )
    own = [(source, cls) for cls in source.classes.values()]
    candidates = [
        (kind, owner, cls)
        for owner, cls in own + _of_package(source, helpers)
        for kind in [_kind_of(owner, cls)]
        if kind and not _is_abstract(owner, cls)
    ]
    if create is not None:
        made = _made_by(source, create)
        if made is not None:
            kind = _kind_of(*made)
            if kind and not _is_abstract(*made):
                return [_describe(made[0], kind, made[1], bare)]
        kinds = {kind for kind, _, _ in candidates}
        name = candidates[0][2].name if len(candidates) == 1 else ""
        if len(kinds) != 1 or not kinds.isdisjoint(ports.WHAT):
            raise Unusable(NO_KIND, source.place(create))
        # Of which only the kind is certain.
        return [Plugin(name, _info(source, source.tree, kinds.pop(), name) | WIDE)]
    if not candidates:
        return [
            _describe(source, kind, source.tree, bare)
            for kind, methods in AUDIO_METHODS.items()
            if any(name in source.functions for name in methods)
        ][:1]
    bases = {
        base for _, owner, cls in candidates for base in owner.known_lineage(cls)[1:]
    }
    last = [each for each in candidates if each[2] not in bases]
    found = [_describe(owner, kind, cls, bare) for kind, owner, cls in last]
    for plugin in found:
        # The host has to be told which one, if only from its bases.
        if len(candidates) > 1:
            plugin.fields["class"] = [plugin.name]
    return found


NO_KIND = (
    "makes no element: it has a create_plugin(), and its source does not say of which "
    "kind the plugin is; end it with `return Class()`, where the class or a base of it "
    "is in this file or beside it, or play it with script="
)


def _of_package(
    source: SourceText, helpers: Helpers
) -> list[tuple[SourceText, ast.ClassDef]]:
    """The classes that a package has from modules of its own."""
    if not helpers.is_package:
        return []
    found = [
        source.class_of(ast.Name(name, ast.Load()))
        for name, (module, original) in source.imports.items()
        if module.startswith(".") and original
    ]
    return [each for each in found if each is not None]


class Helpers:
    """The modules beside a plugin, or inside it, which it imports."""

    def __init__(self, path: str, root: str = "") -> None:
        """`root`: of a distribution's package, which calls its modules in full."""
        self._root = root
        self._package = os.path.relpath(path, root).split(os.sep)[0] if root else ""
        self.is_package = os.path.basename(path) == "__init__.py"
        self._inside = os.path.dirname(path)
        place = self._inside if self.is_package else path
        # As loader.py does: where a link leads to comes first.
        homes = [os.path.dirname(os.path.realpath(place)), os.path.dirname(place)]
        self.folders: list[str] = list(dict.fromkeys(homes))
        self._known: dict[str, SourceText | None] = {}

    def find(self, module: str) -> SourceText | None:
        """None for what is elsewhere, or cannot be read."""
        return self._find(module, self._inside)

    def _find(self, module: str, inside: str) -> SourceText | None:
        """For a module in the folder `inside`."""
        names = module.lstrip(".")
        level = len(module) - len(names)
        parts = names.split(".") if names else []
        if not all(part.isidentifier() for part in parts) or level > 8:
            return None
        if level:
            up = [os.pardir] * (level - 1)
            return self._read(os.path.join(inside, *up, *parts), bool(parts))
        # Ours is known without reading it.
        if parts[0] in ("base_plugin", *sys.stdlib_module_names):
            return None
        if parts[0] == self._package:
            return self._read(os.path.join(self._root, *parts), True)
        for folder in self.folders:
            if os.path.exists(os.path.join(folder, parts[0])) or os.path.exists(
                os.path.join(folder, parts[0] + ".py")
            ):
                return self._read(os.path.join(folder, *parts), True)
        return None

    def trees(self) -> dict[str, ast.Module]:
        """The trees of the modules that were looked into, by file."""
        return {path: each.tree for path, each in self._known.items() if each}

    def _read(self, stem: str, may_be_file: bool) -> SourceText | None:
        package = os.path.join(stem, "__init__.py")
        path = package if os.path.exists(package) or not may_be_file else f"{stem}.py"
        if path not in self._known:
            self._known[path] = None
            inside = os.path.dirname(path)
            try:
                if os.path.exists(path):
                    self._known[path] = SourceText(
                        read(path), path, lambda name: self._find(name, inside)
                    )
            except (Unusable, SyntaxError, ValueError, RecursionError, MemoryError):
                pass
        return self._known[path]


def _brings_base_plugin(folders: list[str]) -> bool:
    """Whether a plugin in these folders may get another base_plugin than ours, as
    NDA's plugins do.
    """
    for place in folders + [os.path.dirname(folder) for folder in folders]:
        if os.path.realpath(place) == os.path.realpath(PLUGINS):
            continue
        if any(
            os.path.exists(os.path.join(place, name))
            for name in ("base_plugin.py", os.path.join("base_plugin", "__init__.py"))
        ):
            return True
    return False


# ---- which class it is -------------------------------------------------------


def _kind_of(source: SourceText, cls: ast.ClassDef) -> str:
    found = [
        kind
        for kind, methods in AUDIO_METHODS.items()
        if any(source.has_method(cls, name) for name in methods)
    ]
    if len(found) == 1:
        return found[0]
    named = [
        BASES[name]
        for each in source.known_lineage(cls)
        for base in each.bases
        for name in [_last_name(base)]
        if name in BASES
    ]
    # Without a method in sight it may be inherited, but not from ours.
    hidden = UNKNOWN in source.lineage(cls)
    return named[0] if named and (found or hidden) else ""


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _is_abstract(source: SourceText, cls: ast.ClassDef) -> bool:
    left: set[str] = set()
    for each in reversed(source.known_lineage(cls)):
        for node in each.body:
            if isinstance(node, FUNCTIONS):
                left.discard(node.name)
                if "abstractmethod" in map(_last_name, node.decorator_list):
                    left.add(node.name)
    return bool(left)


def _made_by(source: SourceText, create: Any) -> tuple[SourceText, ast.ClassDef] | None:
    """What create_plugin() gives, if that is `return Class()`; and whose it is."""
    returns = [each for each in ast.walk(create) if isinstance(each, ast.Return)]
    if len(returns) != 1 or not isinstance(returns[0].value, ast.Call):
        return None
    if len([each for each in create.body if not _is_docstring(each)]) != 1:
        return None
    return source.class_of(returns[0].value.func)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


# ---- what it says of itself --------------------------------------------------


def _describe(
    source: SourceText, kind: str, place: ast.ClassDef | ast.Module, bare: bool
) -> Plugin:
    name = place.name if isinstance(place, ast.ClassDef) else ""
    caps = Caps(source, place, bare)
    fields = _info(source, place, kind, name)
    fields |= caps.conversion() | caps.raw_audio() | caps.facts(kind)
    more: list[tuple[str, tuple[str, ...]]] = []
    problem: Unusable | None = None
    if kind in ports.WHAT:
        more, problem = Mixing(source, place).said(kind)
        fields["non_interleaved"] = ["0"]
    if isinstance(place, ast.Module):
        return Plugin(name, fields, problem, more=more)
    params = ParamsRead(source, place)
    if params.secrets:
        fields["secret"] = params.secrets
    parameters = [spoken(name, *param) for name, param in params.all.items()]
    more += [
        ("input_parameter", spoken(name, *param))
        for name, param in params.of_inputs.items()
    ]
    if params.of_inputs and kind != "mixer":
        name_of_one = [*params.of_inputs][0]
        problem = Unusable(
            f"has an InputParam {name_of_one!r}, and is no mixer",
            source.place_of(place, name_of_one),
        )
    classes = [each.name for each in source.known_lineage(place)]
    return Plugin(name, fields, params.problem or problem, classes, parameters, more)


class Mixing:
    """The inputs of a mixer, or the outputs of a splitter.

    Without knowing them nobody knows its pads.
    """

    def __init__(self, source: SourceText, place: ast.ClassDef | ast.Module) -> None:
        self._source = source
        self._place = place

    def said(
        self, kind: str
    ) -> tuple[list[tuple[str, tuple[str, ...]]], Unusable | None]:
        """As Declared.spoken(); and why it makes no element, or None."""
        try:
            return ports.read_all(kind, self._declared).spoken(), None
        except ports.Misdeclared as error:
            place = self._source.place_of(self._place, error.name)
            return [], Unusable(str(error), place)

    def _declared(self, name: str) -> Any:
        value = self._source.attribute(self._place, name)
        if value is UNKNOWN and name in (*ports.WHAT.values(), "output_like"):
            raise ports.Misdeclared(
                name,
                f"makes no element: its source does not say in so many words what its "
                f"{name} are; write them out in the class, or play it with script=",
            )
        return None if value in (ABSENT, UNKNOWN) else value


def _info(
    source: SourceText, place: ast.ClassDef | ast.Module, kind: str, name: str
) -> dict[str, list[str]]:
    """Kind, name, description and author: of its PluginInfo, or its docstring."""
    doc = ast.get_docstring(place) or ast.get_docstring(source.tree) or ""
    info = {
        "title": name,
        "author": source.attribute(source.tree, "__author__"),
        "description": doc.strip().partition("\n")[0],
    }
    for node in source.calls(place):
        if _last_name(node.func) == "PluginInfo":
            given = dict(zip(("title", "version", "author", "description"), node.args))
            given |= {each.arg: each.value for each in node.keywords if each.arg}
            given["title"] = given.pop("name", given.get("title"))  # type: ignore[arg-type]
            for key in info:
                value = source.value(given.get(key))
                info[key] = value if value and isinstance(value, str) else info[key]
            break
    return {"kind": [kind]} | {
        key: [line] for key, value in info.items() if (line := one_line(value))
    }


class Caps:
    """What a plugin declares of its formats.  Left out is what is not narrowed."""

    def __init__(
        self, source: SourceText, place: ast.ClassDef | ast.Module, bare: bool
    ) -> None:
        self._source = source
        self._place = place
        self._bare = bare

    def _declared(self, name: str) -> Any:
        value = self._source.attribute(self._place, name)
        return UNKNOWN if value is ABSENT and self._bare else value

    def _has(self, name: str) -> bool | None:
        """Whether the plugin defines a method; None if that cannot be seen."""
        found = self._source.definition(self._place, name)
        if found is UNKNOWN or (found is ABSENT and self._bare):
            return None
        return found is not ABSENT

    def conversion(self) -> dict[str, list[str]]:
        """What a plugin says whose output may not be like its input."""
        caps = {key: self._declared(key) for key in ("input_caps", "output_caps")}
        maps = {
            "maps_to_output": self._has("get_output_caps"),
            "maps_to_input": self._has("get_input_caps"),
        }
        as_bytes = self._declared("as_bytes")
        values = [*caps.values(), as_bytes]
        if UNKNOWN in values or None in maps.values():
            # What is declared in so many words holds whatever else there is.
            return WIDE | {key: [value] for key, value in caps.items() if _is(value)}
        fields = {key: [value] for key, value in caps.items() if value and _is(value)}
        if any(
            value not in (ABSENT, None) and not _is(value) for value in caps.values()
        ):
            return WIDE
        fields |= {key: ["1"] for key, value in maps.items() if value}
        if as_bytes is True:
            fields["as_bytes"] = ["1"]
        return fields | {"converts": ["1"]} if fields else {}

    def raw_audio(self) -> dict[str, list[str]]:
        """Formats, layouts, rates and channels."""
        fields: dict[str, list[str]] = {}
        for name, known, default in (
            ("formats", FORMATS, ("F32",)),
            ("layouts", LAYOUTS, LAYOUTS),
        ):
            value = self._declared(name)
            value = (value,) if isinstance(value, str) else value
            if value is ABSENT or value is None or value == ():
                value = default
            if not isinstance(value, tuple) or not all(map(_is, value)):
                continue
            values = [each.removesuffix(NATIVE) for each in value]
            if not all(each in known for each in values):
                continue
            if name == "formats":
                fields["format"] = values
            else:
                fields["interleaved"] = [str(int(LAYOUTS[0] in values))]
                fields["non_interleaved"] = [str(int(LAYOUTS[1] in values))]
        for word, name, most in (
            ("rate", "rates", 2**31 - 1),
            ("channels", "channels", MAX_CHANNELS),
        ):
            ranges = ranges_of(self._declared(name), most)
            if ranges and len(ranges) <= LONGEST_LINE:
                fields[word] = ["%d %d" % each for each in ranges]
        return fields

    def facts(self, kind: str) -> dict[str, list[str]]:
        """What the plugin promises, for people to read."""
        names = ["read_only", "fail_closed"]
        fields = {name: ["1"] for name in names if self._declared(name) is True}
        blocks = kind in ("processor", "mixer")
        size = self._declared("block_size") if blocks else 0
        if type(size) is int and 0 < size < 2**31:
            fields["block_size"] = [str(size)]
        return fields


def _is(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


class ParamsRead:
    """The Params of a class, as spoken() takes them."""

    def __init__(self, source: SourceText, cls: ast.ClassDef) -> None:
        self._source = source
        self.all: dict[str, Param] = {}
        self.of_inputs: dict[str, Param] = {}  # of each input of a mixer
        self._declared: dict[str, ast.stmt] = {}
        secrets = source.attribute(cls, "secrets")
        secrets = (secrets,) if isinstance(secrets, str) else secrets
        self.secrets = (
            [each for each in secrets if isinstance(each, str)]
            if isinstance(secrets, tuple)
            else []
        )
        for each in reversed(source.known_lineage(cls)):
            self._source = source.owner(each)
            for node in each.body:
                self._read(node)
        self.secrets = sorted(
            {*self.secrets}
            | {name for name, (parts, _) in self.all.items() if parts["secret"]}
        )

        self.problem: Unusable | None = None
        for name, node in self._declared.items():
            problem = param_name_problem(name)
            if name in self.of_inputs:
                problem = problem or input_param_name_problem(name)
            if problem and source.definition(cls, name) is node:
                self.problem = Unusable(problem, source.place_of(cls, name))

    def _read(self, node: ast.stmt) -> None:
        target: ast.expr | None = None
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target = node.target
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            self._forget(node.name)
        if not isinstance(target, ast.Name):
            return
        self._forget(target.id)
        call = node.value  # type: ignore[attr-defined]
        if not isinstance(call, ast.Call):
            return
        module, kind = self._source.origin(call.func)
        if module != "base_plugin" or kind not in ("Param", "InputParam"):
            return
        self._declared[target.id] = node
        param = self._arguments(call)
        if param is not None and not param_name_problem(target.id):
            known = self.of_inputs if kind == "InputParam" else self.all
            known[target.id] = param
            parts, _ = param
            if target.id in self.secrets:
                parts["secret"] = "1"
            if parts["secret"]:
                parts["default"] = ""  # nor is that for anybody

    def _forget(self, name: str) -> None:
        self.all.pop(name, None)
        self.of_inputs.pop(name, None)

    def _arguments(self, call: ast.Call) -> Param | None:
        given = {each.arg: each.value for each in call.keywords}
        if None in given or len(call.args) > 1:
            return None
        default = call.args[0] if call.args else given.get("default")
        choices = self._choices(given.get("choices"))
        value = self._source.value(default)
        if isinstance(default, ast.Attribute):
            texts = self._source.enum_texts(default.value)
            choices = choices or list(texts.values())
            value = texts.get(default.attr, UNKNOWN)
        kind = "choice" if choices else _kind_of_value(value)
        if not kind or choices and value not in choices:
            return None
        low, high = (self._limit(given.get(key), kind) for key in ("min", "max"))
        secret = self._source.value(given.get("secret")) if "secret" in given else False
        unit, description = (
            self._text(given.get(key)) for key in ("unit", "description")
        )
        parts = {
            "kind": kind,
            "default": _text_of(value),
            "minimum": low,
            "maximum": high,
            "unit": unit,
            "description": description,
            "allowed": _allowed(kind, low, high, choices),
            # What may be a secret is one.
            "secret": "" if secret is False else "1",
        }
        return parts, choices

    def _choices(self, node: ast.expr | None) -> list[str]:
        if node is None:
            return []
        values = self._source.value(node)
        if isinstance(values, tuple) and all(isinstance(each, str) for each in values):
            return list(values)
        return list(self._source.enum_texts(node).values())

    def _text(self, node: ast.expr | None) -> str:
        return one_line(self._source.value(node))

    def _limit(self, node: ast.expr | None, kind: str) -> str:
        value = self._source.value(node)
        if kind not in ("int", "float") or type(value) not in (int, float):
            return ""
        try:
            return str(int(value)) if kind == "int" else repr(float(value))
        except (OverflowError, ValueError):
            return ""


def _kind_of_value(value: Any) -> str:
    if type(value) is int:
        return "int" if -(2**63) <= value < 2**63 else ""
    kinds = {bool: "bool", float: "float", str: "string"}
    return kinds.get(type(value), "")


def _text_of(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(kind: str, low: str, high: str, choices: list[str]) -> str:
    """In the words of base_plugin.Param, which needs NumPy."""
    if choices:
        return f"one of {', '.join(choices)}"
    if kind in ("bool", "string"):
        return "true or false" if kind == "bool" else "a text"
    words = "a whole number" if kind == "int" else "a number"
    if low and high:
        return f"{words} from {low} to {high}"
    if low:
        return f"{words}, at least {low}"
    return f"{words}, at most {high}" if high else words
