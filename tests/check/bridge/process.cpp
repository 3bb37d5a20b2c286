// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Plugins in processes of their own, without an element around them: what ends
// them, what comes after that, and what is left behind.
#include <algorithm>
#include <dirent.h>
#include <fstream>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

#include "../../../bridge/own_time.hpp"
#include "../../../bridge/paths.hpp"
#include "../../../bridge/process/process_plugin.hpp"
#include "../support/waiting.hpp"

using namespace check;
using namespace pythonfilter;

namespace {

constexpr size_t frames = 480;
// Less than this is not lent where the worker writes.
constexpr size_t many = 100000;
constexpr uint64_t ms = 1000000;

PluginSpec spec(const std::string &group = "") {
  PluginSpec spec;
  spec.script = CHECK_PLUGINS "/worker.py";
  spec.class_name = "Worker";
  spec.isolation.process = true;
  spec.isolation.group = group;
  return spec;
}

StreamFormat stereo() {
  StreamFormat format;
  format.rate = 48000;
  format.channels = 2;
  return format;
}

Block interleaved(std::byte *data, size_t frames) {
  Block block = {};
  block.data = data;
  block.channel_stride = sizeof(float);
  block.frame_stride = 2 * sizeof(float);
  block.frames = frames;
  return block;
}

// One plugin that plays, and a buffer of ones for it.
struct Playing {
  explicit Playing(const PluginSpec &spec) : plugin(spec) {
    fail_unless(plugin.load(&failure), "%s", failure.message.c_str());
    fail_unless(plugin.start(stereo(), &failure), "%s",
                failure.message.c_str());
  }
  ~Playing() {
    Failure ignored;
    plugin.stop(&ignored);
    plugin.shutdown(&ignored);
  }

  bool set(const char *key, const char *value) {
    Parameter parameter{key, value};
    return plugin.set_parameter(&parameter, &failure);
  }
  Outcome play(uint64_t deadline = 0) {
    samples.assign(frames * 2, 1.0f);
    Block block =
        interleaved(reinterpret_cast<std::byte *>(samples.data()), frames);
    block.patience = deadline;
    failure = {};
    CallResult result;
    return plugin.process(block, &result, &failure);
  }
  WorkerStatistics statistics() const { return plugin.worker_statistics(); }

  ProcessPlugin plugin;
  Failure failure;
  std::vector<float> samples;
};

// A block of ones in memory that the worker sees, and what becomes of that.
struct Lent final : MemoryKeeper {
  static constexpr size_t size = many * 2 * sizeof(float);
  struct Kept final : KeptMemory {
    explicit Kept(int *given_back) : given_back(given_back) {}
    ~Kept() override { ++*given_back; }
    int *const given_back;
  };

  explicit Lent(ProcessPlugin *plugin) {
    fail_unless(plugin->lend(size, &memory));
    std::fill_n(samples(), many * 2, 1.0f);
  }
  ~Lent() { memory.release(memory.owner); }

  float *samples() const { return reinterpret_cast<float *>(memory.data); }
  std::unique_ptr<KeptMemory> keep() override {
    copy.assign(samples(), samples() + many * 2);
    kept++;
    return std::make_unique<Kept>(&given_back);
  }
  Outcome play(Playing *playing, uint64_t deadline = 0) {
    Block block = interleaved(memory.data, many);
    block.keeper = this;
    block.patience = deadline;
    result = {};
    return playing->plugin.process(block, &result, &playing->failure);
  }

  Output memory;
  int kept = 0, given_back = 0;
  std::vector<float> copy;
  CallResult result;
};

size_t open_descriptors() {
  size_t count = 0;
  DIR *all = opendir("/proc/self/fd");
  while (readdir(all))
    count++;
  closedir(all);
  return count;
}

// A signal is sent at once, and stops a process a moment later.
void stop_worker(const Playing &playing) {
  const int64_t pid = playing.statistics().pid;
  kill(pid_t(pid), SIGSTOP);
  fail_unless(wait_until([=] {
    const std::string stat =
        read_file("/proc/" + std::to_string(pid) + "/stat");
    return contains(stat, ") T ");
  }));
}

void assert_says(const Failure &failure, const char *text) {
  fail_unless(failure.message.find(text) != std::string::npos, "%s",
              failure.message.c_str());
}

}  // namespace

GST_START_TEST(test_lent_memory_is_worked_on_where_it_lies) {
  Playing playing(spec());
  fail_unless(playing.set("gain", "0.5"));
  for (int i = 0; i < 3; i++) {
    Lent lent(&playing.plugin);
    fail_unless(lent.play(&playing) == Outcome::Ok);
    // The worker wrote there, and what goes on is a copy of it.
    assert_equals_float(lent.samples()[0], 0.5f);
    assert_equals_int(lent.kept, 1);
    assert_equals_float(lent.copy[2 * many - 1], 0.5f);
    assert_equals_int(lent.given_back, 1);
  }
}
GST_END_TEST;

// Where it only reads, nothing goes on but the block itself, unless the plugin
// kept an array over it.
GST_START_TEST(test_what_a_reader_keeps_is_left_to_it) {
  PluginSpec reader = spec();
  reader.class_name = "Reader";
  Playing playing(reader);
  Lent lent(&playing.plugin);
  fail_unless(lent.play(&playing) == Outcome::Ok);
  fail_if(lent.result.escaped);
  assert_equals_int(lent.kept, 0);
  fail_unless(playing.set("then", "keep"));
  fail_unless(lent.play(&playing) == Outcome::Ok);
  fail_unless(lent.result.escaped);
  assert_equals_int(lent.kept, 1);
  assert_equals_int(lent.given_back, 0);
  // Nothing of that memory is shown again, or lent.
  Output more;
  fail_if(playing.plugin.lend(Lent::size, &more));
}
GST_END_TEST;

// The worker still writes there: what goes on is a copy, and the memory is
// nobody's before the reply has come.
GST_START_TEST(test_memory_that_is_worked_on_for_too_long_does_not_go_on) {
  Playing playing(spec());
  fail_unless(playing.set("gain", "0.5"));
  fail_unless(playing.set("then", "sleep"));
  Lent lent(&playing.plugin);
  fail_unless(lent.play(&playing, ms) == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Late);
  assert_equals_int(lent.kept, 1);
  assert_equals_int(lent.given_back, 0);
  assert_equals_float(lent.copy[0], 1.0f);
  Lent other(&playing.plugin);
  fail_unless(other.play(&playing) == Outcome::Ok);
  assert_equals_float(lent.samples()[0], 0.5f);
  assert_equals_int(lent.given_back, 1);
}
GST_END_TEST;

// Nor is it handed over twice where the worker is ended for that.
GST_START_TEST(test_memory_of_a_worker_that_hangs_is_handed_over_once) {
  PluginSpec quick = spec();
  quick.isolation.hang_timeout = 100;
  Playing playing(quick);
  fail_unless(playing.play() == Outcome::Ok);
  fail_unless(playing.set("then", "hang"));
  Lent lent(&playing.plugin);
  fail_unless(lent.play(&playing, 150 * ms) == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Lost);
  assert_equals_int(lent.kept, 1);
}
GST_END_TEST;

// Also where it is a reply that nobody waited for that says it.
GST_START_TEST(test_what_is_kept_in_a_late_call_is_left_to_the_plugin) {
  Playing playing(spec());
  fail_unless(playing.set("then", "sleep and keep"));
  Lent lent(&playing.plugin);
  fail_unless(lent.play(&playing, ms) == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Late);
  fail_unless(playing.play() == Outcome::Ok);
  assert_equals_int(lent.kept, 1);
  assert_equals_int(lent.given_back, 0);
  // The same of a copy: the next one is made elsewhere.
  fail_unless(playing.set("then", "sleep and keep"));
  fail_unless(playing.play(ms) == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Late);
  fail_unless(playing.play() == Outcome::Ok);
  // The worker tells whether all that it kept is as it was.
  fail_unless(playing.set("now", "look"), "%s",
              playing.failure.message.c_str());
}
GST_END_TEST;

GST_START_TEST(test_nothing_is_left_of_a_plugin) {
  size_t before = 0;
  for (int i = 0; i < 5; i++) {
    {
      Playing playing(spec());
      fail_unless(playing.set("gain", "0.5"));
      fail_unless(playing.play() == Outcome::Ok);
      assert_equals_float(playing.samples[frames], 0.5f);
    }
    // The server stays for the next one.
    if (i == 0) before = open_descriptors();
  }
  assert_equals_uint64(open_descriptors(), before);
}
GST_END_TEST;

GST_START_TEST(test_a_worker_that_crashes_is_followed_by_another) {
  Playing playing(spec());
  fail_unless(playing.set("gain", "0.25"));
  const int64_t first = playing.statistics().pid;
  // In between, as set_parameter() is told to every worker.
  fail_unless(playing.set("then", "crash"));
  fail_unless(playing.play() == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Lost);
  assert_says(playing.failure,
              "the worker was killed by SIGSEGV in process_audio()");
  fail_unless(playing.failure.traceback.find("in do") != std::string::npos);
  assert_equals_string(playing.failure.function.c_str(), "do");
  fail_unless(playing.failure.line > 0);
  fail_unless(playing.failure.file.find(".py") != std::string::npos);
  fail_unless(playing.set("then", ""));
  fail_unless(playing.play() == Outcome::Ok);
  assert_equals_float(playing.samples[0], 0.25f);
  assert_equals_uint64(playing.statistics().restarts, 1);
  fail_if(playing.statistics().pid == first);
}
GST_END_TEST;

GST_START_TEST(test_a_parameter_that_kills_is_not_set_again) {
  Playing playing(spec());
  fail_if(playing.set("now", "exit"));
  assert_says(playing.failure,
              "the worker ended with exit status 3 in set_parameter()");
  fail_unless(playing.play() == Outcome::Ok);
}
GST_END_TEST;

GST_START_TEST(test_restarts_are_for_those_who_want_them) {
  PluginSpec never = spec();
  never.isolation.restart = false;
  Playing playing(never);
  kill(pid_t(playing.statistics().pid), SIGKILL);
  for (int i = 0; i < 3; i++) {
    fail_unless(playing.play() == Outcome::Failed);
    fail_unless(playing.failure.kind == Failure::Kind::Gone);
    assert_says(playing.failure, "SIGKILL");
  }
}
GST_END_TEST;

GST_START_TEST(test_too_many_restarts_are_the_end) {
  PluginSpec once = spec();
  once.isolation.max_restarts = 1;
  Playing playing(once);
  fail_unless(playing.set("then", "exit"));
  fail_unless(playing.play() == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Lost);
  fail_unless(playing.play() == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Gone);
  assert_says(playing.failure, "1 times within a minute");
}
GST_END_TEST;

GST_START_TEST(test_a_late_reply_is_nobodys) {
  Playing playing(spec());
  fail_unless(playing.set("gain", "0.5"));
  fail_unless(playing.set("then", "sleep"));
  fail_unless(playing.play(100 * ms) == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Late);
  assert_says(playing.failure, "100 ms");
  fail_unless(playing.play(0) == Outcome::Ok);
  assert_equals_float(playing.samples[0], 0.5f);
  assert_equals_uint64(playing.statistics().missed_deadlines, 1);
  assert_equals_uint64(playing.statistics().restarts, 0);
}
GST_END_TEST;

// Plays until it is not late any more; how long that was.
static uint64_t late_for(Playing *playing, uint64_t deadline) {
  const uint64_t began = monotonic_ns();
  while (playing->play(deadline) == Outcome::Failed &&
         playing->failure.kind == Failure::Kind::Late)
    fail_unless(monotonic_ns() - began >= deadline);
  return monotonic_ns() - began;
}

// A model that warms up may take six times as long for its first call.
GST_START_TEST(test_a_worker_that_hangs_is_killed) {
  PluginSpec quick = spec();
  quick.isolation.hang_timeout = 500;
  for (const bool first : {false, true}) {
    Playing playing(quick);
    if (!first) fail_unless(playing.play() == Outcome::Ok);
    fail_unless(playing.set("then", "hang"));
    const uint64_t late = late_for(&playing, 10 * ms);
    fail_unless(playing.failure.kind == Failure::Kind::Lost);
    assert_says(playing.failure, "process_audio() did not return within ");
    fail_unless(late >= (first ? 3000 : 500) * ms, "%d", int(late / ms));
  }
}
GST_END_TEST;

GST_START_TEST(test_a_call_that_is_late_for_long_is_no_hang) {
  Playing playing(spec());
  fail_unless(playing.set("then", "sleep"));
  int late = 0;
  while (playing.play(5 * ms) == Outcome::Failed) {
    fail_unless(playing.failure.kind == Failure::Kind::Late);
    late++;
  }
  fail_unless(late > 1);
  fail_unless(playing.play() == Outcome::Ok);
  assert_equals_uint64(playing.statistics().restarts, 0);
  assert_equals_uint64(playing.statistics().missed_deadlines, uint64_t(late));
}
GST_END_TEST;

GST_START_TEST(test_a_worker_that_is_stopped_is_found_while_it_is_late) {
  Playing playing(spec());
  stop_worker(playing);
  late_for(&playing, 10 * ms);
  fail_unless(playing.failure.kind == Failure::Kind::Lost);
  assert_says(playing.failure, "it was stopped by a signal");
}
GST_END_TEST;

GST_START_TEST(test_a_worker_that_is_stopped_is_found_before_its_deadline) {
  Playing playing(spec());
  stop_worker(playing);
  fail_unless(playing.play(1000000 * ms) == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Lost);
  assert_says(playing.failure, "it was stopped by a signal");
}
GST_END_TEST;

GST_START_TEST(test_a_successor_that_hangs_is_given_up) {
  Playing playing(spec());
  fail_unless(playing.set("at-start", "hang"));
  kill(pid_t(playing.statistics().pid), SIGKILL);
  const bool given_up = wait_until([&] {
    fail_unless(playing.play(10 * ms) == Outcome::Failed);
    return contains(playing.failure.message, "start() did not return within");
  });
  fail_unless(given_up, "%s", playing.failure.message.c_str());
}
GST_END_TEST;

GST_START_TEST(test_a_call_that_hangs_is_killed) {
  PluginSpec quick = spec();
  quick.isolation.hang_timeout = 500;
  Playing playing(quick);
  fail_if(playing.set("now", "hang"));
  fail_unless(playing.failure.kind == Failure::Kind::Lost);
  assert_says(playing.failure, "set_parameter() did not return");
  fail_unless(playing.play() == Outcome::Ok);
}
GST_END_TEST;

// While a reply is late nobody waits for it longer than until it hangs.
GST_START_TEST(test_a_parameter_does_not_wait_for_a_worker_that_hangs) {
  PluginSpec quick = spec();
  quick.isolation.hang_timeout = 500;
  Playing playing(quick);
  fail_unless(playing.set("gain", "0.5"));
  fail_unless(playing.set("then", "hang"));
  fail_unless(playing.play(10 * ms) == Outcome::Failed);
  fail_unless(playing.failure.kind == Failure::Kind::Late);
  fail_if(playing.set("gain", "0.25"));
  fail_unless(playing.failure.kind == Failure::Kind::Lost);
  assert_says(playing.failure, "process_audio() is late, and hangs");
  fail_unless(playing.set("then", ""));
  fail_unless(playing.play() == Outcome::Ok);
}
GST_END_TEST;

GST_START_TEST(test_a_stream_may_be_tried_again) {
  Playing playing(spec());
  fail_unless(playing.set("gain", "0.5"));
  fail_unless(playing.plugin.stop(&playing.failure));
  fail_unless(playing.set("at-start", "crash"));
  for (int i = 0; i < 2; i++) {
    fail_if(playing.plugin.start(stereo(), &playing.failure));
    fail_unless(playing.failure.kind == Failure::Kind::Gone);
    assert_says(playing.failure, "was killed by SIGSEGV in start()");
  }
  fail_unless(playing.set("at-start", ""));
  fail_unless(playing.plugin.start(stereo(), &playing.failure));
  fail_unless(playing.play() == Outcome::Ok);
  assert_equals_float(playing.samples[0], 0.5f);
}
GST_END_TEST;

// In Python it is interrupted, in C killed.
GST_START_TEST(test_a_stop_ends_every_call) {
  for (const bool in_python : {true, false}) {
    Playing playing(spec());
    fail_unless(playing.set("then", in_python ? "loop" : "hang"));
    std::thread stopping([&] {
      a_moment();  // until it is called
      playing.plugin.stop_deadline(monotonic_ns() + 50 * ms, nullptr);
    });
    fail_unless(playing.play() == Outcome::Failed);
    stopping.join();
    fail_unless(playing.failure.kind ==
                (in_python ? Failure::Kind::Interrupted : Failure::Kind::Lost));
    fail_unless(playing.plugin.stop(&playing.failure), "%s",
                playing.failure.message.c_str());
    assert_equals_uint64(playing.statistics().restarts, 0);
    playing.plugin.stop_deadline(0, nullptr);
  }
}
GST_END_TEST;

GST_START_TEST(test_a_group_shares_its_worker) {
  Playing one(spec("some")), two(spec("some")), other(spec("other"));
  const int64_t pid = one.statistics().pid;
  fail_unless(pid > 0 && pid == two.statistics().pid);
  fail_if(pid == other.statistics().pid);
  kill(pid_t(pid), SIGKILL);
  for (Playing *each : {&one, &two}) {
    fail_unless(each->play() == Outcome::Failed);
    fail_unless(each->play() == Outcome::Ok);
  }
  fail_if(pid == one.statistics().pid);
  assert_equals_int64(one.statistics().pid, two.statistics().pid);
  fail_unless(other.play() == Outcome::Ok);
}
GST_END_TEST;

GST_START_TEST(test_an_interpreter_that_is_none) {
  for (const auto &[python, text] :
       {std::pair("/nonexistent/python3", "No such file"),
        {"/bin/true", "ended with exit status 0"}}) {
    PluginSpec wrong = spec();
    wrong.isolation.python = python;
    ProcessPlugin plugin(wrong);
    Failure failure;
    fail_if(plugin.load(&failure));
    fail_unless(failure.kind == Failure::Kind::Unusable);
    assert_says(failure, python);
    assert_says(failure, text);
  }
}
GST_END_TEST;

// One processor, which a thread that never rests does not let go: the other has
// none of it, or, if `some`, a turn now and then.
struct BusyProcessor {
  explicit BusyProcessor(bool some = false) {
    sched_getaffinity(0, sizeof before, &before);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
      if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
    sched_setaffinity(0, sizeof one, &one);
    busy = std::thread([this] {
      while (!over)
        continue;
    });
    waiting = std::thread([this, some] {
      const sched_param none = {};
      const int nice = getpriority(PRIO_PROCESS, 0);
      // Of what can hardly be any nicer, the idle have enough turns, too.
      if (!some || nice > 10)
        sched_setscheduler(0, SCHED_IDLE, &none);
      else
        setpriority(PRIO_PROCESS, 0, nice + 5);
      id = gettid();
      while (!over)
        continue;
    });
    sched_setaffinity(0, sizeof before, &before);
  }
  ~BusyProcessor() {
    over = true;
    busy.join();
    waiting.join();
  }

  cpu_set_t before;
  std::atomic<bool> over{false};
  std::atomic<pid_t> id{0};
  std::thread busy, waiting;
};

// What waits for its turn does not hang, and what sleeps does.
GST_START_TEST(test_time_without_a_processor_does_not_count) {
  if (access("/proc/self/schedstat", R_OK) != 0) return;
  constexpr uint64_t allowed = 50 * ms;
  const auto lasts = [](const std::function<bool(OwnTime *)> &over) {
    const uint64_t began = monotonic_ns();
    OwnTime own;
    while (!over(&own))
      g_usleep(20000);
    return monotonic_ns() - began;
  };
  std::atomic<bool> rests{true};
  std::atomic<pid_t> sleeper{0};
  std::thread sleeping([&] {
    sleeper = gettid();
    while (rests)
      g_usleep(100000);
  });
  BusyProcessor processor;
  fail_unless(wait_until([&] { return processor.id && sleeper; }));
  const uint64_t waited = lasts([&](OwnTime *own) {
    return own->is_over_of_thread(processor.id, allowed);
  });
  const uint64_t slept = lasts(
      [&](OwnTime *own) { return own->is_over_of_thread(sleeper, allowed); });
  rests = false;
  sleeping.join();
  // Of a thread that sleeps a busy machine makes some more, too.
  fail_unless(slept >= allowed && waited > 8 * allowed, "%g, %g",
              double(waited) / ms, double(slept) / ms);
}
GST_END_TEST

// Also where it has had a turn each time that somebody looks.
GST_START_TEST(test_time_between_two_turns_does_not_count) {
  if (access("/proc/self/schedstat", R_OK) != 0) return;
  constexpr uint64_t allowed = 200 * ms;
  const BusyProcessor processor(true);
  fail_unless(wait_until([&] { return processor.id != 0; }));
  uint64_t used = 0;
  const auto look = [&](OwnTime *own) {
    fail_unless(wait_until([&] {
      std::ifstream turns("/proc/self/task/" + std::to_string(processor.id) +
                          "/schedstat");
      uint64_t now = 0;
      turns >> now;
      return std::exchange(used, now) != now;
    }));
    return own->is_over_of_thread(processor.id, allowed);
  };
  OwnTime own;
  const uint64_t began = monotonic_ns();
  fail_unless(!look(&own));
  while (monotonic_ns() - began < 2 * allowed)
    g_usleep(1000);
  for (int i = 0; i < 3; i++) {
    const bool over = look(&own);
    const uint64_t passed = monotonic_ns() - began;
    fail_unless(!over || passed > 3 * allowed, "%g", double(passed) / ms);
  }
}
GST_END_TEST

Suite *process_suite() {
  Suite *suite = suite_create("process");
  TCase *plugins = new_case(suite, "plugins");
  tcase_add_test(plugins, test_time_without_a_processor_does_not_count);
  tcase_add_test(plugins, test_time_between_two_turns_does_not_count);
  tcase_add_test(plugins, test_lent_memory_is_worked_on_where_it_lies);
  tcase_add_test(plugins, test_what_a_reader_keeps_is_left_to_it);
  tcase_add_test(plugins,
                 test_memory_that_is_worked_on_for_too_long_does_not_go_on);
  tcase_add_test(plugins,
                 test_memory_of_a_worker_that_hangs_is_handed_over_once);
  tcase_add_test(plugins,
                 test_what_is_kept_in_a_late_call_is_left_to_the_plugin);
  tcase_add_test(plugins, test_nothing_is_left_of_a_plugin);
  tcase_add_test(plugins, test_a_worker_that_crashes_is_followed_by_another);
  tcase_add_test(plugins, test_a_parameter_that_kills_is_not_set_again);
  tcase_add_test(plugins, test_restarts_are_for_those_who_want_them);
  tcase_add_test(plugins, test_too_many_restarts_are_the_end);
  tcase_add_test(plugins, test_a_late_reply_is_nobodys);
  tcase_add_test(plugins, test_a_worker_that_hangs_is_killed);
  tcase_add_test(plugins, test_a_call_that_is_late_for_long_is_no_hang);
  tcase_add_test(plugins,
                 test_a_worker_that_is_stopped_is_found_while_it_is_late);
  tcase_add_test(plugins,
                 test_a_worker_that_is_stopped_is_found_before_its_deadline);
  tcase_add_test(plugins, test_a_successor_that_hangs_is_given_up);
  tcase_add_test(plugins, test_a_call_that_hangs_is_killed);
  tcase_add_test(plugins,
                 test_a_parameter_does_not_wait_for_a_worker_that_hangs);
  tcase_add_test(plugins, test_a_stream_may_be_tried_again);
  tcase_add_test(plugins, test_a_stop_ends_every_call);
  tcase_add_test(plugins, test_a_group_shares_its_worker);
  tcase_add_test(plugins, test_an_interpreter_that_is_none);
  return suite;
}

GST_CHECK_MAIN(process);
