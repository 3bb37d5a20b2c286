// SPDX-License-Identifier: LGPL-2.1-or-later
#include "strip.hpp"

namespace desk {

GstElement *Node::named(const char *name) const {
  g_autoptr(GstElement) found = gst_bin_get_by_name(GST_BIN(bin_), name);
  return found;  // the bin's
}

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
  main_ = named("main");
  if (GstElement *next = named("next"); next && !main_) {
    const auto device = devices(place.kind)[place.title];
    main_ = device ? gst_device_create_element(device.get(), "main") : nullptr;
    if (!main_) problem_ = QT_TRANSLATE_NOOP("desk", "is not there");
    if (!main_) return;
    gst_bin_add(bin, main_);
    in ? gst_element_link(next, main_) : gst_element_link(main_, next);
  }
  for (const auto direction : {GST_PAD_SINK, GST_PAD_SRC})
    while (g_autoptr(GstPad) pad = gst_bin_find_unlinked_pad(bin, direction))
      gst_element_add_pad(bin_, gst_ghost_pad_new(nullptr, pad));
  if (!main_ || bin_->numsinkpads != in || bin_->numsrcpads != out)
    problem_ = QT_TRANSLATE_NOOP("desk", "has the wrong inputs or outputs");
  if (!problem_.empty()) return;
  for (const auto &[name, value] : place.properties)
    set(name, value);
  if (out) tap_ = std::make_unique<Tap>(GST_PAD(bin_->srcpads->data));
}

guint64 Node::stat(const char *name) const {
  guint64 number = 0;
  g_autoptr(GstStructure) all = nullptr;
  if (is_python()) g_object_get(main_, "stats", &all, nullptr);
  if (all) gst_structure_get_uint64(all, name, &number);
  return number;
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
      gst_child_proxy_set_property(GST_CHILD_PROXY(main_),
                                   property(each).c_str(),
                                   g_param_spec_get_default_value(each));
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
  if (G_VALUE_HOLDS_BOXED(&value) && !g_value_get_boxed(&value)) return "";
  g_autofree gchar *text = G_VALUE_HOLDS_STRING(&value)
                               ? g_value_dup_string(&value)  // not quoted
                               : gst_value_serialize(&value);
  return text ? text : "";
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
