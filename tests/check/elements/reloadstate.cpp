// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What code that is saved while the stream plays takes over: parameters, state
// and every sample. PYTHONFILTER_CHECK_RELOADS and PYTHONFILTER_CHECK_SAVES say
// how often the long tests reload, and save, which takes 54 ms or more.
#include "../support/blocks.hpp"
#include "../support/reload.hpp"

using namespace check;

namespace {

// Delays by 100 frames.
std::string delaying(const std::string &more) {
  return read_file(plugin_file("delay.py")) + more;
}

std::string delaying_without_drain() {
  std::string text = delaying("");
  const size_t from = text.find("    def drain"), to = text.find("    def get");
  return text.erase(from, to - from);
}

const char delay_state[] = R"(
    def get_state(self): return self._held
    def set_state(self, held): self._held = held
)";

// Every sample is the number of its frame. Expects them in order, each once,
// and none of the silence with which a delay begins.
struct Order {
  guint64 pushed = 0, zeros = 0;
  float next = 1;
  bool breaks = false;  // a DISCONT was seen

  GstBuffer *buffer() {
    GstBuffer *made = empty_buffer({}, 64);
    fill(made, {}, [this](int, size_t i) { return double(pushed + i + 1); });
    GST_BUFFER_PTS(made) =
        gst_util_uint64_scale_round(pushed, GST_SECOND, 48000);
    pushed += 64;
    return made;
  }
  void take(GstBuffer *out) {
    const GstAudioInfo info = Audio().info();
    GstMapInfo map;
    fail_unless(gst_buffer_map(out, &map, GST_MAP_READ));
    for (size_t i = 0; i < frames_of(out, {}); i++) {
      float sample;
      memcpy(&sample, map.data + i * size_t(info.bpf), sizeof sample);
      if (sample == 0) {
        zeros++;
        continue;
      }
      fail_unless(sample == next, "%g, not %g", sample, next);
      next++;
    }
    gst_buffer_unmap(out, &map);
    if (pushed > 64 && GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT))
      breaks = true;
    gst_buffer_unref(out);
  }
  // Numbers that float32 can count.
  void keep_small(Stream *stream) {
    if (pushed <= 10000000) return;
    fail_unless(next > 1);
    next -= float(pushed);
    pushed = 0;
    for (int k = 0; k < 2; k++)
      flow(stream);
  }
  void flow(Stream *stream) {
    fail_unless(stream->push(buffer()) == GST_FLOW_OK);
    while (GstBuffer *out = stream->pull())
      take(out);
  }
};

}  // namespace

// ---- what is carried over ---------------------------------------------------

GST_START_TEST(test_parameters_are_carried_over) {
  const std::string more = R"(
    secrets = ("key",)
    def __init__(self): self.set = {"gain": "1"}
    def set_parameter(self, name, value): self.set[name] = value
    def get_parameter(self, name): return self.set[name]
)";
  const std::string gain = "int(self.set['gain'])";
  Stream stream(write_file("plugin.py", multiplying(gain, more)), {},
                {{"params", "p,gain=2,key=hidden"}});
  expect_factor(&stream, 2);
  stream.set("params", "p,gain=3");
  expect_factor(&stream, 3);
  // The new code says that it has twice as much, and that others are secret.
  write_file(
      "plugin.py",
      multiplying("(self.set['key'] == 'hidden') * " + gain + " * 2", more + R"(
    secrets = ("other", "key")
    def get_parameter(self, name): return str(2 * int(self.set[name]))
)"));
  fail_unless(ask(stream.get()));
  change(&stream, 3, 6);
  expect_text(stream.text_of("params"), "p, gain=(int)6;");
  // Without a change in between nothing is told twice: it has 6 of the old.
  write_file("plugin.py", multiplying(gain + " - 1", more));
  fail_unless(ask(stream.get()));
  change(&stream, 6, 5);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_parameter_set_while_new_code_waits_reaches_it) {
  const std::string more = R"(
    gain = 1
    def set_parameter(self, name, value): self.gain = int(value)
    def start(self):
        from checklog import say
        say("started")
)";
  Stream stream(write_file("plugin.py", multiplying("self.gain", more)), {},
                {{"params", "p,gain=2"}});
  expect_factor(&stream, 2);
  clear_log();
  write_file("plugin.py", multiplying("10 * self.gain", more));
  fail_unless(ask(stream.get()));
  fail_unless(wait_for_log("started"));
  stream.set("params", "p,gain=3");
  // The old one may have another buffer before the offer is there.
  flow(&stream);
  expect_factor(&stream, 30);
}
GST_END_TEST;

GST_START_TEST(test_state_is_carried_over) {
  Stream stream(write_file("plugin.py", counting(stateful)));
  int last = 0;
  for (int i = 0; i < 5; i++) {
    fail_unless(ask(stream.get()));
    const Told told = count_on(&stream, &last);
    expect_text(told.warning, "");
    fail_unless(told.carried);
  }
  fail_unless(last >= 5);
}
GST_END_TEST;

GST_START_TEST(test_without_both_methods_in_both_there_is_no_state) {
  // The get_state() of the contract says something else.
  const char *without[] = {
      "", "    def get_state(self): return 5\n",
      "    def set_state(self, state): raise ValueError(state)\n"};
  for (const char *one : without) {
    for (bool old_has : {false, true}) {
      Stream stream(
          write_file("plugin.py", counting(old_has ? stateful : one)));
      write_file("plugin.py", counting(old_has ? one : stateful));
      int last = 0;
      fail_unless(ask(stream.get()));
      const Told told = count_on(&stream, &last, true);
      expect_text(told.warning, "");
      fail_unless(!told.carried);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_no_sample_is_lost) {
  const bool carries = __i__ == 1;
  const std::string code = __i__ < 3 ? delaying(carries ? delay_state : "")
                                     : delaying_without_drain();
  Stream stream(write_file("plugin.py", code), {},
                {{"block-size", __i__ == 2 || __i__ == 4 ? "48" : "0"}});
  Order order;
  const int reloads = 5;
  for (int i = 0; i < reloads; i++) {
    for (int k = 0; k < 5; k++)
      order.flow(&stream);
    fail_unless(ask(stream.get()));
    const Told told =
        flow_until_told(stream.bus(), [&] { order.flow(&stream); });
    expect_text(told.warning, "");
    fail_unless(told.carried == carries);
    // The first buffer is shorter than what the new one delays.
    order.flow(&stream);
    order.flow(&stream);
    fail_unless(order.breaks == !carries);
    order.breaks = false;
  }
  fail_unless(stream.push_event(gst_event_new_eos()));
  while (GstBuffer *out = stream.pull())
    order.take(out);
  fail_unless_equals_uint64(guint64(order.next) - 1, order.pushed);
  fail_unless_equals_uint64(order.zeros, 0);
}
GST_END_TEST;

GST_START_TEST(test_what_a_converting_plugin_holds_is_not_lost) {
  const std::string file = write_file("plugin.py", R"(
class Plugin:
    output_caps = "application/x-made"
    held = ()
    def process_audio(self, buffer):
        given, self.held = self.held, (b"x" * buffer.data.shape[1],)
        return list(given)
    def drain(self):
        return list(self.held)
)");
  Stream stream(file);
  guint64 pushed = 0, pulled = 0;
  const auto flow_on = [&] {
    fail_unless(stream.push_frames() == GST_FLOW_OK);
    pushed += 64;
    while (GstBuffer *out = stream.pull()) {
      pulled += gst_buffer_get_size(out);
      gst_buffer_unref(out);
    }
    fail_unless(pulled == pushed - 64);
  };
  for (int i = 0; i < 3; i++) {
    fail_unless(ask(stream.get()));
    expect_text(flow_until_told(stream.bus(), flow_on).warning, "");
  }
}
GST_END_TEST;

// What lags in the old code comes out of it for silence, as it does at the end.
// Where that fails, silence stands in for it, and the stream goes on.
GST_START_TEST(test_old_code_that_fails_for_silence_ends_nothing) {
  Stream stream(write_file("plugin.py", delaying_without_drain() + R"(
    def __getattribute__(self, name):
        if name == "process_audio": name = "failing"
        return super().__getattribute__(name)
    def failing(self, buffer):
        if not buffer.data.any(): raise ValueError("so quiet")
        Delay.process_audio(self, buffer)
)"));
  guint64 pushed = 0, silent = 0, came = 0;
  const auto flow_on = [&] {
    stream.expect_push(new_buffer({}));
    pushed += 64;
    for (GstBuffer *out : pull_all(&stream)) {
      const size_t frames = frames_of(out, {});
      if (gst_buffer_memcmp(out, 0, "\0\0\0\0\0\0\0\0", 8) == 0)
        silent += frames;
      came += frames;
      gst_buffer_unref(out);
    }
  };
  for (int i = 0; i < 5; i++)
    flow_on();
  write_file("plugin.py", delaying_without_drain());
  fail_unless(ask(stream.get()));
  expect_part(flow_until_told(stream.bus(), flow_on).warning, "so quiet");
  fail_unless(flow_until_told(stream.bus(), flow_on).count == 1);
  flow_on();
  flow_on();
  end(&stream);
  for (GstBuffer *out : pull_all(&stream)) {
    came += frames_of(out, {});
    gst_buffer_unref(out);
  }
  fail_unless_equals_uint64(came, pushed);
  fail_unless_equals_uint64(silent, 100);
  fail_unless_equals_uint64(stream.stat("errors"), 0);
}
GST_END_TEST;

GST_START_TEST(test_the_plugins_properties_are_those_of_the_new_code) {
  const auto with = [](const std::string &factor, const std::string &params) {
    return "from base_plugin import AudioProcessorPlugin, Param\n" +
           multiplying(factor, params)
               .replace(6, 6, "Plugin(AudioProcessorPlugin)");
  };
  const std::string one = "    gain = Param(1, min=0, max=9)\n";
  Stream stream(write_file("plugin.py", with("self.gain", one)));
  const auto set = [&](const char *name, int value) {
    gst_child_proxy_set(GST_CHILD_PROXY(stream.get()), name, value, nullptr);
  };
  set("plugin::gain", 2);
  expect_factor(&stream, 2);
  GstObject *before = GST_OBJECT(
      gst_child_proxy_get_child_by_index(GST_CHILD_PROXY(stream.get()), 0));
  write_file("plugin.py", with("2 * self.gain", one));
  fail_unless(ask(stream.get()));
  change(&stream, 2, 4);
  GstObject *after = GST_OBJECT(
      gst_child_proxy_get_child_by_index(GST_CHILD_PROXY(stream.get()), 0));
  fail_unless(before == after);
  gst_object_unref(before);
  gst_object_unref(after);
  // Another one comes, and the first may be more.
  write_file("plugin.py", with("self.gain * self.more",
                               "    gain = Param(1, min=0, max=20)\n"
                               "    more = Param(1, min=1, max=5)\n"));
  fail_unless(ask(stream.get()));
  change(&stream, 4, 2);
  set("plugin::gain", 11);
  set("plugin::more", 3);
  expect_factor(&stream, 33);
  int gain;
  gst_child_proxy_get(GST_CHILD_PROXY(stream.get()), "plugin::gain", &gain,
                      nullptr);
  fail_unless_equals_int(gain, 11);
  stream.expect_no_reports();
}
GST_END_TEST;

// ---- many -------------------------------------------------------------------

namespace {

// Of arenas, pages of a stack and the like.
constexpr long most_kilobytes = 8192;

struct Memory {
  long blocks = 0, objects = 0, kilobytes = 0;
};

// As the plugin says; the process's own as the kernel does.
Memory memory_now() {
  Memory now;
  const std::string text = log_text();
  const size_t line = text.rfind('\n', text.size() - 2);
  fail_unless(sscanf(text.c_str() + (line == std::string::npos ? 0 : line + 1),
                     "%ld %ld", &now.blocks, &now.objects) == 2);
  const std::string status = read_file("/proc/self/status");
  now.kilobytes = atol(status.c_str() + status.find("VmRSS:") + 6);
  return now;
}

// Not again in each instance that is told the same: gc.get_objects() holds the
// buffer of the call that runs meanwhile, which then counts as kept.
const char measuring[] = R"(
    def set_parameter(self, name, value):
        import gc, sys
        import checklog
        if getattr(checklog, "measured", None) == value: return
        checklog.measured = value
        gc.collect()
        checklog.say(sys.getallocatedblocks(), len(gc.get_objects()))
)";

}  // namespace

GST_START_TEST(test_many_reloads_lose_no_sample_and_no_memory) {
  const char *asked = getenv("PYTHONFILTER_CHECK_RELOADS");
  const int reloads = asked ? atoi(asked) : soak_count(30, 300);
  const std::string good = "import logging\nlogging.getLogger(__name__)\n" +
                           delaying(std::string(delay_state) + measuring);
  const std::string bad[] = {"class Plugin(:\n", good + "\n1 / 0\n",
                             good + "    def start(self): 1 / 0\n"};
  Stream stream(write_file("plugin.py", good));
  Order order;
  Memory early;
  guint64 taken = 0, refused = 0;
  for (int i = 1; i <= reloads; i++) {
    const bool breaks = i % 3 == 0;
    order.keep_small(&stream);
    write_file("plugin.py", breaks ? bad[i / 3 % 3] : good);
    fail_unless(ask(stream.get()));
    const Told told =
        flow_until_told(stream.bus(), [&] { order.flow(&stream); });
    fail_unless(told.warning.empty() == !breaks, "%d: %s", i,
                told.warning.c_str());
    breaks ? refused++ : taken++;
    if (!breaks) fail_unless_equals_uint64(told.count, taken);
    if (i == reloads / 3 || i == reloads) {
      stream.set("params", "p,measure=" + std::to_string(i));
      order.flow(&stream);
      if (i < reloads) early = memory_now();
    }
  }
  const Memory late = memory_now();
  g_printerr(
      "%d reloads, %d refused: %ld to %ld blocks, %ld to %ld objects, "
      "%ld to %ld kB, %d frames\n",
      int(taken), int(refused), early.blocks, late.blocks, early.objects,
      late.objects, early.kilobytes, late.kilobytes, int(order.pushed));
  fail_unless(stream.push_event(gst_event_new_eos()));
  while (GstBuffer *out = stream.pull())
    order.take(out);
  fail_unless_equals_uint64(guint64(order.next) - 1, order.pushed);
  fail_unless_equals_uint64(order.zeros, 0);
  fail_unless_equals_uint64(stream.stat("errors"), 0);
  stream.expect_no_reports();
  // A module alone has hundreds. What is cached comes and goes.
  fail_unless(late.blocks - early.blocks < reloads + 1000, "%ld more blocks",
              late.blocks - early.blocks);
  fail_unless(late.objects - early.objects < reloads / 4 + 200,
              "%ld more objects", late.objects - early.objects);
  // A sanitizer keeps what was freed.
  fail_unless(few() || late.kilobytes - early.kilobytes < most_kilobytes,
              "%ld kB more", late.kilobytes - early.kilobytes);
}
GST_END_TEST;

// As editors save: in place, or another file in its place; inotify tells. Every
// third time it is broken.
GST_START_TEST(test_many_saves_lose_no_sample) {
  const char *asked = getenv("PYTHONFILTER_CHECK_SAVES");
  const int reloads = asked ? atoi(asked) : soak_count(9, 30);
  const std::string good = delaying(delay_state);
  const std::string bad[] = {"class Plugin(:\n", good + "\n1 / 0\n",
                             good + "    def start(self): 1 / 0\n"};
  Stream stream(write_file("plugin.py", good), {}, watching);
  Order order;
  guint64 taken = 0;
  for (int i = 1; i <= reloads; i++) {
    const bool breaks = i % 3 == 0;
    order.keep_small(&stream);
    saves[i / 2 % std::size(saves)]("plugin.py",
                                    breaks ? bad[i / 3 % 3] : good);
    Told told = flow_until_told(stream.bus(), [&] { order.flow(&stream); });
    // A save in place may be seen half done, which is an edit that is broken.
    while (!breaks && !told.warning.empty())
      told = flow_until_told(stream.bus(), [&] { order.flow(&stream); });
    while (breaks && told.warning.empty())
      told = flow_until_told(stream.bus(), [&] { order.flow(&stream); });
    if (!breaks) {
      fail_unless(told.count > taken);
      taken = told.count;
    }
  }
  g_printerr("%d saves, %d taken, %d frames\n", reloads, int(taken),
             int(order.pushed));
  fail_unless(stream.push_event(gst_event_new_eos()));
  while (GstBuffer *out = stream.pull())
    order.take(out);
  fail_unless_equals_uint64(guint64(order.next) - 1, order.pushed);
  fail_unless_equals_uint64(order.zeros, 0);
  fail_unless_equals_uint64(stream.stat("errors"), 0);
}
GST_END_TEST;

static Suite *reloadstate_suite() {
  Suite *suite = suite_create("reloadstate");
  TCase *carried = new_case(suite, "carried over");
  tcase_add_test(carried, test_parameters_are_carried_over);
  tcase_add_test(carried, test_a_parameter_set_while_new_code_waits_reaches_it);
  tcase_add_test(carried,
                 test_the_plugins_properties_are_those_of_the_new_code);
  tcase_add_test(carried, test_state_is_carried_over);
  tcase_add_test(carried, test_without_both_methods_in_both_there_is_no_state);
  tcase_add_loop_test(carried, test_no_sample_is_lost, 0, 5);
  tcase_add_test(carried, test_what_a_converting_plugin_holds_is_not_lost);
  tcase_add_test(carried, test_old_code_that_fails_for_silence_ends_nothing);
  TCase *many = new_case(suite, "many");
  tcase_add_test(many, test_many_saves_lose_no_sample);
  tcase_add_test(many, test_many_reloads_lose_no_sample_and_no_memory);
  return suite;
}

GST_CHECK_MAIN(reloadstate)
