# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an audit once changed without turning a test red."""

from .mutation import Mutation

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
        "bridge/python/array_view.hpp",
        "  return (moved | reinterpret_cast<uintptr_t>(fields->weakreflist)) == 0 &&\n",
        "  return moved == 0 &&\n",
        ("arrays::test_weak_references*",),
    ),
    Mutation(
        "metas-go-past",
        "gst/gstpythonfilter.cpp",
        "  pythonfilter::remove_foreign_metas(&input);\n",
        "",
        ("test_sealed_events.py::test_what_a_buffer_carries_stops_as_well",),
    ),
    Mutation(
        "pushed-before-its-caps",
        "gst/gstpythonfilter.cpp",
        "(flow | self->stream->late.waits() | ",
        "(flow | ",
        ("test_late_caps.py::test_caps_come_with_the_first_frame",),
    ),
)
