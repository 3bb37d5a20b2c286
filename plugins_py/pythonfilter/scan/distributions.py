# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugins of installed distributions, as their metadata says.

One that pip installed declares its plugins as entry points of a group:

    [project.entry-points."pythonfilter.plugins"]
    warm-echo = "warm_echo.plugin:WarmEcho"

The metadata and the source are read as text; nothing is imported.
"""

from __future__ import annotations

import glob
import os
import site
import sys
import zipfile

from ..reading import Unusable, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "pythonfilter.plugins"
VERSION = "{}.{}".format(*sys.version_info)


class Entry:
    """A plugin that a distribution declares.

    ``file`` is where that is written, ``module`` a dotted name, and ``attribute``
    the class, "" for what the module has.
    """

    def __init__(self, file: str, name: str, value: str) -> None:
        self.file = file
        self.name = name
        value = value.partition("[")[0].strip()  # what is installed with it
        self.module, _, self.attribute = (part.strip() for part in value.partition(":"))


def site_folders(system: bool) -> list[str]:
    """Where modules are: of an activated environment, and of this Python itself."""
    venv = os.environ.get("VIRTUAL_ENV", "")
    usable = os.path.isabs(venv) and not _is_of_conda(venv)
    folders = _below(venv, VERSION) if usable else []
    if system:
        folders += [site.getusersitepackages(), *site.getsitepackages()]
    return folders


def _below(root: str, version: str) -> list[str]:
    return glob.glob(
        os.path.join(glob.escape(root), f"lib/python{version}/site-packages")
    )


def _is_of_conda(root: str) -> bool:
    return os.path.isdir(os.path.join(root, "conda-meta"))


def of_another_python() -> Iterator[tuple[str, str]]:
    """Folders whose plugins cannot be loaded here, and what to do with those."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        root = os.environ.get(variable, "")
        if not os.path.isabs(root) or os.path.realpath(root) == os.path.realpath(
            sys.prefix
        ):
            continue
        if _is_of_conda(root):
            what = "is of conda, whose libraries are for its own Python"
        elif variable == "VIRTUAL_ENV" and not _below(root, VERSION):
            what = f"is of another Python than {VERSION}"
        else:
            continue
        for folder in _below(root, "3.*"):
            yield folder, (
                f"{what}: play its plugins with pythonfilter isolation=process "
                f"python={os.path.join(root, 'bin', 'python')} module=..."
            )


def entries(folder: str) -> Iterator[Entry | tuple[str, str]]:
    """Those of a folder of modules, or a file and why it can have none."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith((".dist-info", ".egg-info")):
            declared = os.path.join(path, "entry_points.txt")
        elif name.endswith(".egg"):
            declared = os.path.join(path, "EGG-INFO", "entry_points.txt")
            if os.path.isfile(path) and _is_in_zip(path):
                yield path, "its modules are in a zip file: install it with pip"
                continue
        else:
            continue
        if not os.path.isfile(declared):
            continue
        try:
            text = read(declared)
            if GROUP.encode() in text:
                for key, value in _parsed(text.decode("utf-8", "replace")):
                    yield Entry(declared, key, value)
        except Unusable as error:
            yield declared, str(error)


def _is_in_zip(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo("EGG-INFO/entry_points.txt")
            return info.file_size < 1 << 20 and GROUP.encode() in archive.read(info)
    except (OSError, KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return False


def _has_module(path: str, parts: list[str]) -> bool:
    """Whether it is a zip file with that module, as a .pth file may name one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        return False
    stem = "/".join(parts)
    return f"{stem}.py" in names or f"{stem}/__init__.py" in names


def _parsed(text: str) -> list[tuple[str, str]]:
    import configparser

    parser = configparser.ConfigParser(
        delimiters=("=",), strict=False, interpolation=None
    )
    parser.optionxform = str  # type: ignore[assignment]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise Unusable(str(error).partition("\n")[0]) from None
    return parser.items(GROUP) if parser.has_section(GROUP) else []


def source_of(entry: Entry, folder: str) -> tuple[str, str]:
    """The file that an entry's module is, and the folder that its name begins in.

    That is its distribution's, or one where a .pth leads.

    Raises Unusable.
    """
    parts = entry.module.split(".")
    if not all(part.isidentifier() for part in parts):
        raise Unusable(f"{entry.name}: {entry.module!r} is no name of a module")
    for root in [folder, *_led_to(folder)]:
        stem = os.path.join(root, *parts)
        for path in (os.path.join(stem, "__init__.py"), f"{stem}.py"):
            if os.path.isfile(path):
                return path, root
        zipped = [
            os.path.join(root, *parts[:above]) for above in range(1, len(parts) + 1)
        ]
        if any(zipfile.is_zipfile(f"{path}.zip") for path in zipped) or (
            os.path.isfile(root) and _has_module(root, parts)
        ):
            raise Unusable(f"{entry.name}: {entry.module} is in a zip file")
    raise Unusable(
        f"{entry.name}: no source of {entry.module} is below {folder}; what is "
        "installed with pip install --editable needs --config-settings "
        "editable_mode=compat, and a module without source makes no element"
    )


def _led_to(folder: str) -> Iterator[str]:
    """What .pth files name, which may run code as well: that is not run."""
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.pth"))):
        try:
            lines = read(path).decode("utf-8", "replace").splitlines()
        except Unusable:
            continue
        for line in lines:
            line = line.strip()
            if line and not line.startswith(("#", "import ", "import\t")):
                led = os.path.join(folder, line)
                if os.path.exists(led):
                    yield led
