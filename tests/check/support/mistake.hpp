// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A plugin with a mistake in it, and the one ERROR that has to come of it.
#pragma once

#include "harness.hpp"

namespace check {

using Quark = GQuark (*)();

struct Mistake {
  const char *name;
  // A whole file; "# here" marks the line that the message must name.
  const char *source;
  const char *phase;
  const char *type;  // exception's class; "" for none
  const char *text;  // part of the sentence
  Quark domain = gst_stream_error_quark;
  Properties properties = {};
};

// The method that is wrong, in a class that is right otherwise.
#define CLASS "class Wrong:\n"
#define PROCESS "    def process_audio(self, buffer):\n"
#define FINE PROCESS "        pass\n"
#define RAISES(what) CLASS PROCESS "        " what "  # here\n"

// 0: no line is marked.
inline int line_of_mark(const std::string &source) {
  const size_t mark = source.find("# here");
  if (mark == std::string::npos) return 0;
  return 1 + int(std::count(source.begin(),
                            source.begin() + std::ptrdiff_t(mark), '\n'));
}

inline void expect_one_error(const Element &element, const Mistake &row,
                             const std::string &file) {
  const Reports reports = element.reports();
  fail_unless(reports.size() == 1, "%s: %s", row.name, reports.text().c_str());
  const Report &report = reports[0];
  const int line = line_of_mark(row.source);
  fail_unless(report.type == GST_MESSAGE_ERROR);
  fail_unless(report.domain == row.domain(), "%s: %s", row.name,
              g_quark_to_string(report.domain));
  expect_part(report.text, row.text);
  expect_part(report.text, file);
  if (line)
    expect_part(report.text, "(" + file + ":" + std::to_string(line) + ")");
  fail_unless(report.text.find('\n') == std::string::npos);

  fail_unless(report.details != nullptr);
  fail_unless(gst_structure_has_name(report.details, "python-exception"));
  expect_text(report.field("phase"), row.phase);
  expect_text(report.field("type"), row.type);
  expect_text(report.field("plugin"), file);
  if (line) {
    expect_text(report.field("file"), file);
    fail_unless_equals_int(report.line(), line);
  }
  fail_unless_equals_uint64(report.number("count"), 1);
  const bool traceback = *row.type && row.domain == gst_stream_error_quark &&
                         !contains(report.text, "() gave ") &&
                         !contains(report.text, "deleted") && line;
  if (traceback) expect_part(report.debug, "Traceback");
  if (traceback)
    expect_part(report.debug, "line " + std::to_string(line) + ", in");
  fail_unless(!contains(report.debug, "pythonfilter/host/"), "%s",
              report.debug.c_str());
}

}  // namespace check
