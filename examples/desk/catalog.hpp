// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What there is: plugins in the registry and in files, and sound devices.
#pragma once

#include <string>
#include <vector>

#include <gst/gst.h>

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

// The names of those that are there now.
std::vector<std::string> devices(bool that_play);
// NULL: it is not there any more.
GstElement *element_of_device(const std::string &name, bool that_plays);

}  // namespace desk
