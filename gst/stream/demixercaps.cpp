// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which caps go into a demixer and come out of it, and which outputs it has.
#include <algorithm>

#include "../caps/plugincaps.hpp"
#include "../portpads.hpp"
#include "demixerstream.hpp"
#include "sealedevents.hpp"

namespace pythonfilter {

GstCaps *DemixerStream::input_caps() const {
  return python.caps.of_class(0);
}

// What an output says nothing of is as in the input, which may be known.
GstCaps *DemixerStream::caps_of(const std::string &name,
                                const GstAudioInfo *input) const {
  Port port;
  python.caps.find_port(name, &port);
  GstCaps *caps = python.caps.of_port(name, input ? input->rate : 0);
  if (!input) return caps;
  g_autoptr(GstCaps) same = gst_caps_new_empty_simple("audio/x-raw");
  if (port.formats.empty())
    gst_caps_set_simple(same, "format", G_TYPE_STRING,
                        GST_AUDIO_INFO_NAME(input), nullptr);
  if (port.channels.empty())
    gst_caps_set_simple(same, "channels", G_TYPE_INT, input->channels, nullptr);
  gst_caps_take(&caps,
                gst_caps_intersect_full(caps, same, GST_CAPS_INTERSECT_FIRST));
  return caps;
}

GstCaps *DemixerStream::output_caps(GstPad *pad) const {
  g_autoptr(GstCaps) now = gst_pad_get_current_caps(sink_);
  GstAudioInfo input;
  const bool known = now && exact_audio(now, &input);
  return caps_of(port_name(pad), known ? &input : nullptr);
}

// What the input has to be for what is linked to this one.
GstCaps *DemixerStream::wanted_of_input(GstPad *pad) {
  const std::string name = port_name(pad);
  Port port;
  python.caps.find_port(name, &port);
  g_autoptr(GstCaps) gives = caps_of(name, nullptr);
  g_autoptr(GstCaps) wanted = gst_pad_peer_query_caps(pad, gives);
  g_autoptr(GstCaps) both =
      gst_caps_intersect_full(gives, wanted, GST_CAPS_INTERSECT_FIRST);
  if (gst_caps_is_empty(both)) python.refusal.look_at_output(gives, pad);
  std::vector<const char *> fields = {"rate"};
  if (port.formats.empty()) fields.push_back("format");
  if (port.channels.empty()) fields.push_back("channels");
  return only_fields(both, fields);
}

GstCaps *DemixerStream::possible_input(GstCaps *caps) {
  std::vector<GstPad *> pads;
  GST_OBJECT_LOCK(demixer_);
  for (GList *each = demixer_->srcpads; each; each = each->next)
    pads.push_back(GST_PAD(gst_object_ref(each->data)));
  GST_OBJECT_UNLOCK(demixer_);
  gst_caps_ref(caps);
  for (GstPad *pad : pads) {
    if (gst_pad_is_linked(pad)) {
      g_autoptr(GstCaps) wanted = wanted_of_input(pad);
      gst_caps_take(&caps, gst_caps_intersect_full(caps, wanted,
                                                   GST_CAPS_INTERSECT_FIRST));
    }
    gst_object_unref(pad);
  }
  return caps;
}

// As near to the input as the plugin and whoever is linked allow. False: there
// is nothing, which was told.
bool DemixerStream::choose_caps(Output *output, const GstAudioInfo &input) {
  assert(python.streaming.is_here());
  g_autoptr(GstCaps) gives = caps_of(output->name, &input);
  g_autoptr(GstCaps) wanted =
      output->pad ? gst_pad_peer_query_caps(GST_PAD(output->pad), gives)
                  : gst_caps_ref(gives);
  g_autoptr(GstCaps) both =
      gst_caps_intersect_full(gives, wanted, GST_CAPS_INTERSECT_FIRST);
  if (gst_caps_is_empty(both)) {
    python.refusal.look_at_output(gives, GST_PAD(output->pad));
    return false;
  }
  gst_caps_take(&both, fixate_like(input, gst_caps_ref(both)));
  return exact_audio(both, &output->info);
}

std::vector<PortFormat> DemixerStream::describe_outputs() const {
  std::vector<PortFormat> all;
  for (const Output &each : outputs_) {
    StreamFormat format;
    stream_format_of(each.info, &format);
    all.push_back({each.name, format.format, each.info.channels,
                   positions_of(each.info)});
  }
  return all;
}

bool DemixerStream::has_other_pads() const {
  GST_OBJECT_LOCK(demixer_);
  const bool others = cookie_ != demixer_->pads_cookie;
  GST_OBJECT_UNLOCK(demixer_);
  return others;
}

// The pads there are now, with a reference to each: the plugin's outputs in the
// order that it declares, or else in that of the pads.
void DemixerStream::collect_pads() {
  outputs_.clear();
  const Capabilities &plugin = python.capabilities();
  if (!plugin.ports_come_and_go())
    for (const Port &each : plugin.ports)
      outputs_.push_back({each.name, nullptr, {}});
  GST_OBJECT_LOCK(demixer_);
  for (GList *each = demixer_->srcpads; each; each = each->next) {
    const std::string name = port_name(each->data);
    const auto known =
        std::find_if(outputs_.begin(), outputs_.end(),
                     [&](const Output &output) { return output.name == name; });
    auto *pad = GST_PYTHON_DEMIXER_PAD(gst_object_ref(each->data));
    if (known != outputs_.end())
      known->pad = pad;
    else
      outputs_.push_back({name, pad, {}});
  }
  cookie_ = demixer_->pads_cookie;
  GST_OBJECT_UNLOCK(demixer_);
}

void DemixerStream::collect_outputs() {
  assert(python.streaming.is_here());
  if (!python.loaded()) return;
  std::vector<Output> before = std::move(outputs_);
  collect_pads();
  views_.resize(outputs_.size());
  for (Output &each : outputs_) {
    const auto known = std::find_if(
        before.begin(), before.end(),
        [&](const Output &other) { return other.name == each.name; });
    const bool is_known = known != before.end();
    if (is_known) each.info = known->info;
    if (each.pad && (!is_known || known->pad != each.pad)) tell_all(&each);
  }
  for (const Output &each : before)
    if (each.pad) gst_object_unref(each.pad);
}

namespace {

// The pad may be on its way out, and so be nobody's.
struct NewPad {
  GstPad *pad;
  bool sealed;
};

// In the order in which they have to come.
gboolean pass_on(GstPad *, GstEvent **event, gpointer data) {
  const auto *to = static_cast<NewPad *>(data);
  const GstEventType type = GST_EVENT_TYPE(*event);
  if (type == GST_EVENT_STREAM_START || type == GST_EVENT_CAPS ||
      type == GST_EVENT_EOS)
    return TRUE;
  GstEvent *same = gst_event_ref(*event);
  if (to->sealed) same = sealed_event(same);
  if (same) gst_pad_push_event(to->pad, same);
  return TRUE;
}

}  // namespace

// What came before this pad.
void DemixerStream::tell_all(Output *output) {
  GstPad *pad = GST_PAD(output->pad);
  g_autoptr(GstEvent) begin =
      gst_pad_get_sticky_event(sink_, GST_EVENT_STREAM_START, 0);
  if (begin) output->pad->output->send_stream_start(begin);
  if (!python.started()) return;
  gst_pad_check_reconfigure(pad);
  if (choose_caps(output, python.info()))
    output->pad->output->set_caps(output->info);
  else
    gst_pad_mark_reconfigure(pad);
  NewPad to = {pad, python.closes()};
  gst_pad_sticky_events_foreach(sink_, pass_on, &to);
}

// The outputs are those of now, and what they agreed on with those that are
// linked by now is known to the plugin.
GstFlowReturn DemixerStream::update_outputs() {
  meet_new_pads();
  bool changed = false;
  for (Output &each : outputs_) {
    GstPad *pad = GST_PAD(each.pad);
    const bool known = is_known(each.info);
    if (G_LIKELY(known && !(pad && gst_pad_check_reconfigure(pad)))) continue;
    changed = true;
    if (!choose_caps(&each, python.info())) {
      if (pad) gst_pad_mark_reconfigure(pad);
      return GST_FLOW_NOT_NEGOTIATED;
    }
    if (pad) each.pad->output->set_caps(each.info);
  }
  if (G_LIKELY(!changed && told_outputs_ == cookie_)) return GST_FLOW_OK;
  told_outputs_ = cookie_;
  const std::vector<PortFormat> now = describe_outputs();
  if (now == python.stream().format.outputs) return GST_FLOW_OK;
  return python.set_outputs(now) ? GST_FLOW_OK : GST_FLOW_ERROR;
}

bool DemixerStream::start(GstCaps *caps) {
  assert(python.streaming.is_here());
  GstAudioInfo info;
  StreamFormat format;
  if (!python.loaded() || python.refuse_within_call("take caps")) return false;
  if (!exact_audio(caps, &info) || !stream_format_of(info, &format))
    return python.refuse_caps(caps, "takes");
  collect_outputs();
  const int least = python.capabilities().port_count.min;
  if (int(outputs_.size()) < least) {
    GST_ELEMENT_ERROR(demixer_, STREAM, WRONG_TYPE,
                      ("the plugin splits into at least %d outputs, and has %d",
                       least, int(outputs_.size())),
                      ("request more of its pads src_%%u before it plays"));
    return false;
  }
  for (Output &each : outputs_) {
    if (each.pad) gst_pad_check_reconfigure(GST_PAD(each.pad));
    if (!choose_caps(&each, info)) return false;
  }
  told_outputs_ = cookie_;
  format.positions = positions_of(info);
  format.outputs = describe_outputs();
  continuity_.start(info.rate, segment_.rate < 0);
  fresh_ = true;
  if (!python.start(info, format)) return false;
  for (const Output &each : outputs_)
    if (each.pad) each.pad->output->set_caps(each.info);
  told_.check(demixer_, latency());
  return true;
}

}  // namespace pythonfilter
