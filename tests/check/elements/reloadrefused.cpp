// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Code that is saved while the stream plays, and is broken or does not fit: the
// old code plays on.
#include "../support/reload.hpp"

using namespace check;

namespace {

struct Broken {
  std::string source;
  const char *told;
};

const Broken broken[] = {
    {"class Plugin\n", "cannot be loaded: SyntaxError"},
    {"import not_there_at_all\n", "cannot be loaded: ModuleNotFoundError"},
    {"raise SystemExit(1)\n", "cannot be loaded: SystemExit"},
    {"", "has no plugin"},
    {"class Plugin:\n    def read_audio(self, b): pass\n", "pythonsrc"},
    {multiplying("2", "    def __init__(self): 1 / 0\n"), "ZeroDivisionError"},
    {multiplying("2", "    def initialize(self): return False\n"),
     "initialize() returned False"},
    {multiplying("2", "    def initialize(self): 1 / 0\n"),
     "initialize() raised ZeroDivisionError"},
    {multiplying("2", "    def set_parameter(self, k, v): return False\n"),
     "refused the parameter gain=1"},
    {multiplying("2"), "has no set_parameter()"},
    {counting(std::string(stateful) +
              "    def set_parameter(self, k, v): pass\n"
              "    def start(self): 1 / 0\n"),
     "start() raised ZeroDivisionError"},
    {counting("    def set_parameter(self, k, v): pass\n"
              "    def get_state(self): pass\n"
              "    def set_state(self, state): return False\n"),
     "set_state() returned False"},
    {counting("    def set_parameter(self, k, v): pass\n"
              "    def get_state(self): pass\n"
              "    def set_state(self, state): state['nothing']\n"),
     "set_state() raised KeyError"},
};

}  // namespace

GST_START_TEST(test_broken_code_is_told_once_and_changes_nothing) {
  const Broken &one = broken[__i__];
  const std::string good = counting(
      std::string(stateful) + "    def set_parameter(self, k, v): pass\n");
  Stream stream(write_file("plugin.py", good), {}, {{"params", "p,gain=1"}});
  int last = 0;
  for (int i = 0; i < 2; i++) {
    write_file("plugin.py", one.source);
    fail_unless(ask(stream.get()));
    Told told = count_on(&stream, &last);
    expect_part(told.warning, one.told);
    if (contains(told.warning, "raised")) expect_part(told.debug, "Traceback");
    for (int k = 0; k < 20; k++) {
      GstBuffer *out = stream.through(new_buffer({}));
      fail_unless_equals_int(factor_of(out), ++last);
      gst_buffer_unref(out);
    }
    stream.expect_no_reports();
    write_file("plugin.py", good);
    fail_unless(ask(stream.get()));
    told = count_on(&stream, &last);
    fail_unless_equals_uint64(told.count, guint64(i + 1));
  }
  fail_unless_equals_uint64(stream.stat("errors"), 0);
}
GST_END_TEST;

namespace {

const Broken misfits[] = {
    {"    formats = ('S16',)\n", "format=(string)S16LE"},
    {"    rates = 44100\n", "rate=(int)44100"},
    {"    channels = 1\n", "channels=(int)1"},
    {"    layouts = 'non-interleaved'\n", "layout=(string)non-interleaved"},
    {"    read_only = True\n", "read_only is True now"},
    {"    block_size = 48\n", "block_size is 48, not 0"},
    {"    as_bytes = True\n", "caps of its own"},
    {"    output_caps = 'audio/x-raw'\n", "caps of its own"},
};

}  // namespace

GST_START_TEST(test_code_that_does_not_fit_the_stream_is_not_taken) {
  const Broken &one = misfits[__i__];
  Stream stream(write_file("plugin.py", multiplying("2")));
  write_file("plugin.py", multiplying("3", one.source));
  fail_unless(ask(stream.get()));
  const Told told = flow(&stream);
  expect_part(told.warning, "does not fit the stream");
  expect_part(told.warning, one.told);
  expect_factor(&stream, 2);
}
GST_END_TEST;

GST_START_TEST(test_other_caps_of_a_converting_plugin) {
  const std::string source = R"(
class Plugin:
    output_caps = "application/x-made,kind={a,b}"
    def get_output_caps(self, caps): return "application/x-made,kind=KIND"
    def process_audio(self, buffer): return b"KIND"
)";
  const auto of_kind = [&](const char *kind, const char *result) {
    std::string text = source;
    text.replace(text.find("kind=KIND"), 9, std::string("kind=") + kind);
    return text.replace(text.find("b\"KIND\""), 7,
                        std::string("b\"") + result + "\"");
  };
  Stream stream(write_file("plugin.py", of_kind("a", "1")));
  write_file("plugin.py", of_kind("b", "2"));
  fail_unless(ask(stream.get()));
  expect_part(flow(&stream).warning, "does not fit the stream");
  write_file("plugin.py", of_kind("a", "333"));
  fail_unless(ask(stream.get()));
  expect_text(flow(&stream).warning, "");
  GstBuffer *out = stream.through(new_buffer({}));
  fail_unless_equals_int(gst_buffer_get_size(out), 3);
  gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_what_new_code_can_do_is_negotiated_next) {
  Stream stream(write_file("plugin.py", multiplying("1")));
  write_file("plugin.py", multiplying("2", "    formats = ('S16', 'F32')\n"));
  fail_unless(ask(stream.get()));
  change(&stream, 1, 2);
  stream.set_audio({"S16"});
  GstBuffer *out = stream.through(new_buffer(stream.audio()));
  expect_samples(out, stream.audio(), doubled);
  gst_buffer_unref(out);
}
GST_END_TEST;

GST_START_TEST(test_code_that_fails_closed_needs_an_on_error_that_does) {
  Stream stream(write_file("plugin.py", multiplying("1")), {},
                {{"on-error", "passthrough"}});
  write_file("plugin.py", multiplying("2", "    fail_closed = True\n"));
  fail_unless(ask(stream.get()));
  expect_part(flow(&stream).warning, "on-error");
  expect_factor(&stream, 1);
  stream.set("on-error", "drop");
  stream.set("on-error", "passthrough");
  stream.set("on-error", "drop");
  fail_unless(ask(stream.get()));
  change(&stream, 1, 2);
  stream.expect_no_reports();
  stream.set("on-error", "passthrough");
  fail_unless_equals_int(stream.reports().size(), 1);
  expect_text(stream.text_of("on-error"), "drop");
}
GST_END_TEST;

static Suite *reloadrefused_suite() {
  Suite *suite = suite_create("reloadrefused");
  TCase *refused = new_case(suite, "refused");
  tcase_add_loop_test(refused,
                      test_broken_code_is_told_once_and_changes_nothing, 0,
                      int(std::size(broken)));
  tcase_add_loop_test(refused,
                      test_code_that_does_not_fit_the_stream_is_not_taken, 0,
                      int(std::size(misfits)));
  tcase_add_test(refused, test_other_caps_of_a_converting_plugin);
  tcase_add_test(refused, test_what_new_code_can_do_is_negotiated_next);
  tcase_add_test(refused,
                 test_code_that_fails_closed_needs_an_on_error_that_does);
  return suite;
}

GST_CHECK_MAIN(reloadrefused)
