# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules about threads, and what belongs to the end of a process."""

from .mutation import Mutation

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
        "  if (GST_EVENT_IS_SERIALIZED(event)) return serialized(self, event);\n",
        "  return serialized(self, event);\n",
        ("stress::test_a_flush_begins*",),
    ),
    Mutation(
        "plugin-loaded-beside-the-stream",
        "gst/element/pythonelement.cpp",
        "  const StreamingThread::Call call(&streaming);\n  if (transition == GST_STATE_CHANGE_NULL_TO_READY) return load();\n",
        "  if (transition == GST_STATE_CHANGE_NULL_TO_READY) return load();\n",
        ("lifecycle",),
    ),
    Mutation(
        "source-unlocked-is-reset",
        "gst/gstpythonsrc.cpp",
        "  if (!BusyHere::is_with(stream)) stream->set_unlocked(true);\n",
        "  if (!BusyHere::is_with(stream)) stream->set_unlocked(true);\n  stream->python.reset();\n",
        ("sourceseek",),
    ),
    Mutation(
        "seek-beside-the-stream",
        "gst/gstpythonsrc.cpp",
        "  const StreamingThread::Call call(&self->python->streaming);\n  return self->stream->seek(segment);\n",
        "  return self->stream->seek(segment);\n",
        ("sourceseek",),
    ),
    Mutation(
        "sink-unlocked-is-at-its-end",
        "gst/gstpythonsink.cpp",
        "  GST_PYTHON_SINK(base)->stream->set_unlocked(true);\n",
        "  GST_PYTHON_SINK(base)->stream->set_unlocked(true);\n  GST_PYTHON_SINK(base)->stream->take_end();\n",
        ("pythonsink",),
    ),
    Mutation(
        "sinks-flush-start-is-streaming",
        "gst/gstpythonsink.cpp",
        "  if (!GST_EVENT_IS_SERIALIZED(event)) return base_class->event(base, event);\n",
        "",
        ("sinkspace",),
    ),
    Mutation(
        "outputs-dropped-by-a-setter",
        "gst/stream/filterblocks.cpp",
        "    *setting = value;\n",
        "    *setting = value, outputs_.clear();\n",
        ("blocksize",),
    ),
    Mutation(
        "sample-clock-set-by-a-setter",
        "gst/stream/filterblocks.cpp",
        "    *setting = value;\n",
        "    *setting = value, outputs_.change_lag(0);\n",
        ("blocksize",),
    ),
    Mutation(
        "blocks-dropped-by-a-setter",
        "gst/stream/filterblocks.cpp",
        "    *setting = value;\n",
        "    *setting = value, blocks_.clear();\n",
        ("blocksize",),
    ),
    Mutation(
        "start-released-by-upstream-events",
        "gst/gstpythonfilter.cpp",
        "  if (GST_PYTHON_FILTER(base)->python->closes() &&\n      !pythonfilter::passes_upstream(event)) {\n",
        "  GST_PYTHON_FILTER(base)->stream->late.release_start();\n  if (GST_PYTHON_FILTER(base)->python->closes() &&\n      !pythonfilter::passes_upstream(event)) {\n",
        ("test_sealed_events.py",),
    ),
    Mutation(
        "segment-reads-the-stream-before",
        "gst/stream/filterstream.cpp",
        "  if (python.started()) continuity_.start(",
        "  continuity_.start(",
        ("test_late_caps.py",),
    ),
    Mutation(
        "seek-after-the-stream",
        "gst/gstpythonsrc.cpp",
        "  if (!gst_pad_is_active(GST_BASE_SRC_PAD(base))) return FALSE;\n",
        "",
        ("stress::test_a_seek*", "process-stress::test_a_seek*"),
    ),
    Mutation(
        "flush-after-the-filters-stream",
        "gst/gstpythonfilter.cpp",
        "  if (!gst_pad_is_active(GST_BASE_TRANSFORM_SINK_PAD(base))) {\n",
        "  if (!base) {\n",
        ("stress::test_a_flush*", "process-stress::test_a_flush*"),
    ),
    Mutation(
        "flush-after-the-sinks-stream",
        "gst/gstpythonsink.cpp",
        "  const bool late = GST_EVENT_IS_SERIALIZED(event) &&\n",
        "  const bool late = !event &&\n",
        ("stress::test_a_flush*", "process-stress::test_a_flush*"),
    ),
    Mutation(
        "plugin-ended-without-the-gil",
        "bridge/python/python_plugin.cpp",
        "  Gil gil;  // without it the interpreter is closing, and a Ref leaks then\n",
        "",
        ("lifecycle",),
    ),
    Mutation(
        "rebound-samples-not-taken",
        "bridge/python/audio_view.hpp",
        "           *slot(buffer_.get(), python.data_slot) == array_.get() &&\n",
        "",
        ("escape::test_a_kept_array_that_was_replaced*",),
    ),
    Mutation(
        "copy-not-written-back",
        "bridge/python/audio_view.hpp",
        "    return !shows_copy_ &&\n",
        "    return\n",
        ("fallback",),
    ),
    Mutation(
        "objects-released-without-the-gil",
        "bridge/python/release_later.cpp",
        "      Gil gil;\n      if (!gil) return;\n      release_sent();\n",
        "      release_sent();\n",
        ("outputlives",),
    ),
    Mutation(
        "asked-without-the-gil",
        "bridge/python/python_plugin.cpp",
        "  if (!gil) return told_closing(failure, phase);\n"
        "  Ref answer = call_loaded(method, phase, failure, format, arguments...);\n",
        "  if (!gil) return told_closing(failure, phase);\n"
        "  Ref answer;\n"
        "  Py_BEGIN_ALLOW_THREADS answer =\n"
        "      call_loaded(method, phase, failure, format, arguments...);\n"
        "  Py_END_ALLOW_THREADS\n",
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
