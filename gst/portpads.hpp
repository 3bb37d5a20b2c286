// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The pads of an element whose plugin declares its inputs or its outputs: those
// that are always there, by their names, or those that are asked for.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <gst/gst.h>

#include "../bridge/capabilities.hpp"

namespace pythonfilter {

class PythonElement;

inline const char *port_prefix(GstPadDirection direction) {
  return direction == GST_PAD_SINK ? "sink_" : "src_";
}

// What the plugin calls the port: "music" of sink_music.
inline std::string port_name(gpointer pad) {
  return GST_OBJECT_NAME(pad) + strlen(port_prefix(GST_PAD_DIRECTION(pad)));
}

// Those of one direction, which are all of its ports.
class PortPads {
 public:
  // Puts a new pad where it belongs.
  using Add = std::function<void(GstPad *)>;

  PortPads(GstElement *element, GstPadDirection direction);

  GstPad *make(const std::string &name) const;
  // An element of its own has the pads that its plugin declares from the start.
  void add_declared(const Add &add) const;
  // The plugin is known: it has the pads that it declares, and no others.
  // False: an error was posted.
  bool complete(const Add &add) const;
  // A pad that somebody asks for, who may want a name. In NULL nobody knows the
  // plugin: complete() looks at what was asked for. NULL: it cannot be, which
  // was told.
  GstPad *make_wanted(GstPadTemplate *pads, const gchar *wanted) const;

 private:
  std::vector<std::string> names() const;
  std::string problem_of(const Capabilities &plugin,
                         const std::string &name) const;
  const char *what() const {
    return direction_ == GST_PAD_SINK ? "input" : "output";
  }

  GstElement *const element_;
  const PythonElement *const python_;
  const GstPadDirection direction_;
  const std::string prefix_;
};

}  // namespace pythonfilter
