// SPDX-License-Identifier: LGPL-2.1-or-later
//
// block-size: the plugin gets that many frames in each call, whatever comes,
// and the stream that goes on is the one that came.
#include <memory>
#include <random>
#include <set>
#include <thread>

#include "../harness.hpp"

using namespace check;

namespace {

// Samples that go on from buffer to buffer, with the times and offsets of a
// source that counts them.
class Feed {
 public:
  explicit Feed(const Audio &audio) : audio_(audio) {}

  GstBuffer *next(size_t frames) {
    GstBuffer *buffer = empty_buffer(audio_, frames);
    fill(buffer, audio_, numbers());
    GST_BUFFER_PTS(buffer) = time_of(sent);
    GST_BUFFER_DURATION(buffer) = time_of(sent + frames) - time_of(sent);
    GST_BUFFER_OFFSET(buffer) = sent;
    GST_BUFFER_OFFSET_END(buffer) = sent + frames;
    sent += frames;
    return buffer;
  }
  // Of what is sent next.
  Number numbers() const {
    return [first = sent](int c, size_t i) { return number_at(c, first + i); };
  }
  GstClockTime time_of(guint64 frame) const {
    return gst_util_uint64_scale_round(frame, GST_SECOND, guint64(audio_.rate));
  }

  guint64 sent = 0;

 private:
  Audio audio_;
};

// What comes out of it, doubled.
class Expected {
 public:
  explicit Expected(const Audio &audio) : audio_(audio), feed_(audio) {}

  // Takes the buffer.
  void check(GstBuffer *buffer, size_t frames, double factor = 2) {
    fail_unless(buffer != nullptr, "nothing came out after frame %d",
                int(came));
    fail_unless(frames_of(buffer, audio_) == frames, "%s: %d frames, not %d",
                audio_.name().c_str(), int(frames_of(buffer, audio_)),
                int(frames));
    expect_samples(buffer, audio_, [this, factor](int c, size_t i) {
      return factor * number_at(c, came + i);
    });
    check_times(buffer, frames);
    gst_buffer_unref(buffer);
  }
  void check_times(GstBuffer *buffer, size_t frames) {
    expect_near(GST_BUFFER_PTS(buffer), feed_.time_of(came));
    expect_near(GST_BUFFER_DURATION(buffer),
                feed_.time_of(came + frames) - feed_.time_of(came));
    fail_unless_equals_uint64(GST_BUFFER_OFFSET(buffer), came);
    fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(buffer), came + frames);
    came += frames;
  }

  guint64 came = 0;

 private:
  // To a nanosecond: the time of a buffer is rounded, and that in it as well.
  static void expect_near(GstClockTime got, GstClockTime want) {
    fail_unless(
        GST_CLOCK_DIFF(want, got) <= 1 && GST_CLOCK_DIFF(got, want) <= 1,
        "%" GST_TIME_FORMAT ", not %" GST_TIME_FORMAT, GST_TIME_ARGS(got),
        GST_TIME_ARGS(want));
  }

  Audio audio_;
  Feed feed_;
};

Properties blocks_of(size_t frames, const Properties &more = {}) {
  Properties all = {{"block-size", std::to_string(frames)}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Properties quiet_blocks_of(size_t frames, const Properties &more = {}) {
  Properties all = blocks_of(frames, more);
  all.push_back({"params", "p,quiet=true"});
  return all;
}

void push_ok(Stream *stream, GstBuffer *buffer) {
  const GstFlowReturn flow = stream->push(buffer);
  fail_unless(flow == GST_FLOW_OK, "%s: %s", gst_flow_get_name(flow),
              stream->reports().text().c_str());
}

void expect_nothing(Stream *stream) {
  GstBuffer *out = stream->pull();
  fail_unless(out == nullptr, "%d bytes came out",
              out ? int(gst_buffer_get_size(out)) : 0);
}

void end(Stream *stream) {
  stream->push_event(gst_event_new_eos());
}

std::vector<GstBuffer *> pull_all(Stream *stream) {
  std::vector<GstBuffer *> all;
  while (GstBuffer *out = stream->pull())
    all.push_back(out);
  return all;
}

const guint8 *address_of(GstBuffer *buffer) {
  GstMapInfo map;
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
  gst_buffer_unmap(buffer, &map);
  return map.data;
}

bool has_flag(GstBuffer *buffer, GstBufferFlags flag) {
  return GST_BUFFER_FLAG_IS_SET(buffer, flag);
}

GstBuffer *with_flag(GstBuffer *buffer, GstBufferFlags flag) {
  GST_BUFFER_FLAG_SET(buffer, flag);
  return buffer;
}

// Set when the buffer is gone.
void watch(GstBuffer *buffer, bool *gone) {
  gst_mini_object_weak_ref(
      GST_MINI_OBJECT(buffer),
      [](gpointer flag, GstMiniObject *) { *static_cast<bool *>(flag) = true; },
      gone);
}

std::string calls_in_log() {
  std::string calls;
  size_t at = 0;
  const std::string log = log_text();
  while (at < log.size()) {
    const size_t line_end = log.find('\n', at);
    const std::string line = log.substr(at, line_end - at);
    calls += line.substr(0, line.find(' ', 5)) + "\n";
    at = line_end + 1;
  }
  return calls;
}

std::vector<Audio> kinds() {
  std::vector<Audio> all;
  for (const char *format : formats())
    for (bool planar : {false, true})
      for (int channels : {1, 2, 3, 8})
        all.push_back({format, planar, channels});
  return all;
}

}  // namespace

// ---- what the plugin gets, and what comes out
// --------------------------------

GST_START_TEST(test_every_call_has_that_many_frames_whatever_arrives) {
  std::mt19937 random(7);
  for (const Audio &audio : kinds()) {
    for (size_t frames : {size_t(1), size_t(480), size_t(3000)}) {
      clear_log();
      const size_t most = frames == 1 ? 20 : few() ? 1000 : 5000;
      const size_t total = frames == 1 ? 60 : 3 * most;
      Stream stream(plugin_file("blocks.py"), audio, quiet_blocks_of(frames));
      Feed feed(audio);
      Expected expected(audio);
      while (feed.sent < total) {
        push_ok(&stream, feed.next(1 + random() % most));
        for (GstBuffer *out : pull_all(&stream))
          expected.check(out, frames);
        // No frame is held that has a whole block.
        fail_unless(feed.sent - expected.came < frames);
      }
      end(&stream);
      if (feed.sent > expected.came)
        expected.check(stream.pull(), feed.sent - expected.came);
      expect_nothing(&stream);
      fail_unless_equals_uint64(expected.came, feed.sent);
      expect_text(log_text(), "");
      stream.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_every_sample_of_a_block_of_its_own_is_as_it_came) {
  std::mt19937 random(11);
  const Audio audio = {"F32", false, 2};
  Stream stream(plugin_file("untouched.py"), audio, blocks_of(333));
  std::string in, out;
  for (int i = 0; i < 60; i++) {
    const size_t size = (1 + random() % 2000) * 8;
    std::string bytes(size, 0);
    for (char &byte : bytes)
      byte = char(random());
    in += bytes;
    push_ok(&stream, gst_buffer_new_memdup(bytes.data(), size));
  }
  end(&stream);
  for (GstBuffer *each : pull_all(&stream)) {
    std::string bytes(gst_buffer_get_size(each), 0);
    gst_buffer_extract(each, 0, &bytes[0], bytes.size());
    out += bytes;
    gst_buffer_unref(each);
  }
  fail_unless(in == out);
}
GST_END_TEST;

GST_START_TEST(test_times_are_exact_over_many_blocks) {
  const Audio audio = {"S16", false, 1, 44100};
  const size_t frames = 32;
  const guint64 blocks = few() ? 2000 : 100000;
  std::mt19937 random(3);
  Stream stream(plugin_file("untouched.py"), audio, blocks_of(frames));
  Feed feed(audio);
  Expected expected(audio);
  while (expected.came < blocks * frames) {
    GstBuffer *in = feed.next(1 + random() % 200);
    push_ok(&stream, in);
    for (GstBuffer *out : pull_all(&stream)) {
      fail_unless_equals_uint64(
          gst_util_uint64_scale_round(GST_BUFFER_PTS(out), 44100, GST_SECOND),
          expected.came);
      expected.check_times(out, frames);
      gst_buffer_unref(out);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_plugin_is_told_size_times_and_offsets) {
  const Audio audio = {"F32", true, 2, 1000};
  Stream stream(plugin_file("blocks.py"), audio, blocks_of(10));
  expect_text(log_text(), "size 10\n");
  clear_log();
  Feed feed(audio);
  push_ok(&stream, with_flag(feed.next(15), GST_BUFFER_FLAG_DISCONT));
  push_ok(&stream, feed.next(5));
  expect_text(
      log_text(),
      "call 10 pts 0 duration 10000000 offset 0 discont - last 13\n"
      "call 10 pts 10000000 duration 10000000 offset 10 - - last -18\n");
  for (GstBuffer *out : pull_all(&stream))
    gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_frames_without_times_have_none_afterwards) {
  const Audio audio = {"S16", false, 2};
  Stream stream(plugin_file("untouched.py"), audio, blocks_of(48));
  push_ok(&stream, new_buffer(audio, 100));
  Feed feed(audio);
  push_ok(&stream, feed.next(100));
  const std::vector<GstBuffer *> outs = pull_all(&stream);
  fail_unless_equals_int(outs.size(), 4);
  for (size_t i = 0; i < 4; i++) {
    // The third begins in the first buffer.
    fail_unless(GST_BUFFER_PTS_IS_VALID(outs[i]) == (i == 3));
    fail_unless(GST_BUFFER_OFFSET_IS_VALID(outs[i]) == (i == 3));
    fail_unless(GST_BUFFER_OFFSET_END_IS_VALID(outs[i]) == (i == 3));
    fail_unless_equals_uint64(GST_BUFFER_DURATION(outs[i]), GST_MSECOND);
  }
  fail_unless_equals_uint64(GST_BUFFER_OFFSET(outs[3]), 44);
  fail_unless_equals_uint64(GST_BUFFER_PTS(outs[3]), feed.time_of(44));
  for (GstBuffer *out : outs)
    gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_gap_is_a_gap_only_if_all_of_it_is_one) {
  for (const char *plugin : {"meter.py", "blocks.py"}) {
    const bool writes = !strcmp(plugin, "blocks.py");
    for (bool planar : {false, true}) {
      const Audio audio = {"S16", planar, 2};
      Stream stream(plugin_file(plugin), audio, blocks_of(10));
      Feed feed(audio);
      // gggg gggg gggg gggg gg-- ---- --gg
      push_ok(&stream, with_flag(feed.next(20), GST_BUFFER_FLAG_GAP));
      push_ok(&stream, with_flag(feed.next(5), GST_BUFFER_FLAG_GAP));
      push_ok(&stream, feed.next(10));
      push_ok(&stream, with_flag(feed.next(5), GST_BUFFER_FLAG_GAP));
      const std::vector<GstBuffer *> outs = pull_all(&stream);
      fail_unless_equals_int(outs.size(), 4);
      for (size_t i = 0; i < 4; i++) {
        fail_unless(
            has_flag(outs[i], GST_BUFFER_FLAG_GAP) == (!writes && i < 2),
            "%s: block %d", plugin, int(i));
        gst_buffer_unref(outs[i]);
      }
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_empty_buffers_change_nothing) {
  for (bool planar : {false, true}) {
    const Audio audio = {"F32", planar, 2};
    Stream stream(plugin_file("blocks.py"), audio, quiet_blocks_of(10));
    Feed feed(audio);
    Expected expected(audio);
    push_ok(&stream, gst_buffer_new());
    push_ok(&stream, feed.next(7));
    push_ok(&stream, gst_buffer_new());
    push_ok(&stream, feed.next(0));
    expect_nothing(&stream);
    push_ok(&stream, feed.next(3));
    expected.check(stream.pull(), 10);
    push_ok(&stream, gst_buffer_new());
    expect_nothing(&stream);
    stream.expect_no_reports();
  }
}
GST_END_TEST;

// ---- copies
// -------------------------------------------------------------------

GST_START_TEST(test_buffer_of_one_block_is_handed_through) {
  for (const Audio &audio : kinds()) {
    Stream stream(plugin_file("places.py"), audio, blocks_of(480));
    Feed feed(audio);
    Expected expected(audio);
    for (int i = 0; i < 3; i++) {
      clear_log();
      GstBuffer *in = feed.next(480);
      const auto address = guintptr(address_of(in));
      GstBuffer *out = stream.through(in);
      fail_unless(out == in);
      expect_text(log_text(), std::to_string(address) + "\n");
      fail_unless(guintptr(address_of(out)) == address);
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
    const auto address = guintptr(address_of(in));
    push_ok(&stream, in);
    std::vector<GstBuffer *> outs = pull_all(&stream);
    fail_unless_equals_int(outs.size(), 3);
    std::string places;
    for (size_t i = 0; i < 3; i++) {
      places += std::to_string(address + i * bytes) + "\n";
      fail_unless(guintptr(address_of(outs[i])) == address + i * bytes);
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
    push_ok(&stream, feed.next(50));
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
    push_ok(&stream, gst_buffer_ref(in));
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
    push_ok(&stream, in);
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
      push_ok(&stream, in);
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
    std::set<const guint8 *> places;
    for (int i = 0; i < 200; i++) {
      push_ok(&stream, feed.next(77));
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
        push_ok(&stream, feed.next(frames));
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

// ---- the rest
// -----------------------------------------------------------------

GST_START_TEST(test_rest_is_filled_up_and_cut_again) {
  for (const Audio &audio : kinds()) {
    if (!strcmp(audio.format, "F64")) continue;
    clear_log();
    const std::string adding =
        write_file("adding_one.py",
                   "from checklog import say\n"
                   "formats = ('F32', 'S16', 'S32')\n"
                   "def process_audio(buffer):\n"
                   "    say(buffer.get_frame_count(), buffer.duration,\n"
                   "        abs(buffer.data[:, 30:]).max())\n"
                   "    buffer.data += 1\n");
    Stream stream(adding, audio, blocks_of(100));
    Feed feed(audio);
    push_ok(&stream, feed.next(130));
    gst_buffer_unref(stream.pull());
    clear_log();
    end(&stream);
    GstBuffer *rest = stream.pull();
    fail_unless(rest != nullptr);
    const std::string zero = audio.format[0] == 'F' ? "0.0" : "0";
    expect_text(log_text(), "100 625000 " + zero + "\n");
    fail_unless_equals_int(frames_of(rest, audio), 30);
    if (!audio.planar)
      fail_unless(gst_buffer_get_size(rest) ==
                  30 * audio.width() * size_t(audio.channels));
    expect_samples(rest, audio,
                   [](int c, size_t i) { return number_at(c, 100 + i) + 1; });
    fail_unless_equals_uint64(GST_BUFFER_PTS(rest), feed.time_of(100));
    fail_unless_equals_uint64(GST_BUFFER_DURATION(rest), 625000);
    fail_unless_equals_uint64(GST_BUFFER_OFFSET_END(rest), 130);
    gst_buffer_unref(rest);
    expect_nothing(&stream);
  }
}
GST_END_TEST;

GST_START_TEST(test_rest_is_passed_as_it_is) {
  for (const Audio &audio : kinds()) {
    clear_log();
    Stream stream(plugin_file("blocks.py"), audio,
                  quiet_blocks_of(100, {{"drain", "pass"}}));
    Feed feed(audio);
    Expected expected(audio);
    push_ok(&stream, feed.next(130));
    expected.check(stream.pull(), 100);
    end(&stream);
    expect_text(calls_in_log(), "call 30\n");
    expected.check(stream.pull(), 30);
    fail_unless_equals_uint64(stream.stat("copies"),
                              1 + (audio.planar && audio.channels > 1));
  }
}
GST_END_TEST;

GST_START_TEST(test_nothing_is_left_of_whole_blocks) {
  Stream stream(plugin_file("blocks.py"), {}, blocks_of(100));
  Feed feed(stream.audio());
  push_ok(&stream, feed.next(200));
  end(&stream);
  expect_text(calls_in_log(), "size 100\ncall 100\ncall 100\n");
  for (GstBuffer *out : pull_all(&stream))
    gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_tail_follows_the_rest) {
  for (const char *drain : {"pad", "pass"}) {
    for (bool planar : {false, true}) {
      const Audio audio = {"F32", planar, 2};
      Stream stream(plugin_file("delay.py"), audio,
                    blocks_of(64, {{"drain", drain}}));
      Feed feed(audio);
      const bool pads = !strcmp(drain, "pad");
      guint64 came = 0;
      for (int i = 0; i < 10; i++)
        push_ok(&stream, feed.next(100));
      end(&stream);
      for (GstBuffer *out : pull_all(&stream)) {
        const size_t frames = frames_of(out, audio);
        // The delay line got the silence as well, when there was some.
        const guint64 silent = pads ? 24 : 0;
        if (came < 1000)
          expect_samples(out, audio, [came](int c, size_t i) {
            return came + i < 100 ? 0 : number_at(c, came + i - 100);
          });
        else
          expect_samples(out, audio, [silent](int c, size_t i) {
            return i + silent < 100 ? number_at(c, 900 + i + silent) : 0;
          });
        fail_unless_equals_uint64(GST_BUFFER_OFFSET(out), came);
        fail_unless(
            ABS(GST_CLOCK_DIFF(GST_BUFFER_PTS(out), feed.time_of(came))) <= 1);
        came += frames;
        gst_buffer_unref(out);
      }
      fail_unless_equals_uint64(came, 1100);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_discont_first_sends_the_rest) {
  const Audio audio = {"S16", true, 2};
  Stream stream(plugin_file("recorder.py"), audio, blocks_of(64));
  Feed feed(audio);
  clear_log();
  const auto call = [](const char *flags) {
    return std::string("process_audio 2 64 ") + flags + "\n";
  };
  // Also where no block has been seen yet.
  push_ok(&stream, with_flag(feed.next(10), GST_BUFFER_FLAG_DISCONT));
  push_ok(&stream, with_flag(feed.next(74), GST_BUFFER_FLAG_DISCONT));
  push_ok(&stream, with_flag(feed.next(64), GST_BUFFER_FLAG_DISCONT));
  std::string calls;
  const std::string log = log_text();
  for (size_t at = 0; at < log.size(); at = log.find('\n', at) + 1) {
    const std::string line = log.substr(at, log.find('\n', at) - at);
    calls += contains(line, "discont")   ? call("discont")
             : contains(line, "process") ? call("-")
                                         : line + "\n";
  }
  expect_text(calls, call("discont") + "drain\nreset\n" + call("discont") +
                         call("-") + "drain\nreset\n" + call("discont"));
  Expected expected(audio);
  for (const auto &[frames, discont] : {std::pair<size_t, bool>(10, true),
                                        {64, true},
                                        {10, false},
                                        {64, true}}) {
    GstBuffer *out = stream.pull();
    fail_unless(out != nullptr);
    fail_unless(has_flag(out, GST_BUFFER_FLAG_DISCONT) == discont);
    expected.check(out, frames, 1);
  }
}
GST_END_TEST;

GST_START_TEST(test_flush_throws_the_rest_away) {
  Stream stream(plugin_file("blocks.py"), {}, quiet_blocks_of(100));
  Feed feed(stream.audio());
  push_ok(&stream, feed.next(50));
  stream.push_event(gst_event_new_flush_start());
  stream.push_event(gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  stream.push_event(gst_event_new_segment(&segment));
  expect_nothing(&stream);
  expect_text(log_text(), "reset\n");
  Expected expected(stream.audio());
  expected.came = feed.sent;
  push_ok(&stream, feed.next(120));
  expected.check(stream.pull(), 100);
  end(&stream);
  expected.check(stream.pull(), 20);
  fail_unless_equals_uint64(stream.stat("dropped"), 0);
}
GST_END_TEST;

GST_START_TEST(test_rest_leaves_in_its_caps_and_its_segment) {
  const Audio before = {"S16", true, 2, 48000};
  const Audio after = {"F32", false, 1, 44100};
  Stream stream(plugin_file("blocks.py"), before, quiet_blocks_of(100));
  const auto order = [&] {
    std::string names;
    while (GstEvent *event = gst_harness_try_pull_event(stream.harness())) {
      names += std::string(GST_EVENT_TYPE_NAME(event)) + "\n";
      gst_event_unref(event);
    }
    return names;
  };
  // Whether it was there when the event came.
  std::vector<GstEventType> seen;
  GstPad *pad = gst_element_get_static_pad(stream.get(), "src");
  gst_pad_add_probe(
      pad,
      GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto *all = static_cast<std::vector<GstEventType> *>(data);
        all->push_back(info->type & GST_PAD_PROBE_TYPE_BUFFER
                           ? GST_EVENT_UNKNOWN
                           : GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)));
        return GST_PAD_PROBE_OK;
      },
      &seen, nullptr);
  order();

  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  GstCaps *caps = after.caps();
  GstEvent *const events[] = {
      gst_event_new_gap(GST_SECOND, GST_SECOND),
      gst_event_new_segment(&segment),
      gst_event_new_segment_done(GST_FORMAT_TIME, 7),
      gst_event_new_stream_start("next"),
      gst_event_new_caps(caps),
  };
  gst_caps_unref(caps);
  Feed feed(before);
  Expected expected(before);
  for (GstEvent *event : events) {
    const GstEventType type = GST_EVENT_TYPE(event);
    push_ok(&stream, feed.next(30));
    expect_nothing(&stream);
    seen.clear();
    stream.push_event(event);
    expected.check(stream.pull(), 30);
    fail_unless(seen.size() >= 2 && seen[0] == GST_EVENT_UNKNOWN, "%s",
                gst_event_type_get_name(type));
    fail_unless(std::count(seen.begin(), seen.end(), type) == 1, "%s",
                gst_event_type_get_name(type));
  }
  Feed other(after);
  Expected later(after);
  push_ok(&stream, other.next(250));
  later.check(stream.pull(), 100);
  later.check(stream.pull(), 100);
  end(&stream);
  later.check(stream.pull(), 50);
  gst_object_unref(pad);
}
GST_END_TEST;

GST_START_TEST(test_rest_is_forgotten_when_the_stream_stops) {
  Stream stream(plugin_file("blocks.py"), {}, quiet_blocks_of(100));
  Feed feed(stream.audio());
  push_ok(&stream, feed.next(70));
  fail_unless(stream.to(GST_STATE_READY));
  stream.play_again();
  Feed again(stream.audio());
  Expected expected(stream.audio());
  push_ok(&stream, again.next(70));
  end(&stream);
  expected.check(stream.pull(), 70);
  expect_nothing(&stream);
}
GST_END_TEST;

// ---- latency
// ------------------------------------------------------------------

namespace {

GstClockTime latency_through(const Stream &stream) {
  GstPad *pad = gst_element_get_static_pad(stream.get(), "src");
  GstQuery *query = gst_query_new_latency();
  fail_unless(gst_pad_query(pad, query));
  GstClockTime least;
  gst_query_parse_latency(query, nullptr, &least, nullptr);
  gst_query_unref(query);
  gst_object_unref(pad);
  return least;
}

int latency_messages(const Stream &stream) {
  int count = 0;
  while (GstMessage *message =
             gst_bus_pop_filtered(stream.bus(), GST_MESSAGE_LATENCY)) {
    gst_message_unref(message);
    count++;
  }
  return count;
}

}  // namespace

GST_START_TEST(test_a_block_less_one_frame_is_latency) {
  Stream stream(plugin_file("untouched.py"), {"F32", false, 2, 44100},
                blocks_of(442));
  fail_unless_equals_int(latency_messages(stream), 1);
  fail_unless_equals_uint64(latency_through(stream), 10 * GST_MSECOND);
  // Rounded up.
  stream.set_audio({"F32", false, 2, 48000});
  fail_unless_equals_int(latency_messages(stream), 1);
  fail_unless_equals_uint64(latency_through(stream), 9187500);
  stream.set_audio({"F32", false, 1, 48000});
  fail_unless_equals_int(latency_messages(stream), 0);
  stream.set_audio({"F32", false, 2, 96000});
  fail_unless_equals_uint64(latency_through(stream), 4593750);
  stream.set_audio({"F32", false, 2, 22050});
  fail_unless_equals_uint64(latency_through(stream), 20 * GST_MSECOND);
  stream.set_audio({"F32", false, 2, 44101});
  fail_unless_equals_uint64(latency_through(stream), 9999774);
}
GST_END_TEST;

GST_START_TEST(test_latency_adds_to_that_of_the_plugin_and_upstream) {
  Stream stream(plugin_file("delay.py"), {},
                blocks_of(481, {{"params", "p,frames=960"}}));
  gst_harness_set_upstream_latency(stream.harness(), 3 * GST_MSECOND);
  fail_unless_equals_uint64(latency_through(stream), 33 * GST_MSECOND);
}
GST_END_TEST;

// ---- settings
// -----------------------------------------------------------------

namespace {

std::string declaring(const std::string &what) {
  return write_file("declaring.py",
                    "from checklog import say\nclass P:\n    " + what +
                        "\n    def set_buffer_size(self, n): say('size', n)\n"
                        "    def process_audio(self, b):\n"
                        "        say('call', b.get_frame_count())\n");
}

// What a plugin that declares this gets of 20 frames and the end.
std::string got_by(const std::string &what, const Properties &properties) {
  clear_log();
  Stream stream(declaring(what), {}, properties);
  Feed feed(stream.audio());
  push_ok(&stream, feed.next(20));
  end(&stream);
  for (GstBuffer *out : pull_all(&stream))
    gst_buffer_unref(out);
  stream.expect_no_reports();
  return log_text();
}

}  // namespace

GST_START_TEST(test_plugin_declares_and_the_property_goes_before_it) {
  const std::string both = "block_size = 16; block_remainder = 'pass'";
  expect_text(got_by("pass", {}), "size 512\ncall 20\n");
  expect_text(got_by("block_size = None", {}), "size 512\ncall 20\n");
  expect_text(got_by("block_size = 16", {}), "size 16\ncall 16\ncall 16\n");
  expect_text(got_by(both, {}), "size 16\ncall 16\ncall 4\n");
  expect_text(got_by(both, {{"block-size", "0"}}),
              "size 16\ncall 16\ncall 4\n");
  expect_text(got_by(both, {{"block-size", "15"}}),
              "size 15\ncall 15\ncall 5\n");
  expect_text(got_by(both, {{"drain", "pad"}}), "size 16\ncall 16\ncall 16\n");
  expect_text(got_by("pass", blocks_of(15, {{"drain", "pass"}})),
              "size 15\ncall 15\ncall 5\n");
}
GST_END_TEST;

GST_START_TEST(test_what_a_plugin_declares_wrongly_is_told) {
  for (const char *what :
       {"block_size = -1", "block_size = '64'", "block_size = 2**20 + 1",
        "block_size = True", "block_size = 6.4", "block_remainder = 'keep'",
        "block_remainder = True"}) {
    const std::string file = declaring(what);
    Element element(file);
    fail_unless(!element.to(GST_STATE_READY), "%s", what);
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    expect_part(reports[0].text,
                what[6] == 's' ? "declares block_size" : "declares block_r");
    expect_part(reports[0].text, file);
  }
}
GST_END_TEST;

GST_START_TEST(test_settings_are_refused_while_there_is_a_stream) {
  Stream stream(plugin_file("blocks.py"), {}, quiet_blocks_of(100));
  for (const char *setting : {"block-size", "drain"}) {
    const std::string before = stream.text_of(setting);
    stream.set(setting, setting[0] == 'b' ? "50" : "pass");
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_WARNING);
    expect_part(reports[0].text, setting);
    expect_text(stream.text_of(setting), before);
  }
  stream.to(GST_STATE_READY);
  stream.set("block-size", "50");
  stream.expect_no_reports();
  stream.play_again();
  Feed feed(stream.audio());
  Expected expected(stream.audio());
  push_ok(&stream, feed.next(50));
  expected.check(stream.pull(), 50);
}
GST_END_TEST;

GST_START_TEST(test_block_size_has_a_limit) {
  Element element("");
  g_object_set(element.get(), "block-size", 1u << 20, nullptr);
  expect_text(element.text_of("block-size"), "1048576");
  // What lies above is GLib's to refuse.
  GParamSpec *spec = g_object_class_find_property(
      G_OBJECT_GET_CLASS(element.get()), "block-size");
  fail_unless_equals_int(G_PARAM_SPEC_UINT(spec)->maximum, 1 << 20);
}
GST_END_TEST;

// ---- failures --------------------------------------------------------------

GST_START_TEST(test_policy_is_for_each_block) {
  const char *const policies[] = {"passthrough", "silence", "drop"};
  const std::string policy = policies[__i__];
  for (const Audio &audio : kinds()) {
    for (const char *how : {"raise", "keep"}) {
      Stream stream(
          plugin_file("failing.py"), audio,
          blocks_of(50, {{"on-error", policy},
                         {"params", std::string("p,how=(string)") + how}}));
      Feed feed(audio);
      Expected expected(audio);
      // Its own memory, then the buffer's, and the rest.
      for (size_t frames : {30, 30, 225})
        push_ok(&stream, feed.next(frames));
      end(&stream);
      for (int i = 0; i < 6; i++) {
        const size_t frames = i == 5 ? 35 : 50;
        if (i % 2 == 0) {
          GstBuffer *out = stream.pull();
          fail_unless(out != nullptr);
          fail_unless(has_flag(out, GST_BUFFER_FLAG_DISCONT) ==
                      (policy == "drop" && i > 0));
          expected.check(out, frames);
        } else if (policy == "drop") {
          expected.came += frames;
        } else {
          GstBuffer *out = stream.pull();
          fail_unless(out != nullptr);
          fail_unless(has_flag(out, GST_BUFFER_FLAG_GAP) ==
                      (policy == "silence"));
          expected.check(out, frames, policy == "silence" ? 0 : 1);
        }
      }
      expect_nothing(&stream);
      fail_unless_equals_uint64(stream.stat("errors"), 3);
      fail_unless_equals_uint64(stream.stat("dropped"),
                                policy == "drop" ? 3 : 0);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_failure_ends_the_stream_and_lets_go_of_the_buffer) {
  Stream stream(plugin_file("failing.py"), {}, blocks_of(50));
  Feed feed(stream.audio());
  GstBuffer *in = feed.next(225);
  bool gone = false;
  watch(in, &gone);
  fail_unless(stream.push(in) == GST_FLOW_ERROR);
  Expected expected(stream.audio());
  expected.check(stream.pull(), 50);
  expect_nothing(&stream);
  fail_unless(gone);
  fail_unless(stream.push(feed.next(50)) == GST_FLOW_ERROR);
  end(&stream);
  expect_nothing(&stream);
  fail_unless(stream.reports().size() == 1);
}
GST_END_TEST;

GST_START_TEST(test_buffer_that_is_no_audio_is_refused_after_the_rest) {
  const Audio audio = {"F32", false, 2};
  Stream stream(plugin_file("blocks.py"), audio,
                quiet_blocks_of(100, {{"on-error", "drop"}}));
  Feed feed(audio);
  Expected expected(audio);
  push_ok(&stream, feed.next(70));
  push_ok(&stream, gst_buffer_new_memdup("12345", 5));
  expected.check(stream.pull(), 70);
  push_ok(&stream, feed.next(100));
  expected.check(stream.pull(), 100);
  expect_nothing(&stream);
  fail_unless_equals_uint64(stream.stat("errors"), 1);
  fail_unless_equals_uint64(stream.stat("dropped"), 1);
  const Reports reports = stream.reports();
  fail_unless(reports.size() == 1);
  expect_part(reports[0].text, "5 bytes");
}
GST_END_TEST;

// Downstream takes one block of several: it gets none of the others later.
GST_START_TEST(test_blocks_that_nobody_took_are_not_sent_later) {
  Stream stream(plugin_file("blocks.py"), {}, quiet_blocks_of(100));
  Feed feed(stream.audio());
  Expected expected(stream.audio());
  GstPad *pad = gst_element_get_static_pad(stream.get(), "src");
  const gulong probe = gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer) {
        gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
        GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_NOT_LINKED;
        return GST_PAD_PROBE_HANDLED;
      },
      nullptr, nullptr);
  fail_unless(stream.push(feed.next(350)) == GST_FLOW_NOT_LINKED);
  gst_pad_remove_probe(pad, probe);
  gst_object_unref(pad);
  expected.came = feed.sent;
  push_ok(&stream, feed.next(100));
  expected.check(stream.pull(), 100);
  expect_nothing(&stream);
}
GST_END_TEST;

// ---- plugins whose output is another one
// -------------------------------------

namespace {

// Bytes of everything that came out, and how many in each buffer.
std::string bytes_out(Stream *stream, std::vector<size_t> *sizes) {
  std::string all;
  for (GstBuffer *out : pull_all(stream)) {
    std::string bytes(gst_buffer_get_size(out), 0);
    gst_buffer_extract(out, 0, &bytes[0], bytes.size());
    sizes->push_back(bytes.size());
    all += bytes;
    gst_buffer_unref(out);
  }
  return all;
}

std::string converting(const std::string &declared, const std::string &body) {
  return write_file("converting.py",
                    "from checklog import say\nclass P:\n    " + declared +
                        "\n    calls = 0\n"
                        "    def process_audio(self, buffer):\n"
                        "        self.calls += 1\n        " +
                        body + "\n");
}

constexpr char to_bytes[] =
    "as_bytes = True; output_caps = 'application/x-check'";

}  // namespace

GST_START_TEST(test_converter_gets_blocks_as_bytes) {
  for (bool planar : {false, true}) {
    for (const char *drain : {"pad", "pass"}) {
      const Audio audio = {"S32", planar, 2};
      const bool pads = !strcmp(drain, "pad");
      Stream stream(converting(to_bytes, "return buffer.data.tobytes()"), audio,
                    blocks_of(50, {{"drain", drain}}));
      Feed feed(audio);
      std::string want;
      for (size_t frames : {50, 50, 50, 50, 20}) {
        GstBuffer *block = feed.next(frames);
        std::string bytes(frames * 8, 0);
        gst_buffer_extract(block, 0, &bytes[0], bytes.size());
        // Each plane is filled up by itself.
        if (pads && planar)
          bytes.insert(bytes.size() / 2, (50 - frames) * 4, 0);
        if (pads) bytes.resize(400);
        want += bytes;
        gst_buffer_unref(block);
      }
      Feed again(audio);
      for (size_t frames : {30, 150, 40})
        push_ok(&stream, again.next(frames));
      end(&stream);
      std::vector<size_t> sizes;
      const std::string got = bytes_out(&stream, &sizes);
      fail_unless_equals_int(sizes.size(), 5);
      fail_unless_equals_int(sizes[0], 400);
      fail_unless_equals_int(sizes[4], pads ? 400 : 160);
      fail_unless(got == want, "%s %s", audio.name().c_str(), drain);
      stream.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_several_outputs_of_a_block_share_its_time) {
  const Audio audio = {"F32", false, 2, 1000};
  Stream stream(converting("output_caps = 'application/x-check'",
                           "if self.calls == 2: raise ValueError\n"
                           "        return [b'one', b'two']"),
                audio, blocks_of(10, {{"on-error", "drop"}}));
  Feed feed(audio);
  push_ok(&stream, feed.next(34));
  end(&stream);
  const std::vector<GstBuffer *> outs = pull_all(&stream);
  fail_unless_equals_int(outs.size(), 6);
  for (size_t i = 0; i < 6; i++) {
    const GstClockTime half = i < 4 ? 5 * GST_MSECOND : 2 * GST_MSECOND;
    // The second block was dropped.
    const GstClockTime begin = (i < 2 ? 0 : i < 4 ? 20 : 30) * GST_MSECOND;
    fail_unless_equals_uint64(GST_BUFFER_PTS(outs[i]), begin + i % 2 * half);
    fail_unless_equals_uint64(GST_BUFFER_DURATION(outs[i]), half);
    fail_unless(has_flag(outs[i], GST_BUFFER_FLAG_DISCONT) == (i == 2), "%d",
                int(i));
    gst_buffer_unref(outs[i]);
  }
  fail_unless_equals_uint64(stream.stat("dropped"), 1);
}
GST_END_TEST;

GST_START_TEST(test_converter_that_works_in_place_has_its_rest_cut) {
  for (bool planar : {false, true}) {
    const Audio audio = {"F32", planar, 2};
    Stream stream(
        converting("as_bytes = True",
                   "say(len(buffer.data)); buffer.data[:] = buffer.data"),
        audio, blocks_of(100));
    Feed feed(audio);
    Expected expected(audio);
    clear_log();
    push_ok(&stream, feed.next(130));
    end(&stream);
    expected.check(stream.pull(), 100, 1);
    expected.check(stream.pull(), 30, 1);
    expect_text(log_text(), "800\n800\n");
  }
}
GST_END_TEST;

GST_START_TEST(test_converter_that_gathers_gives_the_rest_with_its_tail) {
  const Audio audio = {"F32", false, 1};
  Stream stream(converting("output_caps = 'application/x-check'; held = b''\n"
                           "    def drain(self): return self.held",
                           "self.held += buffer.data.tobytes(); return []"),
                audio, blocks_of(64, {{"drain", "pass"}}));
  Feed feed(audio);
  for (int i = 0; i < 10; i++)
    push_ok(&stream, feed.next(30));
  expect_nothing(&stream);
  end(&stream);
  std::vector<size_t> sizes;
  bytes_out(&stream, &sizes);
  fail_unless(sizes == std::vector<size_t>{1200});
}
GST_END_TEST;

GST_START_TEST(test_what_is_no_audio_is_not_divided) {
  Element element(write_file("any.py",
                             "from checklog import say\n"
                             "input_caps = 'application/x-check'\n"
                             "def process_audio(b): say(len(b.data))\n"),
                  blocks_of(10));
  fail_unless(element.to(GST_STATE_READY));
  GstHarness *harness =
      gst_harness_new_with_element(element.get(), "sink", "src");
  gst_harness_set_src_caps_str(harness, "application/x-check");
  clear_log();
  for (size_t size : {7, 80, 1})
    fail_unless(gst_harness_push(harness, gst_harness_create_buffer(
                                              harness, size)) == GST_FLOW_OK);
  expect_text(log_text(), "7\n80\n1\n");
  fail_unless_equals_int(gst_harness_buffers_received(harness), 3);
  fail_unless_equals_uint64(gst_harness_query_latency(harness), 0);
  gst_harness_teardown(harness);
}
GST_END_TEST;

static Suite *blocksize_suite() {
  Suite *suite = suite_create("blocksize");
  TCase *blocks = new_case(suite, "blocks");
  tcase_add_test(blocks, test_every_call_has_that_many_frames_whatever_arrives);
  tcase_add_test(blocks, test_every_sample_of_a_block_of_its_own_is_as_it_came);
  tcase_add_test(blocks, test_times_are_exact_over_many_blocks);
  tcase_add_test(blocks, test_plugin_is_told_size_times_and_offsets);
  tcase_add_test(blocks, test_frames_without_times_have_none_afterwards);
  tcase_add_test(blocks, test_gap_is_a_gap_only_if_all_of_it_is_one);
  tcase_add_test(blocks, test_empty_buffers_change_nothing);
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
  TCase *rest = new_case(suite, "rest");
  tcase_add_test(rest, test_rest_is_filled_up_and_cut_again);
  tcase_add_test(rest, test_rest_is_passed_as_it_is);
  tcase_add_test(rest, test_nothing_is_left_of_whole_blocks);
  tcase_add_test(rest, test_tail_follows_the_rest);
  tcase_add_test(rest, test_discont_first_sends_the_rest);
  tcase_add_test(rest, test_flush_throws_the_rest_away);
  tcase_add_test(rest, test_rest_leaves_in_its_caps_and_its_segment);
  tcase_add_test(rest, test_rest_is_forgotten_when_the_stream_stops);
  TCase *latency = new_case(suite, "latency");
  tcase_add_test(latency, test_a_block_less_one_frame_is_latency);
  tcase_add_test(latency, test_latency_adds_to_that_of_the_plugin_and_upstream);
  TCase *settings = new_case(suite, "settings");
  tcase_add_test(settings,
                 test_plugin_declares_and_the_property_goes_before_it);
  tcase_add_test(settings, test_what_a_plugin_declares_wrongly_is_told);
  tcase_add_test(settings, test_settings_are_refused_while_there_is_a_stream);
  tcase_add_test(settings, test_block_size_has_a_limit);
  TCase *failures = new_case(suite, "failures");
  tcase_add_loop_test(failures, test_policy_is_for_each_block, 0, 3);
  tcase_add_test(failures,
                 test_failure_ends_the_stream_and_lets_go_of_the_buffer);
  tcase_add_test(failures,
                 test_buffer_that_is_no_audio_is_refused_after_the_rest);
  tcase_add_test(failures, test_blocks_that_nobody_took_are_not_sent_later);
  TCase *converting = new_case(suite, "converting");
  tcase_add_test(converting, test_converter_gets_blocks_as_bytes);
  tcase_add_test(converting, test_several_outputs_of_a_block_share_its_time);
  tcase_add_test(converting,
                 test_converter_that_works_in_place_has_its_rest_cut);
  tcase_add_test(converting,
                 test_converter_that_gathers_gives_the_rest_with_its_tail);
  tcase_add_test(converting, test_what_is_no_audio_is_not_divided);
  return suite;
}

GST_CHECK_MAIN(blocksize)
