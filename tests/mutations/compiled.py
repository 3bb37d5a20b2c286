# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compiled plugins, and what is called beside a stream."""

from .mutation import Mutation

# Compiled plugins: seen with Numba and without.
COMPILED = (
    Mutation(
        "all-formats-compiled",
        "plugins_py/pythonfilter/host/compiling.py",
        "    machine.address(*first)\n",
        "    machine.address(*first)\n    machine.address('S32', False)\n",
        ("test_compiled.py::test_only_what_plays_is_compiled",),
    ),
    Mutation(
        "new-code-compiled-while-it-plays",
        "gst/reload/reloader.cpp",
        "  if (stream_) spec.likely = {layout_of(*stream_)};\n",
        "",
        ("compiled::test_new_code_is_compiled_while_the_old_plays*",),
    ),
    Mutation(
        "compiled-for-what-cannot-come",
        "gst/element/pythonelement.cpp",
        "  spec.likely = likely_layouts();\n",
        "",
        ("compiled::test_it_is_compiled_for_what_comes*",),
    ),
    Mutation(
        "format-that-a-converter-likes-less",
        "gst/element/negotiation.cpp",
        "for (const bool told : {true, false}) {",
        "for (const bool told : {false}) {",
        ("test_compiled.py::test_it_is_compiled_once_for_what_a_converter_likes_most",),
    ),
    Mutation(
        "compiled-again-for-each-instance",
        "plugins_py/pythonfilter/host/compiling.py",
        "_kept.pop(key, None) or self._compile(format, interleaved, inputs)",
        "self._compile(format, interleaved, inputs)",
        ("test_compiled.py::test_only_what_plays_is_compiled",),
    ),
    Mutation(
        "closure-of-the-run-before",
        "plugins_py/pythonfilter/host/compiling.py",
        "self._taken(name, given.cell_contents, function)",
        "given.cell_contents",
        ("test_compiled.py::test_a_constant_that_is_read_from_a_file_is_not_cached",),
    ),
    Mutation(
        "band-used-from-the-next-block-on",
        "plugins_py/parametric_equalizer.py",
        "            choose(state, channels)\n",
        "            if state.place == 0:\n                choose(state, channels)\n",
        ("test_compiled_plugins.py::test_a_change_begins_at_once_and_slowly",),
    ),
    Mutation(
        "denormals-kept",
        "plugins_py/_samples.py",
        "    if SILENCE <= abs(x) <= LARGEST:",
        "    if abs(x) <= LARGEST:",
        ("test_compiled_plugins.py::test_silence_is_silent_and_every_tail_ends",),
    ),
    Mutation(
        "interval-written-where-it-is-read",
        "plugins_py/true_peak_meter.py",
        "    last = state.last[(state.shown + 1) & 1]\n",
        "    last = state.last[state.shown & 1]\n",
        ("test_compiled_plugins.py::test_intervals_and_the_whole",),
    ),
)

# Mixers whose method is machine code.
MIXERS = (
    Mutation(
        "inputs-in-the-order-of-pads",
        "bridge/python/native_inputs.cpp",
        "    const InputView &view = views[views_[i]];\n",
        "    const InputView &view = views[i];\n",
        ("compiledmixing::test_inputs_with_names*",),
    ),
    Mutation(
        "parameters-of-another-input",
        "bridge/python/native_inputs.cpp",
        "    if (names_[i] == input) return",
        "    if (names_[i] <= input) return",
        ("compiledmixing::test_inputs_have_parameters*",),
    ),
    Mutation(
        "parameters-of-inputs-by-the-default",
        "bridge/python/native_inputs.cpp",
        "      fields_.set_defaults(record(i));\n",
        "      {\n      }\n",
        ("compiledmixing::test_samples*",),
    ),
    Mutation(
        "inputs-of-before",
        "bridge/python/python_plugin.cpp",
        "  if (native_.read_inputs(loaded_.get(), inputs, capabilities_)) return true;\n",
        "  if (!native_.empty()) return true;\n",
        ("compiledmixing::test_inputs_come_and_go*",),
    ),
    Mutation(
        "no-such-input",
        "plugins_py/pythonfilter/host/compiling_mixers.py",
        "            if place < 0 or place >= inputs.count:\n",
        "            if place < 0:\n",
        (
            "test_compiled_mixing.py::test_an_input_that_is_not_there_is_a_failure_and_no_memory",
        ),
    ),
    Mutation(
        "samples-of-inputs-writable",
        "plugins_py/pythonfilter/host/compiling_mixers.py",
        "    data = only_read(farray(samples_at(one.data), (channels, frames)))\n",
        "    data = farray(samples_at(one.data), (channels, frames))\n",
        ("test_compiled_mixing.py::test_a_mistake_is_one_message_with_its_line",),
    ),
)

# What the safety of compiled plugins, and of what is called beside a stream, hangs on.
MACHINE = (
    Mutation(
        "number-that-is-none",
        "bridge/python/native_fields.cpp",
        "  return value == value &&\n",
        "  return true &&\n",
        ("compiled::test_values_that_are_not_allowed*",),
    ),
    Mutation(
        "copied-samples-left-behind",
        "bridge/python/native_call.cpp",
        "  if (__builtin_expect(!fits, 0) && !read_only_) use_scratch(block, true);\n",
        "",
        ("compiled::test_planes_with_gaps*",),
    ),
    Mutation(
        "failure-of-machine-code-unseen",
        "bridge/python/native_call.cpp",
        "status != PYTHONFILTER_OK, 0",
        "status == PYTHONFILTER_RAISED, 0",
        ("compiled::test_another_number*",),
    ),
    Mutation(
        "curve-as-a-constant",
        "bridge/python/native_fields.cpp",
        "      if (each.values.size() >= frames)",
        "      if (each.values.size() > frames)",
        ("curves::test_a_fade*",),
    ),
    Mutation(
        "position-of-new-code",
        "bridge/python/python_plugin.cpp",
        "    native_.go_on_at(position);\n",
        "    (void)position;\n",
        ("compiled::test_a_reload*",),
    ),
    Mutation(
        "position-of-new-code-in-a-worker",
        "plugins_py/pythonfilter/host/native.py",
        "self.call.position = fields.get(_POSITION, 0)",
        "self.call.position = 0",
        ("process-compiled::test_a_reload*",),
    ),
    Mutation(
        "parameters-by-the-gil",
        "bridge/python/python_plugin.cpp",
        "  if (!native_.empty()) {\n    if (set_native",
        "  if (native_.has_own_setter() && false) {\n    if (set_native",
        ("quiet::test_parameters*",),
    ),
    Mutation(
        "numbers-as-texts",
        "bridge/python/python_plugin.cpp",
        "  if (native_.empty() || !native_.set(number)) return false;\n",
        "  return false;\n",
        ("quiet::test_a_controller*",),
    ),
    Mutation(
        "number-of-the-limits-before",
        "bridge/python/native_fields.cpp",
        "      spec.maximum != number.spec->maximum)\n",
        "      false)\n",
        ("compiled::test_a_number_that_waits*",),
    ),
    Mutation(
        "machine-code-loops-for-ever",
        "bridge/process/process_call.cpp",
        "if (!block.patience && capabilities_.compiled && hangs_at()) {\n",
        "if (false) {\n",
        ("process-compiled::test_machine_code_that_loops*",),
    ),
    Mutation(
        "number-not-told",
        "bridge/python/python_plugin.cpp",
        "  beside_.tell(Change(number), native_.has_own_setter());\n",
        "",
        ("compiled::test_the_attributes*",),
    ),
    Mutation(
        "latency-by-the-gil",
        "bridge/python/python_plugin.cpp",
        "  if (again && beside_.last(question, answer)) return true;\n",
        "",
        ("quiet::test_latency*",),
    ),
    Mutation(
        "changes-of-a-plugin-lost",
        "bridge/python/block_calls.cpp",
        "  if (__builtin_expect(beside_.has_changes(), 0)) take_changes();\n",
        "",
        ("quiet::test_the_plugin_hears*",),
    ),
    Mutation(
        "regular-before-the-first-buffer",
        "bridge/python/beside.cpp",
        "  if (std::exchange(due->heard, blocks) == blocks) return true;\n",
        "",
        ("regular::test_it_is_called*",),
    ),
    Mutation(
        "regular-that-stops-its-own-element",
        "bridge/python/beside.cpp",
        "  return here == this;\n",
        "  return false;\n",
        ("regular::test_a_handler_that_stops*",),
    ),
    Mutation(
        "regular-that-hangs-is-waited-for",
        "bridge/python/beside.cpp",
        "    calls->interrupt();\n",
        "",
        ("regular::test_a_call_that_hangs*",),
    ),
    Mutation(
        "regular-by-a-worker-after-stop",
        "plugins_py/pythonfilter/worker/beside.py",
        "        self._ends.set()\n",
        "",
        ("process-regular::test_it_is_called*",),
    ),
    Mutation(
        "same-failure-told-each-time",
        "gst/element/failurereport.cpp",
        "    if (same && monotonic_ns() - warned_ < warning_interval_ns) return;\n",
        "",
        ("regular::test_what_it_raises*",),
    ),
    Mutation(
        "constant-of-the-run-before",
        "plugins_py/pythonfilter/host/compiling.py",
        "            self._constants.hexdigest(),\n",
        "",
        ("test_compiled.py::test_a_constant_that_is_read_from_a_file_is_not_cached",),
    ),
    Mutation(
        "broken-cache-is-a-mistake-of-the-plugin",
        "plugins_py/pythonfilter/host/compiling.py",
        "                except Exception:\n                    pass",
        "                except ZeroDivisionError:\n                    pass",
        (
            "test_compiled.py::test_a_cache_that_cannot_be_used_is_told_and_does_no_harm",
        ),
    ),
    Mutation(
        "machine-code-crashes-in-our-files",
        "bridge/process/crash_place.cpp",
        "if (own || (taken && !is_ours(each.file))) best",
        "if (own || taken) best",
        ("process-compiled::test_machine_code*",),
    ),
)
