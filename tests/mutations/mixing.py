# SPDX-License-Identifier: LGPL-2.1-or-later
"""What mixers and splitters declare, those that come along, and mixers in workers."""

from .mutation import Mutation

DECLARED = "test_mixing_declarations.py"
PLUGINS = "test_mixing_plugins.py"
WORKER = "test_worker_mixing.py"
ANY_BLOCK = f"{WORKER}::test_it_does_not_matter_which_block_it_is"

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
    Mutation(
        "kept-memory-of-inputs",
        "plugins_py/pythonfilter/worker/steady_mixing.py",
        "                and count(theirs) - len(their_arrays) == of_theirs\n",
        "",
        (ANY_BLOCK,),
    ),
    Mutation(
        "kept-array-of-an-input",
        "plugins_py/pythonfilter/worker/steady_mixing.py",
        "                    and count(each) == of_input[number]\n",
        "",
        (ANY_BLOCK,),
    ),
    Mutation(
        "input-in-another-shape",
        "plugins_py/pythonfilter/worker/steady_mixing.py",
        "                    and own.object == own.object_made\n"
        "                    and own.axes == own.axes_made\n",
        "",
        (ANY_BLOCK,),
    ),
    Mutation(
        "input-without-its-stream",
        "plugins_py/pythonfilter/worker/steady_mixing.py",
        "                    and thing._stream is what\n",
        "",
        (ANY_BLOCK,),
    ),
    Mutation(
        "input-marked-for-ever",
        "plugins_py/pythonfilter/worker/steady_mixing.py",
        "                and not marks\n",
        "",
        (ANY_BLOCK,),
    ),
    Mutation(
        "inputs-shown-between-calls",
        "plugins_py/pythonfilter/worker/inputs.py",
        "        _DATA.__set__(self.object, self.empty)\n",
        "",
        (f"{WORKER}::test_between_calls_an_input_has_no_samples",),
    ),
    Mutation(
        "inputs-written-to",
        "plugins_py/pythonfilter/worker/view.py",
        "            other = map_region(os.dup(descriptor), size, False)\n",
        "            other = map_region(os.dup(descriptor), size, True)\n",
        (f"{WORKER}::test_inputs_refuse_writes",),
    ),
    Mutation(
        "region-of-inputs-used-again",
        "plugins_py/pythonfilter/worker/view.py",
        "        kept = inputs_kept or found[:2] != UNSHARED[:2]\n",
        "        kept = found[:2] != UNSHARED[:2]\n",
        (ANY_BLOCK,),
    ),
    Mutation(
        "inputs-added-again-and-again",
        "plugins_py/pythonfilter/worker/inputs.py",
        "                self._tell((), ())\n",
        "                pass\n",
        (f"{WORKER}::test_inputs_come_and_go",),
    ),
    Mutation(
        "input-that-is-gone-goes-on",
        "plugins_py/pythonfilter/worker/inputs.py",
        "        for gone in before.values():\n            gone.info.freeze()\n",
        "",
        (f"{WORKER}::test_inputs_come_and_go",),
    ),
    Mutation(
        "successor-without-input-parameters",
        "bridge/process/process_plugin.cpp",
        "      return !starts || adopt_inputs(session, failure);\n",
        "      return true;\n",
        ("mixing::test_a_worker_that_ends_is_replaced_while_it_plays",),
    ),
    Mutation(
        "inputs-of-the-worker-before",
        "bridge/process/mixer_calls.cpp",
        "      if (session->inputs_told != inputs_serial_) {\n",
        "      if (false) {\n",
        ("mixing::test_inputs_come_while_workers_go",),
    ),
    Mutation(
        "refused-for-ever",
        "bridge/process/mixer_calls.cpp",
        "    if (session->is_lost()) return false;\n",
        "    return false;\n",
        ("mixing::test_a_worker_that_ends_is_replaced_while_it_plays",),
    ),
    Mutation(
        "mixer-waits-for-ever",
        "gst/element/elementmixing.cpp",
        "    block->patience = deadline_rule_.with(*block);\n",
        "    block->patience = 0;\n",
        ("mixing::test_a_call_that_is_late_is_a_glitch",),
    ),
    Mutation(
        "output-of-the-block-before",
        "bridge/process/process_input.cpp",
        "  if (capabilities_.output_zero)\n",
        "  if (false)\n",
        ("mixing::test_a_worker_that_ends_is_replaced_while_it_plays",),
    ),
)
