# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin may have meant to declare: `rate` where `rates` is read.

Only what nothing else can explain: a name that is nearly one that the elements
read, and that the plugin itself never mentions again. No NumPy: the registry
scan asks as well.
"""

from __future__ import annotations

import ast
import difflib

from .kinds import DECLARATIONS, METHODS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# One letter of six, or so. `restart` is as near to `start` as 0.83.
NEAR = 0.86
# As others call it.
OTHERWISE = {"get_latency": "get_processing_latency"}
# `sample_rates`, `num_channels`: what it ends in is the name.
ENDINGS = tuple(f"_{name}" for name in ("formats", "layouts", "rates", "channels"))


def meant(name: str, is_method: bool) -> str:
    """The name that is read in place of this one; "" if none is near."""
    known = METHODS if is_method else DECLARATIONS
    if name.startswith("_") or name in (*METHODS, *DECLARATIONS) or name.isupper():
        return ""
    if not is_method and name.endswith(ENDINGS):
        return name.rpartition("_")[2]
    if is_method and name in OTHERWISE:
        return OTHERWISE[name]
    near = difflib.get_close_matches(name, known, 1, NEAR)
    # A plugin's own set_parameters() is not one that is misspelt.
    plural = is_method and near and near[0] + "s" == name
    return near[0] if near and not plural else ""


def suspects(cls: ast.ClassDef) -> Iterator[tuple[str, str, int]]:
    """(name, what it may mean, line) of what a class has and might not mean."""
    bound = {name for name, _, _ in _bound(cls)}
    for name, is_method, line in _bound(cls):
        instead = meant(name, is_method)
        if instead and instead not in bound:
            yield name, instead, line


def _bound(cls: ast.ClassDef) -> Iterator[tuple[str, bool, int]]:
    for node in cls.body:
        if isinstance(node, FUNCTIONS) and not node.decorator_list:
            yield node.name, True, node.lineno
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        # A Param, a property: the plugin's own.
        if isinstance(node.value, (ast.Call, ast.Lambda)):
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                yield target.id, False, node.lineno


def warnings(trees: dict[str, ast.Module], names: Collection[str]) -> list[str]:
    """What the classes with these names have in vain; the trees are by file."""
    found = [
        (f"{node.name} has {name}", name, f"did you mean {instead}? ({file}:{line})")
        for file, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in names
        for name, instead, line in suspects(node)
    ]
    mentioned = set(_mentioned(trees.values())) if found else ()
    return [
        f"{what}, which nothing reads: {question}"
        for what, name, question in found
        if name not in mentioned
    ]


def _mentioned(trees: Iterable[ast.Module]) -> Iterator[str]:
    """Whatever is read by name, or may be."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield node.id
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
