// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Names of messages, structures, fields and features that somebody else wrote.
// GLib keeps each name that it was ever told of, and the more of them there are
// the more the next one costs, so nobody may make up new ones without end.
#pragma once

#include <atomic>
#include <string>

#include <glib.h>

namespace pythonfilter {

class ForeignNames {
 public:
  // Whether GStreamer may be told of it. Any thread.
  bool allow(const std::string &name) {
    if (g_quark_try_string(name.c_str())) return true;
    if (name.size() > longest || left_ <= 0 || left_of_all <= 0) return false;
    left_--;
    left_of_all--;
    // Known from now on, which not every GStreamer sees to itself.
    g_quark_from_string(name.c_str());
    return true;
  }

  // How many names are left to all together, for the life of the process.
  inline static std::atomic<int> left_of_all{20000};

 private:
  static constexpr size_t longest = 255;
  std::atomic<int> left_{1000};
};

}  // namespace pythonfilter
