# SPDX-License-Identifier: LGPL-2.1-or-later
"""A parameter in the class of a plugin: base_plugin's Param and InputParam."""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import Any, Generic, NoReturn, TypeVar, overload

import numpy as np

BOOLS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}

T = TypeVar("T")


def text_of(value: Any) -> str:
    """A parameter's value as set_parameter takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value.value, str) else value.name
    if isinstance(value, float):
        return float.__repr__(value)  # NumPy's own says np.float64(...)
    return str(value)


_MOST_CHOICES = 4096
_LONGEST_CHOICE = 1000


def _members_of(choices: Collection[Any]) -> dict[str, Any]:
    """By their texts."""
    if len(choices) > _MOST_CHOICES:
        raise ValueError(f"{len(choices)} choices are more than {_MOST_CHOICES}")
    members = {}
    for each in choices:
        if not isinstance(each, (str, int, float, enum.Enum)):
            raise TypeError(f"a choice is a text, not {type(each).__name__}")
        text = text_of(each)
        if len(text) > _LONGEST_CHOICE:
            raise ValueError(f"a choice of {len(text)} characters is too long")
        members[text] = each
    return members


class Param(Generic[T]):
    """A parameter, declared in the class of a plugin::

        class Gain(AudioProcessorPlugin):
            gain = Param(1.0, min=0.0, max=4.0, description="Linear gain")
            mode = Param("warm", choices=("warm", "cold"))

            def process_audio(self, buffer):
                buffer.data *= self.gain

    Inside the plugin it is a plain attribute, which an assignment does not check
    and which costs nothing to read.  Outside it is a property of the element's
    child ``plugin``, with this range, default and description:
    ``plugin::gain=0.5``.

    ``default``
        A bool, int, float (also NumPy's), str or member of an ``enum.Enum``: the
        parameter keeps that type.
    ``min``, ``max``
        Of an int or float, both included; ``None`` for no limit.
    ``unit``
        As people write it: "Hz", "dB", "ms".
    ``description``
        One line that says what it does.
    ``choices``
        The texts that a str may be, 4096 at most.  Those of an ``enum.Enum`` are its values
        where they are texts, its names otherwise.
    ``secret``
        Whether it only goes in, as if named in the plugin's ``secrets``.

    Raises TypeError or ValueError for a declaration that contradicts itself.
    """

    name = ""
    of_inputs = False

    def __init__(
        self,
        default: T,
        *,
        min: float | None = None,
        max: float | None = None,
        unit: str = "",
        description: str = "",
        choices: Collection[str] | type[enum.Enum] | None = None,
        secret: bool = False,
    ) -> None:
        self.default = default
        self.type: Any = type(default)
        self.minimum = min
        self.maximum = max
        self.unit = unit
        self.description = description
        self.secret = secret
        self._members: dict[str, Any] = {}
        given: Any = self.type if isinstance(default, enum.Enum) else choices
        if given is not None:
            self._members = _members_of(given)
        self.choices = tuple(self._members)
        self._check_declaration()

    def _check_declaration(self) -> None:
        numeric = self._is_int() or self._is_float()
        if not (numeric or issubclass(self.type, (bool, str, enum.Enum))):
            raise TypeError(
                f"a Param is a bool, int, float, str or enum.Enum, not "
                f"{self.type.__name__}"
            )
        if not numeric and (self.minimum is not None or self.maximum is not None):
            raise TypeError("only a number has min and max")
        if self.choices and (numeric or self.type is bool):
            raise TypeError("only a str or an enum.Enum has choices")
        if self._members and self.default not in self._members.values():
            raise ValueError(f"the default {self.default!r} must be {self.allowed}")
        if numeric and not self._in_range(self.default):
            raise ValueError(f"the default {self.default!r} must be {self.allowed}")

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Param[T]:
        ...

    @overload
    def __get__(self, instance: object, owner: type) -> T:
        ...

    # Without a __set__: what is assigned, or was once read, lies in the
    # instance's own __dict__, where it is found without a call.
    def __get__(self, instance: object, owner: type) -> Param[T] | T:
        if instance is None:
            return self
        try:
            vars(instance)[self.name] = self.default
        except TypeError:  # an instance with slots
            pass
        return self.default

    @property
    def allowed(self) -> str:
        """The values it can have, to go after "must be"."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.type is bool:
            return "true or false"
        if self.type is str:
            return "a text"
        kind = "a whole number" if self._is_int() else "a number"
        low, high = self.minimum, self.maximum
        if low is not None and high is not None:
            return f"{kind} from {low} to {high}"
        if low is not None:
            return f"{kind}, at least {low}"
        return kind if high is None else f"{kind}, at most {high}"

    def parse(self, text: str) -> T:
        """The value that ``text`` stands for.

        Raises ValueError, which names the allowed values, for any other text.
        """
        value: Any = None
        try:
            if self._members:
                value = self._members[text]
            elif self.type is bool:
                value = BOOLS[text.strip().lower()]
            else:
                value = self.type(text)
            good = not (self._is_int() or self._is_float()) or self._in_range(value)
        except (KeyError, ValueError, OverflowError):
            good = False
        if good:
            return value  # type: ignore[no-any-return]
        shown = (
            "this value" if self.secret else text if self._is_float() else repr(text)
        )
        raise ValueError(f"{self.name} = {shown}: must be {self.allowed}")

    def format(self, value: T) -> str:
        """The text of a value, as ``parse`` takes it."""
        return text_of(value)

    def _is_int(self) -> bool:
        return issubclass(self.type, int) and not issubclass(
            self.type, (bool, enum.Enum)
        )

    def _is_float(self) -> bool:
        return issubclass(self.type, (float, np.floating)) and not issubclass(
            self.type, enum.Enum
        )

    def _in_range(self, value: Any) -> bool:
        low = -np.inf if self.minimum is None else self.minimum
        high = np.inf if self.maximum is None else self.maximum
        return bool(low <= value <= high)  # so NaN is not


class InputParam(Param[T]):
    """A parameter of each input of a mixer::

        class Sum(AudioMixerPlugin):
            gain = InputParam(1.0, min=0.0, max=8.0, description="Linear gain")

            def mix_audio(self, output, inputs):
                for each in inputs.values():
                    output.data += each.gain * each.data

    It is declared as a ``Param`` is, but for ``secret``.  Inside the plugin it is
    an attribute of each input.  Outside it is in the ``params`` of each sink pad,
    ``sink_0::params="p,gain=2"``, and a property of those of ``py-NAME`` elements,
    ``sink_0::gain=2``.  The plugin itself has none: reading it there raises
    AttributeError.
    """

    of_inputs = True

    def __init__(
        self,
        default: T,
        *,
        min: float | None = None,
        max: float | None = None,
        unit: str = "",
        description: str = "",
        choices: Collection[str] | type[enum.Enum] | None = None,
    ) -> None:
        super().__init__(
            default,
            min=min,
            max=max,
            unit=unit,
            description=description,
            choices=choices,
        )

    @overload
    def __get__(self, instance: None, owner: type) -> InputParam[T]:
        ...

    @overload
    def __get__(self, instance: object, owner: type) -> NoReturn:
        ...

    def __get__(self, instance: object, owner: type) -> InputParam[T]:
        if instance is None:
            return self
        raise AttributeError(
            f"{self.name} is a parameter of each input: read inputs[…].{self.name}"
        )
