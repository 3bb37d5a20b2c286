// SPDX-License-Identifier: LGPL-2.1-or-later
#include "strip.hpp"

namespace desk {

namespace {

std::string text_of(const GValue *value) {
  if (G_VALUE_HOLDS_STRING(value))  // not as GStreamer would quote it
    return g_value_get_string(value) ? g_value_get_string(value) : "";
  if (G_VALUE_HOLDS_BOXED(value) && !g_value_get_boxed(value)) return "";
  g_autofree gchar *text = gst_value_serialize(value);
  return text ? text : "";
}

}  // namespace

Node::Node(const Place &place) : place_(place) {
  const bool in = place.kind != Kind::Source, out = place.kind != Kind::Sink;
  const std::string line = place.line + (in ? "" : " ! identity name=gate");
  g_autoptr(GError) error = nullptr;
  bin_ = gst_parse_bin_from_description_full(
      line.c_str(), FALSE, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (error) problem_ = error->message;
  if (!bin_) return;
  gst_object_ref_sink(bin_);
  GstBin *bin = GST_BIN(bin_);
  if (!place.device.empty()) {
    GstElement *device = element_of_device(place);
    g_autoptr(GstElement) next = gst_bin_get_by_name(bin, "next");
    if (!device || !next) problem_ = place.device + " is not there";
    if (!device || !next) return;
    gst_bin_add(bin, device);
    in ? gst_element_link(next, device) : gst_element_link(device, next);
  }
  for (const auto direction : {GST_PAD_SINK, GST_PAD_SRC})
    while (g_autoptr(GstPad) pad = gst_bin_find_unlinked_pad(bin, direction))
      gst_element_add_pad(bin_, gst_ghost_pad_new(nullptr, pad));
  g_autoptr(GstElement) main = gst_bin_get_by_name(bin, "main");
  if (!main || bin_->numsinkpads != in || bin_->numsrcpads != out)
    problem_ = "no place in a strip has other inputs and outputs than one: " +
               place.line;
  if (!problem_.empty()) return;
  main_ = main;  // the bin's
  for (const auto &[name, value] : place.properties)
    set(name, value);
  if (out) tap_ = std::make_unique<Tap>(GST_PAD(bin_->srcpads->data));
}

Node::~Node() {
  if (bin_) set_state(GST_STATE_NULL);
  gst_clear_object(&bin_);
}

bool Node::set_state(GstState state) {
  return gst_element_set_state(bin_, state) != GST_STATE_CHANGE_FAILURE;
}

std::string Node::file() const {
  const char *script = gst_element_get_metadata(main_, "script");
  return script ? script : value("script");
}

std::string Node::problem() const {
  return gone_well() > well_again_ ? "" : problem_;
}

guint64 Node::stat(const char *name) const {
  guint64 number = 0;
  g_autoptr(GstStructure) all = nullptr;
  if (is_python()) g_object_get(main_, "stats", &all, nullptr);
  if (all) gst_structure_get_uint64(all, name, &number);
  return number;
}

guint64 Node::gone_well() const {
  return stat("buffers") - stat("errors");
}

Place Node::place() const {
  Place now = place_;
  for (const char *name : {"isolation", "params", "bypass"})
    if (const std::string text = value(name); !text.empty())
      now.properties[name] = text;
  return now;
}

// The element has the plugin's parameters as those of a child, from READY on.
std::vector<GParamSpec *> Node::parameters() const {
  std::vector<GParamSpec *> all;
  g_autoptr(GObject) plugin = nullptr;
  if (!look_up("plugin::name", &plugin)) return all;
  guint count;
  g_autofree GParamSpec **specs =
      g_object_class_list_properties(G_OBJECT_GET_CLASS(plugin), &count);
  for (GParamSpec *spec : std::vector(specs, specs + count))
    if (spec->owner_type == G_OBJECT_TYPE(plugin) &&
        spec->flags & G_PARAM_WRITABLE)
      all.push_back(spec);
  return all;
}

void Node::reset() {
  for (GParamSpec *each : parameters())
    if (!is_secret(each))
      set(property(each), text_of(g_param_spec_get_default_value(each)));
}

GParamSpec *Node::look_up(const std::string &property, GObject **holder) const {
  GParamSpec *spec = nullptr;
  gst_child_proxy_lookup(GST_CHILD_PROXY(bin_), ("main::" + property).c_str(),
                         holder, &spec);
  return spec;
}

std::string Node::value(const std::string &property) const {
  g_autoptr(GObject) holder = nullptr;
  GParamSpec *spec = look_up(property, &holder);
  if (!spec || !(spec->flags & G_PARAM_READABLE)) return "";
  g_auto(GValue) value = G_VALUE_INIT;
  g_object_get_property(holder, spec->name, &value);
  return text_of(&value);
}

bool Node::set(const std::string &property, const std::string &text) {
  g_autoptr(GObject) holder = nullptr;
  GParamSpec *spec = look_up(property, &holder);
  if (!spec) return false;
  g_auto(GValue) value = G_VALUE_INIT;
  g_value_init(&value, spec->value_type);
  if (G_VALUE_HOLDS_STRING(&value))
    g_value_set_string(&value, text.c_str());
  else if (!gst_value_deserialize(&value, text.c_str()))
    return false;
  g_object_set_property(holder, spec->name, &value);
  return true;
}

}  // namespace desk
