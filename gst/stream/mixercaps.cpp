// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which caps go into a mixer and come out of it, and which inputs that makes.
#include <algorithm>
#include <numeric>

#include "../caps/plugincaps.hpp"
#include "../portpads.hpp"
#include "mixerstream.hpp"

namespace pythonfilter {

namespace {

enum { PROP_SAMPLE_RATE = last_shared_property + 1 };

}  // namespace

void MixerStream::install_properties(GObjectClass *object_class) {
  PythonElement::install_properties(object_class);
  g_object_class_install_property(
      object_class, PROP_SAMPLE_RATE,
      g_param_spec_int("sample-rate", "Sample rate",
                       "The rate of all inputs and of the output, in Hz; 0: "
                       "that of the input "
                       "whose caps come first",
                       0, G_MAXINT, 0,
                       GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                   GST_PARAM_MUTABLE_READY)));
}

bool MixerStream::set_property(guint id, const GValue *value) {
  if (id != PROP_SAMPLE_RATE) return python.set_property(id, value);
  sample_rate_ = g_value_get_int(value);
  return true;
}

bool MixerStream::get_property(guint id, GValue *value) {
  if (id != PROP_SAMPLE_RATE) return python.get_property(id, value);
  g_value_set_int(value, sample_rate_);
  return true;
}

// That of any input that has caps: there is one for all. 0: none has.
int MixerStream::rate() const {
  int rate = sample_rate_;
  GST_OBJECT_LOCK(mixer_);
  for (GList *each = GST_ELEMENT(mixer_)->sinkpads; each && rate == 0;
       each = each->next) {
    const GstAudioInfo &info = GST_AUDIO_AGGREGATOR_PAD(each->data)->info;
    if (is_known(info)) rate = info.rate;
  }
  GST_OBJECT_UNLOCK(mixer_);
  return rate;
}

// What comes after it may take only some rates, which an input has to have
// then.
GstCaps *MixerStream::input_caps(GstPad *pad) const {
  const int known = rate();
  g_autoptr(GstCaps) caps = python.caps.of_port(port_name(pad), known);
  if (known > 0) return g_steal_pointer(&caps);
  g_autoptr(GstCaps) wanted =
      gst_pad_peer_query_caps(GST_AGGREGATOR_SRC_PAD(mixer_), nullptr);
  g_autoptr(GstCaps) rates = only_fields(wanted, {"rate"});
  return gst_caps_intersect_full(caps, rates, GST_CAPS_INTERSECT_FIRST);
}

GstCaps *MixerStream::output_caps() const {
  return python.caps.of_class(rate());
}

// A reference; NULL: it has no caps. Of any name: the first that has.
GstPythonMixerPad *MixerStream::configured_pad(const std::string &name) const {
  GstPythonMixerPad *found = nullptr;
  GST_OBJECT_LOCK(mixer_);
  for (GList *each = GST_ELEMENT(mixer_)->sinkpads; each && !found;
       each = each->next)
    if (is_known(GST_AUDIO_AGGREGATOR_PAD(each->data)->info) &&
        (name.empty() || port_name(each->data) == name))
      found = GST_PYTHON_MIXER_PAD(gst_object_ref(each->data));
  GST_OBJECT_UNLOCK(mixer_);
  return found;
}

// As near to one of the inputs as downstream and the plugin allow.
GstCaps *MixerStream::fixate(GstCaps *caps) const {
  assert(python.streaming.is_here());
  const std::string &like = python.capabilities().output_like;
  GstPythonMixerPad *pad = configured_pad(like);
  if (!pad && !like.empty()) pad = configured_pad("");
  caps = gst_caps_make_writable(gst_caps_truncate(caps));
  if (!pad) return gst_caps_fixate(caps);
  const GstAudioInfo info = GST_AUDIO_AGGREGATOR_PAD(pad)->info;
  gst_object_unref(pad);
  return fixate_like(info, caps);
}

void MixerStream::choose_block_size(int rate) {
  const int frames = python.loaded() ? python.capabilities().block_size : 0;
  if (frames == 0 || duration_set_) return;
  const int common = std::gcd(frames, rate);
  setting_ = true;
  // The property, as this base class has no other way.
  GValue fraction = G_VALUE_INIT;
  g_value_init(&fraction, GST_TYPE_FRACTION);
  gst_value_set_fraction(&fraction, frames / common, rate / common);
  g_object_set_property(G_OBJECT(mixer_), "output-buffer-duration-fraction",
                        &fraction);
  g_value_unset(&fraction);
  setting_ = false;
}

void MixerStream::new_caps(GstPythonMixerPad *pad) {
  assert(python.streaming.is_here());
  const GstAudioInfo info = GST_AUDIO_AGGREGATOR_PAD(pad)->info;
  if (!is_known(info)) return;
  pad->input->set_format(info);
  formats_changed_ = true;
  // What comes out may be like it.
  gst_pad_mark_reconfigure(GST_AGGREGATOR_SRC_PAD(mixer_));
}

// One that has no caps yet is silent. It is most likely what the output is.
PortFormat MixerStream::describe_input(GstPythonMixerPad *pad,
                                       const GstAudioInfo &output) {
  GstAudioInfo info = GST_AUDIO_AGGREGATOR_PAD(pad)->info;
  if (!is_known(info)) {
    g_autoptr(GstCaps) allowed =
        python.caps.of_port(port_name(pad), output.rate);
    g_autoptr(GstCaps) like = gst_audio_info_to_caps(&output);
    g_autoptr(GstCaps) likely =
        gst_caps_intersect_full(like, allowed, GST_CAPS_INTERSECT_FIRST);
    GstCaps *caps = gst_caps_truncate(
        gst_caps_ref(gst_caps_is_empty(likely) ? allowed : likely));
    caps = gst_caps_make_writable(caps);
    gst_structure_fixate_field_nearest_int(gst_caps_get_structure(caps, 0),
                                           "channels", output.channels);
    caps = gst_caps_fixate(caps);
    if (!gst_audio_info_from_caps(&info, caps)) info = output;
    gst_caps_unref(caps);
  }
  pad->input->set_format(info);
  StreamFormat format;
  stream_format_of(info, &format);
  return {port_name(pad), format.format, info.channels, positions_of(info)};
}

std::vector<PortFormat> MixerStream::describe_inputs(
    const GstAudioInfo &output) {
  std::vector<PortFormat> all;
  for (const Input &each : inputs_)
    all.push_back(describe_input(each.pad, output));
  return all;
}

// The pads there are now, with a reference to each. The plugin is to hear of
// them.
void MixerStream::collect_inputs() {
  std::vector<Input> before = std::move(inputs_);
  inputs_.clear();
  formats_changed_ = true;
  GST_OBJECT_LOCK(mixer_);
  for (GList *each = GST_ELEMENT(mixer_)->sinkpads; each; each = each->next)
    inputs_.push_back({GST_PYTHON_MIXER_PAD(gst_object_ref(each->data)),
                       port_name(each->data), false, false});
  cookie_ = GST_ELEMENT(mixer_)->pads_cookie;
  GST_OBJECT_UNLOCK(mixer_);
  views_.resize(inputs_.size());
  for (Input &each : inputs_) {
    Port port;
    each.optional = python.caps.find_port(each.name, &port) && port.optional;
    each.told = std::any_of(
        before.begin(), before.end(),
        [&](const Input &one) { return one.pad == each.pad && one.told; });
  }
  for (const Input &each : before)
    gst_object_unref(each.pad);
}

bool MixerStream::has_other_inputs() const {
  GST_OBJECT_LOCK(mixer_);
  const bool others = cookie_ != GST_ELEMENT(mixer_)->pads_cookie;
  GST_OBJECT_UNLOCK(mixer_);
  return others;
}

// A pad may go and another of its name come between two blocks: that is another
// input, which has none of what was set of the one before it.
bool MixerStream::update_inputs() {
  if (G_LIKELY(!formats_changed_ && !has_other_inputs())) return true;
  collect_inputs();
  formats_changed_ = false;
  const std::vector<PortFormat> &before = python.stream().format.inputs;
  const std::vector<PortFormat> now = describe_inputs(python.info());
  std::vector<PortFormat> stay;
  bool replaced = false;
  for (size_t i = 0; i < now.size(); i++) {
    if (inputs_[i].told) {
      stay.push_back(now[i]);
      continue;
    }
    const auto has_its_name = [&](const PortFormat &each) {
      return each.name == now[i].name;
    };
    replaced =
        replaced || std::any_of(before.begin(), before.end(), has_its_name);
  }
  if (!replaced && now == before) return true;
  if (replaced && !python.set_inputs(stay)) return false;
  tell_params_again();
  return python.set_inputs(now);
}

// 0: one has more than another now and then.
int MixerStream::frames_of_block(int rate) const {
  GValue fraction = G_VALUE_INIT;
  g_value_init(&fraction, GST_TYPE_FRACTION);
  g_object_get_property(G_OBJECT(mixer_), "output-buffer-duration-fraction",
                        &fraction);
  const auto in = guint64(gst_value_get_fraction_denominator(&fraction));
  const guint64 frames =
      guint64(rate) * guint64(gst_value_get_fraction_numerator(&fraction));
  g_value_unset(&fraction);
  return frames % in == 0 && frames / in <= G_MAXINT ? int(frames / in) : 0;
}

bool MixerStream::start(const GstAudioInfo &info) {
  assert(python.streaming.is_here());
  StreamFormat format;
  if (!python.loaded() || !stream_format_of(info, &format)) return false;
  const IntRange count = python.capabilities().port_count;
  collect_inputs();
  formats_changed_ = false;
  if (int(inputs_.size()) < count.min) {
    GST_ELEMENT_ERROR(mixer_, STREAM, WRONG_TYPE,
                      ("the plugin mixes at least %d inputs, and has %d",
                       count.min, int(inputs_.size())),
                      ("request more of its pads sink_%%u before it plays"));
    return false;
  }
  format.frames = frames_of_block(info.rate);
  format.inputs = describe_inputs(info);
  format.positions = positions_of(info);
  close_pool();
  owes_discont_ = true;
  tell_params_again();
  return python.start(info, format);
}

}  // namespace pythonfilter
