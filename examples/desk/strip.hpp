// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One direction of a call: a source, a chain of Python processors and a sink.
// All of it can change while it plays. No Qt, and one thread: the window's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "owned.hpp"
#include "tap.hpp"

namespace desk {

// What a session keeps of one place in a strip, and all it takes to make it.
//
// kind: of a source "tone", "device", "file" or "network"; of a sink "none",
// "device", "file" or "network"; of all three, and of a processor, the name of
// an element: "py-simple-gain", or "pythonfilter" with `value` as its script.
// value: the device's name ("": the default one), the path, or [HOST:]PORT.
struct Place {
  std::string kind = "", value = "";
  bool process = false, bypassed = false;
  std::map<std::string, std::string> parameters = {};  // but for secrets
};

struct Message {
  enum class Severity { Info, Warning, Error };
  Severity severity = Severity::Info;
  std::string where, text, details;
  bool of_loading = false;  // not of a call, so no buffer makes it good again
};
Message read_message(GstMessage *message);
// What the error on it says.
std::string error_on(GstBus *bus);

class Node {
 public:
  ~Node();
  const Place &place() const { return place_; }
  GstElement *element() const { return element_; }
  Tap &tap() { return *tap_; }
  // What went wrong, until it goes well again; "": nothing.
  const std::string &problem() const { return problem_; }
  bool is_python() const;
  std::string file() const;  // of a plugin; else ""
  // As its element has them, by their names there.
  std::map<std::string, guint64> statistics() const;

 private:
  friend class Strip;
  Place place_;
  Owned<GstElement> bin_;
  GstElement *element_ = nullptr;  // in the bin
  std::unique_ptr<Tap> tap_;
  std::string problem_;
  bool problem_lasts_ = false;
  std::map<std::string, guint64> then_;  // when it failed last
};

class Strip {
 public:
  explicit Strip(const std::string &name);
  ~Strip();
  Strip(const Strip &) = delete;
  Strip &operator=(const Strip &) = delete;

  const std::string &name() const { return name_; }
  // The first is the source, the last is the sink, and both are always there.
  size_t count() const { return nodes_.size(); }
  Node &node(size_t at) { return *nodes_[at]; }

  // Each returns "", or why it did not happen; then all is as it was. A plugin
  // that does not load where isolate() puts it stays, and ends the playing.
  std::string set_source(const Place &place) { return set_end(0, place); }
  std::string set_sink(const Place &place) {
    return set_end(count() - 1, place);
  }
  std::string insert(size_t at, const Place &place);
  void remove(size_t at);
  void move(size_t from, size_t to);
  std::string bypass(size_t at, bool on);
  std::string isolate(size_t at, bool process);

  void start();
  void stop();
  bool is_playing() const { return playing_; }
  // Of everything in it, in ns.
  guint64 latency() const;

  // What happened since the last call. Often: it also does what the pipeline
  // asks an application to do.
  std::vector<Message> poll();

  std::vector<Place> places() const;

 private:
  using Made = std::unique_ptr<Node>;
  enum class Role { Source, Processor, Sink };
  Made make(const Place &place, Role role, std::string *why);
  bool bring_up(Node *node, std::string *why);
  std::string set_end(size_t at, const Place &place);
  void take_out(Node *node);
  void end_file(Node *node);
  void unlink_all();
  void link_all();
  template <typename Change>
  void change(const Change &change);

  const std::string name_;
  Owned<GstElement> pipeline_;
  Owned<GstBus> bus_;
  std::vector<Made> nodes_;
  bool playing_ = false;
};

}  // namespace desk
