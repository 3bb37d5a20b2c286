// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Compiled once for all files here: to read these takes most of the time of
// compiling them. Each file includes what it uses, whether it is here or not.
#include <algorithm>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../python.hpp"
