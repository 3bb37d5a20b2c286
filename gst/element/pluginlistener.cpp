// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pluginlistener.hpp"

#include <algorithm>

#include "../caps/foreigntext.hpp"
#include "pythonelement.hpp"

namespace pythonfilter {

namespace {

GstDebugCategory *category() {
  static GstDebugCategory *const made = [] {
    GstDebugCategory *category = nullptr;
    GST_DEBUG_CATEGORY_INIT(category, "pythonplugin", 0,
                            "what Python plugins log");
    return category;
  }();
  return made;
}

// As GStreamer's own macros ask; gst_debug_is_active() does not know of
// GST_DEBUG.
GstDebugLevel shown_level() {
  return std::min(_gst_debug_min, gst_debug_category_get_threshold(category()));
}

// Those that show most come first.
constexpr std::pair<LogLevel, GstDebugLevel> levels[] = {
    {LogLevel::Debug, GST_LEVEL_DEBUG},
    {LogLevel::Info, GST_LEVEL_INFO},
    {LogLevel::Warning, GST_LEVEL_WARNING},
    {LogLevel::Error, GST_LEVEL_ERROR},
    {LogLevel::Off, GST_LEVEL_NONE}};

GstDebugLevel level_of(LogLevel level) {
  for (const auto &[ours, shown] : levels)
    if (ours == level) return shown;
  return GST_LEVEL_NONE;
}

// ---- a field's value -------------------------------------------------------

void init(GValue *value, bool field) {
  g_value_init(value, G_TYPE_BOOLEAN);
  g_value_set_boolean(value, field);
}

void init(GValue *value, int64_t field) {
  g_value_init(value, G_TYPE_INT64);
  g_value_set_int64(value, field);
}

void init(GValue *value, double field) {
  g_value_init(value, G_TYPE_DOUBLE);
  g_value_set_double(value, field);
}

void init(GValue *value, const std::string &field) {
  g_value_init(value, G_TYPE_STRING);
  g_value_set_string(value, field.c_str());
}

template <typename T>
void init(GValue *value, const std::vector<T> &field) {
  g_value_init(value, GST_TYPE_ARRAY);
  for (const T &each : field) {
    GValue item = G_VALUE_INIT;
    init(&item, each);
    gst_value_array_append_and_take_value(value, &item);
  }
}

void set_times(GstStructure *structure, const Message &message,
               const GstSegment *segment) {
  GstClockTime stream_time = GST_CLOCK_TIME_NONE;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;
  // Only where a buffer is being processed does the segment hold still.
  if (message.pts != no_time && segment->format == GST_FORMAT_TIME) {
    stream_time =
        gst_segment_to_stream_time(segment, GST_FORMAT_TIME, message.pts);
    running_time =
        gst_segment_to_running_time(segment, GST_FORMAT_TIME, message.pts);
  }
  gst_structure_set(structure, "timestamp", G_TYPE_UINT64, guint64(message.pts),
                    "stream-time", G_TYPE_UINT64, stream_time, "running-time",
                    G_TYPE_UINT64, running_time, "duration", G_TYPE_UINT64,
                    guint64(message.duration), nullptr);
}

}  // namespace

PluginListener::PluginListener(GstElement *element, const GstSegment *segment,
                               Counter *dropped)
    : segment_(segment), dropped_(dropped) {
  g_weak_ref_init(&element_, element);
}

PluginListener::~PluginListener() {
  g_weak_ref_clear(&element_);
}

// Whether these are names that the plugin has had before, or few others.
bool PluginListener::allows(const Message &message) {
  bool all = names_.allow(message.name);
  for (const auto &[name, field] : message.fields)
    all = all && names_.allow(name);
  if (all) return true;
  dropped_->add();
  if (named_too_much_.exchange(true)) return false;
  failed({Failure::Kind::Refused, "post", "",
          "post() of " + message.name +
              ": messages and their fields have too many different names; what "
              "changes belongs into a value"});
  return false;
}

void PluginListener::post(const Message &message) {
  if (!allows(message)) return;
  g_autoptr(GstElement) element = GST_ELEMENT(g_weak_ref_get(&element_));
  if (!element) return;
  GstStructure *structure = gst_structure_new_empty(message.name.c_str());
  set_times(structure, message, segment_);
  for (const auto &[name, field] : message.fields) {
    GValue value = G_VALUE_INIT;
    std::visit([&value](const auto &each) { init(&value, each); }, field);
    gst_structure_take_value(structure, name.c_str(), &value);
  }
  gst_element_post_message(
      element, gst_message_new_element(GST_OBJECT(element), structure));
}

void PluginListener::log(const LogRecord &record) {
  const GstDebugLevel level = level_of(record.level);
  if (level > shown_level()) return;
  g_autoptr(GObject) element =
      record.anonymous ? nullptr : G_OBJECT(g_weak_ref_get(&element_));
  gst_debug_log_literal(category(), level, record.file.c_str(),
                        record.function.c_str(), record.line, element,
                        shown_text(record.text).c_str());
}

void PluginListener::failed(const Failure &failure) {
  g_autoptr(GstElement) element = GST_ELEMENT(g_weak_ref_get(&element_));
  if (element) PythonElement::of(element)->warn_about_failure(failure);
}

LogLevel PluginListener::log_threshold() const {
  const GstDebugLevel threshold = shown_level();
  for (const auto &[level, shown] : levels)
    if (threshold >= shown) return level;
  return LogLevel::Off;
}

}  // namespace pythonfilter
