// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a converting plugin may give and what becomes of it: the object's own
// memory, or a copy where the plugin could still change it; and its time.
#include "../support/conversion.hpp"

using namespace check;

namespace {

constexpr int calls = 4;

enum class Memory { Own, Copied, Block };

struct Way {
  const char *name;
  Memory memory;
  int buffers = 1;
};

const Way ways[] = {
    {"bytes", Memory::Own},
    {"bytearray", Memory::Own},
    {"array", Memory::Own},
    {"slice of an array", Memory::Own},
    {"rows", Memory::Own},
    {"read-only array", Memory::Own},
    {"array of floats", Memory::Own},
    {"array over a bytearray", Memory::Own},
    {"memoryview of bytes", Memory::Own},
    {"memoryview of a bytearray", Memory::Own},
    {"memoryview of an array", Memory::Own},
    {"slice of a memoryview", Memory::Own},
    {"parts of bytes", Memory::Own, 2},
    {"kept bytes", Memory::Own},
    {"bound", Memory::Own},
    {"bound, True", Memory::Own},
    {"bound, returned", Memory::Own},
    {"bound list", Memory::Own, 2},
    {"list of one", Memory::Own},
    {"tuple", Memory::Own, 3},
    {"kept list of bytes", Memory::Own, 2},
    {"bytes twice", Memory::Own, 2},
    {"empty ones between", Memory::Own, 2},
    {"block", Memory::Block},
    {"slice of the block", Memory::Block},
    {"parts of the block", Memory::Block, 2},
    {"memoryview of the block", Memory::Block},
    {"bound slice of the block", Memory::Block},
    {"kept bytearray", Memory::Copied},
    {"kept array", Memory::Copied},
    {"bound and kept", Memory::Copied},
    {"slice of a kept array", Memory::Copied},
    {"slice of a slice", Memory::Copied},
    {"kept slice", Memory::Copied},
    {"memoryview of a kept array", Memory::Copied},
    {"memoryview of kept", Memory::Copied},
    {"kept memoryview", Memory::Copied},
    {"slice of a kept memoryview", Memory::Copied},
    {"over a kept bytearray", Memory::Copied},
    {"weakly kept", Memory::Copied},
    {"weakly kept memoryview", Memory::Copied},
    {"kept list", Memory::Copied},
    {"kept in a tuple", Memory::Copied},
    {"read-only, kept", Memory::Copied},
    {"the same again", Memory::Copied},
    {"the same bytearray", Memory::Copied},
    {"array twice", Memory::Copied, 2},
    {"parts of an array", Memory::Copied, 2},
    {"type of its own", Memory::Copied},
    {"empty list", Memory::Own, 0},
    {"empty tuple", Memory::Own, 0},
    {"empty bytes", Memory::Own, 0},
    {"empty array", Memory::Own, 0},
    {"list of nothing", Memory::Own, 0},
};

struct Wrong {
  const char *name, *type, *text;
};

const char not_bytes[] = "not bytes, a bytearray, a memoryview or an array";

const Wrong wrongs[] = {
    {"None", "TypeError", "gave nothing"},
    {"True", "TypeError", "gave nothing"},
    {"False", "", "returned False"},
    {"numpy.True_", "TypeError", "gave nothing"},
    {"str", "TypeError", not_bytes},
    {"int", "TypeError", not_bytes},
    {"number", "TypeError", not_bytes},
    {"dict", "TypeError", not_bytes},
    {"set", "TypeError", not_bytes},
    {"range", "TypeError", not_bytes},
    {"generator", "TypeError", not_bytes},
    {"list of ints", "TypeError", not_bytes},
    {"nested list", "TypeError", not_bytes},
    {"None in a list", "TypeError", not_bytes},
    {"block and str", "TypeError", not_bytes},
    {"strided array", "ValueError", "not C-contiguous"},
    {"backwards", "ValueError", "not C-contiguous"},
    {"Fortran", "ValueError", "not C-contiguous"},
    {"objects", "TypeError", "an array of objects"},
    {"strided memoryview", "ValueError", "not C-contiguous"},
    {"kept strided memoryview", "ValueError", "not C-contiguous"},
    {"released memoryview", "ValueError", "released"},
    {"deleted", "TypeError", "deleted buffer.data"},
    {"raise", "ZeroDivisionError", "division by zero"},
};

Properties giving(const std::string &what) {
  return {{"params", "p,give=(string)\"" + what + "\""}};
}

// One object as the plugin told of it: where its bytes lie and what they are.
struct Told {
  guint64 address;
  std::string bytes;
};

std::vector<Told> all_told() {
  std::vector<Told> all;
  std::istringstream words(log_text());
  for (std::string word; words >> word;) {
    const size_t colon = word.find(':');
    all.push_back(
        {g_ascii_strtoull(word.c_str(), nullptr, 10), word.substr(colon + 1)});
  }
  return all;
}

}  // namespace

GST_START_TEST(test_outputs_are_the_objects_themselves_or_copies) {
  const Way &way = ways[__i__];
  clear_log();
  Gone gone;
  Conversion stream(plugin_file("giving.py"), "application/x-in", nullptr,
                    giving(way.name));
  std::vector<OwnedBuffer> outs;
  std::vector<guint64> blocks;
  for (int i = 0; i < calls; i++) {
    GstBuffer *in = bytes_buffer(24, i);
    gone.watch(in);
    blocks.push_back(address_of(in));
    for (OwnedBuffer &out : stream.through(in))
      outs.push_back(std::move(out));
  }
  const std::vector<Told> told = all_told();
  fail_unless_equals_int(outs.size(), calls * way.buffers);
  fail_unless_equals_int(told.size(), outs.size());
  for (size_t i = 0; i < outs.size(); i++) {
    GstBuffer *out = outs[i].get();
    expect_text(hex(bytes_of(out)), told[i].bytes);
    const bool same = address_of(out) == told[i].address;
    fail_unless(same == (way.memory != Memory::Copied), "%s", way.name);
    const guint64 block = blocks[i / size_t(way.buffers)];
    fail_unless((address_of(out) - block < 24) == (way.memory == Memory::Block),
                "%s", way.name);
  }
  fail_unless_equals_uint64(stream.stat("copies"),
                            way.memory == Memory::Copied ? calls : 0);
  fail_unless_equals_uint64(stream.stat("escapes"), 0);
  fail_unless_equals_uint64(stream.stat("errors"), 0);
  stream.expect_no_reports();
  // The stream stands still, and what was sent comes back all the same.
  outs.clear();
  gone.expect_all();
}
GST_END_TEST;

// Whoever writes gets memory of its own, as of any memory that is shared.
GST_START_TEST(test_outputs_can_be_written_to_without_a_trace) {
  for (const char *way : {"kept bytes", "bytes twice", "parts of the block"}) {
    Gone gone;
    Conversion stream(plugin_file("giving.py"), "application/x-in", nullptr,
                      giving(way));
    GstBuffer *in = bytes_buffer();
    gone.watch(in);
    std::vector<OwnedBuffer> outs = stream.through(in);
    const std::string before = bytes_of(outs.back().get());
    for (size_t i = 0; i + 1 < outs.size() || i == 0; i++) {
      GstBuffer *out = gst_buffer_make_writable(outs[i].release());
      gst_buffer_memset(out, 0, 0x11, 8);
      expect_text(hex(bytes_of(out)).substr(0, 16), "1111111111111111");
      gst_buffer_unref(out);
    }
    if (outs.back()) expect_text(bytes_of(outs.back().get()), before);
    in = bytes_buffer();
    gone.watch(in);
    const std::string again = bytes_of(stream.through(in)[0].get());
    fail_unless(!contains(hex(again), "11111111"));
    outs.clear();
    gone.expect_all();
  }
}
GST_END_TEST;

GST_START_TEST(test_wrong_outputs_never_let_the_input_through) {
  const Wrong &wrong = wrongs[__i__];
  const std::string file = plugin_file("giving.py");
  for (const char *policy : {"fail", "passthrough", "silence", "drop"}) {
    Properties properties = giving(wrong.name);
    properties.push_back({"on-error", policy});
    Conversion stream(file, "application/x-in", nullptr, properties);
    const bool fails = !strcmp(policy, "fail");
    const GstFlowReturn flow = stream.push(bytes_buffer());
    fail_unless_equals_int(flow, fails ? GST_FLOW_ERROR : GST_FLOW_OK);
    fail_unless(stream.pull_all().empty(), "%s", policy);
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless_equals_int(reports[0].type,
                           fails ? GST_MESSAGE_ERROR : GST_MESSAGE_WARNING);
    expect_text(reports[0].field("type"), wrong.type);
    expect_text(reports[0].field("file"), file);
    fail_unless(reports[0].line() > 0);
    expect_part(reports[0].text, wrong.text);
    fail_unless_equals_uint64(stream.stat("errors"), 1);
    fail_unless_equals_uint64(stream.stat("dropped"), fails ? 0 : 1);
    fail_unless_equals_uint64(stream.stat("escapes"), 0);
    if (fails) continue;
    // The next one is right, and says that something is missing before it.
    stream.set("params", "p,give=bytes");
    const OwnedBuffer out = stream.through_one(bytes_buffer());
    fail_unless(GST_BUFFER_IS_DISCONT(out.get()));
    stream.expect_output_caps("application/x-out");
  }
}
GST_END_TEST;

GST_START_TEST(test_block_that_is_sent_and_kept_does_not_return_to_its_pool) {
  GstBufferPool *pool = gst_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, nullptr, 24, 1, 0);
  gst_buffer_pool_set_config(pool, config);
  gst_buffer_pool_set_active(pool, TRUE);
  Gone gone;
  {
    Conversion stream(plugin_file("giving.py"), "application/x-in", nullptr,
                      giving("block"));
    std::vector<OwnedBuffer> outs;
    for (int i = 0; i < 8; i++) {
      GstBuffer *in;
      gst_buffer_pool_acquire_buffer(pool, &in, nullptr);
      fail_unless_equals_int(gst_buffer_memset(in, 0, guint8(i), 24), 24);
      gone.watch(in);
      outs.push_back(stream.through_one(in));
    }
    for (int i = 0; i < 8; i++)
      expect_text(bytes_of(outs[size_t(i)].get()), std::string(24, char(i)));
  }
  gst_buffer_pool_set_active(pool, FALSE);
  gst_object_unref(pool);
  gone.expect_all();
}
GST_END_TEST;

// ---- in place ---------------------------------------------------------------

GST_START_TEST(test_equal_caps_let_the_block_itself_go_on) {
  const std::string file = write_file("same.py", R"(
class Same:
    input_caps = "application/x-in"
    give = "None"
    def set_parameter(self, key, value):
        self.give = value
    def process_audio(self, buffer):
        buffer.data ^= 0x55
        return {"None": None, "True": True, "block": buffer.data,
                "bytes": b"other", "part": buffer.data[4:], "nothing": []}[self.give]
)");
  Conversion stream(file);
  const auto give = [&](const char *what) {
    stream.set("params", std::string("p,give=(string)") + what);
  };
  for (const char *what : {"None", "True", "block"}) {
    give(what);
    GstBuffer *in = bytes_buffer();
    const guint64 address = address_of(in);
    const OwnedBuffer out = stream.through_one(in);
    fail_unless(out.get() == in && address_of(in) == address);
    fail_unless_equals_int(bytes_of(in)[1], 1 ^ 0x55);
  }
  fail_unless_equals_uint64(stream.stat("copies"), 0);
  give("bytes");
  expect_text(bytes_of(stream.through_one(bytes_buffer()).get()), "other");
  give("nothing");
  fail_unless(stream.through(bytes_buffer()).empty());
  // The rest of the block is still the plugin's to write to.
  give("part");
  fail_unless_equals_int(
      gst_buffer_get_size(stream.through_one(bytes_buffer()).get()), 20);
  fail_unless_equals_uint64(stream.stat("copies"), in_process() ? 0 : 1);
  fail_unless_equals_uint64(stream.stat("escapes"), 0);
  stream.expect_no_reports();
}
GST_END_TEST;

// ---- raw audio --------------------------------------------------------------

struct RawWay {
  const char *name, *python;
  bool copied;
  const char *type = "", *text = "";
};

// The output is S16 of 3 channels; `a` holds number_at() as (channels, frames).
const RawWay raw_ways[] = {
    {"rows", "a", false},
    {"columns", "np.asfortranarray(a)", false},
    {"transposed", "np.ascontiguousarray(a.T).T", false},
    {"every second", "np.repeat(a, 2, axis=1)[:, ::2]", true},
    {"as bytes", "order(a)", false},
    {"as an array", "np.frombuffer(order(a), np.int16)", false},
    {"as a memoryview", "memoryview(np.frombuffer(order(a), np.int16))", false},
    {"between samples", "memoryview(b'1' + order(a))[1:]", true},
    {"doubles", "a.astype(np.float64)", false, "ValueError", "(3, frames)"},
    {"other channels", "a[:2]", false, "ValueError", "(3, frames)"},
    {"flat doubles", "a.astype(np.float64).ravel()", false, "TypeError",
     "gave an array of float64"},
    {"view of doubles", "memoryview(a.astype(np.float64).ravel())", false,
     "TypeError", "gave an array of float64"},
    {"view of rows", "memoryview(a)", false, "ValueError",
     "several dimensions"},
    {"half a frame", "order(a)[:-2]", false, "ValueError",
     "not a whole number of frames of 6 bytes"},
};

GST_START_TEST(test_raw_audio_of_another_kind_comes_out_exactly) {
  const RawWay &way = raw_ways[__i__];
  for (bool planar : {false, true}) {
    const Audio audio = {"S16", planar, 3, 8000};
    const std::string caps =
        std::string("audio/x-raw,format=" GST_AUDIO_NE(
            S16) ",rate=8000,channels=3,channel-mask=(bitmask)0xb,layout=") +
        (planar ? "non-interleaved" : "interleaved");
    const std::string file = write_file("kind.py", std::string(R"(
import numpy as np
PLANAR = )") + (planar ? "True" : "False") + R"(
def order(a):
    return (a if PLANAR else a.T).tobytes()
class Kind:
    output_caps = ")" + caps + R"("
    def process_audio(self, buffer):
        c, f = np.mgrid[0:3, 0:64]
        a = ((f * 7 + c * 3) % 101 - 50).astype(np.int16)
        return )" + way.python + "\n");
    Conversion stream(file, STEREO);
    stream.expect_output_caps(caps.c_str());
    GstBuffer *in = new_buffer({"F32", false, 2}, 480);
    if (*way.type) {
      fail_unless_equals_int(stream.push(in), GST_FLOW_ERROR);
      const Reports reports = stream.reports();
      fail_unless_equals_int(reports.size(), 1);
      expect_text(reports[0].field("type"), way.type);
      expect_part(reports[0].text, way.text);
      continue;
    }
    const OwnedBuffer out = stream.through_one(in);
    // Planar rows of a column, interleaved ones of a row: turned around.
    const bool turned = !strcmp(way.name, planar ? "columns" : "rows") ||
                        (planar && !strcmp(way.name, "transposed"));
    expect_samples(out.get(), audio, number_at);
    fail_unless(bool(gst_buffer_get_audio_meta(out.get())) == planar);
    fail_unless_equals_uint64(stream.stat("copies"),
                              !in_process() && (way.copied || turned));
    fail_unless_equals_uint64(GST_BUFFER_DURATION(out.get()),
                              64 * GST_SECOND / 8000);
  }
}
GST_END_TEST;

static Suite *outputs_suite() {
  Suite *suite = suite_create("outputs");
  TCase *objects = new_case(suite, "objects");
  add_loop_test_here(objects, test_outputs_are_the_objects_themselves_or_copies,
                     0, int(std::size(ways)), "what it gives is always copied");
  tcase_add_test(objects, test_outputs_can_be_written_to_without_a_trace);
  tcase_add_loop_test(objects, test_wrong_outputs_never_let_the_input_through,
                      0, int(std::size(wrongs)));
  tcase_add_test(objects,
                 test_block_that_is_sent_and_kept_does_not_return_to_its_pool);
  tcase_add_test(objects, test_equal_caps_let_the_block_itself_go_on);
  tcase_add_loop_test(objects, test_raw_audio_of_another_kind_comes_out_exactly,
                      0, int(std::size(raw_ways)));
  return suite;
}

GST_CHECK_MAIN(outputs)
