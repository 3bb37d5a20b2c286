// SPDX-License-Identifier: LGPL-2.1-or-later
#include <filesystem>
#include <regex>

#include "strip.hpp"

namespace desk {

namespace {

const std::string convert = "audioconvert ! audioresample name=next";
const std::string format =
    "audioconvert name=next ! audioresample"
    " ! capsfilter caps=audio/x-raw,format=F32LE,layout=interleaved,"
    "rate=48000,channels=2";

std::string metadata(GstElementFactory *factory, const char *key) {
  const char *text = gst_element_factory_get_metadata(factory, key);
  return text ? text : "";
}

// One buffer that fails is no reason to end a call. What failed is said, and
// an encryptor lets nothing unencrypted by either way.
Place place_of(GstElementFactory *factory) {
  const std::string klass = metadata(factory, GST_ELEMENT_METADATA_KLASS);
  const std::string title = metadata(factory, GST_ELEMENT_METADATA_LONGNAME);
  std::string line = GST_OBJECT_NAME(factory);
  line += " name=main reload=true on-error=";
  line += metadata(factory, "fail-closed").empty() ? "silence" : "drop";
  if (klass.rfind("Source", 0) == 0)
    return {Kind::Source, title, line + " is-live=true ! " + format};
  if (klass.rfind("Sink", 0) == 0)
    return {Kind::Sink, title, convert + " ! " + line};
  // Something that takes sound alone gets it in a format that it takes. What
  // takes anything, as an encryptor does, gets it as it is.
  g_autoptr(GstCaps) sound = gst_caps_new_empty_simple("audio/x-raw");
  g_autoptr(GstCaps) other = gst_caps_new_empty_simple("application/x-other");
  if (gst_element_factory_can_sink_any_caps(factory, sound) &&
      !gst_element_factory_can_sink_any_caps(factory, other))
    line = "audioconvert ! " + line;
  return {Kind::Filter, title, line};
}

// What such an element, which takes any plugin, makes of this one.
Plugin plugin_of(const char *element, const std::string &file) {
  g_autoptr(GstElementFactory) factory = gst_element_factory_find(element);
  Plugin plugin{factory ? place_of(factory) : Place(), "", "", file};
  plugin.place.title = std::filesystem::path(file).filename();
  plugin.place.properties["script"] = file;
  return plugin;
}

}  // namespace

std::vector<Plugin> installed_plugins() {
  std::vector<Plugin> plugins;
  g_autolist(GstPluginFeature) features =
      gst_registry_get_feature_list_by_plugin(gst_registry_get(),
                                              "pythonfilter");
  for (GList *each = features; each; each = each->next) {
    if (!g_str_has_prefix(GST_OBJECT_NAME(each->data), "py-")) continue;
    auto *factory = GST_ELEMENT_FACTORY(each->data);
    Plugin plugin{place_of(factory),
                  metadata(factory, GST_ELEMENT_METADATA_DESCRIPTION),
                  metadata(factory, GST_ELEMENT_METADATA_AUTHOR),
                  metadata(factory, "script")};
    // A mixer and a splitter are of the class "Generic/Audio".
    if (metadata(factory, GST_ELEMENT_METADATA_KLASS).rfind("Generic", 0) == 0)
      plugin.problem =
          QT_TRANSLATE_NOOP("desk", "has several inputs or outputs");
    plugins.push_back(plugin);
  }
  // Each line is as "/a/loud.py:2: invalid syntax". Who uses it hears all of
  // it, or it was mended.
  static const std::regex line("(.*?)(:[0-9]+)?: (.*)");
  g_autoptr(GstElementFactory) any = gst_element_factory_find("pythonfilter");
  const std::string broken = any ? metadata(any, "not-usable-plugins") : "";
  for (std::sregex_iterator each(broken.begin(), broken.end(), line), end;
       each != end; ++each) {
    Plugin plugin = plugin_of("pythonfilter", (*each)[1]);
    plugin.problem = plugin.place.title + each->format("$2: $3");
    plugins.push_back(plugin);
  }
  return plugins;
}

// Of what kind it is only the plugin knows, so each kind is asked to load it,
// in a strip that nobody hears. The first who was asked says best what is wrong
// with it.
Plugin plugin_in(const std::string &file) {
  Strip trial;
  for (const char *element : {"pythonfilter", "pythonsrc", "pythonsink"}) {
    Plugin plugin = plugin_of(element, file);
    const auto at = trial.put(plugin.place);
    if (!at) continue;
    g_autoptr(GstStructure) info = nullptr;
    g_object_get(trial.node(*at).element(), "plugin-info", &info, nullptr);
    plugin.description = gst_structure_get_string(info, "description");
    plugin.author = gst_structure_get_string(info, "author");
    return plugin;
  }
  Plugin broken = plugin_of("pythonfilter", file);
  broken.problem = trial.poll().front().text;
  return broken;
}

std::vector<Place> ends(Kind kind) {
  const char *device = QT_TRANSLATE_NOOP("desk", "Default device");
  if (kind == Kind::Sink)
    return {{kind, QT_TRANSLATE_NOOP("desk", "Nowhere"),
             "fakesink name=main sync=true"},
            {kind, device, convert + " ! autoaudiosink name=main"}};
  return {
      {kind, QT_TRANSLATE_NOOP("desk", "Test tone"),
       "audiotestsrc name=main is-live=true samplesperbuffer=480 ! " + format},
      {kind, device, "autoaudiosrc name=main ! " + format}};
}

// Started, as the list that PipeWire 1.4 gives without that is already freed.
Devices devices(Kind kind) {
  g_autoptr(GstDeviceMonitor) monitor = gst_device_monitor_new();
  gst_device_monitor_add_filter(
      monitor, kind == Kind::Sink ? "Audio/Sink" : "Audio/Source", nullptr);
  gst_device_monitor_start(monitor);
  g_autoptr(GList) all = gst_device_monitor_get_devices(monitor);
  gst_device_monitor_stop(monitor);
  Devices devices;
  for (GList *each = all; each; each = each->next) {
    auto *device = GST_DEVICE(each->data);
    g_autofree gchar *name = gst_device_get_display_name(device);
    devices.emplace(name, std::shared_ptr<GstDevice>(device, gst_object_unref));
  }
  return devices;
}

Place device_end(Kind kind, const std::string &name) {
  return {kind, name, kind == Kind::Sink ? convert : format};
}

Place file_end(Kind kind, const std::string &path) {
  return {kind,
          std::filesystem::path(path).filename(),
          kind == Kind::Sink ? convert + " ! wavenc ! filesink name=main"
                             : "filesrc name=main ! decodebin ! " + format,
          {{"location", path}}};
}

Place network_end(Kind kind, const std::string &address) {
  const bool sink = kind == Kind::Sink;
  const size_t colon = address.rfind(':');
  const std::string port = address.substr(colon + 1);  // or all of it
  const std::string host =
      colon == std::string::npos ? "127.0.0.1" : address.substr(0, colon);
  return {kind,
          "RTP, " + port,
          sink ? "rtpgstpay config-interval=1 ! udpsink name=main"
               : "udpsrc name=main caps=application/x-rtp,"
                 "media=application,clock-rate=90000,encoding-name=X-GST"
                 " ! rtpjitterbuffer latency=50 ! rtpgstdepay",
          {{sink ? "host" : "address", host}, {"port", port}}};
}

}  // namespace desk
