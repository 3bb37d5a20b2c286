// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pluginpresets.hpp"

#include <string>

#include "../element/pythonelement.hpp"
#include "../elementtypes.hpp"
#include "../mixerpad.hpp"

namespace pythonfilter {

namespace {

constexpr char separator[] = ": ";
// GstPreset cannot read the GstStructures that it writes, but any text.
constexpr char params_tag[] = "params";

// GStreamer's own, the same for each of our classes.
GstPresetInterface defaults;

// A preset's name where all plugins of an element class share one file.
std::string prefix_of(GstPreset *preset) {
  const PythonElement *python = PythonElement::of(preset);
  if (python->settings.fixed()) return "";
  std::string prefix = python->settings.identity() + separator;
  // What the name of a GKeyFile's group cannot have.
  for (char &c : prefix)
    if (c == '[' || c == ']' || g_ascii_iscntrl(c)) c = '_';
  return prefix;
}

bool is_ours(GType type) {
  for (const ElementType &each : element_types)
    if (g_type_is_a(type, each.type())) return true;
  return false;
}

gchar **get_preset_names(GstPreset *preset) {
  const std::string prefix = prefix_of(preset);
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  g_auto(GStrv) all = defaults.get_preset_names(preset);
  for (gchar **name = all; name && *name; name++)
    if (g_str_has_prefix(*name, prefix.c_str()))
      g_strv_builder_add(names, *name + prefix.size());
  return g_strv_builder_end(names);
}

// Ours, and of an element that is made for one plugin its parameters; neither
// what the base class has nor which plugin it is and where it runs.
gchar **get_property_names(GstPreset *preset) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  guint count;
  g_autofree GParamSpec **all =
      g_object_class_list_properties(G_OBJECT_GET_CLASS(preset), &count);
  for (guint i = 0; i < count; i++) {
    const std::string name = all[i]->name;
    if ((all[i]->flags & G_PARAM_READWRITE) == G_PARAM_READWRITE &&
        is_ours(all[i]->owner_type) && name != params_tag &&
        !PluginSettings::has(name))
      g_strv_builder_add(names, name.c_str());
  }
  return g_strv_builder_end(names);
}

// A reference to each input of a mixer, whose parameters are kept by its name.
std::vector<GstPythonMixerPad *> inputs_of(GstPreset *preset) {
  std::vector<GstPythonMixerPad *> inputs;
  GST_OBJECT_LOCK(preset);
  for (GList *each = GST_ELEMENT(preset)->sinkpads; each; each = each->next)
    if (g_type_is_a(G_OBJECT_TYPE(each->data), GST_TYPE_PYTHON_MIXER_PAD))
      inputs.push_back(GST_PYTHON_MIXER_PAD(gst_object_ref(each->data)));
  GST_OBJECT_UNLOCK(preset);
  return inputs;
}

// Sets what is there as a text.
void set_params(GstPreset *preset, const std::string &name, const char *tag,
                gpointer object) {
  g_autofree gchar *text = nullptr;
  if (!defaults.get_meta(preset, name.c_str(), tag, &text) || !text) return;
  g_autoptr(GstStructure) params = gst_structure_from_string(text, nullptr);
  if (params) g_object_set(object, "params", params, nullptr);
}

gboolean load_preset(GstPreset *preset, const gchar *name) {
  const std::string full = prefix_of(preset) + name;
  if (!defaults.load_preset(preset, full.c_str())) return FALSE;
  set_params(preset, full, params_tag, preset);
  for (GstPythonMixerPad *input : inputs_of(preset)) {
    set_params(preset, full, GST_OBJECT_NAME(input), input);
    gst_object_unref(input);
  }
  return TRUE;
}

// `params`, and what the plugin's other Params are; NULL: nothing. False: a
// secret may be among them, since nobody knows the plugin.
bool keep_params(const PythonElement &python, GstStructure **params) {
  const bool knows_secrets = python.params().knows_secrets();
  g_auto(GValue) set = G_VALUE_INIT;
  python.params().get(g_value_init(&set, GST_TYPE_STRUCTURE));
  const GstStructure *fields = gst_value_get_structure(&set);
  if (fields && gst_structure_n_fields(fields) > 0 && !knows_secrets)
    return false;
  *params = fields ? gst_structure_copy(fields) : gst_structure_new_empty("p");
  python.properties().read_all(*params);
  if (gst_structure_n_fields(*params) == 0) gst_clear_structure(params);
  return true;
}

gboolean save_preset(GstPreset *preset, const gchar *name) {
  const std::string full = prefix_of(preset) + name;
  g_autoptr(GstStructure) params = nullptr;
  if (!keep_params(*PythonElement::of(preset), &params)) {
    GST_WARNING_OBJECT(
        preset,
        "preset %s is not saved: params may have a secret, which "
        "only the loaded plugin tells, so save it in READY",
        name);
    return FALSE;
  }
  if (!defaults.save_preset(preset, full.c_str())) return FALSE;
  g_autofree gchar *text = params ? gst_structure_to_string(params) : nullptr;
  Capabilities plugin;  // none, where nobody knows it
  PythonElement::of(preset)->caps.declared(&plugin);
  for (GstPythonMixerPad *input : inputs_of(preset)) {
    g_autoptr(GstStructure) all = input_params(input, plugin.input_parameters);
    g_autofree gchar *kept = gst_structure_n_fields(all) > 0
                                 ? gst_structure_to_string(all)
                                 : nullptr;
    defaults.set_meta(preset, full.c_str(), GST_OBJECT_NAME(input), kept);
    gst_object_unref(input);
  }
  return defaults.set_meta(preset, full.c_str(), params_tag, text);
}

gboolean rename_preset(GstPreset *preset, const gchar *before,
                       const gchar *name) {
  const std::string prefix = prefix_of(preset);
  return defaults.rename_preset(preset, (prefix + before).c_str(),
                                (prefix + name).c_str());
}

gboolean delete_preset(GstPreset *preset, const gchar *name) {
  return defaults.delete_preset(preset, (prefix_of(preset) + name).c_str());
}

gboolean set_meta(GstPreset *preset, const gchar *name, const gchar *tag,
                  const gchar *value) {
  return defaults.set_meta(preset, (prefix_of(preset) + name).c_str(), tag,
                           value);
}

gboolean get_meta(GstPreset *preset, const gchar *name, const gchar *tag,
                  gchar **value) {
  return defaults.get_meta(preset, (prefix_of(preset) + name).c_str(), tag,
                           value);
}

}  // namespace

void init_plugin_presets(gpointer interface, gpointer) {
  auto *presets = static_cast<GstPresetInterface *>(interface);
  static gsize known = 0;
  if (g_once_init_enter(&known)) {
    defaults = *presets;
    g_once_init_leave(&known, 1);
  }
  presets->get_preset_names = get_preset_names;
  presets->get_property_names = get_property_names;
  presets->load_preset = load_preset;
  presets->save_preset = save_preset;
  presets->rename_preset = rename_preset;
  presets->delete_preset = delete_preset;
  presets->set_meta = set_meta;
  presets->get_meta = get_meta;
}

}  // namespace pythonfilter
