// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The messages on a bus, above all what elements report of failures.
#pragma once

#include <string>
#include <vector>

#include "surroundings.hpp"

namespace check {

// An ERROR or a WARNING.
struct Report {
  GstMessageType type;
  GQuark domain;
  int code;
  std::string text, debug;
  GstStructure *details;  // NULL: none

  std::string field(const char *name) const {
    const char *value = details ? gst_structure_get_string(details, name) : "";
    return value ? value : "";
  }
  guint64 number(const char *name) const {
    guint64 value = 0;
    if (details) gst_structure_get_uint64(details, name, &value);
    return value;
  }
  int line() const {
    int value = 0;
    if (details) gst_structure_get_int(details, "line", &value);
    return value;
  }
};

class Reports : public std::vector<Report> {
 public:
  Reports() = default;
  Reports(Reports &&) = default;
  ~Reports() {
    for (Report &report : *this)
      if (report.details) gst_structure_free(report.details);
  }
  std::string text() const {
    std::string all;
    for (const Report &report : *this)
      all += std::string(gst_message_type_get_name(report.type)) + " " +
             report.text + " [" + report.debug + "]\n";
    return all.substr(0, 3000);  // check takes no longer messages
  }
};

inline Report report_in(GstMessage *message) {
  GError *error;
  char *debug;
  const GstStructure *details = nullptr;
  const GstMessageType type = GST_MESSAGE_TYPE(message);
  if (type == GST_MESSAGE_ERROR) {
    gst_message_parse_error(message, &error, &debug);
    gst_message_parse_error_details(message, &details);
  } else {
    gst_message_parse_warning(message, &error, &debug);
    gst_message_parse_warning_details(message, &details);
  }
  Report report = {type,
                   error->domain,
                   error->code,
                   error->message,
                   debug ? debug : "",
                   details ? gst_structure_copy(details) : nullptr};
  g_error_free(error);
  g_free(debug);
  return report;
}

// The next message of these types; NULL: there is none, and none came in time.
// Throws the others away.
inline GstMessage *next_message(GstBus *bus, GstMessageType types,
                                GstClockTime wait = 0) {
  // Not gst_bus_pop_filtered(): since 1.28 it drops the others with the bus
  // locked, and the last reference to an element's pads posts on that bus.
  const gint64 end = g_get_monotonic_time() + gint64(wait / 1000);
  for (;;) {
    const gint64 left = std::max<gint64>(0, end - g_get_monotonic_time());
    GstMessage *message = gst_bus_timed_pop(bus, GstClockTime(left) * 1000);
    if (!message || GST_MESSAGE_TYPE(message) & types) return message;
    gst_message_unref(message);
  }
}

// ERRORs and WARNINGs so far. Throws every other message away.
inline Reports reports_on(GstBus *bus) {
  Reports all;
  while (GstMessage *message = next_message(
             bus, GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING))) {
    all.push_back(report_in(message));
    gst_message_unref(message);
  }
  return all;
}

}  // namespace check
