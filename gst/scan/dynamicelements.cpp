// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dynamicelements.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "../caps/foreigncaps.hpp"
#include "../caps/plugincaps.hpp"
#include "../element/pythonelement.hpp"
#include "../gstpythonfilter.h"
#include "../gstpythonsink.h"
#include "../gstpythonsrc.h"
#include "../params/parametertypes.hpp"
#include "pluginscan.hpp"

GST_DEBUG_CATEGORY_EXTERN(gst_python_filter_debug);
#define GST_CAT_DEFAULT gst_python_filter_debug

namespace pythonfilter {

namespace {

constexpr char cache_name[] = "pythonfilter-plugins";
constexpr char cache_field[] = "records";

// Of the scan; kept for good, as the types are.
std::vector<std::string> &records() {
  static auto &all = *new std::vector<std::string>;
  return all;
}

bool is_word(const std::string &record, const char *word) {
  return g_str_has_prefix(record.c_str(), word);
}

std::vector<std::string> split_lines(const char *text) {
  std::vector<std::string> lines;
  gchar **all = g_strsplit(text ? text : "", "\n", -1);
  for (gchar **line = all; *line; line++)
    if (**line) lines.push_back(*line);
  g_strfreev(all);
  return lines;
}

std::string or_else(const std::string &text, const std::string &otherwise) {
  return text.empty() ? otherwise : text;
}

// ---- what a record says of a plugin ----------------------------------------

struct Kind {
  const char *name, *klass, *converting_klass;
};

constexpr Kind kinds[] = {
    {"processor", "Filter/Effect/Audio", "Filter/Converter"},
    {"source", "Source/Audio", "Source/Audio"},
    {"sink", "Sink/Audio", "Sink/Audio"},
};

const Kind &kind_of(const ScanRecord &record) {
  for (const Kind &kind : kinds)
    if (record.value("kind") == kind.name) return kind;
  return kinds[0];
}

GType parent_of(const std::string &kind) {
  if (kind == "source") return GST_TYPE_PYTHON_SRC;
  return kind == "sink" ? GST_TYPE_PYTHON_SINK : GST_TYPE_PYTHON_FILTER;
}

std::vector<IntRange> ranges_in(const std::vector<std::string> &texts) {
  std::vector<IntRange> ranges;
  for (const std::string &text : texts) {
    IntRange range;
    if (sscanf(text.c_str(), "%d:%d", &range.min, &range.max) == 2)
      ranges.push_back(range);
  }
  return ranges;
}

// What it left open is everything.
GstCaps *raw_audio_of(const ScanRecord &record) {
  Capabilities capabilities = all_capabilities();
  const std::vector<std::string> formats = record.values("formats"),
                                 layouts = record.values("layouts");
  if (!formats.empty()) {
    static const std::pair<const char *, SampleFormat> known[] = {
        {"F32", SampleFormat::F32},
        {"F64", SampleFormat::F64},
        {"S16", SampleFormat::S16},
        {"S32", SampleFormat::S32}};
    capabilities.formats.clear();
    for (const std::string &format : formats)
      for (const auto &[name, each] : known)
        if (format == name) capabilities.formats.push_back(each);
  }
  const auto takes = [&](const char *layout) {
    return layouts.empty() ||
           std::find(layouts.begin(), layouts.end(), layout) != layouts.end();
  };
  capabilities.interleaved = takes("interleaved");
  capabilities.non_interleaved = takes("non-interleaved");
  capabilities.rates = ranges_in(record.values("rates"));
  capabilities.channels = ranges_in(record.values("channels"));
  return caps_of(capabilities);
}

bool converts(const ScanRecord &record) {
  for (const char *sign : {"wide", "input_caps", "output_caps", "as_bytes",
                           "get_output_caps", "get_input_caps"})
    if (record.has(sign)) return true;
  return false;
}

// As CapsConversion has them, or anything.
GstCaps *converted_caps_of(const ScanRecord &record, bool output) {
  const char *field = output ? "output_caps" : "input_caps";
  if (record.has(field)) {
    std::string problem;
    ForeignNames names;
    GstCaps *caps = caps_from_foreign(record.value(field), &names, &problem);
    return caps ? caps : gst_caps_new_any();
  }
  if (record.has("wide")) return gst_caps_new_any();
  if (output) {
    return record.has("get_output_caps") || record.has("get_input_caps")
               ? gst_caps_new_any()
               : converted_caps_of(record, false);
  }
  return record.has("as_bytes") ? gst_caps_new_empty_simple("audio/x-raw")
                                : raw_audio_of(record);
}

std::vector<ParameterSpec> parameters_of(const ScanRecord &record) {
  static const std::pair<const char *, ParameterSpec::Kind> known[] = {
      {"bool", ParameterSpec::Kind::Bool},
      {"int", ParameterSpec::Kind::Int},
      {"float", ParameterSpec::Kind::Float},
      {"string", ParameterSpec::Kind::String},
      {"choice", ParameterSpec::Kind::Choice}};
  constexpr char prefix[] = "param:";
  std::vector<ParameterSpec> specs;
  for (const auto &[key, values] : record.fields()) {
    if (!is_word(key, prefix) || values.size() < 8) continue;
    ParameterSpec spec;
    spec.name = key.substr(sizeof prefix - 1);
    for (const auto &[name, kind] : known)
      if (values[0] == name) spec.kind = kind;
    spec.value = spec.default_value = values[1];
    spec.minimum = values[2];
    spec.maximum = values[3];
    spec.unit = values[4];
    spec.description = values[5];
    spec.allowed = values[6];
    spec.secret = !values[7].empty();
    spec.choices.assign(values.begin() + 8, values.end());
    specs.push_back(spec);
  }
  return specs;
}

// ---- its type --------------------------------------------------------------

// Of a type, made when its class is.
struct Described {
  FixedPlugin plugin;
  std::vector<ParameterSpec> parameters;
};

GQuark described_quark() {
  static const GQuark quark = g_quark_from_static_string("pythonfilter-plugin");
  return quark;
}

const Described &described(gpointer klass) {
  return *static_cast<const Described *>(
      g_type_get_qdata(G_TYPE_FROM_CLASS(klass), described_quark()));
}

void set_property(GObject *object, guint id, const GValue *value,
                  GParamSpec *property) {
  const auto &spec = described(G_OBJECT_GET_CLASS(object)).parameters[id - 1];
  PythonElement::of(object)->set_own_parameter(spec, property, value);
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *) {
  const auto &spec = described(G_OBJECT_GET_CLASS(object)).parameters[id - 1];
  PythonElement::of(object)->get_own_parameter(spec, value);
}

void add_pad_templates(GstElementClass *klass, const ScanRecord &record) {
  for (const auto &[name, direction] :
       {std::pair("sink", GST_PAD_SINK), std::pair("src", GST_PAD_SRC)}) {
    if (!gst_element_class_get_pad_template(klass, name)) continue;
    GstCaps *caps = converts(record)
                        ? converted_caps_of(record, direction == GST_PAD_SRC)
                        : raw_audio_of(record);
    gst_element_class_add_pad_template(
        klass, gst_pad_template_new(name, direction, GST_PAD_ALWAYS, caps));
    gst_caps_unref(caps);
  }
}

// What gst-inspect shows besides, since no property tells.
void add_promises(GstElementClass *klass, const ScanRecord &record) {
  static const std::pair<const char *, const char *> known[] = {
      {"read_only", "yes: it only looks at the samples"},
      {"fail_closed", "yes: on-error=passthrough and silence are refused"}};
  for (const auto &[field, text] : known) {
    std::string key = field;
    std::replace(key.begin(), key.end(), '_', '-');
    if (record.has(field))
      gst_element_class_add_metadata(klass, key.c_str(), text);
  }
  if (record.has("block_size"))
    gst_element_class_add_metadata(
        klass, "block-size",
        (record.value("block_size") + " frames in each call").c_str());
}

void init_class(gpointer klass, gpointer data) {
  const ScanRecord record(*static_cast<const std::string *>(data));
  auto *plugin = new Described;
  plugin->plugin = {record.value("file"), record.value("class"),
                    record.values("secrets")};
  const std::vector<ParameterSpec> specs = parameters_of(record);
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  for (const ParameterSpec &spec : specs) {
    // They are there as plugin::name, and in params.
    if (g_object_class_find_property(object_class, spec.name.c_str())) {
      GST_INFO("%s: every element of this kind has a property %s",
               plugin->plugin.script.c_str(), spec.name.c_str());
      continue;
    }
    plugin->parameters.push_back(spec);
    g_object_class_install_property(
        object_class, guint(plugin->parameters.size()), new_param_spec(spec));
  }
  g_type_set_qdata(G_TYPE_FROM_CLASS(klass), described_quark(), plugin);

  auto *element_class = GST_ELEMENT_CLASS(klass);
  const Kind &kind = kind_of(record);
  gchar *file = g_path_get_basename(plugin->plugin.script.c_str());
  const std::string title = or_else(record.value("title"), file);
  gst_element_class_set_metadata(
      element_class, title.c_str(),
      converts(record) ? kind.converting_klass : kind.klass,
      or_else(record.value("description"), title + " in " + file).c_str(),
      or_else(record.value("author"), "not named").c_str());
  g_free(file);
  gst_element_class_add_metadata(element_class, "script",
                                 plugin->plugin.script.c_str());
  add_promises(element_class, record);
  add_pad_templates(element_class, record);
}

void init_instance(GTypeInstance *instance, gpointer klass) {
  PythonElement::of(instance)->fix_plugin(described(klass).plugin);
}

// The fields that are needed before the class is; they come first.
bool register_element(GstPlugin *plugin, const std::string &line) {
  const ScanRecord record(line.substr(0, line.find(" title=")));
  const std::string name = record.value("name");
  const GType parent = parent_of(record.value("kind"));
  // What GStreamer makes default names of: py-gain0.
  const std::string type_name = "Gst" + name;
  GType type = g_type_from_name(type_name.c_str());
  if (!type) {
    GTypeQuery query;
    g_type_query(parent, &query);
    GTypeInfo info = {};
    info.class_size = guint16(query.class_size);
    info.instance_size = guint16(query.instance_size);
    info.class_init = init_class;
    info.class_data = &line;
    info.instance_init = init_instance;
    type =
        g_type_register_static(parent, type_name.c_str(), &info, GTypeFlags(0));
  }
  return gst_element_register(plugin, name.c_str(), GST_RANK_NONE, type);
}

}  // namespace

void find_dynamic_elements(GstPlugin *plugin) {
  const std::vector<std::string> relative = relative_folders();
  if (const GstStructure *known = gst_plugin_get_cache_data(plugin)) {
    records() = split_lines(gst_structure_get_string(known, cache_field));
    return;
  }
  watch_plugin_folders(plugin);
  const std::vector<std::string> folders = plugin_folders();
  std::vector<std::string> packages;
  records().clear();
  if (!folders.empty()) records() = scan_plugins(folders, &packages);
  watch_packages(plugin, folders, packages);
  std::string all;
  for (const std::string &record : records()) {
    all += record + "\n";
    if (!is_word(record, "broken ")) continue;
    const ScanRecord broken(record);
    GST_WARNING("%s is not usable: %s", broken.value("file").c_str(),
                broken.value("reason").c_str());
  }
  for (const std::string &line : relative) {
    all += line + "\n";
    records().push_back(line);
  }
  gst_plugin_set_cache_data(
      plugin, gst_structure_new(cache_name, cache_field, G_TYPE_STRING,
                                all.c_str(), nullptr));
}

bool register_dynamic_elements(GstPlugin *plugin) {
  bool all = true;
  for (const std::string &record : records())
    if (is_word(record, "element "))
      all = register_element(plugin, record) && all;
  return all;
}

void add_broken_plugins(GstElementClass *element_class) {
  std::string all;
  for (const std::string &record : records()) {
    if (!is_word(record, "broken ")) continue;
    const ScanRecord broken(record);
    all += (all.empty() ? "" : "; ") + broken.value("file") + ": " +
           broken.value("reason");
  }
  if (!all.empty())
    gst_element_class_add_metadata(element_class, "not-usable-plugins",
                                   all.c_str());
}

}  // namespace pythonfilter
