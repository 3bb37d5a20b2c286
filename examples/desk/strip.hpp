// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One direction of a call: a source, a chain of Python processors and a sink.
// All of it can change while it plays. No Qt, and one thread: the window's.
// Node is in node.cpp, and what there is for a strip in catalog.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gst/audio/audio.h>

// As Qt's tool that lists the words to translate knows it.
#ifndef QT_TRANSLATE_NOOP
#define QT_TRANSLATE_NOOP(context, text) text
#endif

namespace desk {

enum class Kind { Source, Filter, Sink };

// What a session keeps of one place in a strip, and all it takes to make it.
struct Place {
  Kind kind = Kind::Filter;
  std::string title = "";
  // What gst-launch-1.0 would take. The element that matters is called main.
  // Without one it is that of the device with this title, and is linked to the
  // one that is called next.
  std::string line = "";
  std::map<std::string, std::string> properties = {};  // of main
};

// Measures what is pushed. A probe and no tee with a queue: a tee
// makes each buffer somebody else's as well, and a plugin that works in place
// would get a copy.
class Tap {
 public:
  static constexpr int kept = 2048;  // samples
  // Goes after the pad's element was stopped for the last time.
  explicit Tap(GstPad *pad);

  // The highest since it was asked for.
  float take_peak() { return peak_.exchange(0); }
  // The last samples of the first channel. The stream never waits for who
  // looks at them.
  std::vector<float> picture() const {
    std::vector<float> all(ring_.begin(), ring_.end());
    std::rotate(all.begin(), all.begin() + long(next_ % all.size()), all.end());
    return all;
  }
  int rate() const { return rate_; }  // 0: there are no 32-bit floats

 private:
  static GstPadProbeReturn on_buffer(GstPad *, GstPadProbeInfo *, gpointer);

  std::atomic<int> rate_{0};
  std::atomic<float> peak_{0};
  std::array<std::atomic<float>, kept> ring_ = {};
  std::atomic<size_t> next_{0};
};

// Of what a plugin declares: its property, and whether it cannot be read.
inline std::string property(const GParamSpec *parameter) {
  return std::string("plugin::") + parameter->name;
}
inline bool is_secret(const GParamSpec *parameter) {
  return !(parameter->flags & G_PARAM_READABLE);
}

class Node {
 public:
  // What cannot be made has a problem() and nothing else.
  explicit Node(const Place &place);
  ~Node() {
    if (bin_) set_state(GST_STATE_NULL);
    gst_clear_object(&bin_);
  }

  GstElement *element() const { return main_; }
  Place place() const;  // as it is now, without secrets
  const std::string &title() const { return place_.title; }
  std::string file() const {  // of a plugin; else ""
    const char *script = gst_element_get_metadata(main_, "script");
    return script ? script : value("script");
  }
  bool is_python() const { return !value("isolation").empty(); }
  bool is_filter() const { return place_.kind == Kind::Filter; }
  bool is_isolated() const { return value("isolation") == "process"; }
  bool is_bypassed() const { return value("bypass") == "true"; }
  // What went wrong, until it goes well again; "": nothing.
  std::string problem() const {
    return gone_well() > well_again_ ? "" : problem_;
  }
  // One of its element's stats, by its name there.
  guint64 stat(const char *name) const;

  // What can be changed while it plays: what a plugin declares.
  std::vector<GParamSpec *> parameters() const;
  // Values are texts, as in a session; of a secret it is "".
  std::string value(const std::string &property) const;
  bool set(const std::string &property, const std::string &text);
  void reset();  // all but secrets

 private:
  friend class Strip;
  GstElement *named(const char *name) const;
  GstPad *input() const { return GST_PAD(bin_->sinkpads->data); }
  GParamSpec *look_up(const std::string &property, GObject **holder) const;
  bool set_state(GstState state) {
    return gst_element_set_state(bin_, state) != GST_STATE_CHANGE_FAILURE;
  }
  guint64 gone_well() const { return stat("buffers") - stat("errors"); }

  Place place_;
  GstElement *bin_ = nullptr, *main_ = nullptr;
  std::unique_ptr<Tap> tap_;  // of a sink there is none
  std::string problem_;
  guint64 well_again_ = G_MAXUINT64;  // when so many calls have gone well
};

struct Message {
  std::string where, text, details = "";
  bool good = false;  // it is news, and no failure
};

class Strip {
 public:
  Strip();
  ~Strip();

  // The first is the source, the last is the sink, and both are always there.
  int count() const { return int(nodes_.size()); }
  Node &node(int at) { return *nodes_[size_t(at)]; }
  // What comes out there. A sink hears what comes out of what is before it.
  Tap &heard(int at) { return *node(std::min(at, count() - 2)).tap_; }

  // A filter comes there, a source or sink takes the other one's place. Where
  // it is then; nowhere: all is as it was, and poll() has the reason.
  std::optional<int> put(const Place &place, int at = 1);
  void remove(int at);
  void move(int from, int to);
  void isolate(int at, bool on);

  void start();
  void stop();
  bool is_playing() const {
    return GST_STATE_TARGET(pipeline_) == GST_STATE_PLAYING;
  }
  guint64 latency() const;  // of everything in it, in ns

  // What happened since the last call. Often: it also does what the pipeline
  // asks an application to do.
  std::vector<Message> poll() {
    while (g_autoptr(GstMessage) message = gst_bus_pop(bus_))
      read(message);
    return std::exchange(said_, {});
  }

 private:
  using Made = std::unique_ptr<Node>;
  using Change = std::function<void()>;
  static GstBusSyncReply come_first(GstBus *, GstMessage *, gpointer);
  Made load(const Place &place);
  bool hold(const Change &change);
  void change(const Change &change, bool anew = false);
  void end_file();
  void settle();
  void read(GstMessage *message);
  void read_failure(GstMessage *message, Node *owner);

  GstElement *const pipeline_ = gst_pipeline_new(nullptr);
  GstBus *const bus_ = gst_element_get_bus(pipeline_);
  std::vector<Made> nodes_;
  std::vector<Message> said_;
};

// What there is for a strip.
struct Plugin {
  Place place;
  std::string description, author, file;
  std::string problem = "";  // not empty: no strip can use it, and why
};

// Those that are broken as well.
std::vector<Plugin> installed_plugins();
// One that is no element of its own.
Plugin plugin_in(const std::string &file);

// Sources, or sinks, that are always there, and the devices that are there now.
std::vector<Place> ends(Kind kind);
using Devices = std::map<std::string, std::shared_ptr<GstDevice>>;
Devices devices(Kind kind);
Place device_end(Kind kind, const std::string &name);
Place file_end(Kind kind, const std::string &path);
// "192.0.2.1:5004", or "5004" of this computer.
Place network_end(Kind kind, const std::string &address);

}  // namespace desk
