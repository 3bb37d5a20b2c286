// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A Failure as one bus message: a sentence for the user, the traceback for
// the developer, and a `python-exception` structure for the application.
#pragma once

#include <string>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

// "gain.py: process_audio() raised ValueError: too loud (/home/u/gain.py:7)"
std::string sentence(const std::string &plugin, const Failure &failure);

// `type` is GST_MESSAGE_ERROR or GST_MESSAGE_WARNING; `count` how many
// failures it stands for. Never with the GIL or a lock held. The sentence.
std::string post_failure(GstElement *element, GstMessageType type,
                         const std::string &plugin, const Failure &failure,
                         GstClockTime pts, guint64 count);

}  // namespace pythonfilter
