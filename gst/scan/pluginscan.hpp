// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What plugins there are, as plugins_py/pythonfilter/scan/scan.py says: in a
// process of its own, so that no Python is in the one that scans, and without
// running anything of theirs.
#pragma once

#include <string>
#include <vector>

#include <gst/gst.h>

namespace pythonfilter {

std::vector<std::string> split(const std::string &text, const char *by);

// One line of the scan, taken apart: the fields behind its first word.
class ScanRecord {
 public:
  explicit ScanRecord(const std::string &line);

  // The first of a field's; empty where there is no such field.
  std::string value(const std::string &key) const;

  struct Field {
    std::string key;
    std::vector<std::string> values;
  };
  const std::vector<Field> &fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

// The folders as the environment names them; what is no folder is left out.
std::vector<std::string> plugin_folders();
// What GST_PYTHONFILTER_PATH names in vain, as lines `broken`. Warns of it.
std::vector<std::string> relative_folders();

// `plugin` is then scanned again when something in such a folder changes.
void watch_plugin_folders(GstPlugin *plugin);
// What a scan found that may change: packages, whose files are, and others.
struct Watched {
  std::vector<std::string> packages, others;
};

// The same for these, and for packages that come to the folders.
void watch(GstPlugin *plugin, const std::vector<std::string> &folders,
           const Watched &watched);

// The lines `element` and `broken`. Notes go to the log.
std::vector<std::string> scan_plugins(const std::vector<std::string> &folders,
                                      Watched *watched);

}  // namespace pythonfilter
