// SPDX-License-Identifier: LGPL-2.1-or-later
#include "references.hpp"

namespace pythonfilter {

void shift_references(GstBuffer *buffer, bool known, GstClockTimeDiff later) {
  constexpr auto api = gst_reference_timestamp_meta_api_get_type;
  while (!known) {
    GstMeta *meta = gst_buffer_get_meta(buffer, api());
    if (!meta) return;
    gst_buffer_remove_meta(buffer, meta);
  }
  gpointer state = nullptr;
  while (GstMeta *meta =
             gst_buffer_iterate_meta_filtered(buffer, &state, api())) {
    auto *reference = reinterpret_cast<GstReferenceTimestampMeta *>(meta);
    reference->timestamp += GstClockTime(later);
    if (GST_CLOCK_TIME_IS_VALID(reference->duration))
      reference->duration = GST_BUFFER_DURATION(buffer);
  }
}

}  // namespace pythonfilter
