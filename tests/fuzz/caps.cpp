// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Caps as text that a peer, a plugin or a worker wrote: GStreamer's reader gets
// only what it can read, and what is shown of them no terminal obeys.
#include <string>

#include "../../gst/caps/foreigncaps.hpp"
#include "../../gst/caps/foreigntext.hpp"
#include "check.hpp"

using namespace pythonfilter;

namespace {

void check_shown(const std::string &text) {
  const std::string shown = shown_text(text, 200);
  CHECK(shown.size() < 4 * 200 + 40);
  for (const char c : shown)
    CHECK(uint8_t(c) >= 0x20 || c == '\n' || c == '\t');
  CHECK(shown.find('\x7f') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const bool ready = [] {
    // What GStreamer's reader calls a fault of its caller's is one of ours.
    g_log_set_always_fatal(
        GLogLevelFlags(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL));
    return bool(gst_init_check(nullptr, nullptr, nullptr));
  }();
  CHECK(ready);
  const std::string text(reinterpret_cast<const char *>(data), size);
  check_shown(text);
  std::string problem;
  // As if each were the first.
  ForeignNames names;
  ForeignNames::left_of_all = 20000;
  GstCaps *caps = caps_from_foreign(text, &names, &problem);
  CHECK((caps == nullptr) == !problem.empty());
  if (!caps) return 0;
  CHECK(gst_caps_get_size(caps) <= 64);
  gchar *again = gst_caps_to_string(caps);
  g_free(again);
  gst_caps_unref(caps);
  return 0;
}
