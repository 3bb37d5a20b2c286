# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plugins that pip installed: found by their entry points, without running them."""

import os
import re
import sys
import venv
import zipfile

import numpy as np
import pytest

from plugin_folder import inspect, names
from processes import PYTHON, ROOT, launch, run

WORKBENCH = ROOT / "plugins_py/pythonfilter-workbench"
MEMORY = "audio/x-raw,format=F32LE,channels=1"
LINE = f"audiotestsrc wave=square volume=1 num-buffers=1 ! {MEMORY}"
VERSION = "{}.{}".format(*sys.version_info)

HALVES = """\
from base_plugin import AudioProcessorPlugin, Param
{more}

class Halves(AudioProcessorPlugin):
    {doc}
    level = Param(0.5, min=0.0, max=1.0, description="What it multiplies by")

    def process_audio(self, buffer):
        buffer.data *= self.level
"""


@pytest.fixture
def environment(place, tmp_path):
    """An activated virtual environment, with what is put into it by add()."""
    _, env = place
    env["GST_PYTHONFILTER_PATH"] = None
    there = tmp_path / "venv"
    venv.create(there, system_site_packages=True)
    env["VIRTUAL_ENV"] = there
    return there / f"lib/python{VERSION}/site-packages", env


def touch(site):
    """GStreamer compares whole seconds; these come without waiting for one."""
    os.utime(site, (0, os.stat(site).st_mtime + 10))


def add(site, files, entries, name="thing"):
    """Files, and a distribution that declares the entries, as pip leaves them."""
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(f"[pythonfilter.plugins]\n{entries}\n")
    return info


def test_a_wheel_that_the_workbench_began(environment, tmp_path):
    pytest.importorskip("build.__main__")  # not a build folder
    pytest.importorskip("ensurepip")
    site, env = environment
    command = [PYTHON, WORKBENCH, "new", "warm_echo", "--package"]
    assert run(command, cwd=tmp_path).code == 0
    project = tmp_path / "warm-echo"
    test = run([PYTHON, "-m", "pytest", "-q", "tests"], cwd=project, **env)
    assert test.code == 0, test.out
    assert run([PYTHON, WORKBENCH, "--quick", "warm_echo"], cwd=project).code == 0
    options = ["--wheel", "--no-isolation", "--skip-dependency-check"]
    built = run([PYTHON, "-m", "build", *options], cwd=project)
    assert built.code == 0, built.err
    [wheel] = (project / "dist").glob("*.whl")
    assert names(env) == []
    python = site.parents[2] / "bin/python3"
    for command in (["ensurepip"], ["pip", "install", "--no-index", wheel]):
        result = run([python, "-m", *command], cwd=tmp_path)
        assert result.code == 0, result.err
    touch(site)
    assert names(env) == ["py-warm-echo"]
    text = inspect("py-warm-echo", env)
    assert "Multiplies every sample" in text and "gain  " in text
    result = launch(f"{LINE} ! py-warm-echo gain=0.25 ! fdsink fd=1", **env)
    assert result.code == 0, result.err
    assert set(np.frombuffer(result.out, "f4")) == {0.25, -0.25}


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_package_with_modules_and_data(environment, isolation):
    site, env = environment
    files = {
        "kit/__init__.py": "",
        "kit/effects/__init__.py": "",
        "kit/effects/halves.py": HALVES.format(
            more="import importlib.resources\n"
            "from kit.levels import FACTOR\n"
            "TEXT = importlib.resources.files('kit').joinpath('data.txt').read_text()",
            doc="__doc__ = 'Halves it.'",
        ).replace("self.level", "self.level * FACTOR * float(TEXT)"),
        "kit/levels.py": "FACTOR = 2.0\n",
        "kit/data.txt": "0.25",
    }
    add(site, files, "kit-halves = kit.effects.halves:Halves")
    assert names(env) == ["py-kit-halves"]
    element = f"py-kit-halves isolation={isolation}"
    result = launch(f"{LINE} ! {element} ! fdsink fd=1", **env)
    assert result.code == 0, result.err
    assert set(np.frombuffer(result.out, "f4")) == {0.25, -0.25}


def test_what_comes_and_goes_is_noticed_and_nothing_is_run(environment):
    site, env = environment
    assert names(env) == []
    source = HALVES.format(more="open('/dev/full', 'w').write('x' * 99999)", doc="")
    info = add(site, {"runs.py": source}, "runs = runs")
    touch(site)
    assert names(env) == ["py-runs"]
    (site / "runs.py").write_text(source.replace("Halves", "Other") + "# longer\n")
    assert names(env) == ["py-runs"]
    assert "Other" in inspect("py-runs", env)
    (info / "entry_points.txt").unlink()
    info.rmdir()
    assert names(env) == []
    # And with another environment, or none.
    add(site, {}, "runs = runs")
    touch(site)
    assert names(env) == ["py-runs"]
    assert names({**env, "VIRTUAL_ENV": None}) == []


def not_usable(env):
    text = inspect("pythonfilter", env)
    return text.partition("Not-usable-plugins")[2].partition("\n\n")[0]


BROKEN = {
    "no such module": ("a = missing.module:A", "no source of missing.module is below"),
    "no such class": ("a = halves:Missing", "a: it has no plugin class Missing"),
    "no name": ("a = ../etc/passwd", "'../etc/passwd' is no name of a module"),
    "in a zip": ("a = zipped.halves", "a: zipped.halves is in a zip file"),
    "where a .pth leads": ("a = packed.it", "a: packed.it is in a zip file"),
    "no key": ("just this", "Source contains parsing errors"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_cannot_be_used_is_told_and_costs_only_itself(environment, name):
    site, env = environment
    entries, expected = BROKEN[name]
    add(site, {"halves.py": HALVES.format(more="", doc="")}, "halves = halves:Halves")
    add(site, {}, entries, "other")
    with zipfile.ZipFile(site / "zipped.zip", "w") as archive:
        archive.writestr("halves.py", "")
        archive.writestr("packed/it.py", "")
    (site / "some.pth").write_text("zipped.zip\n")
    assert names(env) == ["py-halves"]
    assert expected in not_usable(env)


def test_an_egg_is_refused_with_a_sentence(environment):
    site, env = environment
    with zipfile.ZipFile(site / "old-1.0-py3.egg", "w") as archive:
        archive.writestr("EGG-INFO/entry_points.txt", "[pythonfilter.plugins]\na = a\n")
    assert names(env) == []
    assert "its modules are in a zip file: install it with pip" in not_usable(env)


def test_an_environment_of_another_python_is_told(environment):
    site, env = environment
    add(site, {"halves.py": HALVES.format(more="", doc="")}, "halves = halves:Halves")
    site.parent.rename(site.parent.with_name("python3.9"))
    assert names(env) == []
    assert f"{site.parents[2]}/bin/python module=" in not_usable(env)


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_an_environment_of_conda_is_told_and_plays_as_told(environment, variable):
    site, env = environment
    root = site.parents[2]
    (root / "conda-meta").mkdir()
    env = {**env, "VIRTUAL_ENV": None, variable: root}
    assert names(env) == []
    assert "conda" not in not_usable(env)
    add(site, {"halves.py": HALVES.format(more="", doc="")}, "halves = halves:Halves")
    touch(site)
    assert names(env) == []
    told = not_usable(env)
    assert f"{site}: is of conda, whose libraries are for its own Python: " in told
    [how] = re.findall(r"with (pythonfilter .*=)\.\.\.", told)
    assert how == f"pythonfilter isolation=process python={root}/bin/python module="
    result = launch(f"{LINE} ! {how}halves ! fdsink fd=1", **env)
    assert result.code == 0, result.err
    assert set(np.frombuffer(result.out, "f4")) == {0.5, -0.5}


def test_where_a_pth_file_leads(environment, tmp_path):
    site, env = environment
    source = tmp_path / "project"
    source.mkdir()
    (source / "halves.py").write_text(HALVES.format(more="", doc=""))
    (site / "project.pth").write_text(f"import sys\n{source}\n")
    add(site, {}, "halves = halves:Halves")
    assert names(env) == ["py-halves"]
    result = launch(f"{LINE} ! py-halves ! fdsink fd=1", **env)
    assert result.code == 0, result.err
    assert set(np.frombuffer(result.out, "f4")) == {0.5, -0.5}
