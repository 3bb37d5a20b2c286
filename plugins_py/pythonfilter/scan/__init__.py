# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says which plugins there are, and what their source says of them.

scan.py is what the registry scan runs; it needs neither NumPy nor site-packages.
"""
