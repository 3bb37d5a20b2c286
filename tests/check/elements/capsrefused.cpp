// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Caps that no stream can be made of are one ERROR with the reason, and before
// what upstream says; caps that somebody only asks about are none.
#include <map>

#include "../support/pipeline.hpp"

using namespace check;

namespace {

// Float samples of up to two channels.
std::string plugin() {
  return write_file("plugin.py",
                    "class Plugin:\n"
                    "    channels = (1, 2)\n"
                    "    def process_audio(self, buffer): pass\n"
                    "    write_audio = process_audio\n");
}

const char *const kinds[] = {"pythonfilter", "pythonsink"};

std::string end_of(const char *kind) {
  return strcmp(kind, "pythonfilter") ? "" : " ! fakesink async=false";
}

// The element's own first, whatever upstream makes of it.
void expect_reason(const std::string &line, const std::string &reason) {
  Pipeline pipeline(line);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  GstMessage *message = pipeline.wait_for(GST_MESSAGE_ERROR);
  fail_unless(message != nullptr, "%s", line.c_str());
  const Report report = report_in(message);
  fail_unless(GST_MESSAGE_SRC(message) == GST_OBJECT(pipeline.python()),
              "%s: %s", line.c_str(), report.text.c_str());
  expect_part(report.text, "plugin.py: " + reason);
  fail_unless(report.domain == GST_STREAM_ERROR &&
              report.code == GST_STREAM_ERROR_FORMAT);
  gst_message_unref(message);
  pipeline.expect_null();
  int ours = 0;
  const auto more = pipeline.reports();
  for (const Report &each : more)
    ours += contains(each.text, "plugin.py");
  fail_unless(ours == 0, "%s", more.text().c_str());
}

constexpr char before[] =
    "the plugin does not take the audio that is offered; put audioconvert "
    "before it";

const std::pair<const char *, const char *> refused[] = {
    {"audiotestsrc ! audio/x-raw,format=S16LE ! ", before},
    {"audiotestsrc ! audio/x-raw,format=S16LE ! queue ! ", before},
    {"audiotestsrc ! audio/x-raw,channels=3 ! identity ! ", before},
    {"audiotestsrc ! audio/x-raw,format={S16LE,S24LE} ! ", before},
    {"audiotestsrc ! audio/x-raw,format=F32LE,channels=65,"
     "channel-mask=(bitmask)0 ! ",
     "the plugin does not take the audio that is offered: 64 channels are the "
     "most that there can be"},
    {"fakesrc num-buffers=3 sizetype=fixed name=bytes ! ",
     "bytes sends data and does not say what it is: decodebin in front of "},
};

}  // namespace

GST_START_TEST(test_caps_that_cannot_be_are_an_error_with_the_reason) {
  const auto &[line, reason] = refused[__i__];
  for (const char *kind : kinds) {
    expect_reason(line + line_of(kind, plugin()) + end_of(kind), reason);
  }
}
GST_END_TEST;

GST_START_TEST(test_what_comes_after_it_is_named) {
  expect_reason("audiotestsrc ! audioconvert ! " +
                    line_of("pythonfilter", plugin()) +
                    " ! audio/x-raw,format=S16LE ! fakesink",
                "what comes after it does not take the audio that the plugin "
                "gives; put audioconvert behind it");
  expect_reason("audiotestsrc ! audio/x-raw,rate=44100 ! audioconvert ! " +
                    line_of("pythonfilter", plugin()) +
                    " ! audio/x-raw,rate=48000 ! fakesink",
                "what comes after it does not take the audio that the plugin "
                "gives; put audioresample behind it");
}
GST_END_TEST;

GST_START_TEST(test_what_comes_after_a_source_is_named) {
  const std::string source =
      line_of("pythonsrc", write_file("plugin.py",
                                      "class Plugin:\n"
                                      "    rates = 48000\n"
                                      "    def read_audio(self, buffer):\n"
                                      "        buffer.data[:] = 0\n"));
  const std::string gives =
      "what comes after it does not take the audio that the plugin gives; put ";
  for (const auto &[caps, reason] : std::map<std::string, std::string>{
           {"format=S16LE", gives + "audioconvert behind it"},
           {"rate=44100", gives + "audioresample behind it"},
           {"channels=65",
            "what comes after it wants too many channels: 64 are the most"}})
    expect_reason(source + " ! audio/x-raw," + caps + " ! fakesink", reason);
}
GST_END_TEST;

namespace {

// As decodebin: a pad that comes when the stream does, with fixed caps.
void link_later(GstElement *source, GstElement *python, const char *format) {
  GstCaps *caps =
      gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, format,
                          "rate", G_TYPE_INT, 48000, "channels", G_TYPE_INT, 1,
                          "layout", G_TYPE_STRING, "interleaved", nullptr);
  GstPad *pad = gst_pad_new("later", GST_PAD_SRC);
  gst_pad_set_active(pad, TRUE);
  gst_pad_push_event(pad, gst_event_new_stream_start("check"));
  gst_pad_use_fixed_caps(pad);
  gst_pad_push_event(pad, gst_event_new_caps(caps));
  gst_caps_unref(caps);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_pad_push_event(pad, gst_event_new_segment(&segment));
  fail_unless(gst_element_add_pad(source, pad));
  GstPad *sink = gst_element_get_static_pad(python, "sink");
  fail_unless(gst_pad_link(pad, sink) == GST_PAD_LINK_OK);
  gst_object_unref(sink);
  gst_pad_push(pad, gst_buffer_new_allocate(nullptr, 480 * 4, nullptr));
  gst_pad_set_active(pad, FALSE);
}

}  // namespace

GST_START_TEST(test_link_that_is_made_later_tells_the_reason) {
  for (const char *kind : kinds) {
    for (const char *format : {"S16LE", GST_AUDIO_NE(F32)}) {
      Pipeline pipeline("bin name=source " + line_of(kind, plugin()) +
                        end_of(kind));
      GstElement *source =
          gst_bin_get_by_name(GST_BIN(pipeline.get()), "source");
      gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
      link_later(source, pipeline.python(), format);
      const Reports all = pipeline.reports();
      if (strcmp(format, "S16LE")) {
        fail_unless(all.empty(), "%s", all.text().c_str());
      } else {
        fail_unless_equals_int(all.size(), 1);
        expect_part(all.text(), before);
      }
      gst_object_unref(source);
    }
  }
}
GST_END_TEST;

// As in an application's own bin, and behind uridecodebin3: the pad next to the
// element's belongs to a bin, and has no caps yet when it asks.
GST_START_TEST(test_refusal_through_the_pads_of_bins_tells_the_reason) {
  for (const char *kind : kinds) {
    Pipeline pipeline("bin name=source bin.( name=inner " +
                      line_of(kind, plugin()) + end_of(kind) + " )");
    GstBin *all = GST_BIN(pipeline.get());
    GstElement *source = gst_bin_get_by_name(all, "source");
    GstElement *inner = gst_bin_get_by_name(all, "inner");
    GstPad *pad = gst_element_get_static_pad(pipeline.python(), "sink");
    fail_unless(gst_element_add_pad(inner, gst_ghost_pad_new("sink", pad)));
    gst_object_unref(pad);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    link_later(source, inner, "S16LE");
    const Reports reports = pipeline.reports();
    fail_unless_equals_int(reports.size(), 1);
    expect_part(reports.text(), before);
    gst_object_unref(inner);
    gst_object_unref(source);
  }
}
GST_END_TEST;

GST_START_TEST(test_questions_are_no_refusal) {
  for (const char *kind : kinds) {
    Pipeline pipeline(
        "audiotestsrc num-buffers=20 samplesperbuffer=480 ! "
        "audio/x-raw,format=S16LE;audio/x-raw,format=F32LE ! " +
        line_of(kind, plugin()) + end_of(kind));
    GstPad *pad = gst_element_get_static_pad(pipeline.python(), "sink");
    GstCaps *other = gst_caps_from_string(
        "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved");
    const auto ask = [&] {
      fail_unless(!gst_pad_query_accept_caps(pad, other));
      GstCaps *answer = gst_pad_query_caps(pad, other);
      fail_unless(gst_caps_is_empty(answer));
      gst_caps_unref(answer);
    };
    pipeline.expect_to(GST_STATE_READY);
    ask();
    pipeline.expect_to(GST_STATE_PAUSED);
    ask();
    pipeline.expect_to(GST_STATE_PLAYING);
    ask();
    pipeline.expect_eos();
    ask();
    gst_caps_unref(other);
    gst_object_unref(pad);
    pipeline.expect_null();
    pipeline.expect_no_reports();
  }
}
GST_END_TEST;

static Suite *capsrefused_suite() {
  Suite *suite = suite_create("capsrefused");
  TCase *all = new_case(suite, "refused");
  tcase_add_loop_test(all,
                      test_caps_that_cannot_be_are_an_error_with_the_reason, 0,
                      int(std::size(refused)));
  tcase_add_test(all, test_what_comes_after_it_is_named);
  tcase_add_test(all, test_what_comes_after_a_source_is_named);
  tcase_add_test(all, test_link_that_is_made_later_tells_the_reason);
  tcase_add_test(all, test_refusal_through_the_pads_of_bins_tells_the_reason);
  tcase_add_test(all, test_questions_are_no_refusal);
  return suite;
}

GST_CHECK_MAIN(capsrefused)
