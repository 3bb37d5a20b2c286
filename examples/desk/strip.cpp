// SPDX-License-Identifier: LGPL-2.1-or-later
#include "strip.hpp"

#include <utility>

#include "catalog.hpp"

namespace desk {

namespace {

// Keeps the stream waiting at a pad, so that what is behind it can be linked
// otherwise. One thread pushes through the whole chain: when it waits here,
// nobody is in any of the elements.
class Hold {
 public:
  explicit Hold(GstElement *source)
      : pad_(gst_element_get_static_pad(source, "src")) {
    constexpr auto when = GstPadProbeType(GST_PAD_PROBE_TYPE_IDLE |
                                          GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM);
    const auto come = [](GstPad *, GstPadProbeInfo *, gpointer holds) {
      *static_cast<std::atomic<bool> *>(holds) = true;
      return GST_PAD_PROBE_OK;  // it waits until the probe is removed
    };
    probe_ = gst_pad_add_probe(pad_, when, come, &holds_, nullptr);
    // Longer than any buffer is, if nothing downstream hangs.
    for (int ms = 0; ms < 1000 && !holds_; ms++)
      g_usleep(1000);
  }
  ~Hold() {
    if (probe_) gst_pad_remove_probe(pad_, probe_);
    gst_object_unref(pad_);
  }
  Hold(const Hold &) = delete;
  Hold &operator=(const Hold &) = delete;

  bool holds() const { return holds_; }

 private:
  GstPad *const pad_;
  gulong probe_ = 0;
  std::atomic<bool> holds_{false};
};

std::string error_on(GstBus *bus) {
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  if (!message) return "it cannot be started";
  g_autoptr(GError) error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  return error->message;
}

}  // namespace

// Its plugins are always loaded: that is when they say what parameters they
// have, and whether they can be used. Devices are taken when it starts.
Strip::Strip(const std::string &name)
    : name_(name),
      pipeline_(gst_pipeline_new(name.c_str())),
      bus_(gst_element_get_bus(pipeline_)) {
  gst_object_ref_sink(pipeline_);
  // That of a device would stand still when the device is replaced.
  g_autoptr(GstClock) clock = gst_system_clock_obtain();
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_), clock);
  gst_element_set_state(pipeline_, GST_STATE_READY);
  std::string why;
  for (const bool sink : {false, true}) {
    nodes_.push_back(load(ends(sink).front(), sink, !sink, &why));
    if (!nodes_.back())
      g_error("Debian: apt install gstreamer1.0-plugins-base (%s)",
              why.c_str());
  }
  link_all(true);
}

Strip::~Strip() {
  stop();
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  gst_bus_set_flushing(bus_, TRUE);
  gst_object_unref(bus_);
  gst_object_unref(pipeline_);
}

// ---- its places ------------------------------------------------------------

// Loads its plugin, before any stream has to wait for it. Other ends are opened
// when it plays.
Strip::Made Strip::load(const Place &place, bool in, bool out,
                        std::string *why) {
  Made node = Node::make(place, in, out, why);
  if (!node) return nullptr;
  node->lock(true);
  gst_bin_add(GST_BIN(pipeline_), node->bin_);
  if (node->is_python() && !node->set_state(GST_STATE_READY)) {
    *why = error_on(bus_);
    take_out(node.get());
    return nullptr;
  }
  // Those of a file's plugin are there only now.
  for (const auto &[name, value] : place.properties)
    if (name.rfind("plugin::", 0) == 0) node->set(name, value);
  return node;
}

// First out of the pipeline, for which this is not the end.
void Strip::take_out(Node *node) {
  node->lock(true);
  gst_bin_remove(GST_BIN(pipeline_), node->bin_);
}

// A file is whole only when its writer was told of the end.
void Strip::end_file() {
  const Node &sink = *nodes_.back();
  g_autoptr(GstPad) pad = gst_element_get_static_pad(sink.bin_, "sink");
  if (playing_ && (sink.is_python() || !sink.value("location").empty()))
    gst_pad_send_event(pad, gst_event_new_eos());
}

void Strip::link_all(bool on) {
  for (size_t i = 1; i < nodes_.size(); i++)
    if (on)
      gst_element_link(nodes_[i - 1]->bin_, nodes_[i]->bin_);
    else
      gst_element_unlink(nodes_[i - 1]->bin_, nodes_[i]->bin_);
  // What is new goes on, what is behind first, so that there is somebody to
  // push to. Not to the pipeline's state, which is PAUSED while a new sink
  // prerolls.
  for (size_t i = nodes_.size(); on && i-- > 0;) {
    const bool processor = i > 0 && i + 1 < nodes_.size();
    if (!nodes_[i]->is_locked() || (!playing_ && !processor)) continue;
    nodes_[i]->lock(false);
    nodes_[i]->set_state(playing_ ? GST_STATE_PLAYING : GST_STATE_READY);
  }
}

// With the stream waiting at the source. Where it does not come to wait,
// because something in the chain hangs, the strip is started anew.
template <typename Change>
void Strip::change(const Change &change) {
  const auto hold =
      playing_ ? std::make_unique<Hold>(nodes_[0]->bin_) : nullptr;
  const bool again = hold && !hold->holds();
  if (again) stop();
  link_all(false);
  change();
  link_all(true);
  if (again) start();
}

std::string Strip::set_end(bool sink, const Place &place) {
  std::string why;
  Made made = load(place, sink, !sink, &why);
  if (!made) return why;
  // Two sources cannot have one device, or port: the old one goes first.
  const bool again = playing_ && !sink;
  if (again) stop();
  change([&] {
    Made &end = sink ? nodes_.back() : nodes_.front();
    take_out(end.get());
    if (sink) end_file();
    end = std::move(made);
  });
  if (again) start();
  return "";
}

std::string Strip::insert(size_t at, const Place &place) {
  std::string why;
  Made made = load(place, true, true, &why);
  if (!made) return why;
  change([&] { nodes_.insert(nodes_.begin() + long(at), std::move(made)); });
  return "";
}

void Strip::remove(size_t at) {
  change([&] {
    take_out(nodes_[at].get());
    nodes_.erase(nodes_.begin() + long(at));
  });
}

void Strip::move(size_t from, size_t to) {
  change([&] {
    Made moved = std::move(nodes_[from]);
    nodes_.erase(nodes_.begin() + long(from));
    nodes_.insert(nodes_.begin() + long(to), std::move(moved));
  });
}

std::string Strip::bypass(size_t at, bool on) {
  Node &node = *nodes_[at];
  if (on && node.fails_closed()) return "nothing may go past this plugin";
  node.place_.bypassed = on;
  node.tap_->bypass(on);
  return "";
}

// The stream waits meanwhile: without the plugin nothing may go on, as it may
// be an encryptor. It is the same element, which keeps its parameters.
std::string Strip::isolate(size_t at, bool on) {
  Node &node = *nodes_[at];
  std::string why;
  change([&] {
    node.lock(true);
    node.set_state(GST_STATE_NULL);
    node.set("isolation",
             node.place_.properties["isolation"] = on ? "process" : "none");
    node.problem_.clear();
    if (!node.set_state(GST_STATE_READY)) why = error_on(bus_);
  });
  return why;
}

std::vector<Place> Strip::places() const {
  std::vector<Place> all;
  for (const Made &node : nodes_) {
    all.push_back(node->place_);
    for (const Parameter &each : node->parameters())
      if (!each.is_secret())
        all.back().properties[each.property] = node->value(each.property);
  }
  return all;
}

// ---- what it does ----------------------------------------------------------

void Strip::start() {
  if (playing_) return;
  playing_ = true;
  for (const Made &each : nodes_) {
    each->problem_.clear();
    each->lock(false);
  }
  // What fails is said on the bus, whenever it happens.
  gst_element_set_state(pipeline_, GST_STATE_PLAYING);
}

void Strip::stop() {
  if (!playing_) return;
  if (const Hold hold(nodes_.front()->bin_); hold.holds()) end_file();
  playing_ = false;
  gst_element_set_state(pipeline_, GST_STATE_READY);
  for (const Made *each : {&nodes_.front(), &nodes_.back()}) {
    (*each)->lock(true);
    (*each)->set_state(GST_STATE_NULL);
    if ((*each)->is_python()) (*each)->set_state(GST_STATE_READY);
  }
  // That it ended is no news.
  g_autoptr(GstMessage) end = gst_bus_pop_filtered(bus_, GST_MESSAGE_EOS);
}

guint64 Strip::latency() const {
  gboolean live;
  GstClockTime least = 0, most;
  g_autoptr(GstQuery) query = gst_query_new_latency();
  // Of the pad, as a sink that writes as fast as it can tells of none.
  g_autoptr(GstPad) pad =
      gst_element_get_static_pad(nodes_.back()->bin_, "sink");
  if (!playing_ || !gst_pad_peer_query(pad, query)) return 0;
  gst_query_parse_latency(query, &live, &least, &most);
  return least;
}

// Whatever failed is loaded anew.
void Strip::load_anew() {
  stop();
  for (size_t i = 1; i + 1 < nodes_.size(); i++) {
    nodes_[i]->set_state(GST_STATE_NULL);
    nodes_[i]->set_state(GST_STATE_READY);
  }
}

Message Strip::read(GstMessage *message, Node *owner) {
  const bool fatal = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
  g_autoptr(GError) error = nullptr;
  g_autofree gchar *debug = nullptr;
  (fatal ? gst_message_parse_error : gst_message_parse_warning)(message, &error,
                                                                &debug);
  Message read{fatal ? Message::Severity::Error : Message::Severity::Warning,
               GST_MESSAGE_SRC_NAME(message), error->message,
               debug ? debug : ""};  // of Python's failures the traceback
  if (!owner) return read;
  // Without its folder, which is in the details.
  const std::string file = owner->file();
  const size_t folder = file.rfind('/') + 1;
  for (size_t at; folder && (at = read.text.find(file)) != file.npos;)
    read.text.erase(at, folder);
  read.where = name_ + ": " + owner->title();
  owner->problem_ = read.text;
  // No buffer makes it good again that it does not load.
  owner->problem_lasts_ = error->domain == GST_LIBRARY_ERROR;
  owner->then_ = owner->statistics();
  return read;
}

std::vector<Message> Strip::poll() {
  // A plugin that failed is well again when more buffers went through, and no
  // further one failed.
  for (const Made &each : nodes_) {
    if (each->problem_.empty() || each->problem_lasts_) continue;
    auto now = each->statistics();
    if (now["errors"] != each->then_["errors"])
      each->then_ = now;
    else if (now["buffers"] > each->then_["buffers"] + 50)
      each->problem_.clear();
  }
  std::vector<Message> messages;
  while (g_autoptr(GstMessage) message = gst_bus_pop(bus_)) {
    GstObject *source = GST_MESSAGE_SRC(message);
    Node *owner = nullptr;
    for (const Made &each : nodes_)
      if (source == GST_OBJECT(each->bin_) ||
          gst_object_has_as_ancestor(source, GST_OBJECT(each->bin_)))
        owner = each.get();
    switch (GST_MESSAGE_TYPE(message)) {
      case GST_MESSAGE_LATENCY:  // a plugin's, now that it is known
        gst_bin_recalculate_latency(GST_BIN(pipeline_));
        break;
      case GST_MESSAGE_ELEMENT:
        if (!owner || !gst_message_has_name(message, "pythonfilter-reloaded"))
          break;
        owner->problem_.clear();
        messages.push_back({Message::Severity::Info,
                            name_ + ": " + owner->title(),
                            "plays the code that was saved"});
        break;
      case GST_MESSAGE_EOS:
        messages.push_back({Message::Severity::Info, name_, "the end"});
        stop();
        break;
      case GST_MESSAGE_WARNING:
        messages.push_back(read(message, owner));
        break;
      case GST_MESSAGE_ERROR:
        messages.push_back(read(message, owner));
        load_anew();
        break;
      default:
        break;
    }
  }
  return messages;
}

}  // namespace desk
