// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Compiled once for all files here: to read these takes most of the time of
// compiling them. Each file includes what it uses, whether it is here or not.
#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gst/audio/audio.h>
#include <gst/audio/gstaudioaggregator.h>
#include <gst/base/gstbasesink.h>
#include <gst/base/gstbasesrc.h>
#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>
