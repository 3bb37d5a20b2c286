# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that runs plugins, but the plugins themselves and what they import.

host/ is one plugin and what it says of itself, worker/ the far side of
isolation=process, scan/ finds plugins without running them, and workbench/ runs
one without GStreamer. Here is what these share. Where plugins run the package
is loaded by its file, as `_pythonfilter`: an application's `pythonfilter`, and
what its sys.path leads to, is another one.
"""
