# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sphinx makes HTML of this folder: `ninja -C build docs`."""

import pathlib
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
