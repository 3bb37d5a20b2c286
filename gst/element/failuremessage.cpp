// SPDX-License-Identifier: LGPL-2.1-or-later
#include "failuremessage.hpp"

#include <utility>

#include "../../bridge/contract.hpp"
#include "../../bridge/words.hpp"
#include "../caps/foreigntext.hpp"

namespace pythonfilter {

namespace {

std::pair<GQuark, int> domain_and_code(const Failure &failure) {
  const std::string &phase = failure.phase;
  if (failure.kind == Failure::Kind::NotFound)
    return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
  if (failure.kind == Failure::Kind::Unusable && phase != "python")
    return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS};
  if (failure.kind == Failure::Kind::Unusable || phase == "load" ||
      phase == "initialize")
    return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT};
  return {GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED};
}

// Before start() a plugin is told the format, and a source asked for its own:
// which method it was, the place knows.
std::string method_of(const Failure &failure) {
  const bool of_several =
      failure.phase == "preferences" ||
      (failure.phase == "start" && failure.function.rfind("set", 0) == 0);
  return of_several && !failure.function.empty() ? failure.function
                                                 : failure.phase;
}

std::string what_happened(const Failure &failure) {
  // Of a call beside the stream it is said what became of it.
  if (failure.kind == Failure::Kind::Interrupted && !failure.type.empty())
    return failure.phase +
           "() was still running a second after the element "
           "was told to stop, and was interrupted";
  const bool elsewhere = failure.kind == Failure::Kind::Late ||
                         failure.kind == Failure::Kind::Lost ||
                         failure.kind == Failure::Kind::Gone;
  if (failure.type.empty() || elsewhere ||
      failure.kind == Failure::Kind::BadResult)
    return failure.message;
  if (failure.kind == Failure::Kind::Dropped)
    return "dropped a buffer" +
           (failure.message.empty() ? "" : ": " + failure.message);
  const std::string raised =
      failure.type + (failure.message.empty() ? "" : ": " + failure.message);
  if (failure.phase == "load") return "cannot be loaded: " + raised;
  if (failure.phase == "python") return "Python cannot be used: " + raised;
  return method_of(failure) + "() raised " + raised;
}

}  // namespace

std::string sentence(const std::string &plugin, const Failure &failure) {
  std::string text = plugin + ": " + what_happened(failure);
  if (failure.line > 0)
    text += " (" + failure.file + ":" + std::to_string(failure.line) + ")";
  return text;
}

std::string post_failure(GstElement *element, GstMessageType type,
                         const std::string &plugin, const Failure &failure,
                         GstClockTime pts, guint64 count) {
  assert(holds_no_lock());
  const std::string message = shown_text(failure.message);
  std::string text = shown_text(sentence(plugin, failure));
  if (count > 1)
    text += " (" + std::to_string(count) + " failures since the last message)";
  GstStructure *details = gst_structure_new(
      "python-exception", "kind", G_TYPE_STRING,
      word_for(failure_words, failure.kind), "phase", G_TYPE_STRING,
      failure.phase.c_str(), "type", G_TYPE_STRING, failure.type.c_str(),
      "message", G_TYPE_STRING, message.c_str(), "file", G_TYPE_STRING,
      failure.file.c_str(), "line", G_TYPE_INT, failure.line, "function",
      G_TYPE_STRING, failure.function.c_str(), "plugin", G_TYPE_STRING,
      plugin.c_str(), "pts", G_TYPE_UINT64, guint64(pts), "count",
      G_TYPE_UINT64, count, nullptr);
  const auto [domain, code] = domain_and_code(failure);
  const std::string debug =
      failure.traceback.empty() ? message : shown_text(failure.traceback);
  gst_element_message_full_with_details(
      element, type, domain, code, g_strdup(text.c_str()),
      g_strdup(debug.c_str()),
      failure.file.empty() ? plugin.c_str() : failure.file.c_str(),
      failure.function.empty() ? failure.phase.c_str()
                               : failure.function.c_str(),
      failure.line, details);
  return text;
}

}  // namespace pythonfilter
