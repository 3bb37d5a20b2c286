// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The caps that an element's plugin takes and gives, for whoever asks.
#pragma once

#include <memory>
#include <string>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"
#include "../caps/capsconversion.hpp"

namespace pythonfilter {

// Any thread. Where it asks the plugin that is under no lock.
class ElementCaps {
 public:
  explicit ElementCaps(PluginKind kind) : kind_(kind) {}
  ~ElementCaps();
  ElementCaps(const ElementCaps &) = delete;
  ElementCaps &operator=(const ElementCaps &) = delete;

  // From READY on. `conversion` is open if the plugin converts.
  void open(const Capabilities &capabilities, const CapsConversion &conversion);
  void close();
  bool is_open() const;

  // What goes in as it was declared; NULL: not open.
  GstCaps *input() const;
  // What the plugin takes, the template's before READY.
  GstCaps *allowed() const;
  // Of one input of a mixer, or output of a splitter, and of its only output or
  // input. `rate` is what is agreed on, or 0. What there is any of, before
  // READY.
  GstCaps *of_port(const std::string &name, int rate) const;
  GstCaps *of_class(int rate) const;
  // What a plugin with ports declares; false: not open.
  bool declared(Capabilities *plugin) const;
  // The port of that name, or of any; false: there is none.
  bool find_port(const std::string &name, Port *port) const;

  // The caps of the other pad of a filter; anything before READY, when nobody
  // knows the plugin. What one that fails closed gives is told once it is
  // agreed on, or to whoever `tells` it to nobody else.
  GstCaps *transform(GstPadDirection direction, GstCaps *caps,
                     bool tells = false) const;
  void agree(GstCaps *input, GstCaps *output);
  // To ask a plugin that converts, which it may keep a hold of.
  CapsConversion conversion() const;

 private:
  const PluginKind kind_;
  mutable Mutex mutex_;  // a leaf
  // All guarded by mutex_.
  GstCaps *caps_ = nullptr;  // NULL: not open
  CapsConversion conversion_;
  bool fails_closed_ = false;
  Capabilities declared_;  // of a plugin with ports
  // Of a converting plugin that fails closed.
  GstCaps *agreed_input_ = nullptr, *agreed_output_ = nullptr;
};

}  // namespace pythonfilter
