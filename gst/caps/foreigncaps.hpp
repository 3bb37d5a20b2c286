// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Caps as text that somebody else wrote: a plugin, its worker, or whoever sent
// a stream over the network. GStreamer's own reader goes as deep as the text
// does, until the stack is full, so it only gets what caps need.
#pragma once

#include <string>

#include <gst/gst.h>

#include "foreignnames.hpp"

namespace pythonfilter {

// NULL: `problem` says what is wrong with them, for behind "…, which ".
GstCaps *caps_from_foreign(const std::string &text, ForeignNames *names,
                           std::string *problem);

}  // namespace pythonfilter
