# SPDX-License-Identifier: LGPL-2.1-or-later
"""One plugin: loaded, looked at, and called, but for its audio method."""
