// SPDX-License-Identifier: LGPL-2.1-or-later
#include "paths.hpp"

#include <cstdio>
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

std::vector<std::string> bridge_directories() {
  if (const char *set = getenv("GST_PYTHONFILTER_BRIDGE_DIR")) return {set};
  const std::string own = own_directory();
  return {own + "/../pythonfilter", own + "/../bridge"};
}

std::string path_of_bridge(const std::string &tag) {
  for (const std::string &directory : bridge_directories()) {
    const std::string path = directory + "/bridge." + tag + ".so";
    if (access(path.c_str(), R_OK) == 0) return path;
  }
  return "";
}

std::string tag_of(const std::string &version) {
  std::string digits = version;
  digits.erase(digits.find('.'), 1);
  return "cpython-" + digits;
}

std::string system_python() {
  const std::string built = PYTHONFILTER_PYTHON;
  // A distribution's python3 becomes another one, which alone has its packages
  // then, NumPy for one; packages bring a bridge for each.
  char now[PATH_MAX];
  const std::string name = directory_of(built) + "/python";
  int minor = 0;
  if (!realpath((name + "3").c_str(), now) ||
      sscanf(now, (name + "3.%d").c_str(), &minor) != 1 ||
      path_of_bridge(tag_of("3." + std::to_string(minor))).empty())
    return built;
  return now;
}

}  // namespace pythonfilter
