// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Code that is saved while the stream plays: when it takes over, what it takes
// over, and what becomes of it if it is broken. PYTHONFILTER_CHECK_RELOADS says
// how many reloads the long test makes.
#include "../sink.hpp"

using namespace check;

namespace {

const Properties watching = {{"reload", "true"}};

std::string multiplying(const std::string &factor,
                        const std::string &more = "") {
  return "class Plugin:\n    def process_audio(self, buffer):\n"
         "        buffer.data *= " +
         factor + "\n" + more;
}

bool ask(GstElement *element) {
  gboolean asked = FALSE;
  g_signal_emit_by_name(element, "reload", &asked);
  return asked;
}

// What was told of a reload; empty: nothing yet. Throws other messages away.
struct Told {
  std::string warning;  // its text
  std::string debug;
  guint64 count = 0;  // of the message pythonfilter-reloaded
  bool carried = false;
  bool any() const { return count || !warning.empty(); }
};

Told told_on(GstBus *bus, GstClockTime patience) {
  Told told;
  GstMessage *message = gst_bus_timed_pop_filtered(
      bus, patience,
      GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING |
                     GST_MESSAGE_ELEMENT));
  if (!message) return told;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) {
    const GstStructure *fields = gst_message_get_structure(message);
    if (gst_structure_has_name(fields, "pythonfilter-reloaded")) {
      fail_unless(gst_structure_get_uint64(fields, "count", &told.count));
      gboolean carried;
      fail_unless(gst_structure_get_boolean(fields, "state-carried", &carried));
      told.carried = carried;
    }
  } else {
    Reports reports;
    reports.push_back(report_in(message));
    fail_unless(reports[0].type == GST_MESSAGE_WARNING, "%s",
                reports.text().c_str());
    fail_unless(reports[0].details != nullptr);
    told.warning = reports[0].text;
    told.debug = reports[0].debug;
  }
  gst_message_unref(message);
  return told;
}

// Lets the stream flow until something was told.
Told flow_until_told(GstBus *bus, const std::function<void()> &flow) {
  Told told;
  wait_until(
      [&] {
        flow();
        told = told_on(bus, GST_MSECOND);
        return told.any();
      },
      20);
  fail_unless(told.any(), "nothing was told");
  return told;
}

// Of a filter that multiplies: by which whole number.
int factor_of(GstBuffer *out) {
  GstMapInfo map;
  fail_unless(gst_buffer_map(out, &map, GST_MAP_READ));
  float first;
  memcpy(&first, map.data, sizeof first);
  gst_buffer_unmap(out, &map);
  const int factor = int(first / number_at(0, 0));
  expect_samples(out, {},
                 [&](int c, size_t i) { return factor * number_at(c, i); });
  return factor;
}

// Goes on until the code has changed; every buffer is wholly the old one's or
// wholly the new one's. How it was told.
Told change(Stream *stream, int before, int after) {
  int last = before;
  const Told told = flow_until_told(stream->bus(), [&] {
    GstBuffer *out = stream->through(new_buffer(stream->audio()));
    const int factor = factor_of(out);
    fail_unless(factor == last || (last == before && factor == after),
                "%d after %d", factor, last);
    last = factor;
    gst_buffer_unref(out);
  });
  fail_unless(told.warning.empty(), "%s", told.warning.c_str());
  fail_unless_equals_int(last, after);
  return told;
}

Told flow(Stream *stream) {
  return flow_until_told(stream->bus(), [&] {
    GstBuffer *out = stream->through(new_buffer(stream->audio()));
    gst_buffer_unref(out);
  });
}

void expect_factor(Stream *stream, int factor) {
  GstBuffer *out = stream->through(new_buffer(stream->audio()));
  fail_unless_equals_int(factor_of(out), factor);
  gst_buffer_unref(out);
}

}  // namespace

// ---- when -------------------------------------------------------------------

namespace {

namespace fs = std::filesystem;

using Save = void (*)(const std::string &name, const std::string &text);
const Save saves[] = {
    // In place.
    [](const std::string &name, const std::string &text) {
      write_file(name, text);
    },
    // As most editors do.
    [](const std::string &name, const std::string &text) {
      fs::rename(write_file(name + ".new", text), folder() + "/" + name);
    },
    // As vim does.
    [](const std::string &name, const std::string &text) {
      fs::rename(folder() + "/" + name, folder() + "/" + name + "~");
      write_file(name, text);
      fs::remove(folder() + "/" + name + "~");
    },
    [](const std::string &name, const std::string &text) {
      fs::remove(folder() + "/" + name);
      write_file(name, text);
    },
    [](const std::string &name, const std::string &text) {
      const std::string other =
          write_file(name + std::to_string(text.size()), text);
      fs::remove(folder() + "/" + name);
      fs::create_hard_link(other, folder() + "/" + name);
    },
    [](const std::string &name, const std::string &text) {
      static int versions = 0;
      const std::string other =
          write_file(name + "." + std::to_string(versions++), text);
      fs::remove(folder() + "/" + name);
      fs::create_symlink(other, folder() + "/" + name);
    },
};

}  // namespace

GST_START_TEST(test_a_saved_file_takes_over_between_two_buffers) {
  Stream stream(write_file("plugin.py", multiplying("1")), {}, watching);
  expect_factor(&stream, 1);
  for (int i = 2; i <= 4; i++) {
    saves[__i__]("plugin.py", multiplying(std::to_string(i)));
    fail_unless_equals_uint64(change(&stream, i - 1, i).count, guint64(i - 1));
  }
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_link_is_followed) {
  fs::create_directory(folder() + "/real");
  write_file("real/plugin.py", multiplying("1"));
  fs::create_symlink(folder() + "/real/plugin.py", folder() + "/plugin.py");
  Stream stream(folder() + "/plugin.py", {}, watching);
  write_file("real/plugin.py", multiplying("2"));
  change(&stream, 1, 2);
}
GST_END_TEST;

GST_START_TEST(test_a_saved_helper_module_counts) {
  write_file("helper.py", "FACTOR = 1\n");
  const std::string file = write_file(
      "plugin.py", "from helper import FACTOR\n" + multiplying("FACTOR"));
  Stream stream(file, {}, watching);
  write_file("unused.py", "FACTOR = 7\n");
  write_file("helper.py", "FACTOR = 2\n");
  change(&stream, 1, 2);
  // One that the new code brought.
  write_file("more.py", "FACTOR = 3\n");
  write_file("plugin.py", "from more import FACTOR\n" + multiplying("FACTOR"));
  change(&stream, 2, 3);
  write_file("more.py", "FACTOR = 4\n");
  fail_unless_equals_uint64(change(&stream, 3, 4).count, 3);
}
GST_END_TEST;

GST_START_TEST(test_only_who_asks_for_it_gets_new_code) {
  Stream stream(write_file("plugin.py", multiplying("1")));
  write_file("plugin.py", multiplying("2"));
  expect_factor(&stream, 1);
  // What was saved before is not news.
  stream.set("reload", "true");
  expect_text(stream.text_of("reload"), "true");
  write_file("plugin.py", multiplying("3"));
  fail_unless_equals_uint64(change(&stream, 1, 3).count, 1);
  stream.set("reload", "false");
  write_file("plugin.py", multiplying("4"));
  fail_unless(ask(stream.get()));
  fail_unless_equals_uint64(change(&stream, 3, 4).count, 2);
}
GST_END_TEST;

GST_START_TEST(test_the_signal_needs_a_plugin) {
  Element element(write_file("plugin.py", multiplying("1")));
  fail_unless(!ask(element.get()));
  fail_unless(element.to(GST_STATE_READY));
  fail_unless(ask(element.get()));
  fail_unless(element.to(GST_STATE_NULL));
  fail_unless(!ask(element.get()));
  element.expect_no_reports();
}
GST_END_TEST;

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

namespace {

// Counts buffers, and multiplies by their number.
std::string counting(const std::string &more) {
  return multiplying("self.step()",
                     "    count = 0\n    def step(self):\n"
                     "        self.count += 1\n        return self.count\n" +
                         more);
}

const char stateful[] = R"(
    def get_state(self): return {"count": self.count}
    def set_state(self, state): self.count = state["count"]
)";

// Lets it count on until something is told, from `last` on.
Told count_on(Stream *stream, int *last, bool restarts = false) {
  Told told = flow_until_told(stream->bus(), [&] {
    GstBuffer *out = stream->through(new_buffer(stream->audio()));
    const int number = factor_of(out);
    fail_unless(number == *last + 1 || (restarts && number == 1), "%d after %d",
                number, *last);
    *last = number;
    gst_buffer_unref(out);
  });
  return told;
}

}  // namespace

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

namespace {

// Delays by 100 frames.
std::string delaying(const std::string &more) {
  return read_file(plugin_file("delay.py")) + more;
}

const char delay_state[] = R"(
    def get_state(self): return self._held
    def set_state(self, held): self._held = held
)";

// Every sample is the number of its frame. Expects them in order, each once,
// with zeros where a delay begins.
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

GST_START_TEST(test_no_sample_is_lost) {
  const bool carries = __i__ == 1;
  Stream stream(write_file("plugin.py", delaying(carries ? delay_state : "")),
                {}, {{"block-size", __i__ == 2 ? "48" : "0"}});
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
    fail_unless(order.breaks == !carries);
    order.breaks = false;
  }
  fail_unless(stream.push_event(gst_event_new_eos()));
  while (GstBuffer *out = stream.pull())
    order.take(out);
  fail_unless_equals_uint64(guint64(order.next) - 1, order.pushed);
  fail_unless_equals_uint64(order.zeros, carries ? 100 : 100 * (reloads + 1));
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

// ---- code that is broken, or does not fit -----------------------------------

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

// ---- the calls, and when the stream stops -----------------------------------

namespace {

// Says which of its methods are called; `version` is its name.
std::string telling(const std::string &version, const char *audio,
                    const std::string &more = "") {
  return "from checklog import say\nversion = '" + version + R"('
class Plugin:
    def initialize(self): say(version, "initialize")
    def set_sample_rate(self, rate): say(version, "rate", rate)
    def start(self): say(version, "start")
    def get_state(self):
        say(version, "get_state")
        return version
    def set_state(self, state): say(version, "set_state", state)
    def stop(self): say(version, "stop")
    def shutdown(self): say(version, "shutdown")
    def )" +
         audio + "(self, buffer): buffer.data[:] = 0\n" + more;
}

}  // namespace

GST_START_TEST(test_the_calls_of_a_filter_in_order) {
  clear_log();
  {
    Stream stream(write_file("plugin.py", telling("1", "process_audio")));
    stream.push_frames();
    write_file("plugin.py", telling("2", "process_audio"));
    fail_unless(ask(stream.get()));
    flow(&stream);
    fail_unless(wait_for_log("1 shutdown"));
    expect_text(log_text(),
                "1 initialize\n1 rate 48000\n1 start\n"
                "2 initialize\n2 rate 48000\n2 start\n"
                "1 get_state\n2 set_state 1\n1 stop\n1 shutdown\n");
    clear_log();
  }
  expect_text(log_text(), "2 stop\n2 shutdown\n");
}
GST_END_TEST;

GST_START_TEST(test_code_that_never_played_is_stopped_and_shut_down) {
  clear_log();
  for (bool paused : {false, true}) {
    {
      Stream stream(write_file("plugin.py", telling("1", "process_audio")));
      write_file("plugin.py", telling("2", "process_audio"));
      fail_unless(ask(stream.get()));
      fail_unless(wait_for_log("2 start"));
      clear_log();
      if (paused) {
        fail_unless(stream.to(GST_STATE_READY));
        fail_unless(wait_for_log("2 stop"));
        stream.play_again();
        flow(&stream);
        fail_unless(wait_for_log("1 shutdown"));
        fail_unless_equals_int(count_in(log_text(), "2 start"), 1);
        fail_unless_equals_int(count_in(log_text(), "2 set_state"), 1);
        clear_log();
      }
    }
    const std::string text = log_text();
    fail_unless_equals_int(count_in(text, "2 stop\n"), 1);
    fail_unless_equals_int(count_in(text, "2 shutdown\n"), 1);
    fail_unless_equals_int(count_in(text, "1 shutdown\n"), paused ? 0 : 1);
    clear_log();
  }
}
GST_END_TEST;

GST_START_TEST(test_new_caps_while_new_code_waits) {
  clear_log();
  Stream stream(write_file("plugin.py", telling("1", "process_audio")));
  write_file("plugin.py", telling("2", "process_audio"));
  fail_unless(ask(stream.get()));
  fail_unless(wait_for_log("2 start"));
  Audio other;
  other.rate = 44100;
  stream.set_audio(other);
  flow(&stream);
  fail_unless(wait_for_log("1 shutdown"));
  const std::string text = log_text();
  const size_t last = text.rfind("2 start");
  // The old one's calls may come in between.
  const size_t stop = text.find("2 stop\n");
  fail_unless(stop < last && text.find("2 rate 44100\n", stop) < last, "%s",
              text.c_str());
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_the_last_of_several_saves_plays) {
  Stream stream(write_file("plugin.py", multiplying("1")));
  expect_factor(&stream, 1);
  for (int i = 2; i <= 30; i++) {
    // At once: half of it may be read otherwise.
    saves[1]("plugin.py", multiplying(std::to_string(i)));
    fail_unless(ask(stream.get()));
  }
  int last = 1;
  fail_unless(wait_until([&] {
    GstBuffer *out = stream.through(new_buffer({}));
    const int factor = factor_of(out);
    fail_unless(factor >= last);
    last = factor;
    gst_buffer_unref(out);
    return last == 30;
  }));
  stream.expect_no_reports();
}
GST_END_TEST;

namespace {

const char hanging[] = R"(
from checklog import say
say("hangs")
while True: pass
)";

}  // namespace

GST_START_TEST(test_an_import_that_hangs_does_not_keep_the_element) {
  Element element(write_file("plugin.py", multiplying("1")));
  fail_unless(element.to(GST_STATE_READY));
  clear_log();
  write_file("plugin.py", hanging);
  fail_unless(ask(element.get()));
  fail_unless(wait_for_log("hangs"));
  fail_unless(element.to(GST_STATE_NULL));
  const Reports reports = element.reports();
  fail_unless_equals_int(reports.size(), 1);
  expect_part(reports[0].text, "load() was still running");
}
GST_END_TEST;

GST_START_TEST(test_a_newer_save_ends_an_import_that_hangs) {
  Stream stream(write_file("plugin.py", multiplying("1")));
  clear_log();
  write_file("plugin.py", hanging);
  fail_unless(ask(stream.get()));
  fail_unless(wait_for_log("hangs"));
  expect_factor(&stream, 1);
  write_file("plugin.py", multiplying("2"));
  fail_unless(ask(stream.get()));
  change(&stream, 1, 2);
  stream.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_stop_in_the_middle) {
  const std::string file = write_file("plugin.py", counting(stateful));
  for (int i = 0; i < (few() ? 10 : 60); i++) {
    Stream stream(file);
    stream.push_frames();
    fail_unless(ask(stream.get()));
    g_usleep(gulong(i % 20) * 100);
    if (i % 3 == 0) stream.push_frames();
    if (i % 3 == 1) stream.push_event(gst_event_new_eos());
    fail_unless(stream.to(i % 2 ? GST_STATE_NULL : GST_STATE_READY));
    stream.expect_no_reports();
  }
}
GST_END_TEST;

// ---- sources and sinks ------------------------------------------------------

// A device or a file cannot be had twice.
GST_START_TEST(test_the_calls_of_a_sink_in_order) {
  clear_log();
  Sink sink(write_file("plugin.py", telling("1", "write_audio")));
  const auto push = [&] { fail_unless(sink.push_frames() == GST_FLOW_OK); };
  push();
  write_file("plugin.py", telling("2", "write_audio"));
  fail_unless(ask(sink.get()));
  expect_text(flow_until_told(sink.bus(), push).warning, "");
  fail_unless(wait_for_log("1 shutdown"));
  expect_text(log_text(),
              "1 initialize\n1 rate 48000\n1 start\n2 initialize\n"
              "1 get_state\n1 stop\n2 rate 48000\n2 start\n2 set_state 1\n"
              "1 shutdown\n");
}
GST_END_TEST;

GST_START_TEST(test_a_sink_that_cannot_start_leaves_the_old_one_its_device) {
  const char *more[] = {"    def start(self): 1 / 0\n",
                        "    def set_state(self, state): 1 / 0\n"};
  clear_log();
  Sink sink(write_file("plugin.py", telling("1", "write_audio")));
  const auto push = [&] { fail_unless(sink.push_frames() == GST_FLOW_OK); };
  push();
  clear_log();
  write_file("plugin.py", telling("2", "write_audio", more[__i__]));
  fail_unless(ask(sink.get()));
  expect_part(flow_until_told(sink.bus(), push).warning, "ZeroDivisionError");
  fail_unless(wait_for_log("2 shutdown"));
  push();
  const std::string text = log_text();
  expect_part(text, "1 stop\n2 rate 48000\n");
  expect_part(text, "2 stop\n1 rate 48000\n1 start\n");
  fail_unless(!contains(text, "1 shutdown"));
  fail_unless_equals_int(count_in(text, "2 stop"), 1);
}
GST_END_TEST;

namespace {

// A filter, a source or a sink for numbers that go on and on.
const char *const numbers_sink = R"(
class Plugin:
    next = 0
    def write_audio(self, buffer):
        frames = buffer.data.shape[1]
        for i in (0, frames - 1):
            if buffer.data[0, i] != (self.next + i) % 4096:
                raise ValueError(f"{buffer.data[0, i]} after {self.next}")
        self.next += frames
    def get_state(self): return self.next
    def set_state(self, state): self.next = state
)";
const char *const numbers_source = R"(
import numpy as np
class Plugin:
    next = 0
    def read_audio(self, buffer):
        frames = buffer.data.shape[1]
        buffer.data[:] = np.arange(self.next, self.next + frames) % 4096
        self.next += frames
    def get_state(self): return self.next
    def set_state(self, state): self.next = state
)";

}  // namespace

GST_START_TEST(test_all_three_at_once_lose_no_sample) {
  const std::string source = write_file("source.py", numbers_source);
  const std::string sink = write_file("sink.py", numbers_sink);
  Pipeline pipeline(
      "pythonsrc name=source script=" + source +
      " ! audio/x-raw,channels=2,rate=48000 ! " +
      line_of("pythonfilter", write_file("same.py", multiplying("1"))) +
      " ! pythonsink sync=false name=sink script=" + sink);
  pipeline.expect_to(GST_STATE_PLAYING);
  for (int i = 0; i < 10; i++) {
    for (const char *name : {"source", "python", "sink"}) {
      GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline.get()), name);
      fail_unless(ask(element));
      gst_object_unref(element);
      expect_text(flow_until_told(pipeline.bus(), [] {}).warning, "");
    }
  }
  pipeline.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_a_source_that_never_has_anything_can_be_mended) {
  Pipeline pipeline(
      line_of("pythonsrc", write_file("source.py",
                                      "class Plugin:\n"
                                      "    def read_audio(self, buffer):\n"
                                      "        return False\n")) +
      " num-buffers=3 ! fakesink");
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  GstElement *python = pipeline.python();
  write_file("source.py", numbers_source);
  fail_unless(wait_until([&] { return ask(python); }));
  pipeline.expect_eos();
  pipeline.expect_no_reports();
}
GST_END_TEST;

// ---- many -------------------------------------------------------------------

namespace {

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

const char measuring[] = R"(
    def set_parameter(self, name, value):
        import gc, sys
        from checklog import say
        gc.collect()
        say(sys.getallocatedblocks(), len(gc.get_objects()))
)";

}  // namespace

GST_START_TEST(test_many_reloads_lose_no_sample_and_no_memory) {
  const char *asked = getenv("PYTHONFILTER_CHECK_RELOADS");
  const int reloads = asked ? atoi(asked) : few() ? 30 : 300;
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
  fail_unless_equals_uint64(order.zeros, 100);
  fail_unless_equals_uint64(stream.stat("errors"), 0);
  stream.expect_no_reports();
  // A module alone has hundreds. What is cached comes and goes.
  fail_unless(late.blocks - early.blocks < reloads + 1000, "%ld more blocks",
              late.blocks - early.blocks);
  fail_unless(late.objects - early.objects < reloads / 4 + 200,
              "%ld more objects", late.objects - early.objects);
}
GST_END_TEST;

// As editors save: in place, or another file in its place; inotify tells. Every
// third time it is broken.
GST_START_TEST(test_many_saves_lose_no_sample) {
  const char *asked = getenv("PYTHONFILTER_CHECK_RELOADS");
  const int reloads = asked ? atoi(asked) : 30;
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
  fail_unless_equals_uint64(order.zeros, 100);
  fail_unless_equals_uint64(stream.stat("errors"), 0);
}
GST_END_TEST;

static Suite *reload_suite() {
  Suite *suite = suite_create("reload");
  TCase *when = new_case(suite, "when");
  tcase_add_loop_test(when, test_a_saved_file_takes_over_between_two_buffers, 0,
                      int(std::size(saves)));
  tcase_add_test(when, test_a_link_is_followed);
  tcase_add_test(when, test_a_saved_helper_module_counts);
  tcase_add_test(when, test_only_who_asks_for_it_gets_new_code);
  tcase_add_test(when, test_the_signal_needs_a_plugin);
  TCase *carried = new_case(suite, "carried over");
  tcase_add_test(carried, test_parameters_are_carried_over);
  tcase_add_test(carried, test_a_parameter_set_while_new_code_waits_reaches_it);
  tcase_add_test(carried,
                 test_the_plugins_properties_are_those_of_the_new_code);
  tcase_add_test(carried, test_state_is_carried_over);
  tcase_add_test(carried, test_without_both_methods_in_both_there_is_no_state);
  tcase_add_loop_test(carried, test_no_sample_is_lost, 0, 3);
  tcase_add_test(carried, test_what_a_converting_plugin_holds_is_not_lost);
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
  TCase *calls = new_case(suite, "calls");
  tcase_add_test(calls, test_the_calls_of_a_filter_in_order);
  tcase_add_test(calls, test_code_that_never_played_is_stopped_and_shut_down);
  tcase_add_test(calls, test_new_caps_while_new_code_waits);
  tcase_add_test(calls, test_the_last_of_several_saves_plays);
  tcase_add_test(calls, test_an_import_that_hangs_does_not_keep_the_element);
  tcase_add_test(calls, test_a_newer_save_ends_an_import_that_hangs);
  tcase_add_test(calls, test_a_stop_in_the_middle);
  TCase *others = new_case(suite, "sources and sinks");
  tcase_add_test(others, test_the_calls_of_a_sink_in_order);
  tcase_add_loop_test(
      others, test_a_sink_that_cannot_start_leaves_the_old_one_its_device, 0,
      2);
  tcase_add_test(others, test_all_three_at_once_lose_no_sample);
  tcase_add_test(others, test_a_source_that_never_has_anything_can_be_mended);
  TCase *many = new_case(suite, "many", 1000);
  tcase_add_test(many, test_many_saves_lose_no_sample);
  tcase_add_test(many, test_many_reloads_lose_no_sample_and_no_memory);
  return suite;
}

GST_CHECK_MAIN(reload)
