// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crash_place.hpp"

#include <climits>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "../paths.hpp"

namespace pythonfilter {

namespace {

struct Frame {
  std::string file, function;
  int line = 0;
};

// `  File "plugin.py", line 7 in process_audio`
bool read_frame(std::string_view text, Frame *frame) {
  constexpr std::string_view begin = "  File \"", middle = "\", line ";
  if (text.substr(0, begin.size()) != begin) return false;
  text.remove_prefix(begin.size());
  const size_t end = text.find(middle);
  if (end == text.npos) return false;
  frame->file = text.substr(0, end);
  const std::string rest(text.substr(end + middle.size()));
  char *after;
  const long line = strtol(rest.c_str(), &after, 10);
  frame->line = line > 0 && line <= INT_MAX ? int(line) : 0;
  constexpr std::string_view in = " in ";
  const std::string_view tail(after);
  frame->function = tail.substr(0, in.size()) == in ? after + in.size() : "";
  return true;
}

std::string folder_of(const std::string &path) {
  char real[PATH_MAX];
  if (path.empty() || !realpath(path.c_str(), real)) return "";
  const std::string found = real;
  return found.substr(0, found.rfind('/') + 1);
}

}  // namespace

void find_crash_place(const std::string &script, Failure *failure) {
  const std::string folder = folder_of(script);
  // All of this may be installed below the plugin's folder, or be in it.
  const std::string ours = python_directory();
  const auto is_ours = [&](const std::string &file) {
    return file.rfind(ours + "/pythonfilter/", 0) == 0 ||
           file.rfind(ours + "/base_plugin/", 0) == 0;
  };
  Frame best, each;
  bool innermost = true;  // of the thread that crashed
  bool crashed = false;   // the thread of which the frames are
  std::string_view rest = failure->traceback;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view text = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (text.substr(0, 14) == "Current thread") crashed = true;
    if (!read_frame(text, &each)) continue;
    const bool own = !folder.empty() && each.file.rfind(folder, 0) == 0 &&
                     !is_ours(each.file);
    // Of machine code that we call there is no frame: then it is nowhere.
    const bool taken = crashed && std::exchange(innermost, false);
    if (own || (taken && !is_ours(each.file))) best = each;
    if (own) break;
  }
  failure->file = std::move(best.file);
  failure->line = best.line;
  failure->function = std::move(best.function);
}

}  // namespace pythonfilter
