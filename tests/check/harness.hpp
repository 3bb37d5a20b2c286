// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the tests share: where plugins and their log lie, an element with a
// bus, the same in a GstHarness, and buffers whose samples are known numbers.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#include "audio.hpp"

namespace check {

// ---- surroundings of every test ---------------------------------------------

// What a user's shell says to GStreamer and to Python is no business of a test,
// but for what says how to run it. Done before main(), as gst_init() reads it.
inline const bool surroundings_are_clean = [] {
  static const char *const ours[] = {
      "GST_CHECKS",        "GST_DEBUG",    "GST_PLUGIN_",
      "GST_PYTHONFILTER_", "GST_REGISTRY", "GST_TRACERS",
      "PYTHONFILTER",      "PYTHONMALLOC", "PYTHONPATH"};
  static const char *const nobodys[] = {"GST_PLUGIN_FEATURE_RANK",
                                        "GST_PLUGIN_LOADING_WHITELIST",
                                        "GST_PLUGIN_SCANNER"};
  char **names = g_listenv();
  for (char **name = names; *name; name++) {
    const auto begins = [&](const char *with) {
      return g_str_has_prefix(*name, with);
    };
    if (!strcmp(*name, "VIRTUAL_ENV") ||
        std::any_of(std::begin(nobodys), std::end(nobodys), begins) ||
        ((begins("GST_") || begins("PYTHON")) &&
         std::none_of(std::begin(ours), std::end(ours), begins)))
      unsetenv(*name);
  }
  g_strfreev(names);
  return true;
}();

// Made before gst-check forks and removed by who made it, so that tests which
// crash or never end leave nothing behind either.
class Root {
 public:
  Root() {
    GError *error = nullptr;
    char *made = g_dir_make_tmp("pythonfilter-XXXXXX", &error);
    if (!made) g_error("no folder for the tests: %s", error->message);
    path = made;
    g_free(made);
  }
  ~Root() {
    std::error_code ignored;
    if (getpid() == owner_) std::filesystem::remove_all(path, ignored);
  }

  std::string path;

 private:
  const pid_t owner_ = getpid();
};

inline const std::string &root() {
  static const Root made;
  return made.path;
}

// One for each process, as the interpreter keeps the environment that it was
// started with.
inline const std::string &folder() {
  static const auto *made =
      new std::string(root() + "/" + std::to_string(getpid()));
  return *made;
}

inline std::string read_file(const std::string &path) {
  // An ifstream's buffer throws where a process's file in /proc goes away.
  char *text = nullptr;
  gsize size = 0;
  if (!g_file_get_contents(path.c_str(), &text, &size, nullptr)) return "";
  std::string all(text, size);
  g_free(text);
  return all;
}

inline std::string write_file(const std::string &name,
                              const std::string &text) {
  const std::string path = folder() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

// A plugin that belongs to the tests, or one written for this test alone.
inline std::string plugin_file(const std::string &name) {
  return std::string(CHECK_PLUGINS) + "/" + name;
}

// What plugins said with checklog.say(), a line each.
inline std::string log_text() {
  return read_file(folder() + "/log");
}

inline void clear_log() {
  std::error_code ignored;
  std::filesystem::remove(folder() + "/log", ignored);
}

inline int &real_stdout() {
  static int descriptor = -1;
  return descriptor;
}

inline GstTracer *leaks_tracer() {
  GstTracer *found = nullptr;
  GList *tracers = gst_tracing_get_active_tracers();
  for (GList *l = tracers; l; l = l->next)
    if (!strcmp(G_OBJECT_TYPE_NAME(l->data), "GstLeaksTracer"))
      found = GST_TRACER(l->data);
  // They live as long as GStreamer does.
  g_list_free_full(tracers, gst_object_unref);
  return found;
}

inline std::string live_objects() {
  std::string text;
  GstTracer *tracer = leaks_tracer();
  if (!tracer) return text;
  GstStructure *live = nullptr;
  g_signal_emit_by_name(tracer, "get-live-objects", &live);
  const GValue *list =
      live ? gst_structure_get_value(live, "live-objects-list") : nullptr;
  for (guint i = 0; list && i < gst_value_list_get_size(list); i++) {
    char *each = gst_value_serialize(gst_value_list_get_value(list, i));
    text += std::string("\n") + each;
    g_free(each);
  }
  if (live) gst_structure_free(live);
  return text;
}

inline void set_up() {
  g_mkdir(folder().c_str(), 0700);
  setenv("PYTHONFILTER_CHECK_LOG", (folder() + "/log").c_str(), 1);
  fflush(stdout);
  real_stdout() = dup(STDOUT_FILENO);
  const int file =
      open((folder() + "/stdout").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(file, STDOUT_FILENO);
  close(file);
}

// Nothing was printed, and no buffer, caps, message, … is left over.
inline void tear_down() {
  fflush(stdout);
  dup2(real_stdout(), STDOUT_FILENO);
  close(real_stdout());
  const std::string printed = read_file(folder() + "/stdout");
  std::error_code ignored;
  std::filesystem::remove_all(folder(), ignored);
  fail_unless(printed.empty(), "on standard output: %s", printed.c_str());
  const std::string live = live_objects();
  fail_unless(live.empty(), "leaked:%.3000s", live.c_str());
}

inline TCase *new_case(Suite *suite, const char *name, int seconds = 60) {
  root();
  TCase *tests = tcase_create(name);
  tcase_set_timeout(tests, seconds);
  tcase_add_checked_fixture(tests, set_up, tear_down);
  suite_add_tcase(suite, tests);
  return tests;
}

inline bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

inline void expect_text(const std::string &got, const std::string &want) {
  fail_unless(got == want, "got:\n%s\nwant:\n%s", got.c_str(), want.c_str());
}

inline void expect_part(const std::string &text, const std::string &part) {
  fail_unless(contains(text, part), "\"%s\" is not in: %s", part.c_str(),
              text.c_str());
}

// Whether plugins run in processes of their own, unless a test says otherwise.
inline bool in_process() {
  const char *set = getenv("GST_PYTHONFILTER_ISOLATION");
  return set && !strcmp(set, "process");
}

// Of a test that is about isolation=none. docs/isolation.md has the reason.
inline bool applies(const char *test, const char *reason) {
  if (!in_process()) return true;
  fprintf(stderr, "%s: not in another process: %s\n", test, reason);
  return false;
}
#define add_loop_test_here(tests, function, begin, end, reason) \
  do {                                                          \
    if (applies(#function, reason))                             \
      tcase_add_loop_test(tests, function, begin, end);         \
  } while (0)
#define add_test_here(tests, function, reason)                       \
  do {                                                               \
    if (applies(#function, reason)) tcase_add_test(tests, function); \
  } while (0)

// ---- an element -------------------------------------------------------------

// An ERROR or a WARNING.
struct Report {
  GstMessageType type;
  GQuark domain;
  int code;
  std::string text, debug;
  GstStructure *details;  // NULL: none

  std::string field(const char *name) const {
    const char *value = details ? gst_structure_get_string(details, name) : "";
    return value ? value : "";
  }
  guint64 number(const char *name) const {
    guint64 value = 0;
    if (details) gst_structure_get_uint64(details, name, &value);
    return value;
  }
  int line() const {
    int value = 0;
    if (details) gst_structure_get_int(details, "line", &value);
    return value;
  }
};

class Reports : public std::vector<Report> {
 public:
  Reports() = default;
  Reports(Reports &&) = default;
  ~Reports() {
    for (Report &report : *this)
      if (report.details) gst_structure_free(report.details);
  }
  std::string text() const {
    std::string all;
    for (const Report &report : *this)
      all += std::string(gst_message_type_get_name(report.type)) + " " +
             report.text + " [" + report.debug + "]\n";
    return all.substr(0, 3000);  // check takes no longer messages
  }
};

using Properties = std::vector<std::pair<const char *, std::string>>;

class Element {
 public:
  explicit Element(const std::string &script, const Properties &properties = {})
      : element_(gst_element_factory_make("pythonfilter", nullptr)),
        bus_(gst_bus_new()) {
    fail_unless(element_ != nullptr, "no element pythonfilter");
    gst_object_ref_sink(element_);
    gst_element_set_bus(element_, bus_);
    if (!script.empty()) set("script", script);
    // A harness is live: each buffer would have to be back before it is over.
    if (in_process()) set("deadline", "0");
    for (const auto &[name, text] : properties)
      set(name, text);
  }
  ~Element() {
    gst_element_set_state(element_, GST_STATE_NULL);
    gst_element_set_bus(element_, nullptr);
    gst_object_unref(bus_);
    gst_object_unref(element_);
  }
  Element(const Element &) = delete;
  Element &operator=(const Element &) = delete;

  GstElement *get() const { return element_; }
  GstBus *bus() const { return bus_; }

  void set(const char *name, const std::string &text) {
    gst_util_set_object_arg(G_OBJECT(element_), name, text.c_str());
  }
  bool to(GstState state) {
    return gst_element_set_state(element_, state) != GST_STATE_CHANGE_FAILURE;
  }

  guint64 stat(const char *name) const {
    GstStructure *stats;
    g_object_get(element_, "stats", &stats, nullptr);
    guint64 value = 0;
    fail_unless(gst_structure_get_uint64(stats, name, &value), "no %s", name);
    gst_structure_free(stats);
    return value;
  }

  // The property's text as gst-launch-1.0 would write it.
  std::string text_of(const char *property) const {
    GValue value = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(element_), property, &value);
    char *text = nullptr;
    if (!GST_VALUE_HOLDS_STRUCTURE(&value))
      text = gst_value_serialize(&value);
    else if (const GstStructure *fields = gst_value_get_structure(&value))
      text = gst_structure_to_string(fields);
    std::string result = text ? text : "";
    g_free(text);
    g_value_unset(&value);
    return result;
  }

  // ERRORs and WARNINGs so far. Throws every other message away.
  Reports reports() const {
    Reports all;
    // Not gst_bus_pop_filtered(): since 1.28 it drops the others with the bus
    // locked, and the last reference to an element's pads posts on that bus.
    while (GstMessage *message = gst_bus_pop(bus_)) {
      if (!(GST_MESSAGE_TYPE(message) &
            (GST_MESSAGE_ERROR | GST_MESSAGE_WARNING))) {
        gst_message_unref(message);
        continue;
      }
      GError *error;
      char *debug;
      const GstStructure *details = nullptr;
      if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        gst_message_parse_error(message, &error, &debug);
        gst_message_parse_error_details(message, &details);
      } else {
        gst_message_parse_warning(message, &error, &debug);
        gst_message_parse_warning_details(message, &details);
      }
      all.push_back({GST_MESSAGE_TYPE(message), error->domain, error->code,
                     error->message, debug ? debug : "",
                     details ? gst_structure_copy(details) : nullptr});
      g_error_free(error);
      g_free(debug);
      gst_message_unref(message);
    }
    return all;
  }
  void expect_no_reports() const {
    const Reports all = reports();
    fail_unless(all.empty(), "%s", all.text().c_str());
  }

 private:
  GstElement *element_;
  GstBus *bus_;
};

// ---- a stream through the element -------------------------------------------

class Stream : public Element {
 public:
  Stream(const std::string &script, const Audio &audio = {},
         const Properties &properties = {})
      : Element(script, properties), audio_(audio) {
    fail_unless(to(GST_STATE_READY), "%s", reports().text().c_str());
    harness_ = gst_harness_new_with_element(get(), "sink", "src");
    push_event(gst_event_new_stream_start("check"));
    set_audio(audio);
  }
  ~Stream() { gst_harness_teardown(harness_); }

  GstHarness *harness() const { return harness_; }
  const Audio &audio() const { return audio_; }

  bool push_event(GstEvent *event) {
    return gst_harness_push_event(harness_, event);
  }
  // New caps and, if there is none yet, a segment.
  void set_audio(const Audio &audio) {
    audio_ = audio;
    GstCaps *caps = audio.caps();
    push_event(gst_event_new_caps(caps));
    gst_caps_unref(caps);
    if (!segment_sent_) {
      GstSegment segment;
      gst_segment_init(&segment, GST_FORMAT_TIME);
      push_event(gst_event_new_segment(&segment));
      segment_sent_ = true;
    }
  }
  // PLAYING, and the events that a pad forgets when it stops.
  void play_again() {
    fail_unless(to(GST_STATE_PLAYING));
    push_event(gst_event_new_stream_start("again"));
    segment_sent_ = false;
    set_audio(audio_);
  }
  GstFlowReturn push(GstBuffer *buffer) {
    return gst_harness_push(harness_, buffer);
  }
  GstFlowReturn push_frames(size_t frames = 64) {
    return push(new_buffer(audio_, frames));
  }
  // NULL: nothing came out.
  GstBuffer *pull() { return gst_harness_try_pull(harness_); }

  // Pushes, and gives what came out; it must be OK and something.
  GstBuffer *through(GstBuffer *buffer) {
    const GstFlowReturn flow = push(buffer);
    fail_unless(flow == GST_FLOW_OK, "%s: %s, %s", audio_.name().c_str(),
                gst_flow_get_name(flow), reports().text().c_str());
    GstBuffer *out = pull();
    fail_unless(out != nullptr, "nothing came out");
    return out;
  }
  void expect_through(const Number &number, size_t frames = 64) {
    GstBuffer *out = through(new_buffer(audio_, frames));
    expect_samples(out, audio_, number);
    gst_buffer_unref(out);
  }

 private:
  GstHarness *harness_;
  Audio audio_;
  bool segment_sent_ = false;
};

}  // namespace check
