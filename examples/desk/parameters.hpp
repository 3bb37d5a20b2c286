// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What an element can be asked to do differently while it plays: of a Python
// plugin the parameters that it declares. Values are texts, as in a session.
#pragma once

#include <string>
#include <vector>

#include <gst/gst.h>

namespace desk {

struct Parameter {
  enum class Kind { Switch, Whole, Number, Choice, Text, Secret };
  Kind kind = Kind::Text;
  std::string name, description, unit, initial;
  double least = 0, most = 0;
  bool logarithmic = false;  // as a range of several powers of ten asks for
  std::vector<std::string> choices;
};

std::vector<Parameter> parameters_of(GstElement *element);
// A secret can be set, and not be asked for.
std::string value_of(GstElement *element, const std::string &name);
bool set_value(GstElement *element, const std::string &name,
               const std::string &text);

}  // namespace desk
