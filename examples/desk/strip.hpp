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
// value: the device's name ("": the default one), the path, or the port.
struct Place {
  std::string kind = "", value = "";
  bool process = false, bypassed = false;
  std::map<std::string, std::string> parameters = {};  // but for secrets
};

struct Message {
  enum class Severity { Info, Warning, Error };
  Severity severity = Severity::Info;
  std::string where, text, details;
};
Message read_message(GstMessage *message);

struct Statistics {
  guint64 buffers = 0, errors = 0, dropped = 0, overruns = 0, restarts = 0;
  guint64 p99 = 0, mean = 0;  // of a call, in ns
};

class Node {
 public:
  ~Node();
  const Place &place() const { return place_; }
  GstElement *element() const { return element_; }
  Tap &tap() { return *tap_; }
  // What went wrong, until it goes well again; "": nothing.
  const std::string &problem() const { return problem_; }
  Statistics statistics() const;

 private:
  friend class Strip;
  Place place_;
  Owned<GstElement> bin_;
  GstElement *element_ = nullptr;  // in the bin
  std::unique_ptr<Tap> tap_;
  std::string problem_;
  guint64 buffers_then_ = 0, errors_then_ = 0;
};

class Strip {
 public:
  explicit Strip(const std::string &name);
  ~Strip();
  Strip(const Strip &) = delete;
  Strip &operator=(const Strip &) = delete;

  const std::string &name() const { return name_; }
  // Each returns "", or why it did not happen; then all is as it was. A plugin
  // that does not load where isolate() puts it stays, and ends the playing.
  std::string set_source(const Place &place);
  std::string set_sink(const Place &place);
  std::string insert(size_t at, const Place &place);
  void remove(size_t at);
  void move(size_t from, size_t to);
  std::string bypass(size_t at, bool on);
  std::string isolate(size_t at, bool process);

  Node &source() { return *source_; }
  Node &sink() { return *sink_; }
  size_t count() const { return chain_.size(); }
  Node &processor(size_t at) { return *chain_[at]; }

  void start();
  void stop();
  bool is_playing() const { return playing_; }
  // Of everything in it, in ns.
  guint64 latency() const;

  // What happened since the last call. Often: it also does what the pipeline
  // asks an application to do.
  std::vector<Message> poll();

  // Source, processors, sink.
  std::vector<Place> places() const;

 private:
  enum class Role { Source, Processor, Sink };
  std::unique_ptr<Node> make(const Place &place, Role role, std::string *why);
  std::string bring_up(Node *node);
  std::string last_error() const;
  void take_out(Node *node);
  void end_file(Node *node);
  GstElement *bin_at(size_t at) const;  // 0 is the source
  bool link_all();
  void unlink_all();
  Node *owner_of(GstObject *object);
  template <typename Change>
  void change(const Change &change);

  const std::string name_;
  Owned<GstElement> pipeline_;
  Owned<GstBus> bus_;
  std::unique_ptr<Node> source_, sink_;
  std::vector<std::unique_ptr<Node>> chain_;
  bool playing_ = false;
};

}  // namespace desk
