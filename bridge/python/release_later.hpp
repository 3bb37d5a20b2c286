// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Objects of a plugin that GStreamer sent on, on their way back.
//
// Whoever drops a buffer last may hold any lock, so it must not wait for the
// GIL: it only puts the object on a list. The next call of a converting plugin
// empties it, or, when none comes, a thread that looks now and then.
#pragma once

#include "python.hpp"

namespace pythonfilter {

struct SentObject {
  SentObject *next = nullptr;
  PyObject *object = nullptr;
  Py_buffer view = {};  // .obj is NULL where the object itself is enough
};

// With the GIL, for each object before it goes out.
void count_sent();

// Any thread, no GIL, no lock; a GDestroyNotify.
void release_later(void *sent);

// With the GIL.
void release_sent();

}  // namespace pythonfilter
