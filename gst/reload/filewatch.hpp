// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Says when one of some files was saved. Editors replace a file as often as
// they write to it, so it is the folders that are watched. GFileMonitor tells
// in a main loop, which an application need not run, and is of GIO, which is
// not linked otherwise.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "../../bridge/contract.hpp"
#include "../../bridge/thread.hpp"

namespace pythonfilter {

class FileWatch {
 public:
  // `saved` is called by a thread of its own, once for what one save does.
  explicit FileWatch(std::function<void()> saved);
  ~FileWatch();
  FileWatch(const FileWatch &) = delete;
  FileWatch &operator=(const FileWatch &) = delete;

  // Absolute paths. False: `problem` says why they cannot be watched.
  bool set_files(const std::vector<std::string> &files, std::string *problem);

 private:
  void run();
  bool read_events();
  bool is_saved(int folder, uint32_t mask, const std::string &name);

  const std::function<void()> saved_;
  int inotify_ = -1;
  int stop_ = -1;                       // an eventfd
  Mutex mutex_;                         // a leaf
  std::map<int, std::string> folders_;  // guarded by mutex_; by their watch
  std::set<std::string> files_;         // guarded by mutex_
  Thread thread_;
};

}  // namespace pythonfilter
