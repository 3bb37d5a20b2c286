// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dynamicelements.hpp"

#include <string>
#include <vector>

#include "../../bridge/words.hpp"
#include "../caps/foreigncaps.hpp"
#include "../caps/plugincaps.hpp"
#include "../demixerpad.hpp"
#include "../element/pythonelement.hpp"
#include "../elementtypes.hpp"
#include "../mixerpad.hpp"
#include "../params/parametertypes.hpp"
#include "../portpads.hpp"
#include "pluginscan.hpp"

namespace pythonfilter {

namespace {

constexpr char cache_name[] = "pythonfilter-plugins";
constexpr char cache_field[] = "records";

// Lines of the scan; kept for good, as the types are.
std::vector<std::string> &records() {
  static auto &all = *new std::vector<std::string>;
  return all;
}

bool is_word(const std::string &record, const char *word) {
  return g_str_has_prefix(record.c_str(), word);
}

std::string or_else(const std::string &text, const std::string &otherwise) {
  return text.empty() ? otherwise : text;
}

// ---- what a record says of a plugin ----------------------------------------

PluginKind kind_of(const ScanRecord &record) {
  PluginKind kind = PluginKind::Processor;
  find_word(kind_words, record.value("kind"), &kind);
  return kind;
}

// What the scan adds for itself is in other words, and means nothing here.
Capabilities capabilities_of(const ScanRecord &record) {
  Capabilities all;
  for (const auto &[name, values] : record.fields())
    read_capability(name, values, &all);
  if (all.formats.empty()) all.formats = all_capabilities().formats;
  return all;
}

// As CapsConversion has them, or anything.
GstCaps *converted_caps_of(const Capabilities &plugin, bool wide, bool output) {
  const std::string &text = output ? plugin.output_caps : plugin.input_caps;
  if (!text.empty()) {
    std::string problem;
    ForeignNames names;
    GstCaps *caps = caps_from_foreign(text, &names, &problem);
    return caps ? caps : gst_caps_new_any();
  }
  if (wide) return gst_caps_new_any();
  if (output) {
    return plugin.maps_to_output || plugin.maps_to_input
               ? gst_caps_new_any()
               : converted_caps_of(plugin, wide, false);
  }
  return plugin.as_bytes ? gst_caps_new_empty_simple("audio/x-raw")
                         : caps_of(plugin);
}

// ---- its type --------------------------------------------------------------

// What is known of a type, made when its class is.
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
  const PythonElement *python = PythonElement::of(object);
  python->properties().set_own(spec, property, value,
                               python->settings.spec().script);
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *) {
  const auto &spec = described(G_OBJECT_GET_CLASS(object)).parameters[id - 1];
  PythonElement::of(object)->properties().get_own(spec, value);
}

// In the place of any port's: those that the plugin declares.
void add_port_templates(GstElementClass *klass, const Capabilities &plugin,
                        PluginKind kind) {
  const bool mixes = kind == PluginKind::Mixer;
  const GstPadDirection direction = mixes ? GST_PAD_SINK : GST_PAD_SRC;
  const std::string prefix = port_prefix(direction);
  for (const char *any : {"%s", "%u"}) {
    GstPadTemplate *pads =
        gst_element_class_get_pad_template(klass, (prefix + any).c_str());
    klass->padtemplates = g_list_remove(klass->padtemplates, pads);
    klass->numpadtemplates--;
    gst_object_unref(pads);
  }
  const auto add = [&](const std::string &name, GstPadDirection side,
                       GstPadPresence presence, const Port *port, GType type) {
    g_autoptr(GstCaps) caps = caps_of_port(plugin, port, 0);
    gst_element_class_add_pad_template(
        klass, gst_pad_template_new_with_gtype(name.c_str(), side, presence,
                                               caps, type));
  };
  const GType pad =
      mixes ? mixer_pad_type(G_OBJECT_CLASS_NAME(klass) + std::string("-pad"),
                             plugin.input_parameters)
            : GST_TYPE_PYTHON_DEMIXER_PAD;
  for (const Port &each : plugin.ports)
    add(prefix + each.name, direction,
        each.name == any_port ? GST_PAD_REQUEST : GST_PAD_ALWAYS, &each, pad);
  if (mixes)
    add("src", GST_PAD_SRC, GST_PAD_ALWAYS, nullptr,
        GST_TYPE_AUDIO_AGGREGATOR_PAD);
  else
    add("sink", GST_PAD_SINK, GST_PAD_ALWAYS, nullptr, GST_TYPE_PAD);
}

void add_pad_templates(GstElementClass *klass, const Capabilities &plugin,
                       bool wide) {
  for (const auto &[name, direction] :
       {std::pair("sink", GST_PAD_SINK), std::pair("src", GST_PAD_SRC)}) {
    if (!gst_element_class_get_pad_template(klass, name)) continue;
    g_autoptr(GstCaps) caps =
        plugin.converts
            ? converted_caps_of(plugin, wide, direction == GST_PAD_SRC)
            : caps_of(plugin);
    gst_element_class_add_pad_template(
        klass, gst_pad_template_new(name, direction, GST_PAD_ALWAYS, caps));
  }
}

// What gst-inspect shows besides, since no property tells.
void add_promises(GstElementClass *klass, const Capabilities &plugin) {
  if (plugin.read_only)
    gst_element_class_add_metadata(klass, "read-only",
                                   "yes: it only looks at the samples");
  if (plugin.fail_closed)
    gst_element_class_add_metadata(
        klass, "fail-closed",
        "yes: on-error=passthrough and silence are refused");
  if (plugin.block_size > 0)
    gst_element_class_add_metadata(
        klass, "block-size",
        (std::to_string(plugin.block_size) + " frames in each call").c_str());
}

void init_class(gpointer klass, gpointer data) {
  const ScanRecord record(*static_cast<const std::string *>(data));
  auto *plugin = new Described;
  const Capabilities says = capabilities_of(record);
  const std::string path = record.value("file"),
                    module = record.value("module");
  plugin->plugin = {module.empty() ? path : "", module, record.value("class"),
                    says.secrets};
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  for (const ParameterSpec &spec : says.parameters) {
    // Such a parameter is there as plugin::name, and in params.
    if (g_object_class_find_property(object_class, spec.name.c_str())) {
      GST_INFO("%s: every element of this kind has a property %s", path.c_str(),
               spec.name.c_str());
      continue;
    }
    plugin->parameters.push_back(spec);
    g_object_class_install_property(
        object_class, guint(plugin->parameters.size()), new_param_spec(spec));
  }
  g_type_set_qdata(G_TYPE_FROM_CLASS(klass), described_quark(), plugin);

  auto *element_class = GST_ELEMENT_CLASS(klass);
  g_autofree gchar *file = g_path_get_basename(path.c_str());
  const std::string title = or_else(says.info.name, file);
  const bool converts =
      says.converts && kind_of(record) == PluginKind::Processor;
  gst_element_class_set_metadata(
      element_class, title.c_str(),
      converts ? "Filter/Converter"
               : gst_element_class_get_metadata(element_class,
                                                GST_ELEMENT_METADATA_KLASS),
      or_else(says.info.description, title + " in " + file).c_str(),
      or_else(says.info.author, "not named").c_str());
  gst_element_class_add_metadata(element_class, "script", path.c_str());
  if (!module.empty())
    gst_element_class_add_metadata(element_class, "module", module.c_str());
  add_promises(element_class, says);
  if (has_ports(kind_of(record)))
    add_port_templates(element_class, says, kind_of(record));
  else
    add_pad_templates(element_class, says, !record.value("wide").empty());
}

void init_instance(GTypeInstance *instance, gpointer klass) {
  PythonElement::of(instance)->settings.fix(described(klass).plugin);
}

// The fields that are needed before the class is; they come first.
bool register_element(GstPlugin *plugin, const std::string &line) {
  const ScanRecord record(line.substr(0, line.find(" title=")));
  const std::string name = record.value("name");
  const GType parent = element_for(kind_of(record)).type();
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
    const char *all = gst_structure_get_string(known, cache_field);
    records() = split(all ? all : "", "\n");
    return;
  }
  watch_plugin_folders(plugin);
  const std::vector<std::string> folders = plugin_folders();
  Watched watched;
  records() = scan_plugins(folders, &watched);
  watch(plugin, folders, watched);
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

// One a line: whatever a file or reason has in it, that it has not.
void add_broken_plugins(GstElementClass *element_class) {
  std::string all;
  for (const std::string &record : records()) {
    if (!is_word(record, "broken ")) continue;
    const ScanRecord broken(record);
    all += (all.empty() ? "" : "\n") + broken.value("file") + ": " +
           broken.value("reason");
  }
  if (!all.empty())
    gst_element_class_add_metadata(element_class, "not-usable-plugins",
                                   all.c_str());
}

}  // namespace pythonfilter
