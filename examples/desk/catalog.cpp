// SPDX-License-Identifier: LGPL-2.1-or-later
#include "catalog.hpp"

#include <algorithm>

#include "owned.hpp"
#include "strip.hpp"

namespace desk {

namespace {

std::string metadata(GstElementFactory *factory, const char *key) {
  const char *text = gst_element_factory_get_metadata(factory, key);
  return text ? text : "";
}

std::string base_name(const std::string &path) {
  return path.substr(path.rfind('/') + 1);
}

// "/a/loud.py: line 2: invalid syntax; /a/quiet.py: …"
void add_broken(const std::string &all, std::vector<Plugin> *plugins) {
  constexpr char between[] = "; ";
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = std::min(all.find("; /", begin), all.size());
    const std::string text = all.substr(begin, end - begin);
    const size_t colon = text.find(": ");
    Plugin plugin;
    plugin.file = text.substr(0, colon);
    plugin.name = base_name(plugin.file);
    plugin.problem = colon < text.size() ? text.substr(colon + 2) : text;
    plugins->push_back(plugin);
    begin = end + sizeof between - 1;
  }
}

// A monitor that is not started asks each time: the list is that of now.
template <typename Look>
void each_device(bool that_play, const Look &look) {
  const Owned<GstDeviceMonitor> monitor(gst_device_monitor_new());
  gst_device_monitor_add_filter(
      monitor.get(), that_play ? "Audio/Sink" : "Audio/Source", nullptr);
  GList *all = gst_device_monitor_get_devices(monitor.get());
  for (GList *each = all; each; each = each->next) {
    const Owned<gchar> name(
        gst_device_get_display_name(GST_DEVICE(each->data)));
    look(GST_DEVICE(each->data), std::string(name.get()));
  }
  g_list_free_full(all, gst_object_unref);
}

}  // namespace

std::vector<Plugin> installed_plugins() {
  std::vector<Plugin> plugins;
  GList *features = gst_registry_get_feature_list_by_plugin(gst_registry_get(),
                                                            "pythonfilter");
  for (GList *each = features; each; each = each->next) {
    const char *name = GST_OBJECT_NAME(each->data);
    if (!g_str_has_prefix(name, "py-")) continue;
    auto *factory = GST_ELEMENT_FACTORY(each->data);
    const std::string klass = metadata(factory, GST_ELEMENT_METADATA_KLASS);
    Plugin plugin;
    plugin.kind = klass.rfind("Source", 0) == 0 ? Plugin::Kind::Source
                  : klass.rfind("Sink", 0) == 0 ? Plugin::Kind::Sink
                                                : Plugin::Kind::Filter;
    plugin.factory = name;
    plugin.name = metadata(factory, GST_ELEMENT_METADATA_LONGNAME);
    plugin.description = metadata(factory, GST_ELEMENT_METADATA_DESCRIPTION);
    plugin.author = metadata(factory, GST_ELEMENT_METADATA_AUTHOR);
    plugin.file = metadata(factory, "script");
    plugins.push_back(plugin);
  }
  gst_plugin_feature_list_free(features);
  std::sort(plugins.begin(), plugins.end(),
            [](const Plugin &a, const Plugin &b) { return a.name < b.name; });
  const Owned<GstElementFactory> any(gst_element_factory_find("pythonfilter"));
  if (any) add_broken(metadata(any.get(), "not-usable-plugins"), &plugins);
  return plugins;
}

// Of what kind it is only the plugin knows, so each kind is asked to load it.
Plugin plugin_in(const std::string &file) {
  Plugin plugin;
  plugin.file = file;
  plugin.name = base_name(file);
  using Kind = Plugin::Kind;
  for (const auto &[factory, kind] : {std::pair("pythonfilter", Kind::Filter),
                                      std::pair("pythonsrc", Kind::Source),
                                      std::pair("pythonsink", Kind::Sink)}) {
    GstElement *element = gst_element_factory_make(factory, nullptr);
    if (!element) {
      plugin.problem = std::string("there is no element ") + factory;
      return plugin;
    }
    const Owned<GstElement> own(GST_ELEMENT(gst_object_ref_sink(element)));
    const Owned<GstBus> bus(gst_bus_new());
    gst_element_set_bus(element, bus.get());
    g_object_set(element, "script", file.c_str(), nullptr);
    const bool loads = gst_element_set_state(element, GST_STATE_READY) !=
                       GST_STATE_CHANGE_FAILURE;
    const std::string why = loads ? "" : error_on(bus.get());
    gst_element_set_state(element, GST_STATE_NULL);
    gst_element_set_bus(element, nullptr);
    gst_bus_set_flushing(bus.get(), TRUE);
    if (loads || plugin.problem.empty()) plugin.problem = why;
    if (!loads) continue;
    plugin.factory = factory;
    plugin.kind = kind;
    break;
  }
  return plugin;
}

std::vector<std::string> devices(bool that_play) {
  std::vector<std::string> names;
  each_device(that_play, [&](GstDevice *, const std::string &name) {
    names.push_back(name);
  });
  return names;
}

GstElement *element_of_device(const std::string &wanted, bool that_plays) {
  GstElement *made = nullptr;
  each_device(that_plays, [&](GstDevice *device, const std::string &name) {
    if (!made && name == wanted)
      made = gst_device_create_element(device, "main");
  });
  return made;
}

}  // namespace desk
