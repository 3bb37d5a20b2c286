# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests/mutants.py changes in the code, and which tests have to see it."""
from typing import NamedTuple


class Mutation(NamedTuple):
    """`old` stands once in `file`; `tests` are red when it is `new` instead."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


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
        "  return !carries || next->plugin->restore_state(failure);\n",
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
        "    gst_caps_take(&caps_, caps);\n",
        "    gst_caps_unref(caps);\n",
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
        "bridge/python/audio_view.cpp",
        "    fields->strides[0] = place.channel_stride;\n",
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
        "parameters-taken-without-lock",
        "gst/params/pluginparams.cpp",
        "  std::lock_guard lock(mutex_);\n"
        "  changed_ = false;\n"
        "  return std::exchange(pending_, {});\n",
        "  changed_ = false;\n  return std::exchange(pending_, {});\n",
        ("sanitize-thread", "stress"),
    ),
    Mutation(
        "counts-of-the-life-before",
        "gst/element/pythonelement.cpp",
        "  stats_.clear();\n",
        "",
        ("states::test_null_to_playing*", "process-states::test_null_to_playing*"),
    ),
    Mutation(
        "kept-array-not-seen",
        "bridge/python/audio_view.cpp",
        "buffer_kept || Py_REFCNT(array_.get()) != 2 ||",
        "buffer_kept ||",
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
        "bridge/python/audio_view.cpp",
        "  block->discont = discont_after_call(info_.get());\n",
        "  Py_INCREF(info_.get());\n"
        "  block->discont = discont_after_call(info_.get());\n",
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

# The rest: what is easily broken without being heard.
OTHERS = (
    Mutation(
        "nonce-given-back",
        "plugins_py/sframe_encryptor.py",
        "        return key.encrypt(ctr, plaintext, self._metadata)\n",
        "        self._counters[session] = ctr\n        frame = key.encrypt(ctr, plaintext, self._metadata)\n        self._counters[session] = ctr + 1\n        return frame\n",
        ("test_sframe_nonces.py::test_interrupted_call_does_not_give_its_nonce_back",),
    ),
    Mutation(
        "window-not-handed-over",
        "plugins_py/sframe_decryptor.py",
        '            for (number, suite, padded), window in state["windows"].items()\n',
        "            for (number, suite, padded), window in ()\n",
        ("test_sframe_reload.py",),
    ),
    Mutation(
        "kept-owner-not-seen",
        "bridge/python/audio_view.cpp",
        "                    Py_REFCNT(owner_.get()) > 2;\n",
        "                    false;\n",
        ("escape::test_what_a_plugin_keeps*",),
    ),
    Mutation(
        "kept-buffer-not-seen",
        "bridge/python/audio_view.cpp",
        "  const bool buffer_kept = Py_REFCNT(buffer_.get()) != 1;\n",
        "  const bool buffer_kept = false;\n",
        ("escape::test_what_a_plugin_keeps*",),
    ),
    Mutation(
        "output-with-other-references",
        "bridge/python/outputs.cpp",
        "  if (Py_REFCNT(object) > references || has_weak_references(object))\n",
        "  if (has_weak_references(object))\n",
        ("outputs",),
    ),
    Mutation(
        "output-with-weak-references",
        "bridge/python/outputs.cpp",
        "  if (Py_REFCNT(object) > references || has_weak_references(object))\n",
        "  if (Py_REFCNT(object) > references)\n",
        ("outputs",),
    ),
    Mutation(
        "reply-to-another-request",
        "bridge/process/reply.cpp",
        '  if (reply.sequence != asked.sequence) return "a wrong sequence number";\n',
        "",
        ("exchange::test_a_reply_is_held*", "hostile::test_no_word*", "fuzz-replies"),
    ),
    Mutation(
        "outcome-that-is-none",
        "bridge/process/reply.cpp",
        '  if (reply.outcome > uint64_t(ReplyOutcome::NoSpace))\n    return "an unknown outcome";\n',
        "",
        ("exchange::test_a_reply_is_held*",),
    ),
    Mutation(
        "flag-that-is-none",
        "bridge/process/reply.cpp",
        '  if (reply.flags & ~all_reply_flags) return "an unknown flag";\n',
        "",
        ("exchange::test_a_reply_is_held*",),
    ),
    Mutation(
        "records-without-end",
        "bridge/process/reply.cpp",
        '  if (reply.records > most_reply_records) return "too many records";\n',
        "",
        ("fuzz-replies",),
    ),
    Mutation(
        "failure-that-is-not-told",
        "bridge/process/reply.cpp",
        '      if (reply.records == 0) return "a failure that is not told";\n',
        "",
        ("exchange::test_a_reply_is_held*",),
    ),
    Mutation(
        "source-that-drops",
        "bridge/process/reply.cpp",
        '      if (!asked.can_drop) return "a source that drops";\n',
        "",
        ("exchange::test_a_reply_is_held*",),
    ),
    Mutation(
        "processor-that-declines",
        "bridge/process/reply.cpp",
        '      if (!asked.can_decline) return "a processor that declines";\n',
        "",
        ("exchange::test_a_reply_is_held*",),
    ),
    Mutation(
        "short-block-of-nothing",
        "bridge/process/reply.cpp",
        "reply.bytes > 0 && reply.bytes < asked.frames;\n",
        "reply.bytes < asked.frames;\n",
        ("exchange::test_a_short_block*",),
    ),
    Mutation(
        "too-many-outputs",
        "bridge/process/reply.cpp",
        '  if (reply.outputs > most_outputs) return "too many outputs";\n',
        "",
        ("fuzz-replies",),
    ),
    Mutation(
        "output-beyond-what-came",
        "bridge/process/reply.cpp",
        "    if (offset > bytes ? size > 0 : size > bytes - offset) return false;\n",
        "",
        ("exchange::test_outputs_lie*", "fuzz-replies", "hostile::test_no_size*"),
    ),
    Mutation(
        "half-a-frame",
        "bridge/process/reply.cpp",
        "    if (frame && !table && size % frame != 0) return false;\n",
        "",
        ("exchange::test_outputs_lie*", "fuzz-replies"),
    ),
    Mutation(
        "more-fields-than-allowed",
        "bridge/process/wire.cpp",
        "      count > most_record_fields)\n",
        "      count == 0xffffffff)\n",
        ("exchange::test_a_record_is_whole*",),
    ),
    Mutation(
        "any-text-is-a-flag",
        "bridge/text.cpp",
        '  return text == "0" || text == "1";\n',
        "  return !text.empty();\n",
        ("hostile",),
    ),
    Mutation(
        "end-of-a-worker-told-by-itself",
        "bridge/process/answers.cpp",
        "failure->kind <= Failure::Kind::Interrupted;",
        "failure->kind <= Failure::Kind::Closing;",
        ("exchange::test_what_a_worker_says*",),
    ),
    Mutation(
        "kind-of-a-parameter-unheard-of",
        "bridge/capabilities.cpp",
        'if (name == "kind") return find_word(parameter_words, value, &to->kind);',
        'if (name == "kind") return find_word(parameter_words, value, &to->kind), true;',
        ("exchange::test_what_a_worker_says*",),
    ),
    Mutation(
        "message-of-the-elements",
        "bridge/process/answers.cpp",
        "      record[1].compare(0, sizeof ours - 1, ours) == 0)\n",
        "      record[1] == ours)\n",
        ("hostile",),
    ),
    Mutation(
        "drop-without-a-break",
        "gst/stream/filterstream.cpp",
        "                     block->frames);\n    broken_ = true;\n",
        "                     block->frames);\n",
        ("dropping", "process-dropping"),
    ),
    Mutation(
        "break-of-the-plugin-lost",
        "gst/stream/filterstream.cpp",
        "  if (G_UNLIKELY(block.discont || broken_)) mark_discont(buffer, &block);\n",
        "  if (G_UNLIKELY(broken_)) mark_discont(buffer, &block);\n",
        ("dropping",),
    ),
    Mutation(
        "half-processed-after-a-failure",
        "gst/stream/filterstream.cpp",
        "    std::memcpy(bytes, before_.data(), size);\n",
        "    (void)bytes;\n",
        ("onerror",),
    ),
    Mutation(
        "silence-without-gap",
        "gst/stream/filterstream.cpp",
        "  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_GAP);\n",
        "",
        ("onerror",),
    ),
    Mutation(
        "late-goes-on-open",
        "gst/element/elementfailures.cpp",
        "  return capabilities().fail_closed ? OnError::Drop : OnError::Silence;\n",
        "  return OnError::Passthrough;\n",
        ("isolation",),
    ),
    Mutation(
        "parts-of-the-same-time",
        "gst/buffers/outputqueue.cpp",
        "      GST_BUFFER_PTS(buffer) = span_.pts + begin;\n",
        "      GST_BUFFER_PTS(buffer) = span_.pts;\n",
        ("outputtimes",),
    ),
    Mutation(
        "parts-of-the-same-place",
        "gst/buffers/outputqueue.cpp",
        "    GST_BUFFER_OFFSET(buffer) = span_.offset + share(length, from, parts);\n",
        "    GST_BUFFER_OFFSET(buffer) = span_.offset;\n",
        ("outputtimes",),
    ),
    Mutation(
        "formats-that-do-not-narrow",
        "gst/scan/dynamicelements.cpp",
        "  if (all.formats.empty()) all.formats =",
        "  all.formats =",
        ("test_elements.py",),
    ),
    Mutation(
        "rates-that-do-not-narrow",
        "bridge/capabilities.cpp",
        '  if (name == "rate") return read_range(value, &to->rates);\n',
        '  if (name == "rate") return true;\n',
        ("test_elements.py",),
    ),
    Mutation(
        "fork-with-nonces",
        "plugins_py/sframe_encryptor.py",
        "        if not self._here:\n",
        "        if self._here is None:\n",
        ("test_sframe_nonces.py::test_a_fork_has_no_nonces",),
    ),
    Mutation(
        "copy-with-nonces",
        "plugins_py/sframe_encryptor.py",
        "    def __reduce_ex__(",
        "    def __reduce_never__(",
        ("test_sframe_nonces.py::test_an_encryptor_cannot_be_copied",),
    ),
    Mutation(
        "one-frame-too-many",
        "plugins_py/sframe_encryptor.py",
        "        if ctr >= self._limit:\n",
        "        if ctr > self._limit:\n",
        (
            "test_sframe_nonces.py::test_used_up_counter_is_an_error_that_stays",
            "test_sframe_nonces.py::test_limit_is_never_above_the_suites",
        ),
    ),
    Mutation(
        "session-of-somebody-else",
        "plugins_py/sframe_encryptor.py",
        "        if session not in self._counters:\n",
        "        if not session:\n",
        ("test_sframe_nonces.py::test_session_of_somebody_else_is_refused",),
    ),
    Mutation(
        "frame-accepted-twice",
        "plugins_py/_replay_window.py",
        "        return Verdict.SEEN if self._seen >> age & 1 else Verdict.NEW\n",
        "        return Verdict.NEW\n",
        (
            "test_sframe.py::test_window_agrees_with_a_plain_set",
            "test_sframe_plugins.py::test_replay_is_refused_for_the_life_of_the_plugin",
        ),
    ),
    Mutation(
        "window-forgotten-at-start",
        "plugins_py/sframe_decryptor.py",
        "        known = self._windows.get(session)\n",
        "        known = None\n",
        ("test_sframe_plugins.py::test_replay_is_refused_for_the_life_of_the_plugin",),
    ),
    Mutation(
        "caps-not-authentic",
        "plugins_py/_sframe.py",
        "            self.nonce(ctr), frame[size:], frame[:size] + metadata\n",
        "            self.nonce(ctr), frame[size:], frame[:size]\n",
        ("test_sframe.py",),
    ),
    Mutation(
        "tag-not-whole",
        "plugins_py/_sframe.py",
        "        if not hmac.compare_digest(tag, data[size:]):\n",
        "        if not hmac.compare_digest(tag[:-1], data[size:-1]):\n",
        ("test_sframe_plugins.py::test_every_bit_matters_in_every_suite",),
    ),
    Mutation(
        "header-longer-than-need-be",
        "plugins_py/_sframe.py",
        "    if value < 8 or value >> 8 * (end - start - 1) == 0:\n",
        "    if value < 8:\n",
        ("test_sframe.py",),
    ),
    Mutation(
        "key-file-open-to-others",
        "plugins_py/_keys.py",
        "        if status.st_mode & forbidden:\n",
        "        if status is None:\n",
        (
            "test_keys.py::test_file_open_to_others_is_refused",
            "test_keys.py::test_credential_open_to_others_is_refused",
        ),
    ),
    Mutation(
        "key-file-of-somebody-else",
        "plugins_py/_keys.py",
        "        if status.st_uid not in (os.geteuid(), 0):\n",
        "        if status is None:\n",
        ("test_keys.py::test_file_of_somebody_else_is_refused",),
    ),
    Mutation(
        "key-file-by-a-link",
        "plugins_py/_keys.py",
        "os.O_NOCTTY | os.O_NOFOLLOW | os.O_NONBLOCK",
        "os.O_NOCTTY | os.O_NONBLOCK",
        ("test_keys.py::test_symbolic_link_is_refused",),
    ),
    Mutation(
        "segment-of-any-rate",
        "gst/stream/sealedevents.cpp",
        "  return std::isfinite(rate) && rate != 0;\n",
        "  return rate == rate;\n",
        ("test_sealed_events.py",),
    ),
    Mutation(
        "id-of-the-stream-goes-on",
        "gst/stream/sealedevents.cpp",
        "  g_autofree gchar *id = g_uuid_string_random();\n",
        "  const gchar *before = nullptr;\n  gst_event_parse_stream_start(event, &before);\n  g_autofree gchar *id = g_strdup(before);\n",
        ("test_sealed_events.py::test_id_of_a_stream_tells_nothing",),
    ),
    Mutation(
        "restarts-without-end",
        "bridge/process/restart.cpp",
        "  if (ends_.size() > size_t(std::max(most_, 0))) return false;\n",
        "",
        ("exchange::test_restarts_become_rarer*",),
    ),
)

# What a worker can do to others (docs/sandbox.md).
APART = (
    Mutation(
        "landlock-without-signals",
        "plugins_py/pythonfilter/worker/landlock.py",
        '_ruleset(struct.pack("=QQQ", 0, 0, _SCOPE_SIGNAL))',
        '_ruleset(struct.pack("=QQQ", 0, 0, 1))',
        ("test_worker_apart.py::test_others_are_out_of_reach",),
    ),
    Mutation(
        "guard-lets-all-through",
        "plugins_py/pythonfilter/worker/guard.py",
        "    return process == 0 or _is_of(abs(process), owners)\n",
        "    return True\n",
        ("test_worker_apart.py::test_others_are_out_of_reach",),
    ),
    Mutation(
        "guard-lets-nothing-through",
        "plugins_py/pythonfilter/worker/guard.py",
        "    return process == 0 or _is_of(abs(process), owners)\n",
        "    return process == 0\n",
        ("test_worker_apart.py::test_a_plugin_does_what_it_likes_with_its_own",),
    ),
    Mutation(
        "group-of-all-workers",
        "plugins_py/pythonfilter/worker/process.py",
        "    os.setsid()\n",
        "",
        ("test_worker_apart.py::test_a_signal_to_its_group_is_the_workers_own",),
    ),
    Mutation(
        "limits-inherited",
        "plugins_py/pythonfilter/worker/spawning.py",
        "            if _given() != self._given:\n",
        "            if not self._given:\n",
        ("test_worker_apart.py::test_limits_that_somebody_lowered_are_not_inherited",),
    ),
    Mutation(
        "signal-of-a-descriptor",
        "plugins_py/pythonfilter/worker/forbidden.py",
        "_OWNERS = (_SET_OWNER, _SET_SIGNAL, _SET_OWNER_BY_POINTER)\n",
        "_OWNERS = (_SET_OWNER, _SET_OWNER_BY_POINTER)\n",
        ("test_sandbox.py::test_strict_refuses",),
    ),
    Mutation(
        "other-architectures",
        "plugins_py/pythonfilter/worker/seccomp.py",
        "        self._set(_ATTR_BADARCH, _ACT_ERRNO | errno.EPERM)\n",
        "        self._set(_ATTR_BADARCH, _ACT_ALLOW)\n",
        ("test_sandbox.py::test_strict_refuses_the_calls_of_other_architectures",),
    ),
    Mutation(
        "two-come-back-from-a-fork",
        "plugins_py/pythonfilter/worker/running.py",
        "        if not self.forked:\n",
        "        if self.thread:\n",
        ("test_hostile.py::test_a_call_comes_back_once_though_it_forked",),
    ),
    Mutation(
        "useless-server-kept",
        "bridge/process/server.cpp",
        "  if (first && !request.again) {\n",
        "  if (first && request.again) {\n",
        ("test_hostile.py::test_one_plugin_does_not_stop_all_others",),
    ),
    Mutation(
        "stopped-server-kept",
        "bridge/process/server.cpp",
        "  if (is_stopped(pid_)) kill(pid_, SIGCONT);\n",
        "  return;\n",
        ("test_hostile.py::test_one_plugin_does_not_stop_all_others",),
    ),
)

# What an audit changed without turning a test red, and what another one mended.
# Of the policy `fail` there is none: it does not come to let_through().
AUDITED = (
    Mutation(
        "refused-and-never-gone",
        "bridge/python/gil.cpp",
        "  if (closing_thread_may_enter()) return true;\n  leave();\n",
        "  if (closing_thread_may_enter()) return true;\n",
        ("test_exit.py::test_who_is_refused_is_not_waited_for",),
    ),
    Mutation(
        "objects-out-for-ever",
        "bridge/python/release_later.cpp",
        "    sent_count.fetch_sub(1, std::memory_order_relaxed);\n",
        "",
        ("outputlives::test_nobody_looks_after_nothing",),
    ),
    Mutation(
        "no-space-where-there-is",
        "bridge/process/reply.cpp",
        "           : reply.bytes <= asked.outputs_size\n",
        "           : reply.bytes == 0\n",
        ("exchange::test_a_reply_without_outputs*",),
    ),
    Mutation(
        "no-outputs-where-there-must-be",
        "bridge/process/reply.cpp",
        "           : !asked.in_place ?",
        "           : reply.outputs ?",
        ("exchange::test_a_reply_without_outputs*",),
    ),
    Mutation(
        "signal-waited-for",
        "bridge/process/channel.cpp",
        "RWF_NOWAIT",
        "0",
        ("exchange::test_a_signal_that_is_not_there*",),
    ),
    Mutation(
        "input-where-caps-change",
        "gst/stream/filterstream.cpp",
        "  if (!in_place_ || !(silences ||",
        "  if (!(silences ||",
        ("byteinputs::test_what_went_in*",),
    ),
    Mutation(
        "silence-of-what-is-no-audio",
        "gst/stream/filterstream.cpp",
        "policy == OnError::Silence && (!bytes_ || python.info().bpf > 0);\n",
        "policy == OnError::Silence;\n",
        ("byteinputs::test_what_is_no_audio*",),
    ),
    Mutation(
        "names-without-end",
        "gst/caps/foreignnames.hpp",
        "left_ <= 0 || left_of_all <= 0",
        "left_ <= -1000000",
        (
            "messages::test_new_names*",
            "test_sframe_attacks.py::test_names_of_caps_come_to_an_end",
        ),
    ),
    Mutation(
        "worker-of-the-parent",
        "bridge/process/process_plugin.hpp",
        "    if (__builtin_expect(process_ != process_number(), 0)) leave_to_parent();\n",
        "    if (process_ == 0) leave_to_parent();\n",
        ("test_sframe_nonces.py::test_a_fork_has_no_part_in_its_parents_session",),
    ),
    Mutation(
        "fork-known-by-nobody",
        "bridge/process/this_process.cpp",
        "MADV_WIPEONFORK) == 0",
        "MADV_NORMAL) == 0",
        ("test_sframe_nonces.py::test_a_fork_has_no_part_in_its_parents_session",),
    ),
    Mutation(
        "fernet-key-in-a-pickle",
        "plugins_py/_fernet_plugin.py",
        "    def __reduce_ex__(",
        "    def __reduce_never__(",
        ("test_key_memory.py::test_a_key_is_not_copied_into_a_pickle",),
    ),
    Mutation(
        "any-tag-is-long-enough",
        "plugins_py/sframe_decryptor.py",
        "        if session.suite.tag_size < LEAST_TAG and not self.short_tags:\n",
        "        if session.suite.tag_size == 0:\n",
        ("test_sframe_attacks.py::test_nobody_chooses_a_tag_that_is_hit_by_chance",),
    ),
    Mutation(
        "line-of-a-key-left",
        "plugins_py/_keys.py",
        "        text[:] = bytes(len(text))\n",
        "        del text\n",
        ("test_key_memory.py::test_what_a_key_was_read_from_is_overwritten",),
    ),
    Mutation(
        "each-break-is-told",
        "plugins_py/_sframe_plugin.py",
        "            if count >= MOST_IDLE:\n",
        "            if count < 0:\n",
        ("test_sframe_attacks.py::test_a_flood_of_caps_is_no_flood_of_messages",),
    ),
    Mutation(
        "weak-reference-between-calls",
        "bridge/python/audio_view.cpp",
        "  return (moved | reinterpret_cast<uintptr_t>(fields->weakreflist)) == 0 &&\n",
        "  return moved == 0 &&\n",
        ("arrays::test_weak_references*",),
    ),
    Mutation(
        "metas-go-past",
        "gst/gstpythonfilter.cpp",
        "    pythonfilter::remove_foreign_metas(&input);\n",
        "",
        ("test_sealed_events.py::test_what_a_buffer_carries_stops_as_well",),
    ),
    Mutation(
        "pushed-before-its-caps",
        "gst/gstpythonfilter.cpp",
        "(flow | self->stream->late.waits()) == GST_FLOW_OK",
        "flow == GST_FLOW_OK",
        ("test_late_caps.py::test_caps_come_with_the_first_frame",),
    ),
)

# Rules about threads, which bridge/contract.hpp watches over, and what belongs
# to the end of a process.
RULES = (
    Mutation(
        "plugin-ended-under-a-lock",
        "gst/element/pythonelement.cpp",
        "  ended.swap(plugin_);\n",
        "  plugin_.reset();\n",
        ("lifecycle",),
    ),
    Mutation(
        "flush-start-is-streaming",
        "gst/gstpythonfilter.cpp",
        "  if (GST_EVENT_IS_SERIALIZED(event))\n",
        "  if (event)\n",
        ("stress::test_flushes_while_buffers_flow*",),
    ),
    Mutation(
        "plugin-ended-without-the-gil",
        "bridge/python/python_plugin.cpp",
        "  Gil gil;  // without it the interpreter is closing, and a Ref leaks then\n",
        "",
        ("lifecycle",),
    ),
    Mutation(
        "gone-and-at-rest",
        "bridge/process/supervisor.cpp",
        "      else if (watched.count(id))  // nobody has removed it meanwhile\n",
        "      else\n",
        ("exchange::test_who_is_gone*",),
    ),
    Mutation(
        "flood-looked-at",
        "bridge/process/output_lines.cpp",
        "  if (is_flood()) {\n",
        "  if (false) {\n",
        ("exchange::test_a_flood*",),
    ),
)

MUTATIONS = COUNTED + OTHERS + APART + AUDITED + RULES
