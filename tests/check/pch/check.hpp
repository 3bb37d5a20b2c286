// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Compiled once for all files here: to read these takes most of the time of
// compiling them. Each file includes what it uses, whether it is here or not.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gst/audio/audio.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/controller/controller.h>
#include <gst/gst.h>
