// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One direction of a call: a source, a chain of Python processors and a sink.
// All of it can change while it plays. No Qt, and one thread: the window's.
#pragma once

#include "node.hpp"

namespace desk {

struct Message {
  enum class Severity { Info, Warning, Error };
  Severity severity = Severity::Error;
  std::string where, text, details = "";
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
  std::string set_end(bool sink, const Place &place);
  std::string insert(size_t at, const Place &place);
  void remove(size_t at);
  void move(size_t from, size_t to);
  std::string bypass(size_t at, bool on);
  std::string isolate(size_t at, bool on);

  void start();
  void stop();
  bool is_playing() const { return playing_; }
  guint64 latency() const;  // of everything in it, in ns

  // What happened since the last call. Often: it also does what the pipeline
  // asks an application to do.
  std::vector<Message> poll();

  std::vector<Place> places() const;

 private:
  using Made = std::unique_ptr<Node>;
  Made load(const Place &place, bool in, bool out, std::string *why);
  void take_out(Node *node);
  void end_file();
  void link_all(bool on);
  template <typename Change>
  void change(const Change &change);
  Message read(GstMessage *message, Node *owner);
  void load_anew();

  const std::string name_;
  GstElement *const pipeline_;
  GstBus *const bus_;
  std::vector<Made> nodes_;
  bool playing_ = false;
};

}  // namespace desk
