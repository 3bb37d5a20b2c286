// SPDX-License-Identifier: LGPL-2.1-or-later
//
// New caps in the middle of the stream, again and again: every sample is right,
// and no setter is called while the plugin runs.
#include <random>

#include "../support/sink.hpp"

using namespace check;

namespace {

const std::string &plugin() {
  static const auto &file = *new std::string(plugin_file("walking.py"));
  return file;
}

const int rates[] = {8000,  11025, 16000,  22050,  44100,
                     48000, 96000, 192000, 352800, 384000};

// The same walk each time.
class Walk {
 public:
  explicit Walk(unsigned seed) : random_(seed) {}

  Audio next() {
    Audio audio;
    audio.format = formats()[below(formats().size())];
    audio.planar = below(2);
    audio.channels = 1 + int(below(64));
    audio.rate = rates[below(std::size(rates))];
    return audio;
  }
  size_t below(size_t end) { return random_() % end; }

 private:
  std::mt19937 random_;
};

int steps() {
  return soak_count(20, 120);
}

Audio audio_of(GstPad *pad) {
  GstCaps *caps = gst_pad_get_current_caps(pad);
  GstAudioInfo info;
  fail_unless(gst_audio_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  Audio audio;
  const std::string name = GST_AUDIO_INFO_NAME(&info);
  for (const char *format : formats())
    if (name.compare(0, 3, format) == 0) audio.format = format;
  audio.planar = info.layout == GST_AUDIO_LAYOUT_NON_INTERLEAVED;
  audio.channels = info.channels;
  audio.rate = info.rate;
  return audio;
}

}  // namespace

GST_START_TEST(test_filter_walks_through_caps) {
  Walk walk(1);
  Stream stream(plugin(), {}, {{"class", "Processor"}});
  for (int i = 0; i < steps(); i++) {
    stream.set_audio(walk.next());
    for (size_t n = walk.below(4); n > 0; n--)
      stream.expect_through(doubled, 1 + walk.below(700));
  }
  stream.expect_no_reports();
  fail_unless_equals_uint64(stream.stat("copies"), 0);
}
GST_END_TEST;

GST_START_TEST(test_sink_walks_through_caps) {
  Walk walk(2);
  Sink sink(plugin(), {}, {{"class", "Sink"}});
  for (int i = 0; i < steps(); i++) {
    fail_unless(sink.set_audio(walk.next()));
    for (size_t n = walk.below(4); n > 0; n--)
      sink.expect_push(new_buffer(sink.audio(), 1 + walk.below(700)));
  }
  sink.expect_no_reports();
  fail_unless_equals_uint64(sink.stat("copies"), 0);
}
GST_END_TEST;

GST_START_TEST(test_source_walks_through_caps_and_time_goes_on) {
  Walk walk(3);
  Pipeline pipeline(line_of("pythonsrc", plugin(), "class=Source") +
                    " ! capsfilter name=wanted ! fakesink sync=false");
  GstElement *wanted = gst_bin_get_by_name(GST_BIN(pipeline.get()), "wanted");
  GstPad *pad = gst_element_get_static_pad(pipeline.python(), "src");
  std::mutex mutex;
  Audio now;                               // guarded by mutex
  int buffers = 0;                         // since `now`; guarded by mutex
  GstClockTime end = GST_CLOCK_TIME_NONE;  // the streaming thread's
  guint64 next = 0;                        // so is this
  on_buffers(pipeline.python(), "src", [&](GstBuffer *buffer) {
    const Audio audio = audio_of(pad);
    const guint64 first = GST_BUFFER_OFFSET(buffer);
    fail_unless(first == next || (first == 0 && GST_BUFFER_IS_DISCONT(buffer)));
    next = first + 100;
    fail_unless(!GST_CLOCK_TIME_IS_VALID(end) || GST_BUFFER_PTS(buffer) == end);
    end = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
    fail_unless_equals_int(frames_of(buffer, audio), 100);
    expect_samples(buffer, audio,
                   [&](int c, size_t i) { return number_at(c, first + i); });
    std::lock_guard<std::mutex> lock(mutex);
    if (audio.name() != now.name() || audio.rate != now.rate) buffers = 0;
    now = audio;
    buffers++;
  });
  for (int i = 0; i < steps(); i++) {
    const Audio want = walk.next();
    GstCaps *caps = want.caps();
    g_object_set(wanted, "caps", caps, nullptr);
    gst_caps_unref(caps);
    if (i == 0) pipeline.expect_to(GST_STATE_PLAYING);
    fail_unless(wait_until([&] {
                  std::lock_guard<std::mutex> lock(mutex);
                  return now.name() == want.name() && now.rate == want.rate &&
                         buffers >= 2;
                }),
                "step %d, %s: %s", i, want.name().c_str(),
                pipeline.reports().text().c_str());
    pipeline.expect_no_reports();
  }
  pipeline.expect_null();
  gst_object_unref(pad);
  gst_object_unref(wanted);
}
GST_END_TEST;

static Suite *capswalk_suite() {
  Suite *suite = suite_create("capswalk");
  TCase *walks = new_case(suite, "walks");
  tcase_add_test(walks, test_filter_walks_through_caps);
  tcase_add_test(walks, test_sink_walks_through_caps);
  tcase_add_test(walks, test_source_walks_through_caps_and_time_goes_on);
  return suite;
}

GST_CHECK_MAIN(capswalk)
