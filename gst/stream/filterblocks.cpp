// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What pythonfilter does when its plugin is to get blocks of one size.
#include <algorithm>

#include <gst/base/gstbasetransform.h>

#include "filterstream.hpp"

namespace pythonfilter {

namespace {

enum {
  PROP_BLOCK_SIZE = last_shared_property + 1,
  PROP_BLOCK_REMAINDER,
  PROP_BYPASS,
};

GType remainder_type() {
  static const GEnumValue values[] = {
      {int(Remainder::Pad),
       "Filled up with silence, which is taken away from what comes out",
       "pad"},
      {int(Remainder::Pass), "The plugin gets fewer frames", "pass"},
      {0, nullptr, nullptr}};
  static const GType type =
      g_enum_register_static("GstPythonFilterBlockRemainder", values);
  return type;
}

}  // namespace

void FilterStream::install_properties(GObjectClass *object_class) {
  PythonElement::install_properties(object_class);
  constexpr auto flags = GParamFlags(
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  g_object_class_install_property(
      object_class, PROP_BLOCK_SIZE,
      g_param_spec_uint(
          "block-size", "Block size",
          "Frames that the plugin gets in each call, whatever comes in; adds "
          "latency. 0: what the plugin declares, or else buffers as they come",
          0, max_block_frames, 0, flags));
  g_object_class_install_property(
      object_class, PROP_BLOCK_REMAINDER,
      g_param_spec_enum(
          "block-remainder", "Block remainder",
          "What becomes of less than a block at EOS, or where the stream does "
          "not continue; not set: what the plugin declares, or else pad",
          remainder_type(), int(Remainder::Pad), flags));
  g_object_class_install_property(
      object_class, PROP_BYPASS,
      g_param_spec_boolean(
          "bypass", "Bypass",
          "What comes out is what went in, after a fade of 10 ms. The plugin "
          "goes on unheard, and the latency stays. Not of a plugin that may "
          "change caps or lets nothing unprocessed through",
          FALSE,
          GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                      GST_PARAM_MUTABLE_PLAYING)));
  gst_type_mark_as_plugin_api(remainder_type(), GstPluginAPIFlags(0));
}

bool FilterStream::set_property(guint id, const GValue *value) {
  switch (id) {
    case PROP_BLOCK_SIZE:
      change_setting(&block_size_, int(g_value_get_uint(value)), "block-size");
      return true;
    case PROP_BLOCK_REMAINDER:
      change_setting(&remainder_, g_value_get_enum(value), "block-remainder");
      return true;
    case PROP_BYPASS:
      set_bypass(g_value_get_boolean(value));
      return true;
    default:
      return python.set_property(id, value);
  }
}

bool FilterStream::get_property(guint id, GValue *value) {
  switch (id) {
    case PROP_BLOCK_SIZE:
      g_value_set_uint(value, guint(block_size_.load()));
      return true;
    case PROP_BLOCK_REMAINDER:
      g_value_set_enum(value, std::max(remainder_.load(), 0));
      return true;
    case PROP_BYPASS:
      g_value_set_boolean(value, bypass_.is_on());
      return true;
    default:
      return python.get_property(id, value);
  }
}

void FilterStream::change_setting(std::atomic<int> *setting, int value,
                                  const char *name) {
  GST_OBJECT_LOCK(element_);
  const bool early = GST_STATE(element_) <= GST_STATE_READY &&
                     GST_STATE_NEXT(element_) <= GST_STATE_READY;
  GST_OBJECT_UNLOCK(element_);
  if (early)
    *setting = value;
  else
    GST_ELEMENT_WARNING(
        element_, LIBRARY, SETTINGS,
        ("%s can only be changed in the NULL and READY states", name),
        ("ignored the new value %d", value));
}

void FilterStream::set_bypass(bool on) {
  if (on && (python.has(&Capabilities::converts) || python.closes()))
    refuse_bypass();
  else
    bypass_.set(on);
}

void FilterStream::start_bypass(const GstAudioInfo &info) {
  const bool possible = !converts_ && !python.fails_closed();
  if (bypass_.is_on() && !possible) {
    bypass_.set(false);
    refuse_bypass();
  }
  bypass_.start(info, possible && writes_);
}

void FilterStream::refuse_bypass() {
  GST_ELEMENT_WARNING(
      element_, LIBRARY, SETTINGS,
      (python.closes()
           ? "the plugin says that nothing unprocessed may leave it, so bypass "
             "stays off"
           : "what the plugin makes of a buffer may have other caps, so bypass "
             "stays off"),
      (nullptr));
}

int FilterStream::block_size() const {
  const int wanted = block_size_.load();
  if (wanted > 0 || !python.loaded()) return wanted;
  return python.capabilities().block_size;
}

void FilterStream::warn_about_block_size(const std::string &caps) {
  GST_ELEMENT_WARNING(
      element_, LIBRARY, SETTINGS,
      ("block-size is for raw audio only: the plugin gets each buffer as it "
       "comes"),
      ("block-size %d means nothing for %s, which has no frames to count",
       block_size_.load(), caps.c_str()));
}

bool FilterStream::pads() const {
  const int wanted = remainder_.load();
  if (wanted >= 0) return wanted == int(Remainder::Pad);
  return !python.capabilities().pass_remainder;
}

void FilterStream::start_blocks(const GstAudioInfo &info) {
  const bool audio = info.bpf > 0;
  const auto frames = guint64(audio ? block_size() : 0);
  blocks_.start(info, frames, writes_);
  continuity_.start(info.rate, backwards_);
  // A block's first frame waits for the N - 1 after it. That frames come
  // several at once is in upstream's latency.
  wait_ = frames > 0 ? gst_util_uint64_scale_ceil(frames - 1, GST_SECOND,
                                                  guint64(info.rate))
                     : 0;
  check_latency();
}

void FilterStream::forget() {
  assert(python.streaming.is_here());
  blocks_.clear();
  outputs_.clear();
  same_line_ = owes_discont_ = false;
  expect_jump();
}

// NULL is left where it was dropped, or where outputs_ has what came of it.
// `frames` of it are no padding.
GstFlowReturn FilterStream::process_block(GstBuffer **block, size_t frames) {
  if (blocks_.copied()) python.stats().copies.add();
  GstFlowReturn flow = process(block);
  if (G_UNLIKELY(backwards_) &&
      (flow == GST_FLOW_OK || flow == GST_BASE_TRANSFORM_FLOW_DROPPED))
    flow = complete(block, frames);
  if (flow == GST_FLOW_OK) return flow;
  gst_clear_buffer(block);
  if (flow != GST_BASE_TRANSFORM_FLOW_DROPPED) {
    blocks_.clear();
    return flow;
  }
  // Not told to the base class, which would ask no more.
  return GST_FLOW_OK;
}

GstFlowReturn FilterStream::next_block(GstBuffer **output) {
  while (!(*output = pop_output()) && (*output = blocks_.take())) {
    const GstFlowReturn flow = process_block(output, blocks_.size());
    if (flow != GST_FLOW_OK) return flow;
    if (*output) break;
  }
  return GST_FLOW_OK;
}

GstFlowReturn FilterStream::take_rest(GstBuffer **output) {
  assert(python.streaming.is_here());
  size_t frames;
  *output = blocks_.take_rest(pads(), &frames);
  if (!*output) return GST_FLOW_OK;
  const GstAudioInfo &info = python.info();
  const GstClockTime pts = GST_BUFFER_PTS(*output);
  const guint64 offset = GST_BUFFER_OFFSET(*output);
  const size_t padding = frames_in(*output, info) - frames;
  const GstFlowReturn flow = process_block(output, frames);
  if (!converts_) note_position(pts, offset, frames);
  // For the silence comes what lags behind, as far as it does.
  const size_t some = std::min(padding, lag_.owed());
  lag_.bring(some);
  if (*output && !backwards_ && (padding > some || lag_.frames() > 0)) {
    const size_t came = frames_in(*output, info);
    const size_t left = came - std::min(came, padding - some);
    cut_to(*output, info, left);
    stamp(*output, GST_BUFFER_PTS(*output), GST_BUFFER_OFFSET(*output), left);
  }
  if (!*output) *output = pop_output();
  return flow;
}

}  // namespace pythonfilter
