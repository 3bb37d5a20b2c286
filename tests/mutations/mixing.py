# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mixers and splitters declare, and those that come along."""

from .mutation import Mutation

DECLARED = "test_mixing_declarations.py"
PLUGINS = "test_mixing_plugins.py"

MIXING = (
    Mutation(
        "a-name-is-an-input-twice",
        "plugins_py/pythonfilter/ports.py",
        "        if isinstance(name, str) and name in seen:\n",
        "        if False:\n",
        (DECLARED,),
    ),
    Mutation(
        "a-range-may-be-backwards",
        "plugins_py/pythonfilter/ports.py",
        "    if not 1 <= least <= most <= MAX_PORTS:\n",
        "    if not 1 <= least or not most <= MAX_PORTS:\n",
        (DECLARED,),
    ),
    Mutation(
        "output-like-nothing",
        "plugins_py/pythonfilter/ports.py",
        "    if isinstance(value, str) and value in ports.names():\n",
        "    if isinstance(value, str):\n",
        (DECLARED,),
    ),
    Mutation(
        "mistakes-without-a-line",
        "plugins_py/pythonfilter/host/places.py",
        "    return lines[-1] if lines else 0\n",
        "    return 0\n",
        (DECLARED,),
    ),
    Mutation(
        "computed-inputs-are-guessed",
        "plugins_py/pythonfilter/scan/describe.py",
        '        if value is UNKNOWN and name in (*ports.WHAT.values(), "output_like"):\n',
        "        if False:\n",
        (DECLARED,),
    ),
    Mutation(
        "input-params-are-the-plugins",
        "plugins_py/pythonfilter/host/params.py",
        "            name: param for name, param in both.items() if name not in self.of_inputs\n",
        "            name: param for name, param in both.items()\n",
        (DECLARED,),
    ),
    Mutation(
        "echo-learnt-too-boldly",
        "plugins_py/echo_canceller.py",
        " + _smooth(unknown, 8)",
        "",
        (f"{PLUGINS}::test_echo_is_gone_and_the_second_speaker_is_not",),
    ),
    Mutation(
        "echo-of-another-room-kept",
        "plugins_py/echo_canceller.py",
        "            self.forget()\n            return microphone\n",
        "            return microphone\n",
        (f"{PLUGINS}::test_echo_of_another_loudness_and_of_a_room_that_changes",),
    ),
    Mutation(
        "gain-jumps-between-blocks",
        "plugins_py/_side_chain.py",
        "[before, *path]",
        "[path[0], *path]",
        (f"{PLUGINS}::test_ducker_makes_room_and_gives_it_back",),
    ),
    Mutation(
        "heard-oneself",
        "plugins_py/conference.py",
        "                    if channel != own:\n",
        "                    if True:\n",
        (f"{PLUGINS}::test_nobody_in_the_conference_hears_themselves",),
    ),
)
