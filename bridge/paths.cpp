// SPDX-License-Identifier: LGPL-2.1-or-later
#include "paths.hpp"

#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <limits.h>
#include <unistd.h>

namespace pythonfilter {

std::string directory_of(const std::string &path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string file_of(const void *address) {
  Dl_info info;
  char real[PATH_MAX];
  if (!dladdr(address, &info) || !info.dli_fname) return "";
  return realpath(info.dli_fname, real) ? real : info.dli_fname;
}

// Entries that name the current directory would let whatever lies there run.
std::string safe_python_path() {
  const char *value = getenv("PYTHONPATH");
  std::string kept, rest = value ? value : "";
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    const std::string entry = rest.substr(0, colon);
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    if (entry.empty() || entry[0] != '/') continue;
    kept += (kept.empty() ? "" : ":") + entry;
  }
  return kept;
}

std::string own_directory() {
  return directory_of(file_of(reinterpret_cast<void *>(&own_directory)));
}

// The source tree, found from the folder of the plugin in a build and from that
// of the bridges alike.
std::string source_directory() {
  std::string line;
  std::ifstream file(own_directory() + "/../bridge/plugins_py.path");
  std::getline(file, line);
  return line;
}

std::string installed_directory() {
  // Also if all of it was moved.
  char *moved = realpath(
      (own_directory() + "/" PYTHONFILTER_PYTHON_WAY).c_str(), nullptr);
  const std::string there = moved ? moved : "";
  free(moved);
  const bool found =
      access((there + "/base_plugin/__init__.py").c_str(), R_OK) == 0;
  return found ? there : PYTHONFILTER_PYTHON_DIR;
}

std::string python_directory() {
  if (const char *set = getenv("GST_PYTHONFILTER_PYTHONDIR")) return set;
  const std::string source = source_directory();
  return source.empty() ? installed_directory() : source;
}

}  // namespace pythonfilter
