// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How a converting plugin gets what goes in: as bytes where they lie, and
// only to read where caps differ.
#include "../support/conversion.hpp"

using namespace check;

namespace {

struct Input {
  const char *caps, *python;
  bool same;  // the caps of the output
  const char *shown;
};

const Input inputs[] = {
    {"application/x-in", "input_caps = 'application/x-in'", true, "24 uint8 w"},
    {"application/x-in",
     "input_caps = 'ANY'; output_caps = 'application/x-out'", false,
     "24 uint8 r"},
    {RAW(S24, "48000", "2"), "as_bytes = True", true, "24 uint8 w"},
    {"audio/x-raw,format=U8,rate=48000,channels=3,layout=interleaved,"
     "channel-mask=(bitmask)0x7",
     "as_bytes = True", true, "24 uint8 w"},
    {RAW(F32, "48000", "2"),
     "as_bytes = True; output_caps = 'application/x-out'", false, "24 uint8 r"},
    // In a format that NumPy does not know, though the plugin takes anything.
    {RAW(S24, "48000", "2"),
     "input_caps = 'audio/x-raw'; output_caps = 'application/x-out'", false,
     "24 uint8 r"},
    {STEREO, "output_caps = 'application/x-out'", false, "2 3 float32 r"},
    {STEREO, "input_caps = 'audio/x-raw'", true, "2 3 float32 w"},
};

GstStaticCaps reference = GST_STATIC_CAPS("timestamp/x-ntp");

}  // namespace

GST_START_TEST(test_input_is_shown_where_it_lies) {
  const Input &row = inputs[__i__];
  clear_log();
  const std::string file = write_file("shown.py", std::string(R"(
from checklog import say
class Shown:
    )") + row.python + R"(
    def process_audio(self, buffer):
        data = buffer.data
        say(*data.shape, data.dtype, "w" if data.flags.writeable else "r")
        say(data.ctypes.data)
        try:
            data[...] = 1
            say("written")
        except ValueError:
            say("refused")
        return None if data.flags.writeable else b"out"
)");
  Conversion stream(file, row.caps);
  GstBuffer *in = bytes_buffer();
  const std::string address = std::to_string(address_of(in));
  const OwnedBuffer out = stream.through_one(in);
  expect_text(log_text(), std::string(row.shown) + "\n" + address + "\n" +
                              (row.same ? "written\n" : "refused\n"));
  fail_unless((out.get() == in) == row.same);
  fail_unless_equals_uint64(stream.stat("copies"), 0);
  fail_unless_equals_uint64(stream.stat("buffers"), 1);
}
GST_END_TEST;

GST_START_TEST(test_every_kind_of_buffer_is_read_as_its_bytes) {
  Conversion stream(write_file("whole.py", R"(
class Whole:
    input_caps = "application/x-in"
    output_caps = "application/x-out"
    def process_audio(self, buffer):
        return buffer.data.tobytes() + b"!"
)"));
  GstBuffer *several = bytes_buffer(5);
  several = gst_buffer_append(several, bytes_buffer(7, 5));
  several = gst_buffer_append(several, bytes_buffer(1, 12));
  expect_text(hex(bytes_of(stream.through_one(several).get())),
              "000102030405060708090a0b0c21");
  GstBuffer *shared = bytes_buffer(3);
  gst_buffer_ref(shared);
  expect_text(hex(bytes_of(stream.through_one(shared).get())), "00010221");
  expect_text(hex(bytes_of(shared)), "000102");
  gst_buffer_unref(shared);
  static guint8 fixed[] = {1, 2, 3};
  GstBuffer *constant = gst_buffer_new_wrapped_full(
      GST_MEMORY_FLAG_READONLY, fixed, 3, 1, 2, nullptr, nullptr);
  expect_text(hex(bytes_of(stream.through_one(constant).get())), "020321");
  // Nothing to encrypt is nothing to send.
  fail_unless(stream.through(gst_buffer_new()).empty());
  fail_unless_equals_uint64(stream.stat("buffers"), 3);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_shared_input_in_place_is_copied_first) {
  Conversion stream(write_file("inverse.py", R"(
class Inverse:
    input_caps = "application/x-in"
    def process_audio(self, buffer):
        buffer.data ^= 0xff
)"));
  GstBuffer *in = bytes_buffer(3);
  gst_buffer_ref(in);
  const OwnedBuffer out = stream.through_one(in);
  expect_text(hex(bytes_of(out.get())), "fffefd");
  expect_text(hex(bytes_of(in)), "000102");
  gst_buffer_unref(in);
  // An empty one goes on: its caps are the same.
  const OwnedBuffer empty = stream.through_one(gst_buffer_new());
  fail_unless_equals_int(gst_buffer_get_size(empty.get()), 0);
}
GST_END_TEST;

GST_START_TEST(test_planes_come_one_after_another) {
  const Audio audio = {"F32", true, 3, 48000};
  const std::string caps =
      "audio/x-raw,format=" GST_AUDIO_NE(F32)
      ",rate=48000,channels=3,channel-mask=(bitmask)0x7,layout=non-interleaved";
  for (bool same : {true, false}) {
    Conversion stream(write_file("planes.py", std::string(R"(
import numpy as np
class Planes:
    as_bytes = True
    )") + (same ? "" : "output_caps = 'application/x-out'") +
                                                  R"(
    def process_audio(self, buffer):
        c, f = np.mgrid[0:3, 0:8]
        want = ((f * 7 + c * 3) % 101 - 50).astype(np.float32)
        assert buffer.data.tobytes() == want.tobytes(), buffer.data
        return None if buffer.data.flags.writeable else b"right"
)"),
                      caps.c_str());
    GstAudioInfo info = audio.info();
    // Dense, turned around, with gaps, and at odd places.
    for (const std::vector<gsize> &offsets : std::vector<std::vector<gsize>>{
             {0, 32, 64}, {64, 32, 0}, {8, 48, 96}, {1, 40, 101}}) {
      GstBuffer *in = gst_buffer_new_allocate(nullptr, 140, nullptr);
      if (offsets[1] == 32) gst_buffer_set_size(in, 96);
      gst_buffer_add_audio_meta(in, &info, 8,
                                const_cast<gsize *>(offsets.data()));
      gst_buffer_add_reference_timestamp_meta(
          in, gst_static_caps_get(&reference), 5000, 1);
      fill(in, audio);
      GST_BUFFER_PTS(in) = 77;
      const bool dense = offsets[0] == 0;
      const OwnedBuffer out = stream.through_one(in);
      fail_unless_equals_uint64(GST_BUFFER_PTS(out.get()), 77);
      fail_unless(gst_buffer_get_reference_timestamp_meta(out.get(), nullptr));
      if (same) expect_samples(out.get(), audio, number_at);
      if (same && dense) fail_unless(out.get() == in);
    }
    fail_unless_equals_uint64(stream.stat("copies"), 3);
    // Without the meta nobody knows where they are.
    fail_unless_equals_int(stream.push(bytes_buffer(96)), GST_FLOW_ERROR);
    expect_part(stream.reports()[0].text, "without GstAudioMeta");
  }
}
GST_END_TEST;

GST_START_TEST(test_broken_audio_does_not_reach_an_encryptor) {
  for (const char *policy : {"fail", "passthrough", "silence", "drop"}) {
    Conversion stream(plugin_file("giving.py"), RAW(S24, "48000", "2"), nullptr,
                      {{"on-error", policy}});
    const bool fails = !strcmp(policy, "fail");
    fail_unless_equals_int(stream.push(bytes_buffer(23)),
                           fails ? GST_FLOW_ERROR : GST_FLOW_OK);
    fail_unless(stream.pull_all().empty());
    expect_part(stream.reports()[0].text,
                "got a buffer of 23 bytes, which is not a whole number of "
                "frames of 6 bytes");
    fail_unless_equals_uint64(stream.stat("buffers"), 0);
  }
}
GST_END_TEST;

GST_START_TEST(test_silence_in_place_is_that_of_the_format) {
  const std::string file = write_file("fails.py", R"(
class Fails:
    as_bytes = True
    def process_audio(self, buffer):
        buffer.data[:] = 7
        return False
)");
  for (const char *policy : {"passthrough", "silence", "drop"}) {
    Conversion stream(
        file, "audio/x-raw,format=U8,rate=8000,channels=1,layout=interleaved",
        nullptr, {{"on-error", policy}});
    std::vector<OwnedBuffer> outs = stream.through(bytes_buffer(4));
    fail_unless_equals_int(outs.size(), strcmp(policy, "drop") ? 1 : 0);
    if (!outs.empty())
      expect_text(hex(bytes_of(outs[0].get())),
                  strcmp(policy, "silence") ? "00010203" : "80808080");
  }
}
GST_END_TEST;

GST_START_TEST(test_what_is_no_audio_has_no_silence) {
  const std::string file = write_file("fails.py", R"(
class Fails:
    input_caps = output_caps = "application/x-in"
    def process_audio(self, buffer):
        buffer.data[:] = 7
        return False
)");
  for (const char *policy : {"passthrough", "silence", "drop"}) {
    Conversion stream(file, "application/x-in", nullptr,
                      {{"on-error", policy}});
    std::vector<OwnedBuffer> outs = stream.through(bytes_buffer(4));
    fail_unless_equals_int(outs.size(), strcmp(policy, "passthrough") ? 0 : 1);
    if (!outs.empty()) expect_text(hex(bytes_of(outs[0].get())), "00010203");
  }
}
GST_END_TEST;

GST_START_TEST(test_what_went_in_does_not_go_on_under_other_caps) {
  const std::string file = write_file("fails_too.py", R"(
class Fails:
    input_caps = "ANY"
    output_caps = "application/x-out"
    def process_audio(self, buffer):
        return False
)");
  for (const char *policy : {"passthrough", "silence", "drop"})
    for (const char *input : {"application/x-in", STEREO}) {
      Conversion stream(file, input, nullptr, {{"on-error", policy}});
      fail_unless_equals_int(stream.through(bytes_buffer(24)).size(), 0);
    }
}
GST_END_TEST;

static Suite *byteinputs_suite() {
  Suite *suite = suite_create("byteinputs");
  TCase *inputs_case = new_case(suite, "inputs");
  add_loop_test_here(inputs_case, test_input_is_shown_where_it_lies, 0,
                     int(std::size(inputs)),
                     "its array is over memory that it shares with its worker, "
                     "not the buffer's");
  tcase_add_test(inputs_case, test_every_kind_of_buffer_is_read_as_its_bytes);
  tcase_add_test(inputs_case, test_shared_input_in_place_is_copied_first);
  tcase_add_test(inputs_case, test_planes_come_one_after_another);
  tcase_add_test(inputs_case, test_broken_audio_does_not_reach_an_encryptor);
  tcase_add_test(inputs_case, test_silence_in_place_is_that_of_the_format);
  tcase_add_test(inputs_case, test_what_is_no_audio_has_no_silence);
  tcase_add_test(inputs_case,
                 test_what_went_in_does_not_go_on_under_other_caps);
  return suite;
}

GST_CHECK_MAIN(byteinputs)
