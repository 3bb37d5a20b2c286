// SPDX-License-Identifier: LGPL-2.1-or-later
#include "strip.hpp"

#include <regex>
#include <sched.h>

namespace desk {

// A thread that streams comes before all that is no sound, where the user may
// have that: with RLIMIT_RTPRIO, as Debian's pipewire gives it to its group.
// What a plugin starts does not.
GstBusSyncReply Strip::come_first(GstBus *, GstMessage *message, gpointer) {
  GstStreamStatusType status;
  const sched_param priority = {1};
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_STREAM_STATUS) {
    gst_message_parse_stream_status(message, &status, nullptr);
    if (status == GST_STREAM_STATUS_TYPE_ENTER)
      sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority);
  }
  return GST_BUS_PASS;
}

// Its plugins are always loaded: that is when they say what parameters they
// have, and whether they can be used. Devices are taken when it starts.
Strip::Strip() {
  gst_object_ref_sink(pipeline_);
  // That of a device would stand still when the device is replaced.
  g_autoptr(GstClock) clock = gst_system_clock_obtain();
  gst_pipeline_use_clock(GST_PIPELINE(pipeline_), clock);
  gst_bus_set_sync_handler(bus_, come_first, nullptr, nullptr);
  // A sink that prerolls would take the pipeline to PAUSED, and a thread of the
  // pipeline's then to PLAYING, with all that is in it at that moment, the sink
  // that is just removed as well.
  const auto do_not_preroll = +[](GstBin *, GstBin *, GstElement *element) {
    gst_util_set_object_arg(G_OBJECT(element), "async", "false");
  };
  g_signal_connect(pipeline_, "deep-element-added", G_CALLBACK(do_not_preroll),
                   nullptr);
  gst_element_set_state(pipeline_, GST_STATE_READY);
  for (const Kind kind : {Kind::Source, Kind::Sink}) {
    nodes_.push_back(load(ends(kind).front()));
    if (!nodes_.back())
      g_error("Debian: apt install gstreamer1.0-plugins-base (%s)",
              said_.back().text.c_str());
  }
  settle();
}

Strip::~Strip() {
  stop();
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  gst_object_unref(bus_);
  gst_object_unref(pipeline_);
}

// Loads its plugin, before any stream has to wait for it. Other ends are opened
// when it plays.
Strip::Made Strip::load(const Place &place) {
  auto node = std::make_unique<Node>(place);
  if (!node->problem_.empty()) {
    said_.push_back({place.title, node->problem_, place.line});
    return nullptr;
  }
  gst_bin_add(GST_BIN(pipeline_), node->bin_);
  if (!node->is_python() || node->set_state(GST_STATE_READY)) return node;
  gst_bin_remove(GST_BIN(pipeline_), node->bin_);
  return nullptr;  // and poll() reads why
}

// A file is whole only when its writer was told of the end.
void Strip::end_file() {
  const Node &sink = *nodes_.back();
  if (is_playing() && (sink.is_python() || !sink.value("location").empty()))
    gst_pad_send_event(sink.input(), gst_event_new_eos());
}

// Links what there is. What is new goes on, what is behind first, so that there
// is somebody to push to.
void Strip::settle() {
  for (size_t i = 1; i < nodes_.size(); i++)
    gst_element_link(nodes_[i - 1]->bin_, nodes_[i]->bin_);
  for (size_t i = nodes_.size(); i-- > 0;) {
    const bool loaded = nodes_[i]->is_python();
    const GstState still = loaded ? GST_STATE_READY : GST_STATE_NULL;
    nodes_[i]->set_state(is_playing() ? GST_STATE_PLAYING : still);
  }
}

// Does it while the stream waits before the gate, with which each source ends.
// One thread pushes through the whole chain: while nobody is in the gate,
// nobody is in any of the elements behind it. False: something in the chain
// hangs, as it runs for longer than any buffer lasts.
bool Strip::hold(const Change &change) {
  g_autoptr(GstPad) inside =
      gst_element_get_static_pad(node(0).named("gate"), "sink");
  g_autoptr(GstPad) before = gst_pad_get_peer(inside);
  const gulong probe = gst_pad_add_probe(
      before, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM, nullptr, nullptr, nullptr);
  int ms = 1000;
  while (!GST_PAD_STREAM_TRYLOCK(inside) && --ms > 0)
    g_usleep(1000);
  const bool waits = ms > 0;
  if (waits) change();
  if (waits) GST_PAD_STREAM_UNLOCK(inside);
  gst_pad_remove_probe(before, probe);
  return waits;
}

// Where that cannot be, or is not to be, the strip is started anew.
void Strip::change(const Change &change, bool anew) {
  const auto relink = [&] {
    for (size_t i = 1; i < nodes_.size(); i++)
      gst_element_unlink(nodes_[i - 1]->bin_, nodes_[i]->bin_);
    change();
    settle();
  };
  const bool again = is_playing();
  if (!anew && hold(relink)) return;
  stop();
  relink();
  if (again) start();
}

std::optional<int> Strip::put(const Place &place, int at) {
  Made made = load(place);
  if (!made) return {};
  const int last = count() - 1;
  at = place.kind == Kind::Source ? 0
       : place.kind == Kind::Sink ? last
                                  : std::clamp(at, 1, last);
  const auto come = [&] {
    auto there = nodes_.begin() + at;
    if (place.kind == Kind::Filter) there = nodes_.emplace(there);
    // First out of the pipeline, for which this is not the end.
    if (*there) gst_bin_remove(GST_BIN(pipeline_), (*there)->bin_);
    if (place.kind == Kind::Sink) end_file();
    *there = std::move(made);
  };
  // Two sources cannot have one device, or port: the old one goes first.
  change(come, place.kind == Kind::Source);
  return at;
}

void Strip::remove(int at) {
  change([&] {
    gst_bin_remove(GST_BIN(pipeline_), node(at).bin_);
    nodes_.erase(nodes_.begin() + at);
  });
}

void Strip::move(int from, int to) {
  const auto first = nodes_.begin() + std::min(from, to);
  const auto last = nodes_.begin() + std::max(from, to) + 1;
  change([&] { std::rotate(first, from < to ? first + 1 : last - 1, last); });
}

// The stream waits meanwhile: without the plugin nothing may go on, as it may
// be an encryptor. It is the same element, which keeps its parameters.
void Strip::isolate(int at, bool on) {
  Node &node = this->node(at);
  change([&] {
    node.set_state(GST_STATE_NULL);
    node.set("isolation", on ? "process" : "none");
    node.problem_.clear();
  });
}

void Strip::start() {
  for (const Made &each : nodes_)
    each->problem_.clear();
  // What fails is said on the bus, whenever it happens.
  gst_element_set_state(pipeline_, GST_STATE_PLAYING);
}

void Strip::stop() {
  if (!is_playing()) return;
  hold([this] { end_file(); });
  gst_element_set_state(pipeline_, GST_STATE_READY);
  settle();  // and devices go
  // That it ended is no news.
  g_autoptr(GstMessage) end = gst_bus_pop_filtered(bus_, GST_MESSAGE_EOS);
}

guint64 Strip::latency() const {
  GstClockTime least = 0;
  g_autoptr(GstQuery) query = gst_query_new_latency();
  // Of the pad, as a sink that writes as fast as it can tells of none.
  if (is_playing() && gst_pad_peer_query(nodes_.back()->input(), query))
    gst_query_parse_latency(query, nullptr, &least, nullptr);
  return least;
}

void Strip::read(GstMessage *message) {
  Node *owner = nullptr;
  for (const Made &each : nodes_)
    if (gst_object_has_as_ancestor(GST_MESSAGE_SRC(message),
                                   GST_OBJECT(each->bin_)))
      owner = each.get();
  const auto type = GST_MESSAGE_TYPE(message);
  if (type == GST_MESSAGE_LATENCY) {  // a plugin's, now that it is known
    gst_bin_recalculate_latency(GST_BIN(pipeline_));
  } else if (type == GST_MESSAGE_EOS) {
    stop();
    said_.push_back({"", QT_TRANSLATE_NOOP("desk", "the end"), "", true});
  } else if (owner && gst_message_has_name(message, "pythonfilter-reloaded")) {
    owner->problem_.clear();
    said_.push_back({owner->title(),
                     QT_TRANSLATE_NOOP("desk", "plays saved code"), "", true});
  } else if (type == GST_MESSAGE_WARNING || type == GST_MESSAGE_ERROR) {
    read_failure(message, owner);
  }
}

// What does not belong to it was refused, and it plays on without that.
void Strip::read_failure(GstMessage *message, Node *owner) {
  const bool fatal = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
  g_autoptr(GError) error = nullptr;
  g_autofree gchar *debug = nullptr;  // of Python's failures the traceback
  (fatal ? gst_message_parse_error : gst_message_parse_warning)(message, &error,
                                                                &debug);
  // Without folders, which are in the details.
  static const std::regex folders("/\\S*/");
  const std::string text = std::regex_replace(error->message, folders, "");
  said_.push_back({owner ? owner->title() : "", text, debug ? debug : ""});
  if (!owner) return;
  owner->problem_ = text;
  // No buffer makes it good again that it does not load.
  owner->well_again_ = error->domain == GST_LIBRARY_ERROR
                           ? G_MAXUINT64
                           : owner->gone_well() + 50;
  if (!fatal || !is_playing()) return;
  // Whatever failed is loaded anew.
  stop();
  for (const Made &each : nodes_)
    each->set_state(GST_STATE_NULL);
  settle();
}

}  // namespace desk
