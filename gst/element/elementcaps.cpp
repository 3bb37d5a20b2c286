// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The caps that a plugin takes and gives.
#include "../caps/plugincaps.hpp"
#include "pythonelement.hpp"

GST_DEBUG_CATEGORY_EXTERN(gst_python_filter_debug);
#define GST_CAT_DEFAULT gst_python_filter_debug

namespace pythonfilter {

bool PythonElement::describe_caps() {
  const Capabilities &capabilities = plugin_->capabilities();
  CapsConversion conversion;
  std::string problem;
  if (capabilities.converts && !conversion.open(plugin_, &problem)) {
    refuse(problem);
    failure_.phase = "load";
    report_.post(GST_MESSAGE_ERROR, failure_);
    return false;
  }
  GstCaps *caps =
      capabilities.converts ? conversion.input() : caps_of(capabilities);
  std::lock_guard lock(mutex_);
  gst_caps_take(&caps_, caps);
  conversion_ = conversion;
  return true;
}

GstCaps *PythonElement::allowed_caps() const {
  CapsConversion conversion;
  {
    std::lock_guard lock(mutex_);
    const bool asks = kind_ == PluginKind::Source && conversion_.is_open();
    if (caps_ && !asks) return gst_caps_ref(caps_);
    if (asks) conversion = conversion_;
  }
  if (!conversion.is_open()) return caps_of(all_capabilities());
  // A query has no way to tell a failure; confirm_source_caps() has.
  Failure ignored;
  GstCaps *caps = conversion.source(&ignored);
  return caps ? caps : gst_caps_new_any();
}

bool PythonElement::confirm_source_caps(GstCaps *caps) {
  assert(streaming.is_here());
  CapsConversion conversion;
  {
    std::lock_guard lock(mutex_);
    conversion = conversion_;
  }
  if (failed_) return false;
  failure_ = Failure{};
  failure_.phase = "set_caps";
  g_autoptr(GstCaps) allowed = conversion.source(&failure_);
  if (!allowed) return fail_caps();
  if (gst_caps_is_fixed(caps) && gst_caps_is_subset(caps, allowed)) return true;
  refuse("its output is " + text_of(allowed) + ", but what was agreed on is " +
         text_of(caps));
  failure_.phase = "set_caps";
  return fail_caps();
}

GstCaps *PythonElement::transform_caps(GstPadDirection direction,
                                       GstCaps *caps) {
  CapsConversion conversion;
  bool tells;
  {
    std::lock_guard lock(mutex_);
    if (!caps_) return gst_caps_new_any();
    if (!conversion_.is_open())
      return gst_caps_intersect_full(caps, caps_, GST_CAPS_INTERSECT_FIRST);
    tells = !fail_closed_ || direction == GST_PAD_SRC;
    if (!tells && agreed_input_ && gst_caps_is_equal(caps, agreed_input_))
      return gst_caps_ref(agreed_output_);
    conversion = conversion_;
  }
  return conversion.transform(direction, caps, tells);
}

GstCaps *PythonElement::ask_output(GstCaps *input) const {
  CapsConversion conversion;
  {
    std::lock_guard lock(mutex_);
    if (!caps_) return gst_caps_new_empty();
    if (!conversion_.is_open())
      return gst_caps_intersect_full(input, caps_, GST_CAPS_INTERSECT_FIRST);
    conversion = conversion_;
  }
  return conversion.transform(GST_PAD_SINK, input, true);
}

void PythonElement::agree(GstCaps *input, GstCaps *output) {
  std::lock_guard lock(mutex_);
  gst_caps_replace(&agreed_input_, input);
  gst_caps_replace(&agreed_output_, output);
}

bool PythonElement::confirm_caps(GstCaps *input, GstCaps *output) {
  assert(streaming.is_here());
  CapsConversion conversion;
  {
    std::lock_guard lock(mutex_);
    conversion = conversion_;
  }
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
  refuse(std::string("the audio that it ") + does +
         " has no exact format, rate and channels: " + text_of(caps));
  failure_.phase = "set_caps";
  return fail_caps();
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
  g_autoptr(GstCaps) allowed = allowed_caps();
  if (gst_caps_can_intersect(input, allowed)) return true;
  refuse("it takes " + text_of(allowed) + ", and got " + text_of(input));
  failure_.phase = "set_caps";
  return fail_caps();
}

// With the reason, which a message in between may have come too late for.
GstFlowReturn PythonElement::report_refused_caps() {
  failure_ = refusal_;
  return report(GST_CLOCK_TIME_NONE);
}

bool PythonElement::is_to_stream() const {
  if (stopping_.load(std::memory_order_relaxed)) return false;
  GST_OBJECT_LOCK(element_);
  const bool streams = GST_STATE_TARGET(element_) >= GST_STATE_PAUSED;
  GST_OBJECT_UNLOCK(element_);
  return streams;
}

// Nobody asks an element that does not link what was wrong, so links to it are
// made with any raw audio; the caps are refused when they come, which is told.
void PythonElement::widen_for_link(GstQuery *query) const {
  GstCaps *filter, *allowed;
  gst_query_parse_caps(query, &filter);
  gst_query_parse_caps_result(query, &allowed);
  g_autoptr(GstCaps) audio = any_raw_audio();
  if (gst_caps_is_any(allowed) || !gst_caps_can_intersect(allowed, audio))
    return;
  g_autoptr(GstCaps) wide =
      gst_caps_merge(gst_caps_ref(allowed), gst_caps_ref(audio));
  if (filter)
    gst_caps_take(
        &wide, gst_caps_intersect_full(filter, wide, GST_CAPS_INTERSECT_FIRST));
  gst_query_set_caps_result(query, wide);
}

// The pad that sends, or none: the ghost pads of bins only hand on.
static GstPad *sending_pad(GstPad *sink) {
  GstPad *peer = gst_pad_get_peer(sink);
  while (peer && GST_IS_PROXY_PAD(peer)) {
    g_autoptr(GstPad) outside = peer;
    g_autoptr(GstProxyPad) inside =
        gst_proxy_pad_get_internal(GST_PROXY_PAD(outside));
    peer = inside ? gst_pad_get_peer(GST_PAD(inside)) : nullptr;
  }
  return peer;
}

void PythonElement::look_for_refusal(GstPad *sink, GstPad *src,
                                     GstQuery *query) {
  const GstQueryType type = GST_QUERY_TYPE(query);
  if (type != GST_QUERY_CAPS && type != GST_QUERY_ACCEPT_CAPS) return;
  if (!is_to_stream()) return;
  g_autoptr(GstPad) peer = sending_pad(sink);
  if (type == GST_QUERY_CAPS && !peer)
    widen_for_link(query);
  else if (peer && type == GST_QUERY_CAPS)
    look_at_answer(sink, src, query);
  else if (peer)
    look_at_offer(peer, src, query);
}

// Caps that stand on upstream's pad are no question any more.
void PythonElement::look_at_offer(GstPad *peer, GstPad *src, GstQuery *query) {
  gboolean accepted;
  GstCaps *caps;
  gst_query_parse_accept_caps_result(query, &accepted);
  gst_query_parse_accept_caps(query, &caps);
  if (accepted) return;
  g_autoptr(GstCaps) set = gst_pad_get_current_caps(peer);
  if (set && gst_caps_is_equal(set, caps)) refuse_offer(caps, src);
}

// Upstream gets nothing to choose from. That is the end where it has nothing
// else to offer, or where nothing fits what comes after.
void PythonElement::look_at_answer(GstPad *sink, GstPad *src, GstQuery *query) {
  GstCaps *filter, *answer;
  gst_query_parse_caps(query, &filter);
  gst_query_parse_caps_result(query, &answer);
  if (!gst_caps_is_empty(answer) || (filter && gst_caps_is_empty(filter)))
    return;
  g_autoptr(GstCaps) possible =
      filter ? gst_pad_query_caps(sink, nullptr) : gst_caps_ref(answer);
  g_autoptr(GstCaps) offered = gst_pad_peer_query_caps(sink, nullptr);
  if (!gst_caps_is_empty(offered) && !gst_caps_can_intersect(possible, offered))
    refuse_offer(offered, src);
}

// Says whether the plugin refuses the offer, or who comes after it.
void PythonElement::refuse_offer(const GstCaps *offered, GstPad *src) {
  {
    std::lock_guard lock(mutex_);
    if (!caps_) return;
  }
  g_autoptr(GstCaps) allowed = allowed_caps();
  g_autoptr(GstCaps) wanted =
      src ? gst_pad_peer_query_caps(src, nullptr) : gst_caps_new_any();
  // What the plugin could give for what is offered.
  g_autoptr(GstCaps) given =
      transform_caps(GST_PAD_SINK, const_cast<GstCaps *>(offered));
  const bool takes = gst_caps_can_intersect(allowed, offered);
  // A plugin that maps caps may have its own reasons.
  const bool certain = !takes || (!gst_caps_is_any(given) &&
                                  !gst_caps_can_intersect(given, wanted));
  if (certain && takes)
    refuse_caps_once(why_not_given(given, wanted), {"gives", given},
                     {"wanted", wanted});
  else if (certain)
    refuse_caps_once(why_not_taken(allowed, offered), {"takes", allowed},
                     {"offered", offered});
}

void PythonElement::look_at_output(const GstCaps *gives, GstPad *src) {
  if (!is_to_stream()) return;
  g_autoptr(GstCaps) wanted = gst_pad_peer_query_caps(src, nullptr);
  if (!gst_caps_can_intersect(gives, wanted) && !gst_caps_is_empty(gives))
    refuse_caps_once(why_not_given(gives, wanted), {"gives", gives},
                     {"wanted", wanted});
}

void PythonElement::refuse_caps_once(const std::string &why,
                                     const CapsRole &own,
                                     const CapsRole &other) {
  if (caps_refused_.exchange(true)) return;
  GST_ELEMENT_ERROR(
      element_, STREAM, FORMAT, ("%s: %s", name_.c_str(), why.c_str()),
      ("it %s %s, %s is %s", own.first, text_of(own.second).c_str(),
       other.first, text_of(other.second).c_str()));
}

}  // namespace pythonfilter
