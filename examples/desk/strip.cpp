// SPDX-License-Identifier: LGPL-2.1-or-later
#include "strip.hpp"

#include <utility>

#include "catalog.hpp"
#include "hold.hpp"
#include "parameters.hpp"

namespace desk {

namespace {

constexpr char convert[] = "audioconvert name=first ! audioresample ! ";
constexpr char format[] =
    "capsfilter caps=audio/x-raw,format=F32LE,layout=interleaved,"
    "rate=48000,channels=2";
constexpr char rtp[] =
    " caps=application/x-rtp,media=application,clock-rate=90000,"
    "encoding-name=X-GST ! rtpjitterbuffer latency=50 ! rtpgstdepay name=main";

// "192.0.2.1:5004", or "5004" of this computer, with what is before each.
std::string address(const char *host, const std::string &value) {
  const size_t colon = value.rfind(':');
  const bool here = colon == std::string::npos;
  return std::string(host) + (here ? "127.0.0.1" : value.substr(0, colon)) +
         " port=" + (here ? value : value.substr(colon + 1));
}

// What gst-launch-1.0 would take; the element that matters is called "main",
// and that of a device is put before or behind the one called "first".
std::string line_of_source(const Place &place) {
  if (place.kind == "network")
    return address("udpsrc address=", place.value) + rtp;
  const std::string with =
      place.kind == "tone"
          ? "audiotestsrc name=main is-live=true samplesperbuffer=480 ! "
      : place.kind == "file" ? "filesrc name=main ! decodebin ! "
      : place.kind == "device"
          ? place.value.empty() ? "autoaudiosrc name=main ! " : ""
          : place.kind + " name=main is-live=true ! ";
  return with + convert + format;
}

std::string line_of_sink(const Place &place) {
  if (place.kind == "none") return "fakesink name=main sync=true";
  if (place.kind == "network")
    return "rtpgstpay config-interval=1 ! " +
           address("udpsink name=main host=", place.value);
  if (place.kind == "device" && !place.value.empty())
    return "audioresample ! audioconvert name=first";
  return convert + (place.kind == "file"     ? "wavenc ! filesink name=main"
                    : place.kind == "device" ? "autoaudiosink name=main"
                                             : place.kind + " name=main");
}

// Something that takes sound gets it in a format that it takes. What takes
// anything, as an encryptor does, gets it as it is.
std::string line_of_processor(const Place &place) {
  const Owned<GstElementFactory> factory(
      gst_element_factory_find(place.kind.c_str()));
  const auto takes = [&](const char *type) {
    const Owned<GstCaps> caps(gst_caps_new_empty_simple(type));
    return factory &&
           gst_element_factory_can_sink_any_caps(factory.get(), caps.get());
  };
  const bool sound = takes("audio/x-raw") && !takes("application/x-anything");
  return (sound ? "audioconvert ! " : "") + place.kind + " name=main";
}

// It is an encryptor, or something else that lets nothing by.
bool fails_closed(GstElement *element) {
  return gst_element_class_get_metadata(GST_ELEMENT_GET_CLASS(element),
                                        "fail-closed");
}

bool to_ready(GstElement *element) {
  return gst_element_set_state(element, GST_STATE_READY) !=
         GST_STATE_CHANGE_FAILURE;
}

}  // namespace

Node::~Node() {
  tap_.reset();
  if (bin_) gst_element_set_state(bin_.get(), GST_STATE_NULL);
}

bool Node::is_python() const {
  return g_object_class_find_property(G_OBJECT_GET_CLASS(element_),
                                      "isolation");
}

std::string Node::file() const {
  const char *script = gst_element_get_metadata(element_, "script");
  return script ? script : is_python() ? place_.value : "";
}

std::map<std::string, guint64> Node::statistics() const {
  std::map<std::string, guint64> all;
  if (!is_python()) return all;
  GstStructure *fields = nullptr;
  g_object_get(element_, "stats", &fields, nullptr);
  const Owned<GstStructure> own(fields);
  for (int i = 0; i < gst_structure_n_fields(fields); i++) {
    const char *name = gst_structure_nth_field_name(fields, guint(i));
    guint64 number;
    if (gst_structure_get_uint64(fields, name, &number)) all[name] = number;
  }
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
  read.of_loading = error->domain == GST_LIBRARY_ERROR;
  if (debug) read.details = debug;  // of Python's failures the traceback
  return read;
}

std::string error_on(GstBus *bus) {
  const Owned<GstMessage> message(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR));
  return message ? read_message(message.get()).text : "it cannot be started";
}

Strip::Strip(const std::string &name)
    : name_(name), pipeline_(gst_pipeline_new(name.c_str())) {
  gst_object_ref_sink(pipeline_.get());
  // Its plugins are always loaded: that is when they say what parameters they
  // have, and whether they can be used. Devices are taken when it starts.
  gst_element_set_state(pipeline_.get(), GST_STATE_READY);
  bus_.reset(gst_element_get_bus(pipeline_.get()));
  std::string why;
  nodes_.push_back(make({"tone"}, Role::Source, &why));
  nodes_.push_back(make({"none"}, Role::Sink, &why));
  for (const Made &each : nodes_)
    if (!each || !bring_up(each.get(), &why))
      g_error("Debian: apt install gstreamer1.0-plugins-base (%s)",
              why.c_str());
  link_all();
}

Strip::~Strip() {
  stop();
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  gst_bus_set_flushing(bus_.get(), TRUE);
}

// ---- its places ------------------------------------------------------------

Strip::Made Strip::make(const Place &place, Role role, std::string *why) {
  const std::string line = role == Role::Source ? line_of_source(place)
                           : role == Role::Sink ? line_of_sink(place)
                                                : line_of_processor(place);
  GError *error = nullptr;
  GstElement *bin = gst_parse_bin_from_description_full(
      line.c_str(), FALSE, nullptr, GstParseFlags(GST_PARSE_FLAG_FATAL_ERRORS),
      &error);
  const Owned<GError> own_error(error);
  if (!bin) {
    *why = error ? error->message : line;
    return nullptr;
  }
  auto node = std::make_unique<Node>();
  node->place_ = place;
  node->bin_.reset(GST_ELEMENT(gst_object_ref_sink(bin)));
  if (place.kind == "device" && !place.value.empty()) {
    GstElement *device = element_of_device(place.value, role == Role::Sink);
    if (!device) {
      *why = place.value + " is not there";
      return nullptr;
    }
    const Owned<GstElement> first(gst_bin_get_by_name(GST_BIN(bin), "first"));
    gst_bin_add(GST_BIN(bin), device);
    if (role == Role::Sink)
      gst_element_link(first.get(), device);
    else
      gst_element_link(device, first.get());
  }
  for (const GstPadDirection direction : {GST_PAD_SINK, GST_PAD_SRC}) {
    const Owned<GstPad> pad(gst_bin_find_unlinked_pad(GST_BIN(bin), direction));
    if (pad)
      gst_element_add_pad(
          bin, gst_ghost_pad_new(direction == GST_PAD_SINK ? "sink" : "src",
                                 pad.get()));
  }
  GstElement *main = gst_bin_get_by_name(GST_BIN(bin), "main");
  gst_object_unref(main);  // the bin's
  node->element_ = main;
  if (place.kind == "file")
    g_object_set(main, "location", place.value.c_str(), nullptr);
  if (node->is_python()) {
    if (!place.value.empty())
      g_object_set(main, "script", place.value.c_str(), nullptr);
    // One buffer that fails is no reason to end a call. What failed is said,
    // and an encryptor lets nothing unencrypted by either way.
    gst_util_set_object_arg(G_OBJECT(main), "on-error",
                            fails_closed(main) ? "drop" : "silence");
    gst_util_set_object_arg(G_OBJECT(main), "isolation",
                            place.process ? "process" : "none");
    g_object_set(main, "reload", TRUE, nullptr);
  }
  GstElement *at = role == Role::Processor ? main : bin;
  const Owned<GstPad> sink(gst_element_get_static_pad(at, "sink"));
  const Owned<GstPad> src(gst_element_get_static_pad(at, "src"));
  node->tap_ = std::make_unique<Tap>(sink.get(), src.get());
  node->tap_->bypass(place.bypassed);
  return node;
}

// Loads its plugin, before any stream has to wait for it.
bool Strip::bring_up(Node *node, std::string *why) {
  const auto set_all = [&] {
    for (const auto &[name, value] : node->place_.parameters)
      set_value(node->element_, name, value);
  };
  set_all();  // what initialize() is to know; a child is only there in READY
  gst_element_set_locked_state(node->bin_.get(), TRUE);
  gst_bin_add(GST_BIN(pipeline_.get()), node->bin_.get());
  if (!node->is_python()) return true;
  if (to_ready(node->bin_.get())) return set_all(), true;
  *why = error_on(bus_.get());
  take_out(node);
  return false;
}

void Strip::take_out(Node *node) {
  gst_element_set_locked_state(node->bin_.get(), TRUE);
  gst_element_set_state(node->bin_.get(), GST_STATE_NULL);
  gst_bin_remove(GST_BIN(pipeline_.get()), node->bin_.get());
}

// A file is whole only when its writer was told of the end.
void Strip::end_file(Node *node) {
  const Owned<GstPad> pad(gst_element_get_static_pad(node->bin_.get(), "sink"));
  if (playing_ && (node->place_.kind == "file" || node->is_python()))
    gst_pad_send_event(pad.get(), gst_event_new_eos());
}

void Strip::unlink_all() {
  for (size_t i = 1; i < nodes_.size(); i++)
    gst_element_unlink(nodes_[i - 1]->bin_.get(), nodes_[i]->bin_.get());
}

void Strip::link_all() {
  for (size_t i = 1; i < nodes_.size(); i++)
    gst_element_link(nodes_[i - 1]->bin_.get(), nodes_[i]->bin_.get());
  // What is behind goes first, so that there is somebody to push to.
  for (size_t i = nodes_.size(); i-- > 0;) {
    const bool processor = i > 0 && i + 1 < nodes_.size();
    if (!playing_ && !processor) continue;
    gst_element_set_locked_state(nodes_[i]->bin_.get(), FALSE);
    gst_element_sync_state_with_parent(nodes_[i]->bin_.get());
  }
}

// With the stream waiting at the source. Where it does not come to wait,
// because something in the chain hangs, the strip is started anew.
template <typename Change>
void Strip::change(const Change &change) {
  const Owned<GstPad> pad(
      gst_element_get_static_pad(nodes_[0]->bin_.get(), "src"));
  const auto hold = playing_ ? std::make_unique<Hold>(pad.get()) : nullptr;
  const bool again = hold && !hold->holds();
  if (again) stop();
  unlink_all();
  change();
  link_all();
  if (again) start();
}

std::string Strip::set_end(size_t at, const Place &place) {
  std::string why;
  Made made = make(place, at == 0 ? Role::Source : Role::Sink, &why);
  if (!made || !bring_up(made.get(), &why)) return why;
  // Two sources cannot have one device, or port: the old one goes first.
  const bool again = playing_ && at == 0;
  if (again) stop();
  change([&] {
    // Out of the pipeline first, for which this is not the end.
    const Made old = std::exchange(nodes_[at], std::move(made));
    gst_element_set_locked_state(old->bin_.get(), TRUE);
    gst_bin_remove(GST_BIN(pipeline_.get()), old->bin_.get());
    if (at > 0) end_file(old.get());
  });
  if (again) start();
  return "";
}

std::string Strip::insert(size_t at, const Place &place) {
  std::string why;
  Made made = make(place, Role::Processor, &why);
  if (!made || !bring_up(made.get(), &why)) return why;
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
  if (on && fails_closed(node.element_))
    return "nothing may go past this plugin";
  node.place_.bypassed = on;
  node.tap_->bypass(on);
  return "";
}

// The stream waits meanwhile: without the plugin nothing may go on, as it may
// be an encryptor. It is the same element, which keeps its parameters.
std::string Strip::isolate(size_t at, bool process) {
  Node &node = *nodes_[at];
  std::string why;
  change([&] {
    gst_element_set_locked_state(node.bin_.get(), TRUE);
    gst_element_set_state(node.bin_.get(), GST_STATE_NULL);
    gst_util_set_object_arg(G_OBJECT(node.element_), "isolation",
                            process ? "process" : "none");
    node.place_.process = process;
    node.problem_.clear();
    if (!to_ready(node.bin_.get())) why = error_on(bus_.get());
  });
  return why;
}

std::vector<Place> Strip::places() const {
  std::vector<Place> all;
  for (const Made &node : nodes_) {
    Place place = node->place_;
    place.parameters.clear();
    for (const Parameter &each : parameters_of(node->element_))
      if (each.kind != Parameter::Kind::Secret)
        place.parameters[each.name] = value_of(node->element_, each.name);
    all.push_back(place);
  }
  return all;
}

// ---- what it does ----------------------------------------------------------

void Strip::start() {
  if (playing_) return;
  playing_ = true;
  for (const Made &each : nodes_) {
    each->problem_.clear();
    gst_element_set_locked_state(each->bin_.get(), FALSE);
  }
  // What fails is said on the bus, whenever it happens.
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

void Strip::stop() {
  if (!playing_) return;
  {
    const Owned<GstPad> pad(
        gst_element_get_static_pad(nodes_[0]->bin_.get(), "src"));
    const Hold hold(pad.get());
    if (hold.holds()) end_file(nodes_.back().get());
  }
  playing_ = false;
  gst_element_set_state(pipeline_.get(), GST_STATE_READY);
  for (const Made *each : {&nodes_.front(), &nodes_.back()}) {
    gst_element_set_locked_state((*each)->bin_.get(), TRUE);
    gst_element_set_state((*each)->bin_.get(), GST_STATE_NULL);
    if ((*each)->is_python()) to_ready((*each)->bin_.get());
  }
  // That it ended is no news.
  const Owned<GstMessage> end(
      gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_EOS));
}

guint64 Strip::latency() const {
  gboolean live;
  GstClockTime least = 0, most;
  const Owned<GstQuery> query(gst_query_new_latency());
  // Of the pad, as a sink that writes as fast as it can tells of none.
  const Owned<GstPad> pad(
      gst_element_get_static_pad(nodes_.back()->bin_.get(), "sink"));
  if (!playing_ || !gst_pad_peer_query(pad.get(), query.get())) return 0;
  gst_query_parse_latency(query.get(), &live, &least, &most);
  return least;
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
  while (GstMessage *popped = gst_bus_pop(bus_.get())) {
    const Owned<GstMessage> message(popped);
    const GstMessageType type = GST_MESSAGE_TYPE(popped);
    Node *owner = nullptr;
    for (const Made &each : nodes_)
      if (GstObject *bin = GST_OBJECT(each->bin_.get());
          GST_MESSAGE_SRC(popped) == bin ||
          gst_object_has_as_ancestor(GST_MESSAGE_SRC(popped), bin))
        owner = each.get();
    if (type == GST_MESSAGE_LATENCY)  // a plugin's, now that it is known
      gst_bin_recalculate_latency(GST_BIN(pipeline_.get()));
    if (owner && gst_message_has_name(popped, "pythonfilter-reloaded")) {
      owner->problem_.clear();
      messages.push_back({Message::Severity::Info, name_,
                          owner->file() + " plays the code that was saved",
                          ""});
    }
    if (type == GST_MESSAGE_EOS) {
      messages.push_back({Message::Severity::Info, name_, "the end", ""});
      stop();
    }
    if (type != GST_MESSAGE_ERROR && type != GST_MESSAGE_WARNING) continue;
    Message read = read_message(popped);
    if (owner) {
      // Without its folder, which is in the details.
      const std::string file = owner->file();
      const size_t folder = file.rfind('/') + 1;
      for (size_t at; folder && (at = read.text.find(file)) != file.npos;)
        read.text.erase(at, folder);
      owner->problem_ = read.text;
      owner->problem_lasts_ = read.of_loading;
      owner->then_ = owner->statistics();
      read.where = name_ + ": " + (folder ? file.substr(folder) : read.where);
    }
    messages.push_back(read);
    if (type != GST_MESSAGE_ERROR) continue;
    stop();
    // Whatever failed is loaded anew.
    for (size_t i = 1; i + 1 < nodes_.size(); i++) {
      gst_element_set_state(nodes_[i]->bin_.get(), GST_STATE_NULL);
      to_ready(nodes_[i]->bin_.get());
    }
  }
  return messages;
}

}  // namespace desk
