// SPDX-License-Identifier: LGPL-2.1-or-later
#include "node.hpp"

#include "catalog.hpp"

namespace desk {

namespace {

const char *const of_a_tone[] = {"freq", "volume", "wave", nullptr};

std::string text_of(const GValue *value) {
  if (G_VALUE_HOLDS_STRING(value))  // not as GStreamer would quote it
    return g_value_get_string(value) ? g_value_get_string(value) : "";
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  if (G_VALUE_HOLDS_DOUBLE(value))
    return g_ascii_formatd(number, sizeof number, "%.9g",
                           g_value_get_double(value));
  g_autofree gchar *text = gst_value_serialize(value);
  return text ? text : "";
}

}  // namespace

std::unique_ptr<Node> Node::make(const Place &place, bool in, bool out,
                                 std::string *why) {
  g_autoptr(GError) error = nullptr;
  GstElement *made = gst_parse_bin_from_description_full(
      place.line.c_str(), FALSE, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (!made) {
    *why = error->message;
    return nullptr;
  }
  std::unique_ptr<Node> node(new Node);
  node->place_ = place;
  node->bin_ = GST_ELEMENT(gst_object_ref_sink(made));
  GstBin *bin = GST_BIN(made);
  if (!place.device.empty()) {
    GstElement *device = element_of_device(place.device, in);
    g_autoptr(GstPad) pad =
        gst_bin_find_unlinked_pad(bin, in ? GST_PAD_SRC : GST_PAD_SINK);
    if (!device || !pad) {
      *why = place.device + " is not there";
      return nullptr;
    }
    g_autoptr(GstElement) next = gst_pad_get_parent_element(pad);
    gst_bin_add(bin, device);
    in ? gst_element_link(next, device) : gst_element_link(device, next);
  }
  bool has[] = {false, false};
  for (const bool behind : {false, true}) {
    g_autoptr(GstPad) pad =
        gst_bin_find_unlinked_pad(bin, behind ? GST_PAD_SRC : GST_PAD_SINK);
    if (!pad) continue;
    has[behind] = true;
    gst_element_add_pad(made, gst_ghost_pad_new(behind ? "src" : "sink", pad));
  }
  g_autoptr(GstElement) main = gst_bin_get_by_name(bin, "main");
  if (!main || has[0] != in || has[1] != out) {
    *why = "this has no main, or does not fit here: " + place.line;
    return nullptr;
  }
  node->main_ = main;  // the bin's
  for (const auto &[name, value] : place.properties)
    node->set(name, value);
  // Of a plugin alone, without what converts for it.
  GstElement *measured = in && out ? main : made;
  g_autoptr(GstPad) before = gst_element_get_static_pad(measured, "sink");
  g_autoptr(GstPad) behind = gst_element_get_static_pad(measured, "src");
  node->tap_ = std::make_unique<Tap>(before, behind);
  node->tap_->bypass(place.bypassed);
  return node;
}

Node::~Node() {
  tap_.reset();
  if (bin_) set_state(GST_STATE_NULL);
  gst_clear_object(&bin_);
}

bool Node::set_state(GstState state) {
  return gst_element_set_state(bin_, state) != GST_STATE_CHANGE_FAILURE;
}

bool Node::is_python() const {
  return g_object_class_find_property(G_OBJECT_GET_CLASS(main_), "isolation");
}

bool Node::fails_closed() const {
  return gst_element_get_metadata(main_, "fail-closed");
}

std::string Node::file() const {
  const char *script = gst_element_get_metadata(main_, "script");
  return script ? script : value("script");
}

std::string Node::description() const {
  if (!gst_element_get_metadata(main_, "script")) return "";
  return gst_element_get_metadata(main_, GST_ELEMENT_METADATA_DESCRIPTION);
}

std::string Node::title() const {
  const auto &given = place_.properties;
  for (const char *name : {"script", "location"})
    if (const auto path = given.find(name); path != given.end())
      return path->second.substr(path->second.rfind('/') + 1);
  if (const auto port = given.find("port"); port != given.end())
    return "RTP, " + port->second;
  if (!place_.title.empty()) return place_.title;
  return gst_element_get_metadata(main_, GST_ELEMENT_METADATA_LONGNAME);
}

std::map<std::string, guint64> Node::statistics() const {
  std::map<std::string, guint64> all;
  if (!is_python()) return all;
  g_autoptr(GstStructure) fields = nullptr;
  g_object_get(main_, "stats", &fields, nullptr);
  for (int i = 0; i < gst_structure_n_fields(fields); i++) {
    const char *name = gst_structure_nth_field_name(fields, guint(i));
    guint64 number;
    if (gst_structure_get_uint64(fields, name, &number)) all[name] = number;
  }
  return all;
}

// ---- what can be set -------------------------------------------------------

// An element that is made for one plugin (py-…) has its parameters as its own
// properties, which are there before the plugin is loaded. That of
// pythonfilter, pythonsrc and pythonsink has them as a child, from READY on.
std::vector<Parameter> Node::parameters() const {
  std::vector<Parameter> all;
  const std::string type = G_OBJECT_TYPE_NAME(main_);
  const bool tone = type == "GstAudioTestSrc";
  const bool own = tone || type.rfind("Gstpy-", 0) == 0;
  g_autoptr(GObject) holder =
      own ? G_OBJECT(gst_object_ref(main_))
      : is_python()
          ? gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(main_), "plugin")
          : nullptr;
  if (!holder) return all;
  guint count;
  g_autofree GParamSpec **specs =
      g_object_class_list_properties(G_OBJECT_GET_CLASS(holder), &count);
  for (GParamSpec **spec = specs; spec < specs + count; spec++) {
    const std::string name = (*spec)->name;
    if (tone ? !g_strv_contains(of_a_tone, name.c_str())
             : (*spec)->owner_type != G_OBJECT_TYPE(holder) ||
                   !((*spec)->flags & G_PARAM_WRITABLE))
      continue;
    Parameter made{own ? name : "plugin::" + name, *spec,
                   g_param_spec_get_blurb(*spec), ""};
    // The element says the unit at the end: "Cutoff (Hz)".
    std::string &text = made.description;
    const size_t open = text.rfind(" (");
    if (open != text.npos && text.back() == ')') {
      made.unit = text.substr(open + 2, text.size() - open - 3);
      text.resize(open);
    }
    all.push_back(made);
  }
  return all;
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
  g_value_init(&value, spec->value_type);
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

void Node::reset(const Parameter &parameter) {
  g_autoptr(GObject) holder = nullptr;
  GParamSpec *spec = look_up(parameter.property, &holder);
  if (spec)
    g_object_set_property(holder, spec->name,
                          g_param_spec_get_default_value(spec));
}

}  // namespace desk
