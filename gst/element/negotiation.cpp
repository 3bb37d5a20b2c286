// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What was agreed on, held against what the plugin says of its caps.
#include "../caps/plugincaps.hpp"
#include "pythonelement.hpp"

namespace pythonfilter {

std::vector<SampleLayout> PythonElement::likely_layouts() const {
  g_autoptr(GstCaps) any = any_layout();
  const std::vector<SampleLayout> all = layouts_in(any);
  // What a peer would take first comes first: a converter says it if it is told
  // what it is asked for, most others if they are not.
  for (const bool told : {true, false}) {
    g_autoptr(GstCaps) passed = gst_caps_ref(any);
    for (const char *name : {"sink", "src"}) {
      g_autoptr(GstPad) pad = gst_element_get_static_pad(element_, name);
      if (!pad) continue;
      g_autoptr(GstCaps) asked = passed;
      g_autoptr(GstCaps) others =
          gst_pad_peer_query_caps(pad, told ? asked : nullptr);
      passed = gst_caps_intersect_full(others, asked, GST_CAPS_INTERSECT_FIRST);
    }
    std::vector<SampleLayout> likely = layouts_in(passed);
    if (likely != all) return likely;
  }
  return {};  // the plugin's own order counts
}

bool PythonElement::describe_caps() {
  const Capabilities &capabilities = plugin_->capabilities();
  CapsConversion conversion;
  std::string problem;
  if (capabilities.converts && !conversion.open(plugin_, &problem)) {
    refuse(problem, "load");
    report_.post(GST_MESSAGE_ERROR, failure_);
    return false;
  }
  caps.open(capabilities, conversion);
  return true;
}

bool PythonElement::confirm_source_caps(GstCaps *agreed) {
  assert(streaming.is_here());
  const CapsConversion conversion = caps.conversion();
  if (failed_) return false;
  failure_ = {Failure::Kind::Raised, "set_caps"};
  g_autoptr(GstCaps) allowed = conversion.source(&failure_);
  if (!allowed) return fail_caps();
  if (gst_caps_is_fixed(agreed) && gst_caps_is_subset(agreed, allowed))
    return true;
  return fail_caps("its output is " + text_of(allowed) +
                   ", but what was agreed on is " + text_of(agreed));
}

bool PythonElement::confirm_caps(GstCaps *input, GstCaps *output) {
  assert(streaming.is_here());
  const CapsConversion conversion = caps.conversion();
  return !failed_ &&
         (conversion.confirm(input, output, &failure_) || fail_caps());
}

bool PythonElement::describe_input(const GstCaps *caps, GstAudioInfo *info,
                                   StreamFormat *format) {
  gst_audio_info_init(info);
  format->input_caps = text_of(caps);
  format->bytes = true;
  if (!is_raw_audio(caps)) return true;
  if (!exact_audio(caps, info)) return refuse_caps(caps, "takes");
  format->rate = info->rate;
  format->channels = info->channels;
  format->bytes = capabilities().as_bytes || !stream_format_of(*info, format);
  return true;
}

namespace {

// Whoever sends a stream over a network writes its caps, and where buffers that
// are not good are dropped these are as well. A key that is not there is worse.
bool is_of_caps(const Failure &failure) {
  return failure.phase == "get_output_caps" || failure.phase == "set_caps";
}

}  // namespace

bool PythonElement::refuse_caps(const GstCaps *caps, const char *does) {
  return fail_caps(std::string("the audio that it ") + does +
                   " has no exact format, rate and channels: " + text_of(caps));
}

// Once; the pad sends caps that were refused again, before each buffer.
bool PythonElement::fail_caps() {
  assert(streaming.is_here());
  if (failed_) return false;
  if (fails_closed() && on_error_ == OnError::Drop && is_of_caps(failure_)) {
    refusal_ = failure_;
    refusal_.traceback.clear();
    report(GST_CLOCK_TIME_NONE);
    return false;
  }
  failed_ = true;
  stats_.errors.add();
  if (failure_.kind == Failure::Kind::Closing) return false;
  // Not worth an error where the stream ends on purpose, and start() with it.
  report_.post(stopping_.load(std::memory_order_relaxed) ? GST_MESSAGE_WARNING
                                                         : GST_MESSAGE_ERROR,
               failure_);
  return false;
}

bool PythonElement::takes(const GstCaps *input) {
  g_autoptr(GstCaps) allowed = caps.allowed();
  if (gst_caps_can_intersect(input, allowed)) return true;
  return fail_caps("it takes " + text_of(allowed) + ", and got " +
                   text_of(input));
}

// With the reason, which a message in between may have come too late for.
GstFlowReturn PythonElement::report_refused_caps() {
  failure_ = refusal_;
  return report(GST_CLOCK_TIME_NONE);
}

}  // namespace pythonfilter
