// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the checks of reload share: how code is saved, how the stream goes on
// until something was told of it, and which code it was then.
#pragma once

#include <algorithm>
#include <functional>

#include "mixing.hpp"
#include "sink.hpp"

namespace check {

inline const Properties watching = {{"reload", "true"}};

inline std::string multiplying(const std::string &factor,
                               const std::string &more = "") {
  return "class Plugin:\n    def process_audio(self, buffer):\n"
         "        buffer.data *= " +
         factor + "\n" + more;
}

inline bool ask(GstElement *element) {
  gboolean asked = FALSE;
  g_signal_emit_by_name(element, "reload", &asked);
  return asked;
}

// What was told of a reload; empty: nothing yet. Throws other messages away.
struct Told {
  std::string warning;  // its text
  std::string debug;
  guint64 count = 0;  // of the message pythonfilter-reloaded
  bool carried = false;
  bool any() const { return count || !warning.empty(); }
};

inline Told told_on(GstBus *bus, GstClockTime wait) {
  Told told;
  GstMessage *message =
      next_message(bus,
                   GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING |
                                  GST_MESSAGE_ELEMENT),
                   wait);
  if (!message) return told;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) {
    const GstStructure *fields = gst_message_get_structure(message);
    if (gst_structure_has_name(fields, "pythonfilter-reloaded")) {
      fail_unless(gst_structure_get_uint64(fields, "count", &told.count));
      gboolean carried;
      fail_unless(gst_structure_get_boolean(fields, "state-carried", &carried));
      told.carried = carried;
    }
  } else {
    Reports reports;
    reports.push_back(report_in(message));
    fail_unless(reports[0].type == GST_MESSAGE_WARNING, "%s",
                reports.text().c_str());
    fail_unless(reports[0].details != nullptr, "%s", reports.text().c_str());
    told.warning = reports[0].text;
    told.debug = reports[0].debug;
  }
  gst_message_unref(message);
  return told;
}

// Lets the stream flow until something was told.
inline Told flow_until_told(GstBus *bus, const std::function<void()> &flow) {
  Told told;
  wait_until([&] {
    flow();
    told = told_on(bus, GST_MSECOND);
    return told.any();
  });
  fail_unless(told.any(), "nothing was told");
  return told;
}

// Of a filter that multiplies: by which whole number.
inline int factor_of(GstBuffer *out) {
  GstMapInfo map;
  fail_unless(gst_buffer_map(out, &map, GST_MAP_READ));
  float first;
  memcpy(&first, map.data, sizeof first);
  gst_buffer_unmap(out, &map);
  const int factor = int(first / number_at(0, 0));
  expect_samples(out, {},
                 [&](int c, size_t i) { return factor * number_at(c, i); });
  return factor;
}

// Goes on until the code has changed; every buffer is wholly the old one's or
// wholly the new one's. How it was told.
inline Told change(Stream *stream, int before, int after) {
  int last = before;
  const Told told = flow_until_told(stream->bus(), [&] {
    GstBuffer *out = stream->through(new_buffer(stream->audio()));
    const int factor = factor_of(out);
    fail_unless(factor == last || (last == before && factor == after),
                "%d after %d", factor, last);
    last = factor;
    gst_buffer_unref(out);
  });
  fail_unless(told.warning.empty(), "%s", told.warning.c_str());
  fail_unless_equals_int(last, after);
  return told;
}

inline Told flow(Stream *stream) {
  return flow_until_told(stream->bus(), [&] {
    GstBuffer *out = stream->through(new_buffer(stream->audio()));
    gst_buffer_unref(out);
  });
}

inline void expect_factor(Stream *stream, int factor) {
  GstBuffer *out = stream->through(new_buffer(stream->audio()));
  fail_unless_equals_int(factor_of(out), factor);
  gst_buffer_unref(out);
}

// Of a plugin with pads of its own, which gives samples of one value: those of
// the code that is there are `before` on `pad`, and those that `save` writes
// are `after`. What `save_other` writes has other pads, and is told and not
// taken.
inline void expect_new_code_for_the_same_pads(
    Pipeline *pipeline, const char *pad, float before, float after,
    const std::function<void()> &save,
    const std::function<void()> &save_other) {
  const Last last(pipeline->python(), pad);
  pipeline->expect_to(GST_STATE_PLAYING);
  last.expect(before);
  save();
  fail_unless(ask(pipeline->python()));
  last.expect(after);
  pipeline->expect_no_reports();
  save_other();
  fail_unless(ask(pipeline->python()));
  GstMessage *warning = pipeline->wait_for(GST_MESSAGE_WARNING);
  fail_unless(warning != nullptr);
  Reports reports;
  reports.push_back(report_in(warning));
  expect_part(reports[0].text, "its inputs or outputs are others");
  gst_message_unref(warning);
  fail_unless(last.sample() == after);
  // The file is gone before its folder.
  pipeline->expect_null();
}

// A plugin that gives everything later than it gets it is loaded anew while
// `sent` comes from the appsrc "source": what leaves `pad` is `wanted(frame)`,
// each at its time, and one of them does not continue what was before it.
template <typename Wanted>
void expect_new_code_to_lose_nothing(const Pipeline &pipeline, const char *pad,
                                     const Sent &sent, const Wanted &wanted) {
  const Heard heard(pipeline.python(), pad);
  GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline.get()), "source");
  size_t frames = 0;
  const auto push = [&] {
    push_to(source, sent.buffer(frames, sent.piece));
    frames += sent.piece;
  };
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  while (frames < 2000)
    push();
  fail_unless(ask(pipeline.python()));
  const Told told = flow_until_told(pipeline.bus(), push);
  fail_unless(told.count == 1 && !told.carried, "%s", told.warning.c_str());
  for (const size_t then = frames; frames < then + 2000;)
    push();
  end_of(source);
  gst_object_unref(source);
  pipeline.expect_eos();
  const std::vector<float> got = heard.samples<float>();
  fail_unless_equals_int(int(got.size()), int(frames));
  for (size_t i = 0; i < frames; i++)
    if (got[i] != float(wanted(i)))
      fail_unless(false, "frame %d: %g, not %g", int(i), double(got[i]),
                  double(wanted(i)));
  heard.expect_in_a_row(0);
  const std::vector<bool> breaks = heard.disconts();
  fail_unless_equals_int(int(std::count(breaks.begin(), breaks.end(), true)),
                         2);
  pipeline.expect_no_reports();
}

namespace fs = std::filesystem;

using Save = void (*)(const std::string &name, const std::string &text);

inline const Save saves[] = {
    // In place.
    [](const std::string &name, const std::string &text) {
      write_file(name, text);
    },
    // As most editors do.
    [](const std::string &name, const std::string &text) {
      fs::rename(write_file(name + ".new", text), folder() + "/" + name);
    },
    // As vim does.
    [](const std::string &name, const std::string &text) {
      fs::rename(folder() + "/" + name, folder() + "/" + name + "~");
      write_file(name, text);
      fs::remove(folder() + "/" + name + "~");
    },
    [](const std::string &name, const std::string &text) {
      fs::remove(folder() + "/" + name);
      write_file(name, text);
    },
    [](const std::string &name, const std::string &text) {
      const std::string other =
          write_file(name + std::to_string(text.size()), text);
      fs::remove(folder() + "/" + name);
      fs::create_hard_link(other, folder() + "/" + name);
    },
    [](const std::string &name, const std::string &text) {
      static int versions = 0;
      const std::string other =
          write_file(name + "." + std::to_string(versions++), text);
      fs::remove(folder() + "/" + name);
      fs::create_symlink(other, folder() + "/" + name);
    },
};

// Counts buffers, and multiplies by their number.
inline std::string counting(const std::string &more) {
  return multiplying("self.step()",
                     "    count = 0\n    def step(self):\n"
                     "        self.count += 1\n        return self.count\n" +
                         more);
}

inline const char stateful[] = R"(
    def get_state(self): return {"count": self.count}
    def set_state(self, state): self.count = state["count"]
)";

// Lets it count on until something is told, from `last` on.
inline Told count_on(Stream *stream, int *last, bool restarts = false) {
  Told told = flow_until_told(stream->bus(), [&] {
    GstBuffer *out = stream->through(new_buffer(stream->audio()));
    const int number = factor_of(out);
    fail_unless(number == *last + 1 || (restarts && number == 1), "%d after %d",
                number, *last);
    *last = number;
    gst_buffer_unref(out);
  });
  return told;
}

}  // namespace check
