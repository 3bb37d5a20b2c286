// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is around every test: where its files lie, how often it does things,
// what is looked at when it ends, and what is said when it does not.
#pragma once

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <pthread.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>

namespace check {

// ---- the environment -------------------------------------------------------

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

// What the environment was before a test, which may change it.
inline char **&environment_before() {
  static char **before = nullptr;
  return before;
}

inline void restore_environment() {
  char **before = environment_before();
  char **names = g_listenv();
  for (char **name = names; *name; name++)
    if (!g_environ_getenv(before, *name)) unsetenv(*name);
  g_strfreev(names);
  for (char **each = before; *each; each++) {
    const std::string name(*each, strcspn(*each, "="));
    const char *value = g_environ_getenv(before, name.c_str());
    // Only what is another one, as other threads may read it.
    if (value && g_strcmp0(getenv(name.c_str()), value) != 0)
      setenv(name.c_str(), value, 1);
  }
  g_strfreev(before);
}

// ---- files ------------------------------------------------------------------

// Removes a folder when the last process that was forked from here has ended,
// even by SIGKILL: the end of a pipe that they all have goes with them.
inline void remove_in_the_end(const std::string &path) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) g_error("no pipe: %s", g_strerror(errno));
  const pid_t child = fork();
  if (child == 0) {
    // Not a child of a test that counts them, nor in a group that is killed.
    if (setsid() < 0 || fork() != 0) _exit(0);
    close(ends[1]);
    // Who started the tests waits until nobody can write to it.
    for (int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      close(file);
    char byte;
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR) {
    }
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  close(ends[0]);
}

inline const std::string &root() {
  static const std::string made = [] {
    GError *error = nullptr;
    char *path = g_dir_make_tmp("pythonfilter-XXXXXX", &error);
    if (!path) g_error("no folder for the tests: %s", error->message);
    const std::string text = path;
    g_free(path);
    remove_in_the_end(text);
    return text;
  }();
  return made;
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
  // Once, as not every version gives references to them.
  static GstTracer *const found = [] {
    GstTracer *leaks = nullptr;
    GList *tracers = gst_tracing_get_active_tracers();
    for (GList *l = tracers; l; l = l->next)
      if (!strcmp(G_OBJECT_TYPE_NAME(l->data), "GstLeaksTracer"))
        leaks = GST_TRACER(l->data);
    g_list_free(tracers);
    return leaks;
  }();
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
  // Its references are not its own, so it is only freed when it has none.
  if (live && text.empty()) gst_structure_free(live);
  return text;
}

// ---- how much, and how long -------------------------------------------------

// A run of everything: tests/run.sh --soak.
inline bool soaking() {
  const char *set = getenv("PYTHONFILTER_SOAK");
  return set && *set && strcmp(set, "0") != 0;
}

// In a run in which each access to memory is checked, which takes its time.
inline bool few() {
  return getenv("PYTHONFILTER_CHECK_FEW") != nullptr;
}

// How often a test does what it does again and again. `small` is enough to see
// that it goes wrong when it goes wrong each time, and `full` when it seldom
// does, or adds up.
template <typename T>
T soak_count(T small, T full) {
  return soaking() && !few() ? full : small;
}

// Seconds until what should happen at once is said not to happen at all.
inline const double patience = [] {
  const char *set = getenv("PYTHONFILTER_CHECK_PATIENCE");
  return set ? atof(set) : 300;
}();

// ---- the tests of a program -------------------------------------------------

// The test that runs, for who is told that the program crashed.
inline const char *volatile now_running = "before the first test";

// GST_START_TEST calls it with the test's name.
#define tcase_fn_start(name, file, line) \
  (check::now_running = name, (tcase_fn_start)(name, file, line))

// At once, as what a failed test leaves running may crash before its end. From
// another thread there is no way back to the tests.
inline void tell_failure(const char *file, int line) {
  static const pthread_t tests_thread = pthread_self();
  if (!file) return;
  fprintf(stderr, "%s:%d: %s fails\n", file, line,
          const_cast<const char *>(now_running));
  if (!pthread_equal(pthread_self(), tests_thread)) abort();
}
#define _ck_assert_failed(file, line, ...) \
  (check::tell_failure(file, line),        \
   (_ck_assert_failed)(file, line, __VA_ARGS__))

inline void tell_where(int signal) {
  const char *what =
      signal == SIGALRM ? " makes no progress\n" : " ends here\n";
  for (const char *part : {"\n", const_cast<const char *>(now_running), what})
    if (write(STDERR_FILENO, part, strlen(part)) < 0) break;
  raise(signal);  // which has its usual effect now
}

// All tests of a program run in one process, where Python starts once, and in a
// soak each in one of its own. So nothing of gst-check finds a hang or says
// which test has crashed, and this does.
inline void watch_over_tests() {
  if (!soaking()) setenv("CK_FORK", "no", 0);
  tell_failure(nullptr, 0);  // which thread this is
  struct sigaction action = {};
  action.sa_handler = tell_where;
  action.sa_flags = int(SA_RESETHAND);
  for (int signal :
       {SIGALRM, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGTERM})
    sigaction(signal, &action, nullptr);
}

// Where a test fails it leaves all that it had running, so that those after it
// in the same process would hang, or crash. They are not run.
inline const char *failed_test = nullptr;
inline bool reached_end = false;
#undef GST_END_TEST
#define GST_END_TEST         \
  gst_task_cleanup_all();    \
  check::reached_end = true; \
  END_TEST

inline void set_up() {
  // A hang: no machine is so slow or so busy.
  alarm(soaking() ? 4 * 3600 : unsigned(3 * patience));
  reached_end = false;
  fail_unless(!failed_test, "not run: %s failed", failed_test);
  environment_before() = g_get_environ();
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
  failed_test = const_cast<const char *>(now_running);
  restore_environment();
  fflush(stdout);
  dup2(real_stdout(), STDOUT_FILENO);
  close(real_stdout());
  const std::string printed = read_file(folder() + "/stdout");
  std::error_code ignored;
  std::filesystem::remove_all(folder(), ignored);
  fail_unless(printed.empty(), "on standard output: %s", printed.c_str());
  if (!reached_end) return;
  const std::string live = live_objects();
  fail_unless(live.empty(), "leaked:%.3000s", live.c_str());
  failed_test = nullptr;
}

// At the end GStreamer waits for its threads, and those of a test that failed
// may run for ever.
#undef GST_CHECK_MAIN
#define GST_CHECK_MAIN(name)                                                 \
  int main(int argc, char **argv) {                                          \
    gst_check_init(&argc, &argv);                                            \
    const int failed = gst_check_run_suite(name##_suite(), #name, __FILE__); \
    if (failed != 0) {                                                       \
      fflush(stdout);                                                        \
      _exit(failed);                                                         \
    }                                                                        \
    return 0;                                                                \
  }

inline TCase *new_case(Suite *suite, const char *name) {
  root();  // before gst-check forks
  watch_over_tests();
  TCase *tests = tcase_create(name);
  tcase_set_timeout(tests, 0);  // set_up() has its own
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

// A soak sees all cases in both isolations, and so does whoever names tests.
inline bool all_cases() {
  return soaking() || getenv("GST_CHECKS");
}

// Of a table with many rows each is seen in one isolation, by turns.
template <typename Add>
void each_of_rows(int begin, int end, Add add) {
  if (all_cases() || end - begin < 4) return add(begin, end);
  for (int row = begin + in_process(); row < end; row += 2)
    add(row, row + 1);
}
#undef tcase_add_loop_test
#define tcase_add_loop_test(tests, function, begin, end)              \
  check::each_of_rows(begin, end, [&](int row, int after) {           \
    tcase_add_loop_test_raise_signal(tests, function, 0, row, after); \
  })

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

}  // namespace check
