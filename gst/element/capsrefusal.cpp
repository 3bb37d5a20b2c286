// SPDX-License-Identifier: LGPL-2.1-or-later
#include "capsrefusal.hpp"

#include "../caps/plugincaps.hpp"

namespace pythonfilter {

namespace {

// The pad that sends, or none: the ghost pads of bins only hand on.
GstPad *sending_pad(GstPad *sink) {
  GstPad *peer = gst_pad_get_peer(sink);
  while (peer && GST_IS_PROXY_PAD(peer)) {
    g_autoptr(GstPad) outside = peer;
    g_autoptr(GstProxyPad) inside =
        gst_proxy_pad_get_internal(GST_PROXY_PAD(outside));
    peer = inside ? gst_pad_get_peer(GST_PAD(inside)) : nullptr;
  }
  return peer;
}

}  // namespace

bool CapsRefusal::is_to_stream() const {
  if (stopping_.load(std::memory_order_relaxed)) return false;
  GST_OBJECT_LOCK(element_);
  const bool streams = GST_STATE_TARGET(element_) >= GST_STATE_PAUSED;
  GST_OBJECT_UNLOCK(element_);
  return streams;
}

// Nobody asks an element that does not link what was wrong, so links to it are
// made with any raw audio; the caps are refused when they come, which is told.
void CapsRefusal::widen_for_link(GstQuery *query) const {
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

void CapsRefusal::look_at_query(GstPad *sink, GstPad *src, GstQuery *query,
                                const GstCaps *own) {
  const GstQueryType type = GST_QUERY_TYPE(query);
  if (type != GST_QUERY_CAPS && type != GST_QUERY_ACCEPT_CAPS) return;
  if (!is_to_stream()) return;
  g_autoptr(GstPad) peer = sending_pad(sink);
  if (type == GST_QUERY_CAPS && !peer)
    widen_for_link(query);
  else if (peer && type == GST_QUERY_CAPS)
    look_at_answer(sink, src, query, own);
  else if (peer)
    look_at_offer(peer, src, query, own);
}

// Caps that stand on upstream's pad are no question any more.
void CapsRefusal::look_at_offer(GstPad *peer, GstPad *src, GstQuery *query,
                                const GstCaps *own) {
  gboolean accepted;
  GstCaps *caps;
  gst_query_parse_accept_caps_result(query, &accepted);
  gst_query_parse_accept_caps(query, &caps);
  if (accepted) return;
  g_autoptr(GstCaps) set = gst_pad_get_current_caps(peer);
  if (set && gst_caps_is_equal(set, caps)) refuse_offer(caps, src, own);
}

// Upstream gets nothing to choose from. That is the end where it has nothing
// else to offer, or where nothing fits what comes after.
void CapsRefusal::look_at_answer(GstPad *sink, GstPad *src, GstQuery *query,
                                 const GstCaps *own) {
  GstCaps *filter, *answer;
  gst_query_parse_caps(query, &filter);
  gst_query_parse_caps_result(query, &answer);
  if (!gst_caps_is_empty(answer) || (filter && gst_caps_is_empty(filter)))
    return;
  g_autoptr(GstCaps) possible =
      filter ? gst_pad_query_caps(sink, nullptr) : gst_caps_ref(answer);
  g_autoptr(GstCaps) offered = gst_pad_peer_query_caps(sink, nullptr);
  if (!gst_caps_is_empty(offered) && !gst_caps_can_intersect(possible, offered))
    refuse_offer(offered, src, own);
}

// Says whether the plugin refuses the offer, or who comes after it.
void CapsRefusal::refuse_offer(const GstCaps *offered, GstPad *src,
                               const GstCaps *own) {
  if (own) {
    if (!gst_caps_can_intersect(own, offered))
      refuse(why_not_taken(own, offered), {"takes", own}, {"offered", offered});
    return;
  }
  g_autoptr(GstCaps) declared = caps_.input();
  if (!declared) return;
  g_autoptr(GstCaps) allowed = caps_.allowed();
  g_autoptr(GstCaps) wanted =
      src ? gst_pad_peer_query_caps(src, nullptr) : gst_caps_new_any();
  // What the plugin could give for what is offered.
  g_autoptr(GstCaps) given =
      caps_.transform(GST_PAD_SINK, const_cast<GstCaps *>(offered));
  const bool takes = gst_caps_can_intersect(allowed, offered);
  // A plugin that maps caps may have its own reasons.
  const bool certain = !takes || (!gst_caps_is_any(given) &&
                                  !gst_caps_can_intersect(given, wanted));
  if (certain && takes)
    refuse(why_not_given(given, wanted), {"gives", given}, {"wanted", wanted});
  else if (certain)
    refuse(why_not_taken(allowed, offered), {"takes", allowed},
           {"offered", offered});
}

void CapsRefusal::look_at_output(const GstCaps *gives, GstPad *src) {
  if (!is_to_stream()) return;
  g_autoptr(GstCaps) wanted = gst_pad_peer_query_caps(src, nullptr);
  if (!gst_caps_can_intersect(gives, wanted) && !gst_caps_is_empty(gives))
    refuse(why_not_given(gives, wanted), {"gives", gives}, {"wanted", wanted});
}

void CapsRefusal::look_at_segment(GstPad *sink) {
  if (gst_pad_has_current_caps(sink) || looks_.exchange(true)) return;
  const auto look = [](GstPad *pad, GstPadProbeInfo *, gpointer refusal) {
    auto *self = static_cast<CapsRefusal *>(refusal);
    self->looks_ = false;
    if (!gst_pad_has_current_caps(pad)) self->refuse_without_caps(pad);
    return GST_PAD_PROBE_REMOVE;
  };
  gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_BUFFER, look, this, nullptr);
}

void CapsRefusal::refuse_without_caps(GstPad *sink) {
  if (!is_to_stream() || refused_.exchange(true)) return;
  g_autoptr(GstPad) peer = sending_pad(sink);
  g_autoptr(GstElement) sender =
      peer ? gst_pad_get_parent_element(peer) : nullptr;
  GST_ELEMENT_ERROR(
      element_, STREAM, FORMAT,
      ("%s: %s sends data and does not say what it is: decodebin in front of "
       "the plugin decodes files, rawaudioparse takes samples without a header",
       plugin_.c_str(), sender ? GST_OBJECT_NAME(sender) : "somebody"),
      ("buffers without caps at the pad %s", GST_OBJECT_NAME(sink)));
}

void CapsRefusal::refuse(const std::string &why, const CapsRole &own,
                         const CapsRole &other) {
  if (refused_.exchange(true)) return;
  GST_ELEMENT_ERROR(
      element_, STREAM, FORMAT, ("%s: %s", plugin_.c_str(), why.c_str()),
      ("it %s %s, %s is %s", own.first, text_of(own.second).c_str(),
       other.first, text_of(other.second).c_str()));
}

}  // namespace pythonfilter
