# SPDX-License-Identifier: LGPL-2.1-or-later
"""The interpreter that plugins run in, and its garbage."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

from . import children
from . import loader
from . import log
from .failures import PluginError


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
    loader.install(ours)
    children.install(ours)


def prepare_worker() -> None:
    """In a process that runs nothing but plugins; its NumPy is imported."""
    global _ours, is_worker
    _ours = is_worker = True
    sys.setswitchinterval(0.0005)
    _keep_numpy_errors_apart()
    loader.install(True)
    children.install(True)


def log_with(anonymous: log.Log) -> None:
    """`anonymous`: for what no plugin's own logger says."""
    log.install(_ours, anonymous)


_ours = False
_venv = ""  # the one that is on sys.path
is_worker = False  # for plugins that ask, by sys.modules
_live = 0
_frozen = 0  # modules on sys.modules that are nobody's own, when last frozen
_reloads = False


def _shared_modules() -> int:
    return sum(not name.startswith(loader.PREFIX) for name in list(sys.modules))


def plugin_loaded(again: bool) -> None:
    """`again`: its code replaces another one's."""
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


def plugin_gone(kept: bool) -> None:
    """A plugin was unloaded, and its modules are not on sys.modules any more.

    `kept`: something still refers to its instance, maybe the instance itself.
    """
    global _live
    _live -= 1
    if is_worker and _live == 0 and not kept:
        # The process ends with the rest. To look through it would write to each
        # page that is shared with the server, which copies it: milliseconds.
        return
    if _ours and _live == 0:
        # Nobody plays: the time to find what the unloaded modules left.
        gc.unfreeze()
        gc.collect()
    elif _ours and _reloads:
        # Little is not frozen; and else it would wait for a collection that
        # comes in the middle of a buffer.
        gc.collect()


def _keep_numpy_errors_apart() -> None:
    """What one thread sets with np.seterr() switches off no other one's.

    NumPy 1 looks for the settings of a thread while a count of the process is
    above 0: one more for each call that sets anything but the defaults, one less
    for each that sets the defaults, also where they were set already.
    """
    import numpy

    umath: Any = getattr(getattr(numpy, "core", None), "umath", None)
    if not hasattr(umath, "seterrobj"):
        return
    count, read = umath.seterrobj, umath.geterrobj
    defaults = [umath.UFUNC_BUFSIZE_DEFAULT, umath.ERR_DEFAULT, None]

    def seterrobj(errors: Any, /) -> None:
        if errors != defaults or read() != defaults:
            count(errors)

    umath.seterrobj = seterrobj
    setattr(numpy, "seterrobj", seterrobj)  # not an attribute of NumPy 2


def check_numpy(major: int) -> None:
    """`major`: of the NumPy that the C++ side was compiled for."""
    import numpy

    if int(numpy.__version__.partition(".")[0]) > major:
        raise PluginError(
            "unusable",
            f"this element was built for NumPy {major}, and "
            f"{os.path.dirname(numpy.__file__)} is NumPy {numpy.__version__}: install "
            f"'numpy<{major + 1}' there, or set isolation=process, which takes any",
        )
    if _ours:
        _keep_numpy_errors_apart()


def use_venv(path: str) -> None:
    """Puts a virtual environment's site-packages first on sys.path.

    Raises PluginError when it is none, belongs to another Python version, or is
    not the only one.
    """
    global _venv
    if _venv and os.path.realpath(path) != os.path.realpath(_venv):
        raise PluginError(
            "unusable",
            f"the virtual environment {path} cannot be used: this process uses "
            f"{_venv} already, and a module can be in it only once; set "
            + (
                "another worker-group"
                if is_worker
                else "isolation=process, which gives the plugin a Python of its own"
            ),
        )
    _add_venv(path)
    _venv = path


def _no_venv(path: str, error: OSError) -> str:
    """A shell may have activated one that is gone by now."""
    activated = path == os.environ.get("VIRTUAL_ENV")
    why = f"it has no pyvenv.cfg ({os.strerror(error.errno or 0)})"
    if not os.path.isdir(path):
        why = "there is no such folder"
    return (
        f"{path} is not a virtual environment: {why}; "
        + (
            "the variable VIRTUAL_ENV names it: run deactivate, or "
            if activated
            else ""
        )
        + f"name one that python3.{sys.version_info.minor} -m venv has made"
        + (" in the property venv" if activated else "")
    )


def _in_its_own(path: str) -> str:
    python = os.path.join(path, "bin", "python")
    return "" if is_worker else f", or set isolation=process python={python}"


def _add_venv(path: str) -> None:
    if os.path.isdir(os.path.join(path, "conda-meta")):
        programs = os.path.join(path, "bin")
        if os.path.abspath(os.path.dirname(sys.executable)) == os.path.abspath(
            programs
        ):
            return  # it is the one that runs here
        if is_worker:
            raise PluginError(
                "unusable",
                f"{path} is an environment of conda without a Python: conda install "
                "python numpy there",
            )
        raise PluginError(
            "unusable",
            f"{path} is an environment of conda, whose libraries are for its own "
            f"Python: set isolation=process python={programs}/python",
        )
    config = os.path.join(path, "pyvenv.cfg")
    try:
        with open(config, encoding="utf-8") as file:
            pairs = [line.partition("=") for line in file]
    except OSError as error:
        raise PluginError("unusable", _no_venv(path, error)) from None
    settings = {key.strip().lower(): value.strip() for key, _, value in pairs}
    version = settings.get("version", "") or settings.get("version_info", "")
    theirs = ".".join(version.split(".")[:2])
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    if theirs and theirs != ours:
        raise PluginError(
            "unusable",
            f"the virtual environment {path} was made for Python {theirs}, "
            f"but this element runs Python {ours}: make one with "
            f"python{ours} -m venv{_in_its_own(path)}",
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
