// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a buffer of a compiled plugin costs besides its samples: no hold of the
// GIL and no allocation on the thread that streams. System calls are counted by
// tests/python/test_steady_state.py.
#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstlfocontrolsource.h>

#include "../support/counted.hpp"
#include "../support/harness.hpp"
#include "../support/mixing.hpp"
#include "../support/waiting.hpp"

using namespace check;

namespace {

constexpr size_t frames = 512;
constexpr int count = 300;  // more than three seconds of audio

// Buffers that are there already go into an element, and lie behind it until
// all of them were counted: the tracer of leaks makes room when one goes.
class Line : public Element {
 public:
  explicit Line(const std::string &script) : Element(script) {
    fail_unless(to(GST_STATE_READY), "%s", reports().text().c_str());
    connect(get());
  }
  ~Line() {
    for (GstPad **pad : {&source_, &sink_}) {
      gst_pad_set_active(*pad, FALSE);
      gst_object_unref(*pad);
    }
  }

  void connect(GstElement *element) {
    source_ = gst_pad_new("source", GST_PAD_SRC);
    sink_ = gst_pad_new("sink", GST_PAD_SINK);
    gst_pad_set_element_private(sink_, &came_);
    gst_pad_set_chain_function(
        sink_, [](GstPad *pad, GstObject *, GstBuffer *it) {
          auto *came = static_cast<std::vector<GstBuffer *> *>(
              gst_pad_get_element_private(pad));
          came->push_back(it);
          return GST_FLOW_OK;
        });
    g_autoptr(GstPad) in = gst_element_get_static_pad(element, "sink");
    g_autoptr(GstPad) out = gst_element_get_static_pad(element, "src");
    gst_pad_set_active(source_, TRUE);
    gst_pad_set_active(sink_, TRUE);
    fail_unless(gst_pad_link(source_, in) == GST_PAD_LINK_OK);
    fail_unless(gst_pad_link(out, sink_) == GST_PAD_LINK_OK);
    fail_unless(gst_element_set_state(element, GST_STATE_PLAYING) !=
                GST_STATE_CHANGE_FAILURE);
    g_autoptr(GstCaps) caps = Audio().caps();
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(source_, gst_event_new_stream_start("line"));
    gst_pad_push_event(source_, gst_event_new_caps(caps));
    gst_pad_push_event(source_, gst_event_new_segment(&segment));
  }

  // What so many buffers cost. `between` is not counted.
  Counts push(const std::function<void(int)> &between = nullptr) {
    std::vector<GstBuffer *> buffers;
    came_.reserve(count);
    for (int i = 0; i < count; i++) {
      buffers.push_back(new_buffer(Audio(), frames));
      GST_BUFFER_PTS(buffers[i]) =
          gst_util_uint64_scale(guint64(pushed_++) * frames, GST_SECOND, 48000);
    }
    Counts sum;
    for (int i = 0; i < count; i++) {
      if (between) between(i);
      counted = {};
      const GstFlowReturn flow = gst_pad_push(source_, buffers[i]);
      const Counts now = counted;
      fail_unless_equals_int(flow, GST_FLOW_OK);
      sum.allocations += now.allocations;
      sum.gil += now.gil;
    }
    for (GstBuffer *each : came_)
      gst_buffer_unref(each);
    came_.clear();
    return sum;
  }

 private:
  GstPad *source_, *sink_;
  std::vector<GstBuffer *> came_;
  int pushed_ = 0;
};

// What never comes to rest and never comes back to where it was.
void control(gpointer object, const std::vector<const char *> &names) {
  GstControlSource *source = gst_lfo_control_source_new();
  g_object_set(source, "frequency", 3.0, "amplitude", 0.5, "offset", 0.5,
               nullptr);
  for (const char *name : names)
    fail_unless(gst_object_add_control_binding(
        GST_OBJECT(object),
        gst_direct_control_binding_new(GST_OBJECT(object), name, source)));
  gst_object_unref(source);
}

// What blocks cost the thread of a mixer with two inputs, of which these
// properties are controlled, with all that GStreamer does for them. The first
// ones make what is used again.
Counts mixed(const std::string &mixer,
             const std::vector<const char *> &pads = {"sink_0", "sink_1"},
             const std::vector<const char *> &controlled = {}) {
  std::string line = mixer + " ! fakesink sync=false enable-last-sample=false";
  for (const char *pad : pads)
    line += " audiotestsrc samplesperbuffer=80 num-buffers=" +
            std::to_string(count) +
            " ! audio/x-raw,format={F32LE,F32BE},rate=8000,channels=1 ! "
            "python." +
            pad;
  const Pipeline pipeline(line);
  for (const char *pad : pads) {
    g_autoptr(GstPad) sink = gst_element_get_static_pad(pipeline.python(), pad);
    control(sink, controlled);
  }
  Counts before, after;
  int blocks = 0;
  on_buffers(pipeline.python(), "src", [&](GstBuffer *) {
    blocks++;
    if (blocks == count / 2) before = counted;
    after = counted;
  });
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  pipeline.expect_eos();
  pipeline.expect_no_reports();
  fail_unless_equals_int(blocks, count);
  return {after.allocations - before.allocations, after.gil - before.gil};
}

// What GStreamer itself allocates to set one property so often, which is none
// of ours.
guint64 allocations_of_a_controller() {
  GstElement *volume = gst_element_factory_make("volume", nullptr);
  control(volume, {"volume"});
  for (int i = -count; i < count; i++) {
    if (i == 0) counted = {};
    gst_object_sync_values(GST_OBJECT(volume),
                           GstClockTime(i + count) * 10 * GST_MSECOND);
  }
  const guint64 allocations = counted.allocations;
  gst_object_unref(volume);
  return allocations;
}

// Numbers of each kind, some with names that are no short texts.
constexpr char numbers[] =
    "import ctypes, os\n"
    "from base_plugin import *\n"
    "class Numbers(AudioProcessorPlugin):\n"
    "    curves = ('level',)\n"
    "    factor = Param(2.0, min=-10.0, max=10.0)\n"
    "    fails_with = Param(0)\n"
    "    shows = Param(False)\n"
    "    mode = Param('low', choices=('low', 'high'))\n"
    "    level = Param(0.5)\n"
    "    called_by_a_long_name = Param(0.5, max=2.0)\n"
    "    number_with_a_long_name = Param(0, min=0, max=9)\n"
    "    switch_with_a_long_name = Param(False)\n"
    "    class State:\n"
    "        frames: int\n"
    "        last: Array[float, MAX_CHANNELS]\n"
    "    process_audio = compiled("
    "ctypes.CDLL(os.environ['CHECK_FUNCTIONS']).scale)\n";

std::string plugin_with_numbers() {
  return write_file("numbers.py", numbers);
}

// And whose every method that may be called while it plays is its own.
std::string plugin_with_all() {
  return write_file(
      "all.py", std::string(numbers) +
                    "class All(Numbers):\n"
                    "    label = Param('none')\n"
                    "    asked = 0\n"
                    "    def set_parameter(self, key, value):\n"
                    "        if key == 'label':\n"
                    "            self.post('labelled', label=value)\n"
                    "            self.factor = float(len(value))\n"
                    "        return super().set_parameter(key, value)\n"
                    "    def get_processing_latency(self):\n"
                    "        self.asked += 1\n"
                    "        self.post('asked', count=self.asked)\n"
                    "        return 0.0\n"
                    "    @every(1)\n"
                    "    def show(self):\n"
                    "        self.post('factor', factor=float(self.factor))\n"
                    "def create_plugin():\n"
                    "    return All()\n");
}

GObject *parameters_of(const Element &element) {
  return gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(element.get()),
                                           "plugin");
}

// Whether a message of this name has come; others are thrown away.
bool was_posted(GstBus *bus, const char *name) {
  bool found = false;
  while (GstMessage *message = next_message(bus, GST_MESSAGE_ELEMENT)) {
    found = found || gst_message_has_name(message, name);
    gst_message_unref(message);
  }
  return found;
}

double first_sample(GstHarness *harness) {
  GstBuffer *out = gst_harness_pull(harness);
  GstMapInfo map;
  fail_unless(gst_buffer_map(out, &map, GST_MAP_READ));
  const double first = get_sample(Audio(), map.data);
  gst_buffer_unmap(out, &map);
  gst_buffer_unref(out);
  return first;
}

}  // namespace

// Else all that follows would mean nothing.
GST_START_TEST(test_they_are_counted) {
  counted = {};
  free(malloc(1000));
  delete new std::string(1000, 'x');
  fail_unless(counted.allocations >= 3);
  Line line(write_file("plain.py",
                       "class Plain:\n"
                       "    def process_audio(self, buffer): pass\n"));
  fail_unless(line.push().gil >= guint64(count));
}
GST_END_TEST;

GST_START_TEST(test_buffers_take_no_gil_and_no_memory) {
  for (const std::string &file :
       {plugin_file("c_scale.py"), plugin_with_all()}) {
    Line line(file);
    line.push();
    const Counts counts = line.push();
    fail_unless_equals_uint64(counts.gil, 0);
    fail_unless_equals_uint64(counts.allocations, 0);
    fail_unless_equals_uint64(line.stat("gil-wait-max"), 0);
    line.expect_no_reports();
  }
}
GST_END_TEST;

// As a knob that is turned, a thousand times a second and more.
GST_START_TEST(test_parameters_take_no_gil) {
  Line line(plugin_with_all());
  g_autoptr(GObject) plugin = parameters_of(line);
  const Counts counts = line.push([&](int i) {
    g_object_set(plugin, "factor", 1 + i * 0.01, "shows", i % 2, nullptr);
    if (i % 50 == 0)
      g_object_set(plugin, "label", i % 100 ? "one" : "four", "level", 0.25,
                   nullptr);
  });
  fail_unless_equals_uint64(counts.gil, 0);
  line.expect_no_reports();
}
GST_END_TEST;

GST_START_TEST(test_the_plugin_hears_of_parameters_beside_the_stream) {
  Stream stream(plugin_with_all());
  g_autoptr(GObject) plugin = parameters_of(stream);
  stream.expect_through(doubled);
  g_object_set(plugin, "label", "seven 7", nullptr);
  stream.push_frames();
  gst_buffer_unref(stream.pull());
  fail_unless(wait_until([&] { return was_posted(stream.bus(), "labelled"); }));
  // What it made of another parameter then comes to the function by itself.
  const auto by_seven = [&] {
    stream.push_frames();
    return first_sample(stream.harness()) == 7 * number_at(0, 0);
  };
  fail_unless(wait_until(by_seven));
  // And what was set since goes before it.
  g_object_set(plugin, "factor", 3.0, nullptr);
  for (int i = 0; i < 20; i++) {
    stream.expect_through(
        [](size_t c, size_t f) { return 3 * number_at(c, f); });
    g_usleep(1000);
  }
}
GST_END_TEST;

GST_START_TEST(test_latency_is_asked_beside_the_stream) {
  Line line(plugin_with_all());
  was_posted(line.bus(), "asked");  // by start()
  fail_unless_equals_uint64(line.push().gil, 0);
  fail_unless(wait_until([&] { return was_posted(line.bus(), "asked"); }));
}
GST_END_TEST;

GST_START_TEST(test_what_set_parameter_refuses_beside_is_a_warning) {
  Stream stream(
      write_file("refuses.py",
                 "import ctypes, os\n"
                 "from base_plugin import *\n"
                 "class Refuses(AudioProcessorPlugin):\n"
                 "    secrets = ('key',)\n"
                 "    factor = Param(2.0)\n"
                 "    fails_with = Param(0)\n"
                 "    shows = Param(False)\n"
                 "    mode = Param('low', choices=('low', 'high'))\n"
                 "    class State:\n"
                 "        frames: int\n"
                 "        last: Array[float, MAX_CHANNELS]\n"
                 "    process_audio = "
                 "compiled(ctypes.CDLL(os.environ['CHECK_FUNCTIONS']).scale)\n"
                 "    def set_parameter(self, key, value):\n"
                 "        raise ValueError(f'never {value}')\n"));
  for (const auto &[field, expected] :
       {std::pair("factor=3.0", "set_parameter() raised ValueError: never 3"),
        {"key=hidden", "refused the secret parameter key"}}) {
    stream.set("params", std::string("p,") + field);
    stream.push_frames();
    gst_buffer_unref(stream.pull());
    Reports told;
    fail_unless(wait_until([&] {
      for (Report &each : stream.reports()) {
        told.push_back(each);
        each.details = nullptr;
      }
      return !told.empty();
    }));
    fail_unless_equals_int(told.size(), 1);
    fail_unless_equals_int(told[0].type, GST_MESSAGE_WARNING);
    fail_unless(contains(told[0].text, expected), "%s", told.text().c_str());
    fail_unless(!contains(told[0].text + told[0].debug, "hidden"));
  }
}
GST_END_TEST;

// GLib itself makes a copy of a name with a '_'.
GST_START_TEST(test_a_controller_takes_no_gil_and_no_memory_of_ours) {
  const std::vector<const char *> names = {"factor", "called-by-a-long-name",
                                           "number-with-a-long-name",
                                           "switch-with-a-long-name"};
  const guint64 theirs = allocations_of_a_controller() * names.size();
  for (const std::string &file : {plugin_with_numbers(), plugin_with_all()}) {
    Line line(file);
    g_autoptr(GObject) plugin = parameters_of(line);
    control(plugin, names);
    line.push();
    const Counts counts = line.push();
    fail_unless_equals_uint64(counts.gil, 0);
    fail_unless(counts.allocations <= theirs,
                "%" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT " of them theirs",
                counts.allocations, theirs);
    // GStreamer makes an array for each question about a curve.
    control(plugin, {"level"});
    fail_unless_equals_uint64(line.push().gil, 0);
    line.expect_no_reports();
  }
}
GST_END_TEST;

// Both pads for half of the blocks are as many of theirs as are counted.
GST_START_TEST(test_a_controller_of_an_input_takes_no_gil_and_no_memory) {
  const std::vector<const char *> names = {"gain", "called-by-a-long-name",
                                           "number-with-a-long-name",
                                           "switch-with-a-long-name"};
  const Counts counts = mixed("py-controlled name=python",
                              {"sink_a", "sink_input_with_a_long_name"}, names);
  fail_unless_equals_uint64(counts.gil, 0);
  fail_unless(
      counts.allocations <= allocations_of_a_controller() * names.size(),
      "%" G_GUINT64_FORMAT, counts.allocations);
}
GST_END_TEST;

GST_START_TEST(test_blocks_of_a_mixer_take_no_gil_and_no_memory) {
  for (const char *cls : {"Mix", "Nothing"}) {
    const Counts counts = mixed(line_of("pythonmixer", plugin_file("c_mix.py"),
                                        std::string("class=") + cls));
    fail_unless_equals_uint64(counts.gil, 0);
    fail_unless_equals_uint64(counts.allocations, 0);
  }
  // They are counted.
  fail_unless(mixed(mixing()).gil >= guint64(count / 2));
  fail_unless(mixed("audiomixer name=python").allocations > 0);
}
GST_END_TEST;

static Suite *quiet_suite() {
  Suite *suite = suite_create("quiet");
  TCase *quiet = new_case(suite, "quiet");
  tcase_add_test(quiet, test_they_are_counted);
  tcase_add_test(quiet, test_buffers_take_no_gil_and_no_memory);
  tcase_add_test(quiet, test_blocks_of_a_mixer_take_no_gil_and_no_memory);
  tcase_add_test(quiet,
                 test_a_controller_of_an_input_takes_no_gil_and_no_memory);
  tcase_add_test(quiet, test_parameters_take_no_gil);
  tcase_add_test(quiet, test_the_plugin_hears_of_parameters_beside_the_stream);
  tcase_add_test(quiet, test_latency_is_asked_beside_the_stream);
  tcase_add_test(quiet, test_what_set_parameter_refuses_beside_is_a_warning);
  tcase_add_test(quiet, test_a_controller_takes_no_gil_and_no_memory_of_ours);
  return suite;
}

GST_CHECK_MAIN(quiet)
