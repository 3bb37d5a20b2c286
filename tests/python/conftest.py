# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets the tests import base_plugin, as the element does for plugins."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "plugins_py"))
