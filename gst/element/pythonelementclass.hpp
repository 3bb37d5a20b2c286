// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The GObject side that all element classes share. `Instance` is a GObject
// instance struct with two members: `stream`, which is deleted with it, and
// `PythonElement *python`, which lies in it.
#pragma once

#include <type_traits>

#include "../params/pluginpresets.hpp"
#include "pythonelement.hpp"

namespace pythonfilter {

// The plugin's Params, while it is loaded, are a child.
inline void init_child_proxy(gpointer klass, gpointer) {
  auto *proxy = static_cast<GstChildProxyInterface *>(klass);
  proxy->get_child_by_index = [](GstChildProxy *element, guint index) {
    return index ? nullptr
                 : reinterpret_cast<GObject *>(
                       PythonElement::of(element)->properties().ref_child());
  };
  proxy->get_children_count = [](GstChildProxy *element) {
    g_autoptr(GstObject) child =
        PythonElement::of(element)->properties().ref_child();
    return guint(child ? 1 : 0);
  };
}

// In the definition of an element's type.
inline void add_interfaces(GType g_define_type_id) {
  G_IMPLEMENT_INTERFACE(GST_TYPE_CHILD_PROXY, init_child_proxy)
  G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, init_plugin_presets)
}

template <typename Instance>
class PythonElementClass {
 public:
  // First thing in an element's class_init.
  static void init(gpointer klass, gpointer parent_class) {
    using Stream = std::remove_pointer_t<decltype(Instance::stream)>;
    parent = parent_class;
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    GST_ELEMENT_CLASS(klass)->change_state = change_state;
    Stream::install_properties(object_class);
    // Loads the plugin's code anew; whether there is a plugin to do it for.
    g_signal_new_class_handler(
        "reload", G_OBJECT_CLASS_TYPE(klass),
        GSignalFlags(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION), G_CALLBACK(reload),
        nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 0);
  }

  static GstStateChangeReturn change_state(GstElement *element,
                                           GstStateChange transition) {
    return self(element)->python->change_state(transition,
                                               GST_ELEMENT_CLASS(parent));
  }

 private:
  static Instance *self(gpointer object) {
    return static_cast<Instance *>(object);
  }

  static void set_property(GObject *object, guint id, const GValue *value,
                           GParamSpec *spec) {
    if (!self(object)->stream->set_property(id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }

  static void get_property(GObject *object, guint id, GValue *value,
                           GParamSpec *spec) {
    if (!self(object)->stream->get_property(id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }

  static gboolean reload(GObject *object) {
    return self(object)->python->reload();
  }

  static void finalize(GObject *object) {
    self(object)->python->streaming.end();
    delete self(object)->stream;
    G_OBJECT_CLASS(parent)->finalize(object);
  }

  static inline gpointer parent = nullptr;
};

}  // namespace pythonfilter
