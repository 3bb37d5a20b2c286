// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The caps that a plugin takes and gives.
#include "plugincaps.hpp"
#include "pythonelement.hpp"

GST_DEBUG_CATEGORY_EXTERN(gst_python_filter_debug);
#define GST_CAT_DEFAULT gst_python_filter_debug

namespace pythonfilter {

bool PythonElement::describe_caps() {
  const Capabilities &capabilities = plugin_->capabilities();
  CapsConversion conversion;
  std::string problem;
  if (capabilities.converts && !conversion.open(plugin_, &problem)) {
    refuse(problem);
    failure_.phase = "load";
    post(GST_MESSAGE_ERROR, failure_);
    return false;
  }
  GstCaps *caps =
      capabilities.converts ? conversion.input() : caps_of(capabilities);
  std::lock_guard<std::mutex> lock(mutex_);
  gst_caps_take(&caps_, caps);
  conversion_ = conversion;
  return true;
}

GstCaps *PythonElement::allowed_caps() const {
  CapsConversion conversion;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const bool asks = kind_ == PluginKind::Source && conversion_.is_open();
    if (caps_ && !asks) return gst_caps_ref(caps_);
    if (asks) conversion = conversion_;
  }
  if (!conversion.is_open()) return caps_of(all_capabilities());
  // A query has no way to tell a failure; confirm_source_caps() has.
  Failure ignored;
  GstCaps *caps = conversion.source(&ignored);
  return caps ? caps : gst_caps_new_any();
}

bool PythonElement::confirm_source_caps(GstCaps *caps) {
  CapsConversion conversion;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    conversion = conversion_;
  }
  if (failed_) return false;
  failure_ = Failure{};
  failure_.phase = "set_caps";
  GstCaps *allowed = conversion.source(&failure_);
  if (!allowed) return fail_caps();
  const bool good =
      gst_caps_is_fixed(caps) && gst_caps_is_subset(caps, allowed);
  if (!good) {
    gchar *gives = gst_caps_to_string(allowed);
    gchar *agreed = gst_caps_to_string(caps);
    refuse(std::string("its output is ") + gives +
           ", but what was agreed on is " + agreed);
    failure_.phase = "set_caps";
    g_free(agreed);
    g_free(gives);
  }
  gst_caps_unref(allowed);
  return good || fail_caps();
}

GstCaps *PythonElement::transform_caps(GstPadDirection direction,
                                       GstCaps *caps) {
  CapsConversion conversion;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!caps_) return gst_caps_new_any();
    if (!conversion_.is_open())
      return gst_caps_intersect_full(caps, caps_, GST_CAPS_INTERSECT_FIRST);
    conversion = conversion_;
  }
  return conversion.transform(direction, caps);
}

bool PythonElement::confirm_caps(GstCaps *input, GstCaps *output) {
  CapsConversion conversion;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    conversion = conversion_;
  }
  return !failed_ &&
         (conversion.confirm(input, output, &failure_) || fail_caps());
}

bool PythonElement::refuse_caps(const GstCaps *caps, const char *does) {
  gchar *text = gst_caps_to_string(caps);
  refuse(std::string("the audio that it ") + does +
         " has no exact format, rate and channels: " + text);
  g_free(text);
  failure_.phase = "set_caps";
  return fail_caps();
}

// Once; the pad sends caps that were refused again, before each buffer.
bool PythonElement::fail_caps() {
  if (failed_) return false;
  failed_ = true;
  stats_.errors.add();
  if (failure_.kind == Failure::Kind::Closing) return false;
  // Not worth an error where the stream ends on purpose, and start() with it.
  post(stopping_.load(std::memory_order_relaxed) ? GST_MESSAGE_WARNING
                                                 : GST_MESSAGE_ERROR,
       failure_);
  return false;
}

void PythonElement::warn_about_caps(const GstCaps *offered) {
  bool converts;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!caps_) return;
    converts = conversion_.is_open();
  }
  if (caps_warned_.exchange(true)) return;
  GstCaps *allowed = allowed_caps();
  gchar *takes = gst_caps_to_string(allowed);
  gchar *offer = gst_caps_to_string(offered);
  GST_ELEMENT_WARNING(
      element_, STREAM, FORMAT,
      ("%s: the plugin does not take %s", name_.c_str(),
       converts ? "what is offered"
                : "the audio that is offered; put audioconvert and "
                  "audioresample before it"),
      ("it takes %s, offered is %s", takes, offer));
  g_free(takes);
  g_free(offer);
  gst_caps_unref(allowed);
}

}  // namespace pythonfilter
