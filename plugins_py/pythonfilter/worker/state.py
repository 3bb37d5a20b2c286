# SPDX-License-Identifier: LGPL-2.1-or-later
"""What get_state() gives, as bytes that another worker makes it of again."""

from __future__ import annotations

import importlib
import io
import pickle
from typing import Any

from .. import loader
from .. import names
from ..host.plugin import LoadedPlugin


def take(loaded: LoadedPlugin) -> bytes:
    given = loaded.get_state()
    try:
        with names.acting_for(loaded.namespace):
            return pickle.dumps(given, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise loaded.unfit_state(
            "get_state", f"gave a state that cannot go to another process: {error}"
        ) from None


def give(loaded: LoadedPlugin, data: bytes) -> None:
    try:
        with names.acting_for(loaded.namespace):
            state = _Unpickler(data, loaded.namespace_name).load()
    except Exception as error:
        raise loaded.unfit_state(
            "set_state", f"cannot be given the state of the code before: {error}"
        ) from None
    loaded.set_state(state)


class _Unpickler(pickle.Unpickler):
    """Classes of a plugin's own modules are those of the plugin that it is for.

    Here are those whose modules have no plain name: see names.py.
    """

    def __init__(self, data: bytes, namespace: str) -> None:
        super().__init__(io.BytesIO(data))
        self._namespace = namespace

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(loader.PREFIX) and self._namespace:
            module = f"{self._namespace}.{module.partition('.')[2]}"
            importlib.import_module(module)
        return super().find_class(module, name)
