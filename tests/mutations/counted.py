# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a soak counts by the thousand, and a small count has to see."""

from .mutation import Mutation

# Of the tests that count by the hundred or the thousand in a soak: each of these
# is to be seen with the small count (docs/testing.md).
COUNTED = (
    Mutation(
        "output-view-kept",
        "bridge/python/release_later.cpp",
        "    if (sent->view.obj) PyBuffer_Release(&sent->view);\n",
        "",
        ("outputlives::test_nothing_is_left*",),
    ),
    Mutation(
        "output-object-kept",
        "bridge/python/release_later.cpp",
        "    steal(sent->object);\n",
        "    if (sent->view.obj) steal(sent->object);\n",
        (
            "outputlives::test_nothing_is_left*",
            "test_steady_state.py::test_buffers_leave_pythons_memory_flat",
        ),
    ),
    Mutation(
        "output-released-at-once",
        "bridge/python/release_later.cpp",
        "  auto *sent = static_cast<SentObject *>(object);\n" "  sent->next = returned",
        "  auto *sent = static_cast<SentObject *>(object);\n"
        "  const PyGILState_STATE state = PyGILState_Ensure();\n"
        "  Py_DECREF(sent->object);\n"
        "  PyGILState_Release(state);\n"
        "  if (sent) return;\n"
        "  sent->next = returned",
        (
            "test_exit.py::test_buffers_outlive_python",
            "outputlives::test_dropping_does_not_wait*",
        ),
    ),
    Mutation(
        "output-shared",
        "bridge/python/outputs.cpp",
        "    return base && may_change(base, 1, rules, shown);\n",
        "    return false;\n",
        ("outputs",),
    ),
    Mutation(
        "instance-kept-in-null",
        "plugins_py/pythonfilter/host/plugin.py",
        "        self.plugin = None\n        del self.audio\n",
        "        interpreter.kept = getattr(interpreter, 'kept', [])\n"
        "        interpreter.kept.append((self.plugin, bytearray(1 << 20)))\n"
        "        self.plugin = None\n        del self.audio\n",
        ("lifecycle::test_null_to_playing*",),
    ),
    Mutation(
        "modules-kept-in-null",
        "plugins_py/pythonfilter/host/plugin.py",
        "            _forget(self.namespace)\n            self.namespace = None\n",
        "            self.namespace = None\n",
        ("states::test_dead_instances*",),
    ),
    Mutation(
        "old-modules-kept",
        "plugins_py/pythonfilter/loader.py",
        "            del sys.modules[name]\n",
        "            sys.modules['kept%d' % len(sys.modules)] = sys.modules.pop(name)\n",
        ("reloadstate::test_many_reloads*",),
    ),
    Mutation(
        "state-not-carried",
        "gst/element/elementreload.cpp",
        "  return !carries || next->plugin->set_state(next->state, failure);\n",
        "  return true;\n",
        ("reloadstate::test_many*", "process-reloadstate::test_many*"),
    ),
    Mutation(
        "renamed-file-not-seen",
        "gst/reload/filewatch.cpp",
        "IN_CLOSE_WRITE | IN_MOVED_TO |",
        "IN_CLOSE_WRITE |",
        ("reloadstate::test_many_saves*",),
    ),
    Mutation(
        "new-code-with-other-formats",
        "gst/reload/reloadfit.cpp",
        "  return takes(allowed, caps);\n",
        '  return "";\n',
        ("reloadrefused", "process-reloadrefused"),
    ),
    Mutation(
        "caps-of-the-old-code",
        "gst/element/elementreload.cpp",
        "  caps.open(capabilities, next.conversion);\n",
        "",
        ("reloadrefused", "process-reloadrefused"),
    ),
    Mutation(
        "reloader-left-behind",
        "gst/reload/reloader.cpp",
        "  thread.join();\n}\n\nvoid Reloader::set_watching",
        "  (new Thread)->swap(thread);\n}\n\nvoid Reloader::set_watching",
        ("reload::test_a_stop_in_the_middle",),
    ),
    Mutation(
        "block-times-add-up",
        "gst/buffers/blocksplitter.cpp",
        "  const GstClockTime begin = time_of(first);\n",
        "  const GstClockTime begin =\n"
        "      first / frames_ * time_of(frames_) + time_of(first % frames_);\n",
        ("blocksize::test_times_are_exact*",),
    ),
    Mutation(
        "longer-buffer-as-a-block",
        "gst/buffers/blocksplitter.cpp",
        "gst_buffer_get_size(buffer) == frames_ * size_t(info_.bpf);\n",
        "gst_buffer_get_size(buffer) >= frames_ * size_t(info_.bpf);\n",
        ("blocksize::test_every_call*",),
    ),
    Mutation(
        "source-times-add-up",
        "gst/stream/sourcetimes.hpp",
        "  void advance(guint64 frames) { next_ += frames; }\n",
        "  void advance(guint64 frames) {\n"
        "    base_ += plain_time_of(frames) - plain_time_of(next_ + frames) +\n"
        "             plain_time_of(next_);\n"
        "    next_ += frames;\n"
        "  }\n",
        (
            "pythonsrc::test_times_are_those*",
            "process-pythonsrc::test_times_are_those*",
        ),
    ),
    Mutation(
        "source-time-starts-anew",
        "gst/stream/sourcestream.cpp",
        "  const bool goes_on = python.started();\n",
        "  const bool goes_on = false;\n",
        ("capswalk::test_source*", "process-capswalk::test_source*"),
    ),
    Mutation(
        "strides-of-the-block-before",
        "bridge/python/array_view.cpp",
        "  fields->strides[0] = place.channel_stride;\n",
        "",
        ("capswalk",),
    ),
    Mutation(
        "failures-not-counted",
        "gst/element/failurereport.cpp",
        "  untold_ = {untold_.count + 1, ",
        "  untold_ = {1, ",
        ("dropping::test_a_flood*", "onerror::test_warnings_come*"),
    ),
    Mutation(
        "each-failure-told",
        "gst/element/failurereport.cpp",
        "      monotonic_ns() - last_told_ >= warning_interval_ns)\n",
        "      monotonic_ns() >= last_told_)\n",
        ("dropping::test_a_flood*", "onerror::test_warnings_come*"),
    ),
    Mutation(
        "worker-lost-and-only-counted",
        "gst/element/failurereport.cpp",
        "stopping || news || last_told_",
        "stopping || last_told_",
        ("isolation::test_a_lost_worker*",),
    ),
    Mutation(
        "parameters-taken-without-lock",
        "gst/params/pluginparams.cpp",
        "  std::lock_guard lock(mutex_);\n"
        "  changed_ = false;\n"
        "  pending_.swap(changes);\n",
        "  changed_ = false;\n  pending_.swap(changes);\n",
        ("sanitize-thread", "stress"),
    ),
    Mutation(
        "counts-of-the-life-before",
        "gst/element/statistics.cpp",
        "    counter->set(0);\n",
        "    counter->add(0);\n",
        ("states::test_null_to_playing*", "process-states::test_null_to_playing*"),
    ),
    Mutation(
        "kept-array-not-seen",
        "bridge/python/array_view.hpp",
        "return Py_REFCNT(array_.get()) != 2 ||",
        "return",
        ("escape::test_what_a_plugin_keeps*",),
    ),
    Mutation(
        "opened-by-on-error",
        "gst/element/elementproperties.cpp",
        "    refused = fail_closed_ && lets_unprocessed_through(policy);\n",
        "    refused = false;\n",
        (
            "secrets::test_fail_closed_holds*",
            "process-secrets::test_fail_closed_holds*",
        ),
    ),
    Mutation(
        "fade-in-steps",
        "gst/params/curves.cpp",
        "now_[k] + moment.rest * (next_[k] - now_[k])",
        "now_[k]",
        ("curves::test_a_linear_fade*",),
    ),
    Mutation(
        "exit-waits-too-long",
        "bridge/python/closing.cpp",
        "constexpr int exit_limit_ms = 500;\n",
        "constexpr int exit_limit_ms = 5000;\n",
        ("test_exit.py::test_application_ends[end]",),
    ),
    Mutation(
        "exit-without-waiting",
        "bridge/python/closing.cpp",
        "  if (known.exchange(loads) != loads) atexit(close_at_exit);\n",
        "  known = loads;\n",
        ("test_exit.py::test_c_program_ends",),
    ),
    Mutation(
        "descriptor-of-a-dead-worker",
        "plugins_py/pythonfilter/worker/spawning.py",
        '        os.close(descriptor)\n        wire.send(self.connection, [b"exited"',
        '        wire.send(self.connection, [b"exited"',
        ("test_workers_die.py::test_the_stream_goes_on_whenever_workers_are_killed",),
    ),
    Mutation(
        "reference-lost-in-a-call",
        "bridge/python/audio_view.hpp",
        "  result->discont = discont_after_call(info_.get());\n",
        "  Py_INCREF(info_.get());\n"
        "  result->discont = discont_after_call(info_.get());\n",
        ("test_references.py",),
    ),
    Mutation(
        "worker-keeps-times",
        "plugins_py/pythonfilter/worker/steady.py",
        "        words[reply_time] = time\n",
        "        audio.times = time, getattr(audio, 'times', None)\n"
        "        words[reply_time] = time\n",
        ("test_worker_process.py::test_nothing_is_left_behind_by_a_buffer",),
    ),
    Mutation(
        "nonces-again-after-new-caps",
        "plugins_py/sframe_encryptor.py",
        "        self._counters.setdefault(session, 0)\n",
        "        self._counters[session] = 0\n",
        ("test_sframe_nonces.py::test_ledger_of_many_frames_has_no_entry_twice",),
    ),
    Mutation(
        "window-one-too-long",
        "plugins_py/_replay_window.py",
        "        if age >= self._size:\n",
        "        if age > self._size:\n",
        ("test_sframe_plugins.py::test_every_loss_is_accounted_for",),
    ),
    Mutation(
        "window-moved-before-the-tag",
        "plugins_py/sframe_decryptor.py",
        "            plaintext = key.decrypt(ctr, size, frame, self._metadata)\n",
        "            window.commit(ctr)\n"
        "            plaintext = key.decrypt(ctr, size, frame, self._metadata)\n",
        ("test_sframe_plugins.py::test_every_bit_and_every_length_matters",),
    ),
    Mutation(
        "frame-numbers-of-one-byte",
        "plugins_py/_sframe.py",
        "    size = (value.bit_length() + 7) // 8\n",
        "    size = max(1, value.bit_length() // 8)\n",
        ("test_encryption.py::test_a_long_call_loses_no_sample",),
    ),
    Mutation(
        "outputs-beyond-their-region",
        "bridge/process/reply.cpp",
        "  if (reply.outputs && (reply.bytes > asked.outputs_size ||\n",
        "  if (reply.outputs && (reply.bytes > asked.outputs_size + 4096 ||\n",
        ("fuzz-replies",),
    ),
    Mutation(
        "field-longer-than-its-record",
        "bridge/process/wire.cpp",
        "    if (!take_number(&bytes, &length) || length > bytes.size()) return false;\n",
        "    if (!take_number(&bytes, &length)) return false;\n",
        ("fuzz-records",),
    ),
    Mutation(
        "any-range-of-caps",
        "gst/caps/foreigncaps.cpp",
        "          (values > 0 && value <= last) || values > 1)\n",
        "          values > 1)\n",
        ("fuzz-caps",),
    ),
    Mutation(
        "any-name-of-caps",
        "gst/caps/foreigncaps.cpp",
        "    if (!name.empty() && (!g_ascii_isalpha(name[0]) ||\n",
        "    if (name.empty() && (!g_ascii_isalpha(name[0]) ||\n",
        ("fuzz-caps",),
    ),
)
