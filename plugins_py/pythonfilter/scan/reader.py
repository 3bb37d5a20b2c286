# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the source of a module says, without running any of it.

Only what is certain is a value: a literal, or a name that is bound to one once.
All else is UNKNOWN, since a wrong guess would promise what the plugin does not do.
No NumPy and little of the standard library: a registry scan waits for this.
"""

from __future__ import annotations

import ast
import functools
import operator
import os

from ..reading import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Finder = Callable[[str], "SourceText | None"]


class Marker:
    """Stands where a value would."""


UNKNOWN = Marker()
ABSENT = Marker()

PLUGINS = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
# Classes that define nothing an element reads, but for their audio method.
PLAIN_BASES = {
    "builtins": ("object",),
    "abc": ("ABC",),
    "base_plugin": (
        "BasePlugin",
        "AudioProcessorPlugin",
        "AudioSourcePlugin",
        "AudioSinkPlugin",
        "AudioMixerPlugin",
        "AudioSplitterPlugin",
    ),
}
ENUMS = ("Enum", "StrEnum", "IntEnum")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
FLOATS = ("float16", "float32", "float64")
CHANGING = ("setattr", "exec", "eval", "globals", "vars")
# What a node has that needs no look: most of it.
LEAVES = frozenset(
    (int, str, bool, type(None), ast.Load, ast.Store, ast.Del, ast.Name, ast.Constant)
)
MOST_DEEP = 50
MOST_STEPS = 100_000
LONGEST_TEXT = 10_000


def _power(base: Any, exponent: Any) -> Any:
    if type(base) is not int or type(exponent) is not int:
        raise TypeError
    if not (abs(base) <= 1024 and 0 <= exponent <= 64):
        raise OverflowError
    return base**exponent


OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: _power,
}


class SourceText:
    """One module.  Raises SyntaxError or ValueError for what Python cannot read.

    ``find`` gives the source of a module that it imports, if that can be read too.
    """

    def __init__(self, text: bytes, name: str, find: Finder | None = None) -> None:
        self.tree = ast.parse(text, name)
        self._name = name
        self._find = find
        # Whose the classes of a lineage are that another module defines.
        self._owners: dict[ast.ClassDef, SourceText] = {}
        # What is asked for each thing that a plugin can declare.
        self._lineages: dict[ast.ClassDef, list[ast.ClassDef | Marker]] = {}
        self._bodies: dict[ast.AST, list[tuple[str, ast.AST]]] = {}
        self.classes = {
            each.name: each for each in self.tree.body if isinstance(each, ast.ClassDef)
        }
        self.functions = {
            each.name: each for each in self.tree.body if isinstance(each, FUNCTIONS)
        }
        self._bound = self._bindings_of(self.tree)
        # What names of this module stand for in others: module and name.
        self.imports = dict(_imports(self.tree.body))
        self._facts = {each: Facts(each) for each in self.tree.body}
        self._changed = set().union(*(each.changed for each in self._facts.values()))
        self._changes_any = any(each.changes_any for each in self._facts.values())
        self._depth = self._steps = 0

    def origin(self, node: ast.expr) -> tuple[str, str]:
        """Module and name of what ``node`` names; ("", "") if nobody knows."""
        if isinstance(node, ast.Name):
            times = sum(name == node.id for name, _ in self._bound)
            if times == 0:
                return "builtins", node.id
            if times == 1 and node.id in self.imports:
                return self.imports[node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = self.origin(node.value)
            if module and not name:
                return module, node.attr
        return "", ""

    def local_class(self, node: ast.expr) -> ast.ClassDef | None:
        """The class of this module that ``node`` names."""
        if not isinstance(node, ast.Name):
            return None
        bound = [each for name, each in self._bound if name == node.id]
        found = bound[0] if len(bound) == 1 else None
        return found if isinstance(found, ast.ClassDef) else None

    def class_of(self, node: ast.expr) -> tuple[SourceText, ast.ClassDef] | None:
        """What ``node`` names, and the module that defines it."""
        local = self.local_class(node)
        if local is not None:
            return self, local
        module, name = self.origin(node)
        other = self._find(module) if self._find and name else None
        return other.class_of(ast.Name(name, ast.Load())) if other else None

    def owner(self, place: ast.ClassDef | ast.Module) -> SourceText:
        """The module of a class in a lineage."""
        return self if isinstance(place, ast.Module) else self._owners.get(place, self)

    def calls(self, place: ast.ClassDef | ast.Module) -> list[ast.Call]:
        """All calls in a class of the module's own, or in all of it.

        In the order of ast.walk(): what is nested less deeply comes first.
        """
        if not isinstance(place, ast.Module):
            return [call for _, call in self._facts[place].calls]
        found = [each for facts in self._facts.values() for each in facts.calls]
        return [call for _, call in sorted(found, key=lambda each: each[0])]

    def lineage(self, cls: ast.ClassDef | ast.Module) -> list[Any]:
        """The class and its bases in the order of look-up; UNKNOWN hides others."""
        if isinstance(cls, ast.Module):
            return [cls]
        if cls not in self._lineages:
            found: list[ast.ClassDef | Marker] = []
            self._owners[cls] = self
            self._add_lineage(cls, found, ())
            # A base that several have comes after all of them.
            self._lineages[cls] = [
                each for i, each in enumerate(found) if each not in found[i + 1 :]
            ]
        return self._lineages[cls]

    def known_lineage(self, cls: ast.ClassDef | ast.Module) -> list[Any]:
        """What of the lineage can be read."""
        return [each for each in self.lineage(cls) if not isinstance(each, Marker)]

    def _add_lineage(
        self,
        cls: ast.ClassDef,
        found: list[ast.ClassDef | Marker],
        above: tuple[ast.ClassDef, ...],
    ) -> None:
        found.append(cls)
        if len(found) > MOST_STEPS // 1000:
            found.append(UNKNOWN)
            return
        source = self._owners[cls]
        if cls.decorator_list or any(
            source.origin(each.value) != ("abc", "ABCMeta") for each in cls.keywords
        ):
            found.append(UNKNOWN)
        for base in cls.bases:
            known = source.class_of(base)
            module, name = source.origin(base)
            if known is not None and known[1] not in (*above, cls):
                self._owners[known[1]] = known[0]
                self._add_lineage(known[1], found, (*above, cls))
            elif known is not None or name not in PLAIN_BASES.get(module, ()):
                found.append(UNKNOWN)

    def attribute(self, place: ast.ClassDef | ast.Module, name: str) -> Any:
        """The value of a class attribute or global; ABSENT, UNKNOWN."""
        node, source = self._defined(place, name)
        changing = {self, source, *map(self.owner, self.known_lineage(place))}
        if any(each._changes_any or name in each._changed for each in changing):
            return UNKNOWN
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            return source.value(node.value)
        return node if isinstance(node, Marker) else UNKNOWN

    def definition(
        self, place: ast.ClassDef | ast.Module, name: str
    ) -> ast.AST | Marker:
        """The statement that binds it, where there is only one."""
        return self._defined(place, name)[0]

    def place_of(self, place: ast.ClassDef | ast.Module, name: str) -> str:
        """Where that is, "file:line"; "" where nobody knows."""
        node, source = self._defined(place, name)
        return source.place(node)

    def place(self, node: ast.AST | Marker) -> str:
        """Where a node of this module is, "file:line"."""
        line = getattr(node, "lineno", 0)
        return f"{self._name}:{line}" if line else ""

    def _defined(
        self, place: ast.ClassDef | ast.Module, name: str
    ) -> tuple[ast.AST | Marker, SourceText]:
        for each in self.lineage(place):
            # A decorator may have made something else of it.
            if isinstance(each, Marker) or getattr(each, "decorator_list", None):
                return UNKNOWN, self
            bound = [
                node for key, node in self._bindings_of(each) if key in (name, "*")
            ]
            if bound:
                certain = bound[-1] in each.body
                return bound[-1] if certain else UNKNOWN, self.owner(each)
        return ABSENT, self

    def _bindings_of(
        self, place: ast.ClassDef | ast.Module
    ) -> list[tuple[str, ast.AST]]:
        if place not in self._bodies:
            bound = list(_bindings(place.body))
            last = dict(bound)
            # Who imports all names has others of his own by some of them.
            self._bodies[place] = [
                (name, node)
                for name, node in bound
                if last[name] is node or not _is_star(node)
            ]
        return self._bodies[place]

    def has_method(self, cls: ast.ClassDef, name: str) -> bool:
        """Whether the class, or a base of it in this module, defines it."""
        return any(
            key == name
            for each in self.known_lineage(cls)
            for key, _ in self._bindings_of(each)
        )

    def value(self, node: ast.expr | None) -> Any:
        """What an expression is, if it is a literal or as good as one."""
        # Names may stand for each other, in a circle or twice as often each time.
        self._depth += 1
        self._steps += 1
        try:
            too_long = self._depth > MOST_DEEP or self._steps > MOST_STEPS
            return UNKNOWN if too_long else self._value(node)
        finally:
            self._depth -= 1

    def _value(self, node: ast.expr | None) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            values = tuple(self.value(each) for each in node.elts)
            return UNKNOWN if UNKNOWN in values else values
        if isinstance(node, ast.Dict):
            return self._dict(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            operand = self.value(node.operand)
            return -operand if _is_number(operand) else UNKNOWN
        if isinstance(node, ast.BinOp):
            return self._calculated(node)
        if isinstance(node, ast.Name):
            return self._constant(node.id)
        if isinstance(node, ast.Attribute):
            known = self.class_of(node.value)
            value = known[0].attribute(known[1], node.attr) if known else UNKNOWN
            return UNKNOWN if value is ABSENT else value
        if isinstance(node, ast.Call) and not node.keywords:
            return self._called(node)
        return UNKNOWN

    def _dict(self, node: ast.Dict) -> Any:
        keys = [self.value(each) for each in node.keys]  # None for **others
        values = [self.value(each) for each in node.values]
        plain = None not in node.keys and all(
            isinstance(each, (str, int, float)) for each in keys
        )
        return dict(zip(keys, values)) if plain and UNKNOWN not in values else UNKNOWN

    def _calculated(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        apply = OPERATORS.get(type(node.op))
        texts = (
            isinstance(left, str)
            and isinstance(right, str)
            and len(left) + len(right) <= LONGEST_TEXT
        )
        if apply is None or not (_is_number(left) and _is_number(right) or texts):
            return UNKNOWN
        try:
            return apply(left, right)
        except (ArithmeticError, TypeError):
            return UNKNOWN

    def _constant(self, name: str) -> Any:
        bound = [node for key, node in self._bound if key in (name, "*")]
        if len(bound) != 1 or bound[0] not in self.tree.body or name in self._changed:
            return UNKNOWN
        if isinstance(bound[0], (ast.Assign, ast.AnnAssign)):
            return self.value(bound[0].value)
        module, original = self.imports.get(name, ("", ""))
        other = self._find(module) if self._find and original else None
        return other.value(ast.Name(original, ast.Load())) if other else UNKNOWN

    def _called(self, node: ast.Call) -> Any:
        values = [self.value(each) for each in node.args]
        if UNKNOWN in values:
            return UNKNOWN
        module, name = self.origin(node.func)
        whole = all(type(each) is int for each in values)
        if (module, name) == ("builtins", "range") and whole and 1 <= len(values) < 4:
            return range(*values) if values[2:] != [0] else UNKNOWN
        if module == "builtins" and name in ("tuple", "frozenset", "set", "list"):
            return values[0] if values and isinstance(values[0], tuple) else UNKNOWN
        if module == "numpy" and name in FLOATS and len(values) == 1:
            return float(values[0]) if _is_number(values[0]) else UNKNOWN
        return UNKNOWN

    def enum_texts(self, node: ast.expr) -> dict[str, str]:
        """The members of an enum of this module: names, and their texts outside."""
        cls = self.local_class(node)
        if cls is None or len(cls.bases) != 1:
            return {}
        module, name = self.origin(cls.bases[0])
        if module != "enum" or name not in ENUMS or cls.decorator_list:
            return {}
        texts = {}
        for key, each in _bindings(cls.body):
            if isinstance(each, (ast.Assign, ast.AnnAssign)) and key[0] != "_":
                value = self.value(each.value)
                if value is UNKNOWN:
                    return {}
                texts[key] = value if isinstance(value, str) else key
        return texts


def _is_number(value: Any) -> bool:
    # Numbers that are too long to be meant make the sums slow.
    if isinstance(value, int) and not isinstance(value, bool):
        return value.bit_length() <= 1024
    return isinstance(value, float)


def _bindings(body: list[Any]) -> Iterator[tuple[str, ast.AST]]:
    """Each name that the statements of a block bind, and the one that does.

    Statements within others count too, but those of functions do not.
    """
    for each in body:
        if isinstance(each, ast.Assign) and all(
            isinstance(target, ast.Name) for target in each.targets
        ):
            for target in each.targets:
                yield target.id, each  # type: ignore[attr-defined]
            continue
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            if each.value is not None:
                yield each.target.id, each
            continue
        whole = isinstance(each, (*FUNCTIONS, ast.ClassDef))
        for node in [each] if whole else ast.walk(each):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                yield node.id, node
            elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                yield node.name, node
            elif isinstance(node, ast.ImportFrom):
                for alias in _aliases(node):
                    yield alias.asname or alias.name, node
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.asname or alias.name.partition(".")[0], node


def _is_star(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _aliases(node: ast.ImportFrom) -> list[ast.alias]:
    """What is imported; in the place of all that base_plugin has, each of it."""
    if _is_star(node) and node.module == "base_plugin" and not node.level:
        return [ast.alias(name) for name in _names_of_base_plugin()]
    return node.names


@functools.lru_cache(None)
def _names_of_base_plugin() -> tuple[str, ...]:
    """Its ``__all__``, without importing it and NumPy."""
    path = os.path.join(PLUGINS, "base_plugin", "__init__.py")
    names: tuple[str, ...] = SourceText(read(path), path).value(
        ast.Name("__all__", ast.Load())
    )
    return names


def _imports(body: list[Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    for each in body:
        if isinstance(each, ast.ImportFrom):
            dots = "." * each.level
            for alias in _aliases(each):
                module, name = each.module, alias.name
                # Without one it is a module of the package.
                found = (dots + module, name) if module else (dots + name, "")
                yield alias.asname or name, found
        elif isinstance(each, ast.Import):
            for alias in each.names:
                if alias.asname or "." not in alias.name:
                    yield alias.asname or alias.name, (alias.name, "")


class Facts:
    """What one look at every node of a statement shows.

    ``changed``
        What is assigned to attributes of other things than ``self``.
    ``changes_any``
        Whether there may be others, of which no name can be seen.
    ``calls``
        How deeply each call is nested, and the call; less deep ones come first.
    """

    def __init__(self, statement: ast.stmt) -> None:
        self.changed: set[str] = set()
        self.changes_any = False
        self.calls: list[tuple[int, ast.Call]] = []
        # ast.walk() takes longer than the parser. A node's children are among
        # its attributes, in their order.
        level: list[ast.AST] = [statement]
        depth = 0
        while level:
            below: list[ast.AST] = []
            for node in level:
                kind = type(node)
                if kind is ast.Attribute or kind is ast.Global or kind is ast.Call:
                    self._note(node, depth)
                for value in vars(node).values():
                    kind = type(value)
                    if kind is list:
                        below += value
                    elif kind not in LEAVES:
                        below.append(value)
            level = [
                each
                for each in below
                if type(each) not in LEAVES and isinstance(each, ast.AST)
            ]
            depth += 1

    def _note(self, node: Any, depth: int) -> None:
        if isinstance(node, ast.Call):
            self.calls.append((depth, node))
            if isinstance(node.func, ast.Name) and node.func.id in CHANGING:
                first = node.args[0] if node.args else None
                ours = isinstance(first, ast.Name) and first.id == "self"
                self.changes_any = self.changes_any or not ours
        elif isinstance(node, ast.Global):
            self.changed.update(node.names)
        elif not isinstance(node.ctx, ast.Load):
            if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                self.changed.add(node.attr)
