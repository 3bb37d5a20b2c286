// SPDX-License-Identifier: LGPL-2.1-or-later
#include "catalog.hpp"

#include <algorithm>

namespace desk {

namespace {

using Kind = Plugin::Kind;

const std::string convert = "audioconvert ! audioresample";
const std::string format =
    convert +
    " ! capsfilter caps=audio/x-raw,format=F32LE,layout=interleaved,"
    "rate=48000,channels=2";

std::string metadata(GstElementFactory *factory, const char *key) {
  const char *text = gst_element_factory_get_metadata(factory, key);
  return text ? text : "";
}

std::string base_name(const std::string &path) {
  return path.substr(path.rfind('/') + 1);
}

// One buffer that fails is no reason to end a call. What failed is said, and
// an encryptor lets nothing unencrypted by either way.
Place place_of(GstElementFactory *factory, Kind kind) {
  const bool closed = !metadata(factory, "fail-closed").empty();
  std::string line = GST_OBJECT_NAME(factory);
  line += " name=main reload=true on-error=";
  line += closed ? "drop" : "silence";
  // Something that takes sound alone gets it in a format that it takes. What
  // takes anything, as an encryptor does, gets it as it is.
  g_autoptr(GstCaps) sound = gst_caps_new_empty_simple("audio/x-raw");
  g_autoptr(GstCaps) other = gst_caps_new_empty_simple("application/x-other");
  if (kind == Kind::Source)
    line += " is-live=true ! " + format;
  else if (kind == Kind::Sink)
    line = convert + " ! " + line;
  else if (gst_element_factory_can_sink_any_caps(factory, sound) &&
           !gst_element_factory_can_sink_any_caps(factory, other))
    line = "audioconvert ! " + line;
  return {"", line};
}

// "/a/loud.py: line 2: invalid syntax; /a/quiet.py: …"
void add_broken(std::string all, std::vector<Plugin> *plugins) {
  while (!all.empty()) {
    const size_t end = std::min(all.find("; /"), all.size());
    const std::string text = all.substr(0, end);
    all.erase(0, end + 2);
    const size_t colon = std::min(text.find(": "), text.size());
    Plugin plugin;
    plugin.file = text.substr(0, colon);
    plugin.name = base_name(plugin.file);
    plugin.problem = text.substr(std::min(colon + 2, text.size()));
    plugins->push_back(plugin);
  }
}

// A monitor that is not started asks each time: the list is that of now.
template <typename Look>
void each_device(bool sink, const Look &look) {
  g_autoptr(GstDeviceMonitor) monitor = gst_device_monitor_new();
  gst_device_monitor_add_filter(monitor, sink ? "Audio/Sink" : "Audio/Source",
                                nullptr);
  GList *all = gst_device_monitor_get_devices(monitor);
  for (GList *each = all; each; each = each->next) {
    g_autofree gchar *name =
        gst_device_get_display_name(GST_DEVICE(each->data));
    look(GST_DEVICE(each->data), std::string(name));
  }
  g_list_free_full(all, gst_object_unref);
}

}  // namespace

std::vector<Plugin> installed_plugins() {
  std::vector<Plugin> plugins;
  GList *features = gst_registry_get_feature_list_by_plugin(gst_registry_get(),
                                                            "pythonfilter");
  for (GList *each = features; each; each = each->next) {
    if (!g_str_has_prefix(GST_OBJECT_NAME(each->data), "py-")) continue;
    auto *factory = GST_ELEMENT_FACTORY(each->data);
    const std::string klass = metadata(factory, GST_ELEMENT_METADATA_KLASS);
    const Kind kind = klass.rfind("Source", 0) == 0 ? Kind::Source
                      : klass.rfind("Sink", 0) == 0 ? Kind::Sink
                                                    : Kind::Filter;
    plugins.push_back({kind, place_of(factory, kind),
                       metadata(factory, GST_ELEMENT_METADATA_LONGNAME),
                       metadata(factory, GST_ELEMENT_METADATA_DESCRIPTION),
                       metadata(factory, GST_ELEMENT_METADATA_AUTHOR),
                       metadata(factory, "script"), ""});
  }
  gst_plugin_feature_list_free(features);
  std::sort(plugins.begin(), plugins.end(),
            [](const Plugin &a, const Plugin &b) { return a.name < b.name; });
  g_autoptr(GstElementFactory) any = gst_element_factory_find("pythonfilter");
  if (any) add_broken(metadata(any, "not-usable-plugins"), &plugins);
  return plugins;
}

// Of what kind it is only the plugin knows, so each kind is asked to load it,
// in a strip that nobody hears.
Plugin plugin_in(const std::string &file) {
  Plugin plugin;
  plugin.file = file;
  plugin.name = base_name(file);
  Strip trial("trial");
  for (const auto &[name, kind] : {std::pair("pythonfilter", Kind::Filter),
                                   std::pair("pythonsrc", Kind::Source),
                                   std::pair("pythonsink", Kind::Sink)}) {
    g_autoptr(GstElementFactory) factory = gst_element_factory_find(name);
    if (!factory) {
      plugin.problem = std::string("there is no element ") + name;
      break;
    }
    plugin.kind = kind;
    plugin.place = place_of(factory, kind);
    plugin.place.properties["script"] = file;
    const std::string why =
        kind == Kind::Filter ? trial.insert(1, plugin.place)
                             : trial.set_end(kind == Kind::Sink, plugin.place);
    if (why.empty() || plugin.problem.empty()) plugin.problem = why;
    if (why.empty()) break;
  }
  return plugin;
}

// ---- sources and sinks -----------------------------------------------------

std::vector<Place> ends(bool sink) {
  if (sink)
    return {{"Nowhere", "fakesink name=main sync=true"},
            {"Default device", convert + " ! autoaudiosink name=main"}};
  return {
      {"Test tone",
       "audiotestsrc name=main is-live=true samplesperbuffer=480 ! " + format},
      {"Default device", "autoaudiosrc name=main ! " + format}};
}

std::vector<Place> devices(bool sink) {
  std::vector<Place> all;
  each_device(sink, [&](GstDevice *, const std::string &name) {
    all.push_back({name, sink ? convert : format, name});
  });
  return all;
}

Place file_end(bool sink, const std::string &path) {
  return {"",
          sink ? convert + " ! wavenc ! filesink name=main"
               : "filesrc name=main ! decodebin ! " + format,
          "",
          {{"location", path}}};
}

Place network_end(bool sink, const std::string &address) {
  const size_t colon = address.rfind(':');
  const bool here = colon == std::string::npos;
  const std::string host = here ? "127.0.0.1" : address.substr(0, colon);
  const std::string port = here ? address : address.substr(colon + 1);
  return {"",
          sink ? "rtpgstpay config-interval=1 ! udpsink name=main"
               : "udpsrc name=main caps=application/x-rtp,"
                 "media=application,clock-rate=90000,encoding-name=X-GST"
                 " ! rtpjitterbuffer latency=50 ! rtpgstdepay",
          "",
          {{sink ? "host" : "address", host}, {"port", port}}};
}

GstElement *element_of_device(const std::string &wanted, bool sink) {
  GstElement *made = nullptr;
  each_device(sink, [&](GstDevice *device, const std::string &name) {
    if (!made && name == wanted)
      made = gst_device_create_element(device, "main");
  });
  return made;
}

}  // namespace desk
