# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a plugin without GStreamer, and says what is wrong with it.

``pythonfilter-workbench`` is the command; cli.py says what it can do.
"""
