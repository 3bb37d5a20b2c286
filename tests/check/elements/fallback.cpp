// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Buffers that NumPy cannot show as they are, and buffers that others use too:
// right samples all the same, and a copy that is counted.
#include "../support/harness.hpp"

using namespace check;

namespace {

constexpr size_t frames = 64;

// Planes at the given places, in units of one plane.
GstBuffer *planes_at(const Audio &audio, std::vector<double> places,
                     double planes) {
  const size_t length = frames * audio.width();
  GstBuffer *buffer = gst_buffer_new_allocate(
      nullptr, size_t(planes * double(length)), nullptr);
  gst_buffer_memset(buffer, 0, 0xaa, gst_buffer_get_size(buffer));
  const GstAudioInfo info = audio.info();
  std::vector<gsize> offsets;
  for (double place : places)
    offsets.push_back(size_t(place * double(length)));
  fail_unless(gst_buffer_add_audio_meta(buffer, &info, frames, offsets.data()));
  fill(buffer, audio);
  return buffer;
}

GstBuffer *in_memories(const Audio &audio, int count) {
  GstBuffer *whole = new_buffer(audio, frames);
  GstBuffer *buffer = gst_buffer_new();
  const size_t part = gst_buffer_get_size(whole) / size_t(count) + 1;
  for (size_t at = 0; at < gst_buffer_get_size(whole); at += part) {
    const size_t size = std::min(part, gst_buffer_get_size(whole) - at);
    GstMemory *memory = gst_allocator_alloc(nullptr, size, nullptr);
    GstMapInfo map;
    gst_memory_map(memory, &map, GST_MAP_WRITE);
    gst_buffer_extract(whole, at, map.data, size);
    gst_memory_unmap(memory, &map);
    gst_buffer_append_memory(buffer, memory);
  }
  const GstAudioInfo info = audio.info();
  if (audio.planar) gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
  gst_buffer_unref(whole);
  fail_unless(gst_buffer_n_memory(buffer) == guint(count));
  return buffer;
}

GstBuffer *unaligned(const Audio &audio) {
  GstBuffer *whole = new_buffer(audio, frames);
  const size_t size = gst_buffer_get_size(whole);
  auto *data = static_cast<guint8 *>(g_malloc(size + 1));
  gst_buffer_extract(whole, 0, data + 1, size);
  gst_buffer_unref(whole);
  GstBuffer *buffer = gst_buffer_new_wrapped_full(
      GstMemoryFlags(0), data, size + 1, 1, size, data, g_free);
  const GstAudioInfo info = audio.info();
  if (audio.planar) gst_buffer_add_audio_meta(buffer, &info, frames, nullptr);
  return buffer;
}

GstBuffer *read_only_memory(const Audio &audio) {
  GstBuffer *buffer = new_buffer(audio, frames);
  GST_MINI_OBJECT_FLAG_SET(gst_buffer_peek_memory(buffer, 0),
                           GST_MEMORY_FLAG_READONLY);
  return buffer;
}

struct Odd {
  const char *name;
  bool planar;
  int channels;
  GstBuffer *(*make)(const Audio &audio);
  bool copied_to_write, copied_to_read;
  bool for_numpy = false;  // the copy is made since NumPy could not show it
};

const Odd odd_buffers[] = {
    {"planes with even gaps", true, 3,
     [](const Audio &audio) {
       return planes_at(audio, {0, 1.5, 3}, 4);
     },
     false, false},
    {"planes in reverse order", true, 3,
     [](const Audio &audio) {
       return planes_at(audio, {2, 1, 0}, 3);
     },
     false, false},
    {"first plane not at the start", true, 2,
     [](const Audio &audio) {
       return planes_at(audio, {1, 2}, 3);
     },
     false, false},
    {"one plane not at the start", true, 1,
     [](const Audio &audio) { return planes_at(audio, {1}, 3); }, false, false},
    {"unevenly spaced planes", true, 3,
     [](const Audio &audio) {
       return planes_at(audio, {0, 1, 2.5}, 4);
     },
     true, true, true},
    {"planes in mixed order", true, 3,
     [](const Audio &audio) {
       return planes_at(audio, {1, 0, 2}, 3);
     },
     true, true, true},
    {"planes at odd bytes", true, 2,
     [](const Audio &audio) {
       return planes_at(audio, {0, 1 + 1.0 / double(frames * audio.width())},
                        3);
     },
     true, true, true},
    {"two memories", false, 2,
     [](const Audio &audio) { return in_memories(audio, 2); }, true, true},
    {"two memories, planar", true, 2,
     [](const Audio &audio) { return in_memories(audio, 2); }, true, true},
    {"five memories", false, 3,
     [](const Audio &audio) { return in_memories(audio, 5); }, true, true},
    {"unaligned", false, 2, unaligned, true, true, true},
    {"unaligned, planar", true, 2, unaligned, true, true, true},
    {"memory that may not be written to", false, 2, read_only_memory, true,
     false},
};

void expect_copies(const Stream &stream, const Odd &row, guint64 copies) {
  // Samples always go there and back, and lie there as NumPy likes them.
  if (in_process() && row.for_numpy) copies = 0;
  fail_unless(stream.stat("copies") == copies, "%s: %d copies, not %d",
              row.name, int(stream.stat("copies")), int(copies));
  fail_unless_equals_uint64(stream.stat("escapes"), 0);
}

}  // namespace

GST_START_TEST(test_odd_buffers_are_processed_and_copies_counted) {
  const Odd &row = odd_buffers[__i__];
  for (const char *format : formats()) {
    const Audio audio = {format, row.planar, row.channels};
    for (const char *plugin : {"inplace.py", "rebind.py", "returned.py"}) {
      Stream stream(plugin_file(plugin), audio);
      for (int i = 0; i < 3; i++) {
        GstBuffer *out = stream.through(row.make(audio));
        expect_samples(out, audio, doubled);
        gst_buffer_unref(out);
        // Ordinary ones in between are shown as they are again.
        stream.expect_through(doubled);
      }
      expect_copies(stream, row, row.copied_to_write ? 3 : 0);
      stream.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_bytes_between_planes_are_left_alone) {
  const Audio audio = {"F32", true, 3};
  for (std::vector<double> places :
       {std::vector<double>{0, 1.5, 3}, {0, 1, 2.5}}) {
    Stream stream(plugin_file("inplace.py"), audio);
    GstBuffer *out = stream.through(planes_at(audio, places, 4));
    GstMapInfo map;
    gst_buffer_map(out, &map, GST_MAP_READ);
    size_t others = 0;
    for (size_t i = 0; i < map.size; i++) {
      bool in_plane = false;
      for (double place : places) {
        const size_t start = size_t(place * double(frames) * 4);
        in_plane = in_plane || (i >= start && i < start + frames * 4);
      }
      others += !in_plane;
      fail_unless(in_plane || map.data[i] == 0xaa, "byte %d", int(i));
    }
    fail_unless_equals_int(others, frames * 4);
    gst_buffer_unmap(out, &map);
    gst_buffer_unref(out);
  }
}
GST_END_TEST;

GST_START_TEST(test_odd_buffers_are_read_and_refuse_writes) {
  const Odd &row = odd_buffers[__i__];
  const Audio audio = {"S16", row.planar, row.channels};
  double sum = 0;
  for (int c = 0; c < audio.channels; c++)
    for (size_t i = 0; i < frames; i++)
      sum += number_at(c, i);
  Stream stream(plugin_file("meter.py"), audio);
  GstBuffer *in = row.make(audio);
  GstBuffer *out = stream.through(in);
  fail_unless(out == in);
  expect_samples(out, audio, number_at);
  gst_buffer_unref(out);
  expect_copies(stream, row, row.copied_to_read ? 1 : 0);
  stream.to(GST_STATE_NULL);
  expect_text(log_text(),
              "sum " + std::to_string(int(sum)) + ", refused 1 of 1\n");
}
GST_END_TEST;

// ---- shared -----------------------------------------------------------------

namespace {

// Both are kept by "upstream" while the element has them.
GstBuffer *same_buffer(GstBuffer *mine) {
  return gst_buffer_ref(mine);
}
GstBuffer *same_memory(GstBuffer *mine) {
  return gst_buffer_copy(mine);
}

constexpr GstBuffer *(*share[])(GstBuffer *) = {same_buffer, same_memory};

}  // namespace

GST_START_TEST(test_shared_samples_are_copied_before_they_are_written_to) {
  for (const char *plugin : {"inplace.py", "rebind.py", "returned.py"}) {
    for (bool planar : {false, true}) {
      const Audio audio = {"F32", planar};
      Stream stream(plugin_file(plugin), audio);
      GstBuffer *mine = new_buffer(audio);
      for (guint64 i = 1; i <= 3; i++) {
        GstBuffer *out = stream.through(share[__i__](mine));
        fail_unless(out != mine);
        expect_samples(out, audio, doubled);
        expect_samples(mine, audio, number_at);
        fail_unless_equals_uint64(stream.stat("copies"), i);
        gst_buffer_unref(out);
      }
      gst_buffer_unref(mine);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_read_only_plugin_passes_on_the_very_buffer_that_is_shared) {
  for (bool planar : {false, true}) {
    clear_log();
    const Audio audio = {"F32", planar};
    Stream stream(plugin_file("meter.py"), audio);
    GstBuffer *mine = new_buffer(audio);
    for (int i = 0; i < 3; i++) {
      GstBuffer *theirs = share[__i__](mine);
      GstBuffer *out = stream.through(theirs);
      fail_unless(out == theirs);
      fail_unless(gst_buffer_peek_memory(out, 0) ==
                  gst_buffer_peek_memory(mine, 0));
      gst_buffer_unref(out);
    }
    expect_samples(mine, audio, number_at);
    fail_unless_equals_uint64(stream.stat("copies"), 0);
    stream.to(GST_STATE_NULL);
    expect_part(log_text(), "refused 3 of 3\n");
    gst_buffer_unref(mine);
  }
}
GST_END_TEST;

static Suite *fallback_suite() {
  Suite *suite = suite_create("fallback");
  TCase *odd = new_case(suite, "odd buffers");
  const int count = int(std::size(odd_buffers));
  tcase_add_loop_test(odd, test_odd_buffers_are_processed_and_copies_counted, 0,
                      count);
  tcase_add_test(odd, test_bytes_between_planes_are_left_alone);
  tcase_add_loop_test(odd, test_odd_buffers_are_read_and_refuse_writes, 0,
                      count);
  TCase *shared = new_case(suite, "shared buffers");
  tcase_add_loop_test(
      shared, test_shared_samples_are_copied_before_they_are_written_to, 0, 2);
  tcase_add_loop_test(
      shared, test_read_only_plugin_passes_on_the_very_buffer_that_is_shared, 0,
      2);
  return suite;
}

GST_CHECK_MAIN(fallback)
