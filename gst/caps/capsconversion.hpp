// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which caps a converting plugin gives for those it gets, and the other way
// round, as it declared or as its methods say.
#pragma once

#include <memory>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "foreignnames.hpp"

namespace pythonfilter {

class CapsConversion {
 public:
  CapsConversion() = default;
  ~CapsConversion() { close(); }
  CapsConversion(const CapsConversion &other) { *this = other; }
  CapsConversion &operator=(const CapsConversion &other);

  // False: `problem` says what is wrong with what the plugin declared.
  bool open(std::shared_ptr<Plugin> plugin, std::string *problem);
  void close();
  bool is_open() const { return input_ != nullptr; }

  GstCaps *input() const { return gst_caps_ref(input_); }
  // What a source gives now. The plugin may be asked, so not for use under any
  // lock. NULL: `failure` says why.
  GstCaps *source(Failure *failure) const;

  // The caps of the other pad for `caps` of the one of `direction`. These two
  // ask the plugin, so they are not for use under any lock. Unless `tells`,
  // nothing of `caps` is in those of the output: what is declared.
  GstCaps *transform(GstPadDirection direction, GstCaps *caps,
                     bool tells) const;
  // Whether the plugin stands by what was agreed on.
  bool confirm(GstCaps *input, GstCaps *output, Failure *failure) const;

 private:
  // NULL: `failure` says why.
  GstCaps *ask(bool to_output, GstCaps *caps, Failure *failure) const;

  std::shared_ptr<Plugin> plugin_;
  std::shared_ptr<ForeignNames> names_;  // of all that it says
  GstCaps *input_ = nullptr;
  GstCaps *output_ = nullptr;  // NULL: the same as the input
};

// Fixes `caps` of the output where the plugin left a choice: raw audio as much
// like the input as can be. Takes `caps`.
GstCaps *fixate_output(GstCaps *input, GstCaps *caps);

}  // namespace pythonfilter
