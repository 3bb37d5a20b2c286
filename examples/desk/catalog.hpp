// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which plugins there are: those in the registry, and those in files.
#pragma once

#include <string>
#include <vector>

namespace desk {

struct Plugin {
  enum class Kind { Source, Filter, Sink };
  Kind kind = Kind::Filter;
  std::string factory;  // py-simple-gain, or pythonfilter and a file
  std::string name, description, author, file;
  std::string problem;  // not empty: it cannot be used, and why
};

// Those that are broken as well.
std::vector<Plugin> installed_plugins();

// One that is no element of its own.
Plugin plugin_in(const std::string &file);

}  // namespace desk
