// SPDX-License-Identifier: LGPL-2.1-or-later
#include "parameters.hpp"

#include <cstring>

#include "owned.hpp"

namespace desk {

namespace {

// An element that is made for one plugin (py-…) has its parameters as its own
// properties. That of pythonfilter, pythonsrc and pythonsink has them as a
// child, from READY on, when the plugin is known.
Owned<GObject> holder_of(GstElement *element) {
  const bool own = g_str_has_prefix(G_OBJECT_TYPE_NAME(element), "Gstpy-");
  GObject *child = own || !GST_IS_CHILD_PROXY(element)
                       ? nullptr
                       : gst_child_proxy_get_child_by_name(
                             GST_CHILD_PROXY(element), "plugin");
  if (!child) child = G_OBJECT(gst_object_ref(element));
  return Owned<GObject>(child);
}

bool is_parameter(GObject *holder, GParamSpec *spec) {
  const char *type = G_OBJECT_TYPE_NAME(holder);
  if (!strcmp(type, "GstAudioTestSrc"))
    for (const char *name : {"freq", "volume", "wave"})
      if (!strcmp(spec->name, name)) return true;
  return spec->owner_type == G_OBJECT_TYPE(holder) &&
         (spec->flags & G_PARAM_WRITABLE) &&
         (!GST_IS_ELEMENT(holder) || g_str_has_prefix(type, "Gstpy-"));
}

GParamSpec *find(GObject *holder, const std::string &name) {
  return g_object_class_find_property(G_OBJECT_GET_CLASS(holder), name.c_str());
}

std::string text_of(const GValue *value) {
  if (G_VALUE_HOLDS_STRING(value)) {
    const char *text = g_value_get_string(value);
    return text ? text : "";
  }
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  if (G_VALUE_HOLDS_DOUBLE(value))
    return g_ascii_formatd(text, sizeof text, "%.9g",
                           g_value_get_double(value));
  const Owned<gchar> whole(gst_value_serialize(value));
  return whole ? whole.get() : "";
}

Parameter described(GParamSpec *spec) {
  using Kind = Parameter::Kind;
  Parameter made;
  made.name = spec->name;
  made.initial = text_of(g_param_spec_get_default_value(spec));
  const char *blurb = g_param_spec_get_blurb(spec);
  made.description = blurb ? blurb : "";
  // The element says the unit at the end of the description: "Cutoff (Hz)".
  const size_t open = made.description.rfind(" (");
  if (open != std::string::npos && made.description.back() == ')') {
    made.unit = made.description.substr(open + 2);
    made.unit.pop_back();
    made.description.resize(open);
  }
  if (G_IS_PARAM_SPEC_BOOLEAN(spec)) {
    made.kind = Kind::Switch;
  } else if (G_IS_PARAM_SPEC_DOUBLE(spec)) {
    made.kind = Kind::Number;
    made.least = G_PARAM_SPEC_DOUBLE(spec)->minimum;
    made.most = G_PARAM_SPEC_DOUBLE(spec)->maximum;
  } else if (G_IS_PARAM_SPEC_INT64(spec)) {
    made.kind = Kind::Whole;
    made.least = double(G_PARAM_SPEC_INT64(spec)->minimum);
    made.most = double(G_PARAM_SPEC_INT64(spec)->maximum);
  } else if (G_IS_PARAM_SPEC_ENUM(spec)) {
    made.kind = Kind::Choice;
    const GEnumClass *klass = G_PARAM_SPEC_ENUM(spec)->enum_class;
    for (guint i = 0; i < klass->n_values; i++)
      made.choices.push_back(klass->values[i].value_nick);
  }
  if (!(spec->flags & G_PARAM_READABLE)) made.kind = Kind::Secret;
  made.logarithmic = made.least > 0 && made.most / made.least >= 100;
  return made;
}

}  // namespace

std::vector<Parameter> parameters_of(GstElement *element) {
  std::vector<Parameter> all;
  const Owned<GObject> holder = holder_of(element);
  guint count;
  const Owned<GParamSpec *> specs(
      g_object_class_list_properties(G_OBJECT_GET_CLASS(holder.get()), &count));
  for (guint i = 0; i < count; i++)
    if (is_parameter(holder.get(), specs.get()[i]))
      all.push_back(described(specs.get()[i]));
  return all;
}

std::string value_of(GstElement *element, const std::string &name) {
  const Owned<GObject> holder = holder_of(element);
  GParamSpec *spec = find(holder.get(), name);
  if (!spec || !(spec->flags & G_PARAM_READABLE)) return "";
  GValue value = G_VALUE_INIT;
  g_value_init(&value, spec->value_type);
  g_object_get_property(holder.get(), name.c_str(), &value);
  const std::string text = text_of(&value);
  g_value_unset(&value);
  return text;
}

bool set_value(GstElement *element, const std::string &name,
               const std::string &text) {
  const Owned<GObject> holder = holder_of(element);
  GParamSpec *spec = find(holder.get(), name);
  if (!spec || !is_parameter(holder.get(), spec)) return false;
  GValue value = G_VALUE_INIT;
  g_value_init(&value, spec->value_type);
  bool read = true;
  if (G_VALUE_HOLDS_STRING(&value))  // not as GStreamer would quote it
    g_value_set_string(&value, text.c_str());
  else
    read = gst_value_deserialize(&value, text.c_str());
  if (read) g_object_set_property(holder.get(), name.c_str(), &value);
  g_value_unset(&value);
  return read;
}

}  // namespace desk
