// SPDX-License-Identifier: LGPL-2.1-or-later
#include "latestart.hpp"

#include <utility>

namespace pythonfilter {

void LateStart::hold_start(GstEvent *event) {
  assert(python_->streaming.is_here());
  gst_event_take(&start_, event);
  waits_ = closes_ = true;
}

void LateStart::hold_segment(GstEvent *event) {
  assert(python_->streaming.is_here());
  gst_event_take(&segment_, event);
}

void LateStart::hold_caps(GstCaps *input, GstCaps *output) {
  assert(python_->streaming.is_here());
  gst_caps_replace(&input_, input);
  gst_caps_replace(&output_, output);
  refused_ = false;
  waits_ = closes_ = true;
}

void LateStart::refuse_caps() {
  assert(python_->streaming.is_here());
  gst_clear_caps(&input_);
  gst_clear_caps(&output_);
  refused_ = waits_ = closes_ = true;
}

void LateStart::forget() {
  assert(python_->streaming.is_here());
  gst_clear_event(&start_);
  gst_clear_event(&segment_);
  gst_clear_caps(&input_);
  gst_clear_caps(&output_);
  closes_ = waits_ = refused_ = false;
  python_->caps.agree(nullptr, nullptr);
}

// As the base class does it, but that downstream is not asked about `input`.
GstCaps *LateStart::find_output(GstCaps *input) const {
  GstCaps *output = python_->caps.transform(GST_PAD_SINK, input, true);
  if (gst_caps_is_any(output)) return output;
  if (!gst_caps_is_fixed(output)) {
    python_->refusal.look_at_output(output, filter_->srcpad);
    g_autoptr(GstCaps) wanted =
        gst_pad_peer_query_caps(filter_->srcpad, nullptr);
    gst_caps_take(&output, gst_caps_intersect_full(wanted, output,
                                                   GST_CAPS_INTERSECT_FIRST));
  }
  return gst_caps_is_empty(output) ? output : fixate_output(input, output);
}

GstFlowReturn LateStart::release_all() {
  assert(python_->streaming.is_here());
  release_start();
  if (input_ && !release_caps())
    return GST_PAD_IS_FLUSHING(filter_->srcpad) ? GST_FLOW_FLUSHING
                                                : GST_FLOW_NOT_NEGOTIATED;
  waits_ = refused_ = false;
  if (GstEvent *segment = std::exchange(segment_, nullptr))
    gst_pad_push_event(filter_->srcpad, segment);
  return GST_FLOW_OK;
}

// The base class agrees with downstream now, and sends the caps if they are
// others than those before.
bool LateStart::release_caps() {
  python_->caps.agree(input_, output_);
  releases_ = true;
  auto *base =
      GST_BASE_TRANSFORM_CLASS(g_type_class_peek(GST_TYPE_BASE_TRANSFORM));
  const bool taken = base->sink_event(filter_, gst_event_new_caps(input_));
  releases_ = false;
  if (!taken) {
    python_->refusal.look_at_output(output_, filter_->srcpad);
    return false;
  }
  gst_clear_caps(&input_);
  gst_clear_caps(&output_);
  return true;
}

void LateStart::release_start() {
  assert(python_->streaming.is_here());
  if (GstEvent *start = std::exchange(start_, nullptr))
    gst_pad_push_event(filter_->srcpad, start);
}

}  // namespace pythonfilter
