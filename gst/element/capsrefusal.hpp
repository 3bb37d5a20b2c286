// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Says that no stream can come of the caps of a plugin and of its neighbours.
// What GStreamer says then is "not negotiated", by somebody else; this is one
// ERROR with the reason, and what can be done.
#pragma once

#include <atomic>
#include <string>
#include <utility>

#include <gst/gst.h>

#include "elementcaps.hpp"

namespace pythonfilter {

class CapsRefusal {
 public:
  // `plugin` is its name, `stopping`: the stream ends on purpose.
  CapsRefusal(GstElement *element, const ElementCaps &caps,
              const std::string &plugin, const std::atomic<bool> &stopping)
      : element_(element), caps_(caps), plugin_(plugin), stopping_(stopping) {}

  // A segment has come, which what comes before caps should not: if its buffers
  // have none either, that is said with the first of them.
  void look_at_segment(GstPad *sink);
  // Another stream: it may be said again.
  void forget() { refused_ = looks_ = false; }
  // Any thread: what a query for caps, answered by the base class, says of the
  // stream. `src` is a filter's, and `own` what an input of a mixer takes.
  void look_at_query(GstPad *sink, GstPad *src, GstQuery *query,
                     const GstCaps *own = nullptr);
  // Of a source, or a filter, that has not agreed on caps with what follows.
  void look_at_output(const GstCaps *gives, GstPad *src);

 private:
  bool is_to_stream() const;
  void refuse_without_caps(GstPad *sink);
  void widen_for_link(GstQuery *query) const;
  void look_at_answer(GstPad *sink, GstPad *src, GstQuery *query,
                      const GstCaps *own);
  void look_at_offer(GstPad *peer, GstPad *src, GstQuery *query,
                     const GstCaps *own);
  void refuse_offer(const GstCaps *offered, GstPad *src, const GstCaps *own);
  // What somebody does with caps: "gives" them.
  using CapsRole = std::pair<const char *, const GstCaps *>;
  void refuse(const std::string &why, const CapsRole &own,
              const CapsRole &other);

  GstElement *const element_;
  const ElementCaps &caps_;
  const std::string &plugin_;
  const std::atomic<bool> &stopping_;
  std::atomic<bool> refused_{false}, looks_{false};
};

}  // namespace pythonfilter
