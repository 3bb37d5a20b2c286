// SPDX-License-Identifier: LGPL-2.1-or-later
#include "strip.hpp"

#include <cstring>

#include "hold.hpp"
#include "parameters.hpp"

namespace desk {

namespace {

constexpr char format[] =
    "audioconvert ! audioresample ! "
    "capsfilter caps=audio/x-raw,format=F32LE,layout=interleaved,"
    "rate=48000,channels=2";
constexpr char rtp[] =
    "caps=application/x-rtp,media=application,clock-rate=90000,"
    "encoding-name=X-GST ! rtpjitterbuffer latency=50 ! rtpgstdepay name=main";

// What gst-launch-1.0 would take; the element that matters is called "main".
std::string line_of_source(const Place &place) {
  if (place.kind == "tone")
    return std::string(
               "audiotestsrc name=main is-live=true "
               "samplesperbuffer=480 ! ") +
           format;
  if (place.kind == "file")
    return std::string("filesrc name=main ! wavparse ! ") + format;
  if (place.kind == "device")
    return std::string("autoaudiosrc name=main ! ") + format;
  if (place.kind == "network")
    return "udpsrc address=127.0.0.1 port=" + place.value + " " + rtp;
  return place.kind + " name=main is-live=true ! " + format;
}

std::string line_of_sink(const Place &place) {
  const std::string convert = "audioconvert ! audioresample ! ";
  if (place.kind == "none") return "fakesink name=main sync=true";
  if (place.kind == "file") return convert + "wavenc ! filesink name=main";
  if (place.kind == "device") return convert + "autoaudiosink name=main";
  if (place.kind == "network")
    return "rtpgstpay config-interval=1 ! udpsink name=main host=127.0.0.1 "
           "port=" +
           place.value;
  return convert + place.kind + " name=main";
}

// Something that takes sound gets it in a format that it takes. What takes
// anything, as an encryptor does, gets it as it is.
std::string line_of_processor(const Place &place) {
  const Owned<GstElementFactory> factory(
      gst_element_factory_find(place.kind.c_str()));
  bool anything = true;
  const GList *pads =
      factory ? gst_element_factory_get_static_pad_templates(factory.get())
              : nullptr;
  for (; pads; pads = pads->next) {
    auto *pad = static_cast<GstStaticPadTemplate *>(pads->data);
    if (pad->direction != GST_PAD_SINK) continue;
    GstCaps *caps = gst_static_caps_get(&pad->static_caps);
    anything =
        gst_caps_is_any(caps) ||
        !gst_structure_has_name(gst_caps_get_structure(caps, 0), "audio/x-raw");
    gst_caps_unref(caps);
  }
  return (anything ? "" : "audioconvert ! ") + place.kind + " name=main";
}

// It is an encryptor, or something else that lets nothing by.
bool fails_closed(GstElement *element) {
  return gst_element_class_get_metadata(GST_ELEMENT_GET_CLASS(element),
                                        "fail-closed");
}

bool is_python(GstElement *element) {
  return g_object_class_find_property(G_OBJECT_GET_CLASS(element), "isolation");
}

guint64 number(const GstStructure *fields, const char *name) {
  guint64 value = 0;
  gst_structure_get_uint64(fields, name, &value);
  return value;
}

}  // namespace

Node::~Node() {
  tap_.reset();
  if (bin_) gst_element_set_state(bin_.get(), GST_STATE_NULL);
}

Statistics Node::statistics() const {
  Statistics all;
  if (!is_python(element_)) return all;
  GstStructure *fields = nullptr;
  g_object_get(element_, "stats", &fields, nullptr);
  const Owned<GstStructure> own(fields);
  all.buffers = number(fields, "buffers");
  all.errors = number(fields, "errors");
  all.dropped = number(fields, "dropped");
  all.overruns = number(fields, "overruns");
  all.restarts = number(fields, "restarts");
  all.p99 = number(fields, "call-p99");
  all.mean = number(fields, "call-mean");
  return all;
}

Message read_message(GstMessage *message) {
  Message read;
  const bool fatal = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
  GError *error = nullptr;
  gchar *debug = nullptr;
  (fatal ? gst_message_parse_error : gst_message_parse_warning)(message, &error,
                                                                &debug);
  const Owned<GError> own_error(error);
  const Owned<gchar> own_debug(debug);
  read.severity = fatal ? Message::Severity::Error : Message::Severity::Warning;
  read.where = GST_MESSAGE_SRC_NAME(message);
  read.text = error->message;
  if (debug) read.details = debug;  // of Python's failures the traceback
  return read;
}

Strip::Strip(const std::string &name)
    : name_(name), pipeline_(gst_pipeline_new(name.c_str())) {
  gst_object_ref_sink(pipeline_.get());
  // Its plugins are always loaded: that is when they say what parameters they
  // have, and whether they can be used. Devices are taken when it starts.
  gst_element_set_state(pipeline_.get(), GST_STATE_READY);
  bus_.reset(gst_element_get_bus(pipeline_.get()));
  set_source({"tone"});
  set_sink({"none"});
}

Strip::~Strip() {
  stop();
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  gst_bus_set_flushing(bus_.get(), TRUE);
}

// ---- its places ------------------------------------------------------------

std::unique_ptr<Node> Strip::make(const Place &place, Role role,
                                  std::string *why) {
  const std::string line = role == Role::Source ? line_of_source(place)
                           : role == Role::Sink ? line_of_sink(place)
                                                : line_of_processor(place);
  GError *error = nullptr;
  GstElement *bin = gst_parse_bin_from_description_full(
      line.c_str(), TRUE, nullptr, GstParseFlags(GST_PARSE_FLAG_FATAL_ERRORS),
      &error);
  const Owned<GError> own_error(error);
  if (!bin) {
    *why = error ? error->message : line;
    return nullptr;
  }
  auto node = std::make_unique<Node>();
  node->place_ = place;
  node->bin_.reset(GST_ELEMENT(gst_object_ref_sink(bin)));
  node->element_ = gst_bin_get_by_name(GST_BIN(bin), "main");
  gst_object_unref(node->element_);  // the bin's
  if (place.kind == "file")
    g_object_set(node->element_, "location", place.value.c_str(), nullptr);
  if (is_python(node->element_)) {
    if (!place.value.empty())
      g_object_set(node->element_, "script", place.value.c_str(), nullptr);
    // One buffer that fails is no reason to end a call. What failed is said,
    // and an encryptor lets nothing unencrypted by either way.
    gst_util_set_object_arg(G_OBJECT(node->element_), "on-error",
                            fails_closed(node->element_) ? "drop" : "silence");
    gst_util_set_object_arg(G_OBJECT(node->element_), "isolation",
                            place.process ? "process" : "none");
    g_object_set(node->element_, "reload", TRUE, nullptr);
  }
  const Owned<GstPad> sink(gst_element_get_static_pad(node->element_, "sink"));
  const Owned<GstPad> src(gst_element_get_static_pad(node->element_, "src"));
  node->tap_ = std::make_unique<Tap>(sink.get(), src.get());
  node->tap_->bypass(place.bypassed);
  return node;
}

// Loads its plugin, before any stream has to wait for it.
std::string Strip::bring_up(Node *node) {
  const auto set_all = [&] {
    for (const auto &[name, value] : node->place_.parameters)
      set_value(node->element_, name, value);
  };
  set_all();  // what initialize() is to know; a child is only there in READY
  gst_element_set_locked_state(node->bin_.get(), TRUE);
  gst_bin_add(GST_BIN(pipeline_.get()), node->bin_.get());
  if (!is_python(node->element_)) return set_all(), "";
  if (gst_element_set_state(node->bin_.get(), GST_STATE_READY) ==
      GST_STATE_CHANGE_FAILURE) {
    const std::string why = last_error();
    take_out(node);
    return why;
  }
  set_all();
  return "";
}

std::string Strip::last_error() const {
  const Owned<GstMessage> message(
      gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR));
  return message ? read_message(message.get()).text : "it cannot be started";
}

void Strip::take_out(Node *node) {
  gst_element_set_locked_state(node->bin_.get(), TRUE);
  gst_element_set_state(node->bin_.get(), GST_STATE_NULL);
  gst_bin_remove(GST_BIN(pipeline_.get()), node->bin_.get());
}

// A file is whole only when its writer was told of the end.
void Strip::end_file(Node *node) {
  const Owned<GstPad> pad(gst_element_get_static_pad(node->bin_.get(), "sink"));
  if (playing_ && (node->place_.kind == "file" || is_python(node->element_)))
    gst_pad_send_event(pad.get(), gst_event_new_eos());
}

GstElement *Strip::bin_at(size_t at) const {
  if (at == 0) return source_ ? source_->bin_.get() : nullptr;
  if (at <= chain_.size()) return chain_[at - 1]->bin_.get();
  return sink_ ? sink_->bin_.get() : nullptr;
}

void Strip::unlink_all() {
  for (size_t i = 0; i <= chain_.size(); i++)
    if (bin_at(i) && bin_at(i + 1))
      gst_element_unlink(bin_at(i), bin_at(i + 1));
}

bool Strip::link_all() {
  bool linked = true;
  for (size_t i = 0; i <= chain_.size(); i++)
    if (bin_at(i) && bin_at(i + 1))
      linked = gst_element_link(bin_at(i), bin_at(i + 1)) && linked;
  // What is behind goes first, so that there is somebody to push to.
  for (size_t i = chain_.size() + 2; i-- > 0;) {
    const bool processor = i > 0 && i <= chain_.size();
    if (!bin_at(i) || (!playing_ && !processor)) continue;
    gst_element_set_locked_state(bin_at(i), FALSE);
    gst_element_sync_state_with_parent(bin_at(i));
  }
  return linked;
}

// With the stream waiting at the source. Where it does not come to wait,
// because something in the chain hangs, the strip is started anew.
template <typename Change>
void Strip::change(const Change &change) {
  const Owned<GstPad> pad(
      source_ ? gst_element_get_static_pad(source_->bin_.get(), "src")
              : nullptr);
  const std::unique_ptr<Hold> hold(
      playing_ && pad ? std::make_unique<Hold>(pad.get()) : nullptr);
  const bool again = hold && !hold->holds();
  if (again) stop();
  unlink_all();
  change();
  link_all();
  if (again) start();
}

std::string Strip::set_source(const Place &place) {
  std::string why;
  auto made = make(place, Role::Source, &why);
  if (!made) return why;
  // Two sources cannot have one device, or port: the old one goes first.
  const bool was_playing = playing_;
  if (was_playing) stop();
  unlink_all();
  if (source_) take_out(source_.get());
  if (std::string failed = bring_up(made.get()); failed.empty())
    source_ = std::move(made);
  else
    why = failed;
  if (!why.empty() && source_) {  // the old one, as it was
    gst_bin_add(GST_BIN(pipeline_.get()), source_->bin_.get());
  }
  link_all();
  if (was_playing) start();
  return why;
}

std::string Strip::set_sink(const Place &place) {
  std::string why;
  auto made = make(place, Role::Sink, &why);
  if (!made || !(why = bring_up(made.get())).empty()) return why;
  change([&] {
    if (sink_) {
      // Out of the pipeline first, for which this is not the end.
      const auto old = std::move(sink_);
      gst_element_set_locked_state(old->bin_.get(), TRUE);
      gst_bin_remove(GST_BIN(pipeline_.get()), old->bin_.get());
      end_file(old.get());
      gst_element_set_state(old->bin_.get(), GST_STATE_NULL);
    }
    sink_ = std::move(made);
  });
  return "";
}

std::string Strip::insert(size_t at, const Place &place) {
  std::string why;
  auto made = make(place, Role::Processor, &why);
  if (!made || !(why = bring_up(made.get())).empty()) return why;
  change([&] {
    chain_.insert(chain_.begin() + long(std::min(at, chain_.size())),
                  std::move(made));
  });
  return "";
}

void Strip::remove(size_t at) {
  change([&] {
    take_out(chain_[at].get());
    chain_.erase(chain_.begin() + long(at));
  });
}

void Strip::move(size_t from, size_t to) {
  change([&] {
    auto moved = std::move(chain_[from]);
    chain_.erase(chain_.begin() + long(from));
    chain_.insert(chain_.begin() + long(to), std::move(moved));
  });
}

std::string Strip::bypass(size_t at, bool on) {
  Node &node = *chain_[at];
  if (on && fails_closed(node.element_))
    return "nothing may go past this plugin";
  node.place_.bypassed = on;
  node.tap_->bypass(on);
  return "";
}

// The stream waits meanwhile: without the plugin nothing may go on, as it may
// be an encryptor. It is the same element, which keeps its parameters.
std::string Strip::isolate(size_t at, bool process) {
  Node &node = *chain_[at];
  std::string why;
  change([&] {
    gst_element_set_locked_state(node.bin_.get(), TRUE);
    gst_element_set_state(node.bin_.get(), GST_STATE_NULL);
    gst_util_set_object_arg(G_OBJECT(node.element_), "isolation",
                            process ? "process" : "none");
    node.place_.process = process;
    node.buffers_then_ = node.errors_then_ = 0;
    if (gst_element_set_state(node.bin_.get(), GST_STATE_READY) ==
        GST_STATE_CHANGE_FAILURE)
      why = last_error();
  });
  return why;
}

std::vector<Place> Strip::places() const {
  std::vector<Place> all;
  const auto add = [&](const Node &node) {
    Place place = node.place_;
    place.parameters.clear();
    for (const Parameter &each : parameters_of(node.element_))
      if (each.kind != Parameter::Kind::Secret)
        place.parameters[each.name] = value_of(node.element_, each.name);
    all.push_back(place);
  };
  add(*source_);
  for (const auto &each : chain_)
    add(*each);
  add(*sink_);
  return all;
}

// ---- what it does ----------------------------------------------------------

void Strip::start() {
  if (playing_) return;
  playing_ = true;
  for (auto &each : chain_) {
    each->problem_.clear();
    each->buffers_then_ = each->errors_then_ = 0;
  }
  for (const Node *each : {source_.get(), sink_.get()})
    gst_element_set_locked_state(each->bin_.get(), FALSE);
  // What fails is said on the bus, whenever it happens.
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

void Strip::stop() {
  if (!playing_) return;
  {
    const Owned<GstPad> pad(
        gst_element_get_static_pad(source_->bin_.get(), "src"));
    const Hold hold(pad.get());
    if (hold.holds()) end_file(sink_.get());
  }
  playing_ = false;
  gst_element_set_state(pipeline_.get(), GST_STATE_READY);
  for (const Node *each : {source_.get(), sink_.get()}) {
    gst_element_set_locked_state(each->bin_.get(), TRUE);
    gst_element_set_state(each->bin_.get(), GST_STATE_NULL);
  }
}

guint64 Strip::latency() const {
  gboolean live;
  GstClockTime least = 0, most;
  const Owned<GstQuery> query(gst_query_new_latency());
  if (!playing_ || !gst_element_query(pipeline_.get(), query.get())) return 0;
  gst_query_parse_latency(query.get(), &live, &least, &most);
  return least;
}

Node *Strip::owner_of(GstObject *object) {
  const auto has = [&](const std::unique_ptr<Node> &node) {
    GstObject *bin = GST_OBJECT(node->bin_.get());
    return object == bin || gst_object_has_as_ancestor(object, bin);
  };
  for (auto &each : chain_)
    if (has(each)) return each.get();
  return has(source_) ? source_.get() : has(sink_) ? sink_.get() : nullptr;
}

std::vector<Message> Strip::poll() {
  std::vector<Message> messages;
  // A plugin that failed is well again when more buffers went through, and no
  // further one failed.
  for (auto &each : chain_) {
    const Statistics now = each->statistics();
    if (now.errors == each->errors_then_ &&
        now.buffers > each->buffers_then_ + 50)
      each->problem_.clear();
    if (now.errors != each->errors_then_ || each->problem_.empty()) {
      each->errors_then_ = now.errors;
      each->buffers_then_ = now.buffers;
    }
  }
  while (GstMessage *popped = gst_bus_pop(bus_.get())) {
    const Owned<GstMessage> message(popped);
    const GstMessageType type = GST_MESSAGE_TYPE(popped);
    if (type == GST_MESSAGE_LATENCY)  // a plugin's, now that it is known
      gst_bin_recalculate_latency(GST_BIN(pipeline_.get()));
    if (type == GST_MESSAGE_EOS) {
      messages.push_back({Message::Severity::Info, name_, "the end", ""});
      stop();
    }
    if (type != GST_MESSAGE_ERROR && type != GST_MESSAGE_WARNING) continue;
    Message read = read_message(popped);
    if (Node *owner = owner_of(GST_MESSAGE_SRC(popped))) {
      owner->problem_ = read.text;
      read.where = owner->place_.kind;
    }
    messages.push_back(read);
    if (type != GST_MESSAGE_ERROR) continue;
    stop();
    // Whatever failed is loaded anew.
    for (auto &each : chain_) {
      gst_element_set_state(each->bin_.get(), GST_STATE_NULL);
      gst_element_set_state(each->bin_.get(), GST_STATE_READY);
    }
  }
  return messages;
}

}  // namespace desk
