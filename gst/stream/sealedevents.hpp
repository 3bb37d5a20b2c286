// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What goes past a plugin that nothing unprocessed may leave. An encryptor's
// input has a title, and a decryptor's may have one from whoever sent it.
#pragma once

#include <gst/gst.h>

namespace pythonfilter {

// Takes an event on its way downstream; NULL: it stops here. Only what a stream
// needs goes on, with no more fields than it has to have: caps, segments, gaps,
// flushes and ends; and its begin, with an id that tells nothing. What is in
// the fields can be meant: times and rates that are none stop here as well.
GstEvent *sealed_event(GstEvent *event);

// False: a segment without one, as gdpdepay makes of a text that somebody sent,
// which ends the process where it is read.
bool is_whole(GstEvent *event);

// Whether an event goes on to where the stream comes from.
bool passes_upstream(GstEvent *event);

// Takes away what a buffer carries besides samples, times and flags.
void remove_foreign_metas(GstBuffer **buffer);

}  // namespace pythonfilter
