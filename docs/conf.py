# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sphinx makes HTML of this folder: `ninja -C build docs`."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
# reference.md takes the docstrings from there.
sys.path.insert(0, str(HERE.parent / "plugins_py"))

project = "pythonfilter"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
# For links such as writing-plugins.md#failure.
myst_heading_anchors = 3
html_theme = "furo"
html_title = project
html_copy_source = False
html_show_copyright = False
autodoc_member_order = "bysource"


def _add_elements(_app, page, source):
    """Puts what the elements say of themselves below the text of elements.md."""
    if page == "elements":
        # A process of its own: GStreamer prints, and stays loaded.
        program = [sys.executable, HERE / "element_reference.py"]
        made = subprocess.run(program, stdout=subprocess.PIPE, text=True)
        if made.returncode != 0:
            raise SystemExit("docs: element_reference.py failed, see above")
        source[0] += made.stdout


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _add_elements)
