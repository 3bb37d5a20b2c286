// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <gst/gst.h>

namespace pythonfilter {

// The buffer's time by another clock, now that it begins so much later than
// what that was said of. Where that is not known, it is not told.
void shift_references(GstBuffer *buffer, bool known, GstClockTimeDiff later);

}  // namespace pythonfilter
