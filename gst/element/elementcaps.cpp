// SPDX-License-Identifier: LGPL-2.1-or-later
#include "elementcaps.hpp"

#include "../caps/plugincaps.hpp"

namespace pythonfilter {

ElementCaps::~ElementCaps() {
  for (GstCaps **caps : {&caps_, &agreed_input_, &agreed_output_})
    gst_clear_caps(caps);
}

void ElementCaps::open(const Capabilities &capabilities,
                       const CapsConversion &conversion) {
  GstCaps *caps =
      capabilities.converts ? conversion.input() : caps_of(capabilities);
  std::lock_guard lock(mutex_);
  gst_caps_take(&caps_, caps);
  conversion_ = conversion;
  fails_closed_ = capabilities.fail_closed;
  if (has_ports(kind_)) declared_ = capabilities;
}

void ElementCaps::close() {
  std::lock_guard lock(mutex_);
  gst_clear_caps(&caps_);
  conversion_.close();
}

bool ElementCaps::is_open() const {
  std::lock_guard lock(mutex_);
  return caps_ != nullptr;
}

bool ElementCaps::declared(Capabilities *plugin) const {
  std::lock_guard lock(mutex_);
  if (caps_) *plugin = declared_;
  return caps_ != nullptr;
}

bool ElementCaps::find_port(const std::string &name, Port *port) const {
  std::lock_guard lock(mutex_);
  for (const Port &each : declared_.ports)
    if (caps_ && (each.name == name || each.name == any_port)) {
      *port = each;
      return true;
    }
  return false;
}

GstCaps *ElementCaps::of_port(const std::string &name, int rate) const {
  Port port;
  const bool known = find_port(name, &port);
  std::lock_guard lock(mutex_);
  return caps_of_port(caps_ ? declared_ : all_capabilities(),
                      known ? &port : nullptr, rate);
}

GstCaps *ElementCaps::of_class(int rate) const {
  std::lock_guard lock(mutex_);
  return caps_of_port(caps_ ? declared_ : all_capabilities(), nullptr, rate);
}

GstCaps *ElementCaps::input() const {
  std::lock_guard lock(mutex_);
  return caps_ ? gst_caps_ref(caps_) : nullptr;
}

CapsConversion ElementCaps::conversion() const {
  std::lock_guard lock(mutex_);
  return conversion_;
}

GstCaps *ElementCaps::allowed() const {
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

GstCaps *ElementCaps::transform(GstPadDirection direction, GstCaps *caps,
                                bool tells) const {
  CapsConversion conversion;
  {
    std::lock_guard lock(mutex_);
    if (!caps_) return gst_caps_new_any();
    if (!conversion_.is_open())
      return gst_caps_intersect_full(caps, caps_, GST_CAPS_INTERSECT_FIRST);
    tells = tells || !fails_closed_ || direction == GST_PAD_SRC;
    if (!tells && agreed_input_ && gst_caps_is_equal(caps, agreed_input_))
      return gst_caps_ref(agreed_output_);
    conversion = conversion_;
  }
  return conversion.transform(direction, caps, tells);
}

void ElementCaps::agree(GstCaps *input, GstCaps *output) {
  std::lock_guard lock(mutex_);
  gst_caps_replace(&agreed_input_, input);
  gst_caps_replace(&agreed_output_, output);
}

}  // namespace pythonfilter
