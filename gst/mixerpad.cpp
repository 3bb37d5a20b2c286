// SPDX-License-Identifier: LGPL-2.1-or-later
#include "mixerpad.hpp"

#include "params/parametertypes.hpp"
#include "params/pluginproperties.hpp"

using pythonfilter::Curves;
using pythonfilter::MixerInput;
using pythonfilter::ParameterSpec;
using pythonfilter::PluginParams;

// ---- any plugin's -----------------------------------------------------------

enum { PROP_PARAMS = 1 };

G_DEFINE_TYPE(GstPythonMixerPad, gst_python_mixer_pad,
              GST_TYPE_AUDIO_AGGREGATOR_PAD)

static void gst_python_mixer_pad_init(GstPythonMixerPad *self) {
  self->input = new MixerInput;
  self->params = new PluginParams;
  self->curves = new Curves;
}

static void gst_python_mixer_pad_finalize(GObject *object) {
  delete GST_PYTHON_MIXER_PAD(object)->input;
  delete GST_PYTHON_MIXER_PAD(object)->params;
  delete GST_PYTHON_MIXER_PAD(object)->curves;
  G_OBJECT_CLASS(gst_python_mixer_pad_parent_class)->finalize(object);
}

static void gst_python_mixer_pad_set_property(GObject *object, guint,
                                              const GValue *value,
                                              GParamSpec *) {
  if (const GstStructure *changes = gst_value_get_structure(value))
    GST_PYTHON_MIXER_PAD(object)->params->set(changes);
}

static void gst_python_mixer_pad_get_property(GObject *object, guint,
                                              GValue *value, GParamSpec *) {
  GST_PYTHON_MIXER_PAD(object)->params->get(value);
}

static void gst_python_mixer_pad_class_init(GstPythonMixerPadClass *klass) {
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->finalize = gst_python_mixer_pad_finalize;
  object_class->set_property = gst_python_mixer_pad_set_property;
  object_class->get_property = gst_python_mixer_pad_get_property;
  g_object_class_install_property(
      object_class, PROP_PARAMS,
      g_param_spec_boxed(
          "params", "Parameters",
          "The plugin's InputParams of this input, as in "
          "sink_0::params=\"p,gain=0.5\"; the others stay as they are",
          GST_TYPE_STRUCTURE,
          GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                      GST_PARAM_MUTABLE_PLAYING)));
}

// ---- one plugin's -----------------------------------------------------------

namespace pythonfilter {

namespace {

GQuark parameters_quark() {
  static const GQuark quark =
      g_quark_from_static_string("pythonfilter-input-parameters");
  return quark;
}

const ParameterSpec &parameter_of(GObject *object, guint id) {
  const auto *all = static_cast<const std::vector<ParameterSpec> *>(
      g_type_get_qdata(G_OBJECT_TYPE(object), parameters_quark()));
  return (*all)[id - 1];
}

// What a GstController sets at each block, though it is nothing new.
bool is_the_same(const PluginParams &params, const ParameterSpec &spec,
                 const GValue *value) {
  g_auto(GValue) before = G_VALUE_INIT;
  g_value_init(&before, G_VALUE_TYPE(value));
  return params.read_number(spec.name, &before) &&
         gst_value_compare(&before, value) == GST_VALUE_EQUAL;
}

void set_parameter(GObject *object, guint id, const GValue *value,
                   GParamSpec *property) {
  const ParameterSpec &spec = parameter_of(object, id);
  PluginParams *params = GST_PYTHON_MIXER_PAD(object)->params;
  g_auto(GValue) now = G_VALUE_INIT;
  g_value_copy(value, g_value_init(&now, G_VALUE_TYPE(value)));
  // What a GstController computed is no mistake when it is a little too much.
  g_autoptr(GstControlBinding) binding =
      gst_object_get_control_binding(GST_OBJECT(object), property->name);
  if (binding && !gst_control_binding_is_disabled(binding)) {
    clamp_value(spec, &now);
    if (is_the_same(*params, spec, &now)) return;
  }
  if (!is_allowed(spec, &now)) {
    g_autoptr(GstElement) mixer = gst_pad_get_parent_element(GST_PAD(object));
    return tell_refused(mixer, std::string("input ") + GST_OBJECT_NAME(object),
                        spec, &now);
  }
  if (number_type(spec))
    return params->set_number(number_of(spec, id - 1, &now), &now);
  g_auto(GValue) plain = G_VALUE_INIT;
  plain_value(&now, &plain);
  params->set_property(spec.name, &plain);
}

// The parameter's value, of the type of its property.
void read_parameter(GstPythonMixerPad *pad, const ParameterSpec &spec,
                    GValue *value) {
  std::string text;
  if (!pad->params->read(spec.name, &text) ||
      !value_from_text(spec, text, value))
    value_from_text(spec, spec.default_value, value);
}

void get_parameter(GObject *object, guint id, GValue *value, GParamSpec *) {
  g_auto(GValue) now = G_VALUE_INIT;
  read_parameter(GST_PYTHON_MIXER_PAD(object), parameter_of(object, id), &now);
  if (G_IS_VALUE(&now)) g_value_copy(&now, value);
}

void init_pad_class(gpointer klass, gpointer data) {
  const auto &all = *static_cast<const std::vector<ParameterSpec> *>(data);
  auto *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_parameter;
  object_class->get_property = get_parameter;
  for (size_t i = 0; i < all.size(); i++)
    if (!g_object_class_find_property(object_class, all[i].name.c_str()))
      g_object_class_install_property(object_class, guint(i + 1),
                                      new_param_spec(all[i]));
}

// The InputParams of a pad; where only curves are asked for, without `specs`.
class PadParams final : public CurveSource {
 public:
  explicit PadParams(GstPythonMixerPad *pad,
                     const std::vector<ParameterSpec> *specs = nullptr)
      : pad_(pad), specs_(specs) {}

  bool is_controlled() const override {
    return __atomic_load_n(&GST_OBJECT_CAST(pad_)->control_bindings,
                           __ATOMIC_RELAXED);
  }
  double number(const std::string &name) const override {
    g_auto(GValue) now = G_VALUE_INIT;
    if (pad_->params->read_number(name, g_value_init(&now, G_TYPE_DOUBLE)))
      return g_value_get_double(&now);
    for (const ParameterSpec &spec : *specs_) {
      std::string text;
      if (spec.name != name) continue;
      const double usual = number_or(spec.default_value, 0);
      return pad_->params->read(name, &text) ? number_or(text, usual) : usual;
    }
    return 0;
  }
  GstControlBinding *ref_binding(const std::string &name) const override {
    GstControlBinding *binding =
        gst_object_get_control_binding(GST_OBJECT(pad_), name.c_str());
    if (binding && gst_control_binding_is_disabled(binding))
      gst_clear_object(&binding);
    return binding;
  }

 private:
  GstPythonMixerPad *const pad_;
  const std::vector<ParameterSpec> *const specs_;
};

}  // namespace

void refresh_curves(GstPythonMixerPad *pad,
                    const std::vector<ParameterSpec> &specs) {
  pad->curves->refresh(PadParams(pad, &specs));
}

// Where a block that begins at that running time begins in the pad's segment,
// which is copied.
static GstClockTime place_of(GstPythonMixerPad *pad, GstClockTime begin,
                             GstSegment *segment) {
  GST_OBJECT_LOCK(pad);
  *segment = GST_AGGREGATOR_PAD(pad)->segment;
  GST_OBJECT_UNLOCK(pad);
  return segment->format == GST_FORMAT_TIME
             ? gst_segment_position_from_running_time(segment, GST_FORMAT_TIME,
                                                      begin)
             : GST_CLOCK_TIME_NONE;
}

const std::vector<Curve> *curves_of(GstPythonMixerPad *pad, int rate,
                                    GstClockTime begin, size_t frames) {
  if (G_LIKELY(pad->curves->empty())) return nullptr;
  GstSegment segment;
  const GstClockTime pts = place_of(pad, begin, &segment);
  return pad->curves->values(PadParams(pad), segment, rate, pts, frames);
}

bool is_controlled(GstPythonMixerPad *pad) {
  return PadParams(pad).is_controlled();
}

void sync_values(GstPythonMixerPad *pad, GstClockTime begin) {
  GstSegment segment;
  const GstClockTime pts = place_of(pad, begin, &segment);
  const GstClockTime time =
      gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, pts);
  if (GST_CLOCK_TIME_IS_VALID(time))
    gst_object_sync_values(GST_OBJECT(pad), time);
}

GstStructure *input_params(GstPythonMixerPad *pad,
                           const std::vector<ParameterSpec> &specs) {
  g_auto(GValue) set = G_VALUE_INIT;
  pad->params->get(g_value_init(&set, GST_TYPE_STRUCTURE));
  const GstStructure *fields = gst_value_get_structure(&set);
  GstStructure *all =
      fields ? gst_structure_copy(fields) : gst_structure_new_empty("p");
  for (const ParameterSpec &spec : specs) {
    g_auto(GValue) now = G_VALUE_INIT;
    GValue plain = G_VALUE_INIT;
    read_parameter(pad, spec, &now);
    if (!G_IS_VALUE(&now)) continue;
    plain_value(&now, &plain);
    gst_structure_take_value(all, spec.name.c_str(), &plain);
  }
  return all;
}

GType mixer_pad_type(const std::string &name,
                     const std::vector<ParameterSpec> &parameters) {
  if (parameters.empty()) return GST_TYPE_PYTHON_MIXER_PAD;
  if (const GType known = g_type_from_name(name.c_str())) return known;
  // Kept for good, as the type is.
  const auto *kept = new std::vector<ParameterSpec>(parameters);
  GTypeQuery query;
  g_type_query(GST_TYPE_PYTHON_MIXER_PAD, &query);
  GTypeInfo info = {};
  info.class_size = guint16(query.class_size);
  info.instance_size = guint16(query.instance_size);
  info.class_init = init_pad_class;
  info.class_data = kept;
  const GType type = g_type_register_static(GST_TYPE_PYTHON_MIXER_PAD,
                                            name.c_str(), &info, GTypeFlags(0));
  g_type_set_qdata(type, parameters_quark(),
                   const_cast<void *>(static_cast<const void *>(kept)));
  return type;
}

}  // namespace pythonfilter
