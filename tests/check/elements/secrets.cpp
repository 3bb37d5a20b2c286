// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Parameters that go in and never come out, and on-error where nothing
// unprocessed may leave.
#include <atomic>

#include "../support/pipeline.hpp"

using namespace check;

namespace {

constexpr char word[] = "open-sesame-4711";
constexpr char other_word[] = "swordfish-0815";

// Keeps the secret, tells the test, and refuses in a way that the other
// parameter `refuse` names.
std::string keeping(
    const std::string &name = "keeping.py",
    const std::string &attributes = "secrets = ('passphrase',)") {
  return write_file(name, R"(
from checklog import say
class Loud(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.add = text
    def __repr__(self): return "Loud" + self.args[0]
class Keeping:
    )" + attributes + R"(
    refuse = ""
    fails = ""
    word = ""
    def set_parameter(self, key, value):
        if key != "passphrase":
            setattr(self, key, value)
            return
        say("told", value)
        if self.refuse == "false":
            return False
        if self.refuse == "raise":
            raise ValueError(f"bad {value}")
        if self.refuse == "chain":
            try:
                int(value)
            except ValueError as error:
                raise RuntimeError("while " + value) from error
        if self.refuse == "file":
            compile(value, value, "exec")
        if self.refuse == "exit":
            raise SystemExit(value)
        if self.refuse == "loud":
            raise Loud(value)
        self.word = value
    def get_parameter(self, key):
        say("asked for", key)
        return str(getattr(self, key, self.word))
    def process_audio(self, buffer):
        say("has", self.word)
        if self.fails == "raise":
            raise ValueError("cannot use " + self.word)
        if self.fails == "chain":
            try:
                open(self.word)
            except OSError as error:
                raise RuntimeError("no file") from error
        buffer.data *= 2
)");
}

std::string all_of(const Report &report) {
  std::string text = report.text + report.debug;
  char *details =
      report.details ? gst_structure_to_string(report.details) : nullptr;
  if (details) text += details;
  g_free(details);
  return text;
}

bool shows(const Element &element, const char *secret) {
  for (const char *property : {"params", "stats", "script", "class"})
    if (contains(element.text_of(property), secret)) return true;
  return false;
}

void expect_hidden(const Element &element, const char *secret = word) {
  fail_unless(!shows(element, secret), "%s", element.text_of("params").c_str());
}

std::string setting(const char *secret) {
  return std::string("p,passphrase=") + secret;
}

}  // namespace

GST_START_TEST(test_a_secret_is_told_and_not_shown) {
  Stream stream(keeping());
  stream.set("params", "p,passphrase=open-sesame-4711,fails=never");
  expect_hidden(stream);
  stream.expect_through(doubled);
  expect_hidden(stream);
  expect_text(stream.text_of("params"), "p, fails=(string)never;");
  stream.set("params", setting(other_word));
  stream.expect_through(doubled);
  expect_hidden(stream, other_word);
  expect_text(log_text(),
              "told open-sesame-4711\nasked for fails\n"
              "has open-sesame-4711\n"
              "told swordfish-0815\nhas swordfish-0815\n");
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_secret_set_in_null_vanishes_with_ready) {
  Element element(keeping(), {{"params", "p,passphrase=open-sesame-4711,a=1"}});
  // Nobody knows yet that it is one. This also shows that we would see it.
  fail_unless(shows(element, word));
  fail_unless(element.to(GST_STATE_READY));
  expect_hidden(element);
  expect_text(element.text_of("params"), "p, a=(int)1;");
  expect_part(log_text(), "told open-sesame-4711\n");
}
GST_END_TEST;

GST_START_TEST(test_each_new_instance_is_told_the_secret) {
  Element element(keeping(), {{"params", setting(word)}});
  for (int i = 0; i < 3; i++) {
    clear_log();
    fail_unless(element.to(GST_STATE_READY));
    expect_text(log_text(), std::string("told ") + word + "\n");
    fail_unless(element.to(GST_STATE_NULL));
    expect_hidden(element);
  }
  // Now it is known for one.
  element.set("params", setting(other_word));
  expect_hidden(element, other_word);
  clear_log();
  fail_unless(element.to(GST_STATE_READY));
  expect_text(log_text(), std::string("told ") + other_word + "\n");
  element.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_secret_set_in_ready_is_kept_for_the_next_instance) {
  Element element(keeping());
  fail_unless(element.to(GST_STATE_READY));
  element.set("params", setting(word));
  fail_unless(element.to(GST_STATE_NULL));
  expect_text(log_text(), "");
  fail_unless(element.to(GST_STATE_READY));
  expect_text(log_text(), std::string("told ") + word + "\n");
  expect_hidden(element);
}
GST_END_TEST;

GST_START_TEST(test_another_plugin_is_not_told_the_secret) {
  Element element(keeping(), {{"params", "p,passphrase=open-sesame-4711,a=1"}});
  fail_unless(element.to(GST_STATE_READY));
  fail_unless(element.to(GST_STATE_NULL));
  clear_log();
  element.set("script", keeping("another.py"));
  fail_unless(element.to(GST_STATE_READY));
  expect_text(log_text(), "asked for a\n");
  expect_hidden(element);
}
GST_END_TEST;

GST_START_TEST(test_a_plugin_that_gave_up_its_secret_is_not_told_it_openly) {
  Element element(keeping(), {{"params", setting(word)}});
  fail_unless(element.to(GST_STATE_READY));
  fail_unless(element.to(GST_STATE_NULL));
  clear_log();
  keeping("keeping.py", "pass");
  fail_unless(element.to(GST_STATE_READY));
  expect_text(log_text(), "");
  expect_hidden(element);
}
GST_END_TEST;

GST_START_TEST(test_a_refused_secret_is_not_quoted) {
  const std::pair<const char *, const char *> ways[] = {
      {"false", ""},
      {"raise", "ValueError"},
      {"chain", "RuntimeError"},
      {"file", "SyntaxError"},
      {"exit", "SystemExit"},
      {"loud", "Loud"}};
  for (const auto &[way, type] : ways) {
    const Properties properties = {{"params", std::string("p,refuse=") + way},
                                   {"on-error", "drop"}};
    Stream stream(keeping(), {}, properties);
    stream.expect_through(doubled);
    // Also short ones, which could not be found in a text.
    for (const char *secret : {"open)sesame", "x)1"}) {
      GstStructure *params =
          gst_structure_new("p", "passphrase", G_TYPE_STRING, secret, nullptr);
      g_object_set(stream.get(), "params", params, nullptr);
      gst_structure_free(params);
      stream.expect_through(doubled);
      expect_hidden(stream, secret);
    }
    fail_unless(stream.to(GST_STATE_READY));
    const Reports reports = stream.reports();
    fail_unless(reports.size() == 2, "%s: %s", way, reports.text().c_str());
    for (const Report &report : reports) {
      for (const char *secret : {"open)sesame", "x)1"})
        fail_unless(!contains(all_of(report), secret), "%s: %s", way,
                    all_of(report).c_str());
      expect_part(report.text, "refused the secret parameter passphrase");
      expect_text(report.field("phase"), "set_parameter");
      fail_unless(contains(report.field("type"), type), "%s", way);
      fail_unless(!contains(report.debug, "Traceback"));
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_refused_secret_leaves_the_one_before) {
  Stream stream(keeping(), {}, {{"on-error", "drop"}});
  stream.set("params", setting(word));
  stream.expect_through(doubled);
  stream.set("params", "p,refuse=false");
  stream.set("params", setting(other_word));
  stream.expect_through(doubled);
  stream.set("params", "p,refuse=no");
  stream.expect_through(doubled);
  fail_unless(stream.to(GST_STATE_NULL));
  clear_log();
  fail_unless(stream.to(GST_STATE_READY));
  expect_part(log_text(), std::string("told ") + word + "\n");
  fail_unless(!contains(log_text(), other_word));
}
GST_END_TEST;

GST_START_TEST(test_a_refused_secret_fails_each_load) {
  Element element(keeping("keeping.py",
                          "secrets = ('passphrase',)\n"
                          "    def __init__(self): self.refuse = 'raise'"),
                  {{"params", setting(word)}});
  for (int i = 0; i < 3; i++) {
    fail_unless(!element.to(GST_STATE_READY));
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1);
    fail_unless(reports[0].type == GST_MESSAGE_ERROR);
    fail_unless(!contains(all_of(reports[0]), word));
    expect_hidden(element);
  }
}
GST_END_TEST;

GST_START_TEST(test_a_secret_is_taken_out_of_later_failures) {
  for (const char *how : {"raise", "chain"}) {
    Stream stream(keeping(), {}, {{"on-error", "drop"}});
    stream.set("params", setting(word));
    stream.set("params", std::string("p,fails=") + how);
    for (int i = 0; i < 3; i++)
      fail_unless(stream.push_frames() == GST_FLOW_OK);
    // Told when the secret is another one.
    stream.set("params", setting(other_word));
    stream.set("params", "p,fails=no");
    stream.expect_through(doubled);
    fail_unless(stream.to(GST_STATE_READY));
    const Reports reports = stream.reports();
    fail_unless(reports.size() >= 2);
    for (const Report &report : reports) {
      fail_unless(!contains(all_of(report), word), "%s",
                  all_of(report).c_str());
      expect_part(report.debug, "...");
      expect_part(report.debug, "Traceback");
    }
  }
}
GST_END_TEST;

// What nobody waits for: of a call beside the stream, here or told by a worker.
GST_START_TEST(test_a_secret_is_taken_out_of_warnings) {
  const std::string file = write_file("beside.py", R"(
from base_plugin import *
from checklog import say
class Beside(AudioSinkPlugin):
    passphrase = Param("", secret=True)
    def write_audio(self, buffer): say("write")
    def unlock(self): raise ValueError("no " + self.passphrase)
    @every(1)
    def look(self):
        say("look")
        raise ValueError("cannot use " + self.passphrase)
)");
  const Pipeline pipeline(
      "audiotestsrc is-live=true samplesperbuffer=64 ! " +
      line_of("pythonsink", file,
              "params=\"p,passphrase=" + std::string(word) + "\""));
  pipeline.expect_to(GST_STATE_PLAYING);
  fail_unless(wait_for_log("look"));
  pipeline.expect_to(GST_STATE_READY);
  std::string told;
  fail_unless(wait_until([&] {
                for (const Report &report : pipeline.reports())
                  told += all_of(report);
                return contains(told, "cannot use ") &&
                       contains(told, "no ...");
              }),
              "%s", told.c_str());
  expect_part(told, "cannot use ...");
  fail_if(contains(told, word), "%s", told.c_str());
}
GST_END_TEST;

GST_START_TEST(test_a_secret_of_any_type_is_told_as_text) {
  Stream stream(keeping());
  stream.set("params", "p,passphrase=(int)47110815");
  stream.expect_through(doubled);
  expect_part(log_text(), "told 47110815\n");
  expect_hidden(stream, "47110815");
}
GST_END_TEST;

namespace {

struct Declared {
  const char *attributes;
  const char *problem;  // "": none
};

const Declared declarations[] = {
    {"secrets = 'passphrase'", ""},
    {"secrets = ['passphrase']", ""},
    {"def __init__(self): self.secrets = {'passphrase'}", ""},
    {"secrets = {'passphrase': 'open-sesame-4711'}",
     "declares secrets as dict"},
    {"secrets = ('passphrase', 7)", "declares secrets as tuple"},
    {"secrets = None", "declares secrets as NoneType"},
    {"fail_closed = 'yes'", "declares fail_closed = 'yes'"},
    {"fail_closed = 1", "declares fail_closed = 1"},
};

}  // namespace

GST_START_TEST(test_what_is_declared_is_never_a_guess) {
  const Declared &row = declarations[__i__];
  Element element(keeping("keeping.py", row.attributes),
                  {{"params", setting(word)}});
  const bool good = !*row.problem;
  fail_unless(element.to(GST_STATE_READY) == good, "%s", row.attributes);
  if (good) {
    expect_hidden(element);
  } else {
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1);
    expect_part(reports[0].text, row.problem);
    fail_unless(!contains(all_of(reports[0]), word));
  }
}
GST_END_TEST;

GST_START_TEST(test_a_module_may_import_pythons_own_secrets) {
  Stream stream(write_file("own.py",
                           "import secrets\n"
                           "def process_audio(buffer): buffer.data *= 2\n"));
  stream.expect_through(doubled);
}
GST_END_TEST;

// ---- fail_closed ------------------------------------------------------------

namespace {

const char *const open_policies[] = {"passthrough", "silence"};
const char *const closed_policies[] = {"fail", "drop"};

constexpr char rule[] =
    "the plugin says that nothing unprocessed may leave it, so on-error must "
    "be fail or drop";

const char *const closings[] = {
    "fail_closed = True",
    "def __init__(self): self.fail_closed = True",
};

// Fails each time, and may have the policy changed while it does.
std::string closed(const std::string &call = "raise ValueError('no')",
                   const std::string &closing = closings[0]) {
  return write_file("closed.py", R"(
import time
from checklog import say
class Closed:
    )" + closing + R"(
    def process_audio(self, buffer):
        say("called")
        )" + call + R"(
    def read_audio(self, buffer): raise ValueError
    def write_audio(self, buffer): raise ValueError
)");
}

}  // namespace

GST_START_TEST(test_fail_closed_refuses_to_start_open) {
  for (const char *factory : {"pythonfilter", "pythonsrc", "pythonsink"}) {
    for (const char *policy : open_policies) {
      const std::string script = closed("pass", closings[__i__]);
      Pipeline pipeline(
          line_of(factory, script, std::string("on-error=") + policy));
      for (int i = 0; i < 2; i++) {
        fail_unless(gst_element_set_state(pipeline.python(), GST_STATE_READY) ==
                    GST_STATE_CHANGE_FAILURE);
        const Reports reports = pipeline.reports();
        fail_unless(reports.size() == 1, "%s", reports.text().c_str());
        fail_unless(reports[0].type == GST_MESSAGE_ERROR);
        fail_unless(reports[0].domain == GST_LIBRARY_ERROR);
        fail_unless(reports[0].code == GST_LIBRARY_ERROR_SETTINGS);
        expect_text(reports[0].text, folder() + "/closed.py: " + rule);
      }
      gst_util_set_object_arg(G_OBJECT(pipeline.python()), "on-error", "drop");
      fail_unless(gst_element_set_state(pipeline.python(), GST_STATE_READY) ==
                  GST_STATE_CHANGE_SUCCESS);
      pipeline.expect_no_reports();
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_fail_closed_refuses_to_be_opened) {
  for (const char *before : closed_policies) {
    Stream stream(closed(), {}, {{"on-error", before}});
    for (const char *policy : open_policies) {
      stream.set("on-error", policy);
      expect_text(stream.text_of("on-error"), before);
      const Reports reports = stream.reports();
      fail_unless(reports.size() == 1);
      fail_unless(reports[0].type == GST_MESSAGE_WARNING);
      expect_text(reports[0].text, rule);
    }
    stream.push_frames();
    fail_unless(stream.pull() == nullptr);
    // Unloaded it is anybody's again.
    fail_unless(stream.to(GST_STATE_NULL));
    stream.reports();
    stream.set("on-error", "silence");
    stream.expect_no_reports();
    expect_text(stream.text_of("on-error"), "silence");
  }
}
GST_END_TEST;

GST_START_TEST(test_fail_closed_holds_while_on_error_changes) {
  Stream stream(closed("time.sleep(0.001); buffer.data[:, 0] = 1; 1 / 0"), {},
                {{"on-error", "drop"}});
  std::atomic<bool> done{false};
  std::thread changing([&] {
    for (int i = 0; !done; i++) {
      const char *const all[] = {"passthrough", "drop", "silence"};
      stream.set("on-error", all[i % 3]);
      gst_bus_set_flushing(stream.bus(), TRUE);
    }
  });
  const int many = soak_count(20, 300);
  for (int i = 0; i < many; i++) {
    fail_unless(stream.push_frames() == GST_FLOW_OK);
    GstBuffer *out = stream.pull();
    fail_unless(out == nullptr, "a buffer got through");
  }
  done = true;
  changing.join();
  fail_unless_equals_uint64(stream.stat("dropped"), guint64(many));
}
GST_END_TEST;

static Suite *secrets_suite() {
  Suite *suite = suite_create("secrets");
  TCase *secrets = new_case(suite, "secrets");
  tcase_add_test(secrets, test_a_secret_is_told_and_not_shown);
  tcase_add_test(secrets, test_a_secret_set_in_null_vanishes_with_ready);
  tcase_add_test(secrets, test_each_new_instance_is_told_the_secret);
  tcase_add_test(secrets,
                 test_a_secret_set_in_ready_is_kept_for_the_next_instance);
  tcase_add_test(secrets, test_another_plugin_is_not_told_the_secret);
  tcase_add_test(secrets,
                 test_a_plugin_that_gave_up_its_secret_is_not_told_it_openly);
  tcase_add_test(secrets, test_a_refused_secret_is_not_quoted);
  tcase_add_test(secrets, test_a_refused_secret_leaves_the_one_before);
  tcase_add_test(secrets, test_a_refused_secret_fails_each_load);
  tcase_add_test(secrets, test_a_secret_is_taken_out_of_later_failures);
  tcase_add_test(secrets, test_a_secret_is_taken_out_of_warnings);
  tcase_add_test(secrets, test_a_secret_of_any_type_is_told_as_text);
  tcase_add_loop_test(secrets, test_what_is_declared_is_never_a_guess, 0,
                      int(std::size(declarations)));
  tcase_add_test(secrets, test_a_module_may_import_pythons_own_secrets);
  TCase *closed = new_case(suite, "fail_closed");
  tcase_add_loop_test(closed, test_fail_closed_refuses_to_start_open, 0,
                      int(std::size(closings)));
  tcase_add_test(closed, test_fail_closed_refuses_to_be_opened);
  tcase_add_test(closed, test_fail_closed_holds_while_on_error_changes);
  return suite;
}

GST_CHECK_MAIN(secrets)
