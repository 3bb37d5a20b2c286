# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs plugins in a process of their own: the far side of isolation=process.

docs/worker-protocol.md says what goes to and fro. server.py is what the element
starts; spawning.py forks workers, worker.py is one, and channel.py one plugin
in it.
"""
