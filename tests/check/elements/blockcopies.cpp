// SPDX-License-Identifier: LGPL-2.1-or-later
//
// block-size: what is copied to make the blocks, and what is not.
#include <set>
#include <thread>

#include "../support/blocks.hpp"

using namespace check;

GST_START_TEST(test_buffer_of_one_block_is_handed_through) {
  for (const Audio &audio : every_audio({1, 2, 3, 8})) {
    Stream stream(plugin_file("places.py"), audio, blocks_of(480));
    Feed feed(audio);
    Expected expected(audio);
    for (int i = 0; i < 3; i++) {
      clear_log();
      GstBuffer *in = feed.next(480);
      const auto address = address_of(in);
      GstBuffer *out = stream.through(in);
      fail_unless(out == in);
      expect_text(log_text(), std::to_string(address) + "\n");
      fail_unless(address_of(out) == address);
      expected.check(out, 480);
    }
    fail_unless_equals_uint64(stream.stat("copies"), 0);
  }
}
GST_END_TEST;

GST_START_TEST(test_blocks_of_a_longer_buffer_lie_in_its_memory) {
  for (const Audio &audio : {Audio{"F32", false, 2}, Audio{"S16", false, 3},
                             Audio{"F64", true, 1}}) {
    clear_log();
    Stream stream(plugin_file("places.py"), audio, blocks_of(100));
    const size_t bytes = 100 * audio.width() * size_t(audio.channels);
    Feed feed(audio);
    Expected expected(audio);
    GstBuffer *in = feed.next(350);
    bool gone = false;
    watch(in, &gone);
    const auto address = address_of(in);
    stream.expect_push(in);
    std::vector<GstBuffer *> outs = pull_all(&stream);
    fail_unless_equals_int(outs.size(), 3);
    std::string places;
    for (size_t i = 0; i < 3; i++) {
      places += std::to_string(address + i * bytes) + "\n";
      fail_unless(address_of(outs[i]) == address + i * bytes);
      fail_unless(gst_buffer_is_writable(outs[i]) &&
                  gst_buffer_is_all_memory_writable(outs[i]));
      gsize offset, most;
      gst_buffer_get_sizes(outs[i], &offset, &most);
      fail_unless(offset == 0 && most == bytes);
    }
    expect_text(log_text(), places);
    // Writing to all of one block leaves the others alone.
    gst_buffer_memset(outs[1], 0, 0, gst_buffer_get_size(outs[1]));
    expected.check(outs[0], 100);
    expect_samples(outs[1], audio, silence);
    expected.check_times(outs[1], 100);
    gst_buffer_unref(outs[1]);
    expected.check(gst_buffer_ref(outs[2]), 100);
    fail_unless(!gone);
    // Given back from whatever thread is the last.
    std::thread([&] { gst_buffer_unref(outs[2]); }).join();
    fail_unless(gone);
    fail_unless_equals_uint64(stream.stat("copies"), 0);
    // The fifty that are left.
    stream.expect_push(feed.next(50));
    expected.check(stream.pull(), 100);
    fail_unless_equals_uint64(stream.stat("copies"), 1);
  }
}
GST_END_TEST;

GST_START_TEST(test_writer_leaves_a_shared_buffer_as_it_is) {
  for (bool planar : {false, true}) {
    const Audio audio = {"F32", planar, 2};
    Stream stream(plugin_file("blocks.py"), audio, quiet_blocks_of(100));
    Feed feed(audio);
    Expected expected(audio);
    GstBuffer *in = feed.next(300);
    stream.expect_push(gst_buffer_ref(in));
    for (int i = 0; i < 3; i++) {
      GstBuffer *out = stream.pull();
      // Memory that is used again.
      fail_unless(out && out->pool);
      expected.check(out, 100);
    }
    expect_samples(in, audio, number_at);
    gst_buffer_unref(in);
    fail_unless_equals_uint64(stream.stat("copies"), 3);
  }
}
GST_END_TEST;

GST_START_TEST(test_reader_shares_a_shared_buffer) {
  const Audio audio = {"F32", false, 2};
  // Of the buffer, or of its memory alone.
  for (bool buffer_too : {true, false}) {
    Stream stream(plugin_file("meter.py"), audio, blocks_of(100));
    Feed feed(audio);
    Expected expected(audio);
    // Samples do not begin where memory begins.
    GstBuffer *whole = feed.next(310);
    GstBuffer *in =
        gst_buffer_copy_region(whole, GST_BUFFER_COPY_ALL, 80, 2400);
    GST_BUFFER_PTS(in) = 0;
    GST_BUFFER_OFFSET(in) = 0;
    if (buffer_too) gst_buffer_ref(in);
    stream.expect_push(in);
    for (size_t i = 0; i < 3; i++) {
      GstBuffer *out = stream.pull();
      fail_unless(address_of(out) == address_of(whole) + 80 + i * 800);
      expect_samples(out, audio, [i](int c, size_t frame) {
        return number_at(c, 10 + 100 * i + frame);
      });
      expected.check_times(out, 100);
      gst_buffer_unref(out);
    }
    if (buffer_too) gst_buffer_unref(in);
    gst_buffer_unref(whole);
    fail_unless_equals_uint64(stream.stat("copies"), 0);
  }
}
GST_END_TEST;

GST_START_TEST(test_buffer_in_several_memories_is_divided) {
  const Audio audio = {"S16", false, 2};
  for (bool shared : {false, true}) {
    for (const char *plugin : {"blocks.py", "meter.py"}) {
      Stream stream(plugin_file(plugin), audio, blocks_of(100));
      Feed feed(audio);
      Expected expected(audio);
      GstBuffer *in = feed.next(130), *more = feed.next(170);
      gst_buffer_append_memory(in, gst_buffer_get_all_memory(more));
      gst_buffer_unref(more);
      fail_unless_equals_int(gst_buffer_n_memory(in), 2);
      if (shared) gst_buffer_ref(in);
      stream.expect_push(in);
      for (int i = 0; i < 3; i++)
        expected.check(stream.pull(), 100, strcmp(plugin, "meter.py") ? 2 : 1);
      if (shared) gst_buffer_unref(in);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_copied_blocks_use_the_same_memory_again) {
  for (bool planar : {false, true}) {
    const Audio audio = {"F32", planar, 2};
    Stream stream(plugin_file("untouched.py"), audio, blocks_of(100));
    Feed feed(audio);
    std::set<guint64> places;
    for (int i = 0; i < 200; i++) {
      stream.expect_push(feed.next(77));
      for (GstBuffer *out : pull_all(&stream)) {
        places.insert(address_of(out));
        gst_buffer_unref(out);
      }
    }
    // What lies in one buffer is not copied when it is interleaved.
    fail_unless(places.size() <= 4, "%d", int(places.size()));
    fail_unless_equals_uint64(stream.stat("copies"), 154);
    fail_unless_equals_uint64(stream.stat("buffers"), 154);
  }
}
GST_END_TEST;

GST_START_TEST(test_arrays_that_a_plugin_keeps_stay_as_they_were) {
  for (const char *plugin : {"keeper.py", "keeping_meter.py"}) {
    const bool writes = !strcmp(plugin, "keeper.py");
    for (bool planar : {false, true}) {
      clear_log();
      const Audio audio = {"F32", planar, 2};
      Stream stream(plugin_file(plugin), audio,
                    blocks_of(100, {{"params", "p,keep=(string)data"}}));
      Feed feed(audio);
      Expected expected(audio);
      // In the buffer's memory, in a block's own, and as it is.
      for (size_t frames : {250, 50, 100, 30, 170, 77, 1})
        stream.expect_push(feed.next(frames));
      for (int i = 0; i < 6; i++) {
        GstBuffer *out = gst_buffer_make_writable(stream.pull());
        expected.check(gst_buffer_ref(out), 100, writes ? 2 : 1);
        fill(out, audio, silence);
        gst_buffer_unref(out);
      }
      end(&stream);
      expected.check(stream.pull(), 78, writes ? 2 : 1);
      fail_unless_equals_uint64(stream.stat("escapes"), 7);
      stream.to(GST_STATE_NULL);
      expect_part(log_text(), "kept 7, ");
      fail_unless(!contains(log_text(), "changed"), "%s %s", plugin,
                  log_text().c_str());
    }
  }
}
GST_END_TEST;

static Suite *blockcopies_suite() {
  Suite *suite = suite_create("blockcopies");
  TCase *copies = new_case(suite, "copies");
  add_test_here(copies, test_buffer_of_one_block_is_handed_through,
                "its array is over memory that it shares with its worker, not "
                "the buffer's");
  add_test_here(copies, test_blocks_of_a_longer_buffer_lie_in_its_memory,
                "its array is over memory that it shares with its worker, not "
                "the buffer's");
  tcase_add_test(copies, test_writer_leaves_a_shared_buffer_as_it_is);
  tcase_add_test(copies, test_reader_shares_a_shared_buffer);
  tcase_add_test(copies, test_buffer_in_several_memories_is_divided);
  tcase_add_test(copies, test_copied_blocks_use_the_same_memory_again);
  tcase_add_test(copies, test_arrays_that_a_plugin_keeps_stay_as_they_were);
  return suite;
}

GST_CHECK_MAIN(blockcopies)
