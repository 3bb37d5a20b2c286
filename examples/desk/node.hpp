// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One place in a strip: what is made of it, and what can be asked of that.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tap.hpp"

namespace desk {

// What a session keeps of one place in a strip, and all it takes to make it.
struct Place {
  std::string title = "";  // "": as its file, or its element, is called
  // What gst-launch-1.0 would take. The element that matters is called main;
  // that of a device comes before a source's line, or behind a sink's.
  std::string line, device = "";
  // Of main; of a plugin's parameters those that are no secret.
  std::map<std::string, std::string> properties = {};
  bool bypassed = false;
};

// What an element can be asked to do differently while it plays: of a Python
// plugin the parameters that it declares.
struct Parameter {
  std::string property;  // "freq", or of a plugin in a file "plugin::gain"
  GParamSpec *spec;
  std::string description, unit;
  bool is_secret() const { return !(spec->flags & G_PARAM_READABLE); }
};

class Node {
 public:
  // NULL: no such thing can be made, and why. It has pads of these directions.
  static std::unique_ptr<Node> make(const Place &place, bool in, bool out,
                                    std::string *why);
  ~Node();
  Node(const Node &) = delete;
  Node &operator=(const Node &) = delete;

  GstElement *element() const { return main_; }
  Tap &tap() { return *tap_; }
  std::string title() const;
  // Of a plugin; else, or when it does not say, "".
  std::string file() const, description() const;
  bool is_python() const;
  bool is_isolated() const { return value("isolation") == "process"; }
  // It is an encryptor, or something else that lets nothing by.
  bool fails_closed() const;
  // As its element has them, by their names there.
  std::map<std::string, guint64> statistics() const;

  // Values are texts, as in a session; of a secret it is "".
  std::vector<Parameter> parameters() const;
  std::string value(const std::string &property) const;
  bool set(const std::string &property, const std::string &text);
  void reset(const Parameter &parameter);

  // What went wrong, until it goes well again; "": nothing.
  const std::string &problem() const { return problem_; }
  const Place &place() const { return place_; }

 private:
  friend class Strip;
  Node() = default;
  GParamSpec *look_up(const std::string &property, GObject **holder) const;
  bool set_state(GstState state);
  // So that the pipeline does not take it along to its states.
  void lock(bool on) { gst_element_set_locked_state(bin_, on); }
  bool is_locked() const { return gst_element_is_locked_state(bin_); }

  Place place_;
  GstElement *bin_ = nullptr, *main_ = nullptr;
  std::unique_ptr<Tap> tap_;
  std::string problem_;
  bool problem_lasts_ = false;
  std::map<std::string, guint64> then_;  // when it failed last
};

}  // namespace desk
