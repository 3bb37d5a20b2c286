// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pluginproperties.hpp"

#include <map>
#include <utility>

#include "../../bridge/contract.hpp"
#include "parametertypes.hpp"

namespace {

using pythonfilter::ParameterSpec;
using pythonfilter::PluginParams;

// GstController sets what it computed, which is no mistake of anybody's when it
// is a little too much, and nothing new when it is the same again.
thread_local bool controlling = false;

}  // namespace

struct GstPythonParams {
  // Whose properties these are, until the element goes to NULL; the object may
  // live longer.
  struct Owner {
    // Taken before the store's own lock.
    pythonfilter::Mutex mutex;
    GstElement *element = nullptr;    // guarded by mutex; NULL: it went to NULL
    PluginParams *params = nullptr;   // guarded by mutex
    std::vector<std::string> values;  // guarded by mutex; where none was set
    std::string plugin;
  };

  GstObject parent;
  Owner *owner;  // C++ side; made in init, freed in finalize
};

struct GstPythonParamsClass {
  GstObjectClass parent;
  const std::vector<ParameterSpec> *specs;  // property n is the one of n - 1
};

G_DEFINE_ABSTRACT_TYPE(GstPythonParams, gst_python_params, GST_TYPE_OBJECT)

static GstPythonParams *as_params(gpointer object) {
  return static_cast<GstPythonParams *>(object);
}

static const std::vector<ParameterSpec> &specs_of(gpointer object) {
  return *reinterpret_cast<GstPythonParamsClass *>(G_OBJECT_GET_CLASS(object))
              ->specs;
}

static std::string current_text(GstPythonParams *self, size_t index) {
  auto *owner = self->owner;
  std::lock_guard lock(owner->mutex);
  std::string text;
  if (owner->params && owner->params->read(specs_of(self)[index].name, &text))
    return text;
  return owner->values[index];
}

static bool read_number(GstPythonParams *self, const ParameterSpec &spec,
                        GValue *value) {
  const GType type = pythonfilter::number_type(spec);
  if (!type) return false;
  g_value_init(value, type);
  {
    std::lock_guard lock(self->owner->mutex);
    const PluginParams *params = self->owner->params;
    if (params && params->read_number(spec.name, value)) return true;
  }
  g_value_unset(value);
  return false;
}

// What cannot be read as the property's type is no value of the plugin's.
static void read_value(GstPythonParams *self, size_t index, GValue *value) {
  const ParameterSpec &spec = specs_of(self)[index];
  if (read_number(self, spec, value)) return;
  if (pythonfilter::value_from_text(spec, current_text(self, index), value))
    return;
  std::unique_lock lock(self->owner->mutex);
  const std::string text = self->owner->values[index];
  lock.unlock();
  if (!pythonfilter::value_from_text(spec, text, value))
    pythonfilter::value_from_text(spec, spec.default_value, value);
}

static void gst_python_params_get_property(GObject *object, guint id,
                                           GValue *value, GParamSpec *) {
  g_auto(GValue) now = G_VALUE_INIT;
  read_value(as_params(object), id - 1, &now);
  g_value_copy(&now, value);
}

// Whoever watches the property of an element that is made for one plugin.
static void notify_element(GstElement *element, const char *name) {
  auto *klass = G_OBJECT_GET_CLASS(element);
  GParamSpec *own = g_object_class_find_property(klass, name);
  if (own && pythonfilter::is_parameter(own))
    g_object_notify_by_pspec(G_OBJECT(element), own);
}

// May run with the GIL held (recent PyGObject), so it only stores.
static void gst_python_params_set_property(GObject *object, guint id,
                                           const GValue *value,
                                           GParamSpec *property) {
  // What is notified may set other properties.
  const bool controlled = std::exchange(controlling, false);
  GstPythonParams *self = as_params(object);
  const ParameterSpec &spec = specs_of(self)[id - 1];
  g_auto(GValue) before = G_VALUE_INIT;
  g_auto(GValue) now = G_VALUE_INIT;
  if (!spec.secret) read_value(self, id - 1, &before);
  g_value_copy(value, g_value_init(&now, G_VALUE_TYPE(value)));
  if (controlled) pythonfilter::clamp_value(spec, &now);
  const bool allowed = pythonfilter::is_allowed(spec, &now);
  const bool same = allowed && !spec.secret &&
                    gst_value_compare(&before, &now) == GST_VALUE_EQUAL;

  g_autoptr(GstElement) element = nullptr;
  if (!(same && controlled)) {
    std::lock_guard lock(self->owner->mutex);
    if (self->owner->element) {
      element = GST_ELEMENT(gst_object_ref(self->owner->element));
      if (allowed && pythonfilter::number_type(spec)) {
        self->owner->params->set_number(
            pythonfilter::number_of(spec, id - 1, &now), &now);
      } else if (allowed) {
        g_auto(GValue) plain = G_VALUE_INIT;
        pythonfilter::plain_value(&now, &plain);
        self->owner->params->set_property(spec.name, &plain);
      }
    }
  }
  if (element) {
    if (!allowed)
      pythonfilter::tell_refused(element, self->owner->plugin, spec, &now);
    else if (!same && !spec.secret) {
      g_object_notify_by_pspec(object, property);
      // By GLib's own name: of one with a '_' it would make a copy first.
      notify_element(element, property->name);
    }
    if (allowed && !same && !spec.secret && !controlled)
      g_object_notify(G_OBJECT(element), "params");
  }
  controlling = controlled;
}

static void gst_python_params_finalize(GObject *object) {
  GstPythonParams::Owner *owner = as_params(object)->owner;
  // ThreadSanitizer knows nothing of GObject's count, but of this lock.
  owner->mutex.lock();
  owner->mutex.unlock();
  delete owner;
  G_OBJECT_CLASS(gst_python_params_parent_class)->finalize(object);
}

static void gst_python_params_init(GstPythonParams *self) {
  self->owner = new GstPythonParams::Owner;
}

static void gst_python_params_class_init(GstPythonParamsClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = gst_python_params_finalize;
}

static void gst_python_params_install(gpointer klass, gpointer data) {
  const auto *specs = static_cast<const std::vector<ParameterSpec> *>(data);
  static_cast<GstPythonParamsClass *>(klass)->specs = specs;
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = gst_python_params_set_property;
  object_class->get_property = gst_python_params_get_property;
  guint id = 1;
  for (const ParameterSpec &spec : *specs)
    g_object_class_install_property(object_class, id++,
                                    pythonfilter::new_param_spec(spec));
}

// Types cannot be taken back, so the same Params are the same type again.
static GType type_for(const std::vector<ParameterSpec> &specs) {
  static pythonfilter::Mutex mutex;
  static auto &known = *new std::map<std::string, GType>;
  std::lock_guard lock(mutex);
  GType &type = known[pythonfilter::signature_of(specs)];
  if (type) return type;
  GTypeInfo info = {};
  info.class_size = sizeof(GstPythonParamsClass);
  info.instance_size = sizeof(GstPythonParams);
  info.class_init = gst_python_params_install;
  info.class_data = new std::vector<ParameterSpec>(specs);
  type = g_type_register_static(
      gst_python_params_get_type(),
      ("GstPythonParams" + std::to_string(known.size())).c_str(), &info,
      GTypeFlags(0));
  return type;
}

namespace pythonfilter {

namespace {

constexpr char child_name[] = "plugin";

void drop(GstObject *child) {
  gst_object_unparent(child);
  gst_object_unref(child);
}

}  // namespace

void tell_refused(GstElement *element, const std::string &who,
                  const ParameterSpec &spec, const GValue *value) {
  g_autofree gchar *shown =
      spec.secret ? g_strdup("this value")
      : G_VALUE_HOLDS_ENUM(value)
          ? g_strdup_printf("choice %d", g_value_get_enum(value))
          : gst_value_serialize(value);
  // Where nobody can hear of it on a bus, as GObject itself would say it.
  if (element && GST_ELEMENT_BUS(element))
    GST_ELEMENT_WARNING(element, LIBRARY, SETTINGS,
                        ("%s: %s = %s: must be %s", who.c_str(),
                         spec.name.c_str(), shown, spec.allowed.c_str()),
                        ("it stays as it was"));
  else
    g_warning("%s: %s = %s: must be %s; it stays as it was", who.c_str(),
              spec.name.c_str(), shown, spec.allowed.c_str());
}

void PluginProperties::publish(const std::vector<ParameterSpec> &specs,
                               const std::string &plugin) {
  if (specs.empty()) return;
  auto *made = static_cast<GstObject *>(
      g_object_new(type_for(specs), "name", child_name, nullptr));
  GstPythonParams::Owner *owner = as_params(made)->owner;
  owner->element = element_;
  owner->params = params_;
  owner->plugin = plugin;
  for (const ParameterSpec &spec : specs)
    owner->values.push_back(spec.value);
  gst_object_ref_sink(made);
  gst_object_set_parent(made, GST_OBJECT(element_));
  bindings_ = &made->control_bindings;
  {
    std::lock_guard lock(mutex_);
    child_ = made;
  }
  gst_child_proxy_child_added(GST_CHILD_PROXY(element_), G_OBJECT(made),
                              child_name);
}

void PluginProperties::refresh(const std::vector<ParameterSpec> &specs) const {
  if (!child_) return;
  GstPythonParams::Owner *owner = as_params(child_)->owner;
  std::lock_guard lock(owner->mutex);
  for (size_t i = 0; i < specs.size() && i < owner->values.size(); i++)
    owner->values[i] = specs[i].value;
}

// An element that is dropped in READY is no object any more that could signal.
PluginProperties::~PluginProperties() {
  if (GstObject *child = take_child()) drop(child);
}

void PluginProperties::withdraw() {
  GstObject *child = take_child();
  if (!child) return;
  gst_child_proxy_child_removed(GST_CHILD_PROXY(element_), G_OBJECT(child),
                                child_name);
  drop(child);
}

// NULL: there is none. From here on it is nobody's but the caller's.
GstObject *PluginProperties::take_child() {
  bindings_ = &no_bindings_;
  GstObject *child;
  {
    std::lock_guard lock(mutex_);
    child = std::exchange(child_, nullptr);
  }
  if (!child) return nullptr;
  {
    // Whoever still holds it reads what was there last.
    std::vector<std::string> last;
    for (size_t i = 0; i < specs_of(child).size(); i++)
      last.push_back(current_text(as_params(child), i));
    GstPythonParams::Owner *owner = as_params(child)->owner;
    std::lock_guard lock(owner->mutex);
    owner->values.swap(last);
    owner->element = nullptr;
    owner->params = nullptr;
  }
  return child;
}

GstObject *PluginProperties::ref_child() const {
  std::lock_guard lock(mutex_);
  return child_ ? GST_OBJECT(gst_object_ref(child_)) : nullptr;
}

void PluginProperties::read_all(GstStructure *values) const {
  g_autoptr(GstObject) child = ref_child();
  if (!child) return;
  const auto &specs = specs_of(child);
  for (size_t i = 0; i < specs.size(); i++) {
    if (specs[i].secret || params_->is_secret(specs[i].name)) continue;
    g_auto(GValue) now = G_VALUE_INIT;
    GValue plain = G_VALUE_INIT;
    read_value(as_params(child), i, &now);
    plain_value(&now, &plain);
    gst_structure_take_value(values, specs[i].name.c_str(), &plain);
  }
}

// The child's property of that name and type. NULL: there is none, or the file
// has changed since it was looked at.
static GParamSpec *same_property(GstObject *child, const ParameterSpec &spec,
                                 const GValue *value) {
  GParamSpec *same = child ? g_object_class_find_property(
                                 G_OBJECT_GET_CLASS(child), spec.name.c_str())
                           : nullptr;
  return same && G_PARAM_SPEC_VALUE_TYPE(same) == G_VALUE_TYPE(value) ? same
                                                                      : nullptr;
}

void PluginProperties::get_own(const ParameterSpec &spec, GValue *value) const {
  g_autoptr(GstObject) child = ref_child();
  GParamSpec *same = same_property(child, spec, value);
  if (same && (same->flags & G_PARAM_READABLE))
    return g_object_get_property(G_OBJECT(child), same->name, value);
  std::string text;
  g_auto(GValue) now = G_VALUE_INIT;
  if ((params_->read(spec.name, &text) && value_from_text(spec, text, &now)) ||
      value_from_text(spec, spec.default_value, &now))
    g_value_copy(&now, value);
}

void PluginProperties::set_own(const ParameterSpec &spec, GParamSpec *property,
                               const GValue *value,
                               const std::string &plugin) const {
  g_autoptr(GstObject) child = ref_child();
  // Which tells the element.
  if (GParamSpec *same = same_property(child, spec, value))
    return g_object_set_property(G_OBJECT(child), same->name, value);
  if (!is_allowed(spec, value))
    return tell_refused(element_, plugin, spec, value);
  g_auto(GValue) before = G_VALUE_INIT;
  g_auto(GValue) plain = G_VALUE_INIT;
  get_own(spec, g_value_init(&before, G_VALUE_TYPE(value)));
  plain_value(value, &plain);
  params_->set_property(spec.name, &plain);
  if (spec.secret || gst_value_compare(&before, value) == GST_VALUE_EQUAL)
    return;
  g_object_notify_by_pspec(G_OBJECT(element_), property);
  g_object_notify(G_OBJECT(element_), "params");
}

void PluginProperties::notify(const GstStructure *changes) const {
  for (int i = 0; i < gst_structure_n_fields(changes); i++)
    notify_element(element_, gst_structure_nth_field_name(changes, guint(i)));
  g_autoptr(GstObject) child = ref_child();
  if (!child) return;
  for (const ParameterSpec &spec : specs_of(child))
    if (!spec.secret && gst_structure_has_field(changes, spec.name.c_str()))
      g_object_notify(G_OBJECT(child), spec.name.c_str());
}

void PluginProperties::tell_outcome(const Parameter &asked) const {
  if (!child_) return;
  const auto &specs = specs_of(child_);
  for (size_t i = 0; i < specs.size(); i++) {
    if (specs[i].name != asked.key || specs[i].secret) continue;
    g_auto(GValue) wanted = G_VALUE_INIT;
    g_auto(GValue) now = G_VALUE_INIT;
    read_value(as_params(child_), i, &now);
    if (!value_from_text(specs[i], asked.value, &wanted) ||
        gst_value_compare(&wanted, &now) != GST_VALUE_EQUAL) {
      g_object_notify(G_OBJECT(child_), specs[i].name.c_str());
      notify_element(element_, specs[i].name.c_str());
    }
  }
}

void PluginProperties::sync(GstClockTime stream_time) const {
  if (!is_controlled() || !GST_CLOCK_TIME_IS_VALID(stream_time)) return;
  controlling = true;
  gst_object_sync_values(GST_OBJECT(element_), stream_time);
  if (child_) gst_object_sync_values(child_, stream_time);
  controlling = false;
}

double PluginProperties::number(const std::string &name) const {
  double number = 0;
  if (child_) g_object_get(child_, name.c_str(), &number, nullptr);
  return number;
}

GstControlBinding *PluginProperties::ref_binding(
    const std::string &name) const {
  GstControlBinding *binding =
      gst_object_get_control_binding(GST_OBJECT(element_), name.c_str());
  if (!binding) binding = gst_object_get_control_binding(child_, name.c_str());
  if (binding && gst_control_binding_is_disabled(binding))
    gst_clear_object(&binding);
  return binding;
}

}  // namespace pythonfilter
