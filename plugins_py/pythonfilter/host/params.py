# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a plugin's Params are, in the words of the C++ side.

Params are known by their attributes, not by their class: a plugin may bring a
base_plugin of its own.
"""

from __future__ import annotations

import enum
import numbers
from typing import Any

from ..brief import cut, is_large, shown
from ..kinds import (
    MOST_DECLARED,
    input_param_name_problem,
    param_name_problem,
    spoken,
)
from ..ports import Misdeclared

# Characters of a value: a text may be a small file, and no large one.
MOST_VALUE = 2**20

# What a base_plugin.Param has.
ATTRIBUTES = tuple(
    """
    name type default minimum maximum choices unit description secret allowed parse
    format
    """.split()
)


class Params:
    """The Params of one plugin.  Raises Misdeclared for what no element can show."""

    def __init__(self, plugin: type) -> None:
        names = {name: None for cls in reversed(plugin.__mro__) for name in vars(cls)}
        found = {name: getattr(plugin, name, None) for name in names}
        both: dict[str, Any] = {
            name: param
            for name, param in found.items()
            if not isinstance(param, type)
            and all(hasattr(param, each) for each in ATTRIBUTES)
        }
        curves = getattr(plugin, "curves", ()) if both else ()
        self.curves = (curves,) if isinstance(curves, str) else tuple(curves)
        if len(both) > MOST_DECLARED:
            text = f"has {len(both)} Params, not {MOST_DECLARED} at most"
            raise Misdeclared("", text)
        for name, param in both.items():
            _check(name, param)
        # Those of each input of a mixer are not the plugin's.
        self.of_inputs = {
            name: param
            for name, param in both.items()
            if getattr(param, "of_inputs", False)
        }
        self.all = {
            name: param for name, param in both.items() if name not in self.of_inputs
        }
        for name in self.of_inputs:
            if input_param_name_problem(name):
                raise Misdeclared(name, input_param_name_problem(name))
        for name in self.curves:
            if name not in both or kind_of(both[name]) != "float":
                raise Misdeclared(
                    "curves",
                    f"declares curves = {shown(curves)}, but {shown(name)} is no "
                    "Param that is a float",
                )

    def described(self) -> tuple[tuple[str, ...], ...]:
        """All of the plugin, in the order of their declaration, as spoken() says."""
        return self._described(self.all)

    def described_of_inputs(self) -> tuple[tuple[str, ...], ...]:
        """As described(), those that each input of a mixer has."""
        return self._described(self.of_inputs)

    def _described(self, params: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
        return tuple(
            spoken(
                name,
                {
                    "kind": kind_of(param),
                    "default": "" if param.secret else param.format(param.default),
                    "minimum": _limit(param, param.minimum),
                    "maximum": _limit(param, param.maximum),
                    "unit": _text(param.unit),
                    "description": " ".join(_text(param.description).split()),
                    "allowed": cut(str(param.allowed)),
                    "secret": "1" if param.secret else "",
                    "curve": "1" if name in self.curves else "",
                },
                param.choices or (),
            )
            for name, param in params.items()
        )

    def secrets(self) -> tuple[str, ...]:
        """The names of those that only go in."""
        return tuple(name for name, param in self.all.items() if param.secret)

    def advice(self, key: str) -> str:
        """What to say to somebody whose value for ``key`` was refused."""
        if key in self.all:
            return f": must be {self.all[key].allowed}"
        return f": there is only {', '.join(self.all)}" if self.all else ""


def kind_of(param: Any) -> str:
    """What its values are: "bool", "int", "float", "string" or "choice"."""
    if param.choices:
        return "choice"
    if issubclass(param.type, bool):
        return "bool"
    if issubclass(param.type, int) and not issubclass(param.type, enum.Enum):
        return "int"
    # Without NumPy, whose floats are such too: it may come from a venv that is
    # only known later.
    return "float" if issubclass(param.type, numbers.Real) else "string"


def _text(said: object) -> str:
    return cut(said) if isinstance(said, str) else shown(said)


def _limit(param: Any, value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if kind_of(param) == "int" else float.__repr__(float(value))


def _check(name: str, param: Any) -> None:
    problem = param_name_problem(name)
    if problem:
        raise Misdeclared(name, problem)
    if len(param.choices or ()) > MOST_DECLARED or is_large(
        (param.default, param.choices), MOST_VALUE
    ):
        raise Misdeclared(
            name,
            f"has a Param {name!r} with the default {shown(param.default)} and "
            f"{len(param.choices or ())} choices: there are at most "
            f"{MOST_DECLARED}, and {MOST_VALUE} characters in all",
        )
    if kind_of(param) != "int":
        return
    for value in (param.default, param.minimum, param.maximum):
        if value is not None and not -(2**63) <= value < 2**63:
            raise Misdeclared(
                name, f"has a Param {name!r} with {shown(value)}: more than 64 bits"
            )
