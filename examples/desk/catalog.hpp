// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What there is for a strip: plugins in the registry and in files, and ends.
#pragma once

#include "strip.hpp"

namespace desk {

struct Plugin {
  enum class Kind { Source, Filter, Sink };
  Kind kind = Kind::Filter;
  Place place;
  std::string name, description, author, file;
  std::string problem;  // not empty: it cannot be used, and why
};

// Those that are broken as well.
std::vector<Plugin> installed_plugins();
// One that is no element of its own.
Plugin plugin_in(const std::string &file);

// Sources, or sinks, that are always there, and the devices that are there now.
std::vector<Place> ends(bool sink);
std::vector<Place> devices(bool sink);
Place file_end(bool sink, const std::string &path);
// "192.0.2.1:5004", or "5004" of this computer.
Place network_end(bool sink, const std::string &address);
// NULL: it is not there any more.
GstElement *element_of_device(const std::string &name, bool sink);

}  // namespace desk
