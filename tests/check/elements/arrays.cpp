// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What NumPy lets a plugin do in place to the array that it is shown: to its
// shape, its type, its flags, its memory. The next call sees the stream's own
// again, and a weak reference leads nowhere between two calls.
#include "../support/conversion.hpp"
#include "../support/sink.hpp"

using namespace check;

namespace {

struct Change {
  const char *code;
  const char *problem = nullptr;  // NULL: it is fine, and doubles the samples
  const char *format = nullptr;   // NULL: any
  guint64 escapes = 0;            // of each call
};

const char lost[] = "put other memory into the array buffer.data";

const Change changes[] = {
    {"x.shape = (1, -1, 8); x *= 2"},
    {"x.shape = (-1,); x *= 2"},
    {"x.shape = x.shape[::-1]; x *= 2"},
    {"x.shape = (2, 1, 2, 1, -1, 1, 2, 1); x *= 2"},
    {"x.resize((1, x.size), refcheck=False); x *= 2"},
    {"x.dtype = np.complex64; x *= 2", nullptr, "F32"},
    {"x.dtype = np.complex128; x *= 2", nullptr, "F64"},
    {"x *= 2; x.dtype = np.complex128", nullptr, "F32"},
    {"x *= 2; x.dtype = np.uint8"},
    {"x *= 2; x.dtype = 'f2'", nullptr, "S16"},
    {"x *= 2; x.dtype = 'S2'"},
    {"x *= 2; x.dtype = x.dtype.newbyteorder()"},
    {"x *= 2; x.dtype = [('a', 'u1'), ('b', 'i1')]"},
    {"x *= 2; x.strides = (0, 0)"},
    {"x *= 2; x.strides = (x.itemsize, x.itemsize)"},
    {"x *= 2; x.flags.writeable = False"},
    {"x *= 2; x.setflags(write=False, align=False)"},
    {"x.setflags(write=False); x.setflags(write=True); x *= 2"},
    {"x.flags.writeable = False; x.flags.writeable = True; x *= 2"},
    {"x.byteswap(inplace=True); x.byteswap(inplace=True); x *= 2"},
    {"x.real = 2 * x"},
    {"x.flat = 2 * x"},
    {"y = 2 * x; x.shape = (-1,); return y"},
    {"y = 2 * x; x.shape = (1, -1, 8); buffer.data = y"},
    {"y = 2 * x; x.flags.writeable = False; buffer.data = y; return y"},
    {"y = 2 * x; x.dtype = np.uint8; x.flags.writeable = False; return y"},
    {"x *= 2; x.shape = (-1,); return x"},
    {"np.lib.stride_tricks.as_strided(x, (x.size,), (x.itemsize,))[:] *= 2"},
    {"np.frombuffer(x, x.dtype)[:] *= 2"},
    {"memoryview(x).cast('B')[:] = (2 * x).tobytes()"},
    {"np.asarray(Interface(x))[...] *= 2"},
    {"x.view(Special).__imul__(2)"},
    {"x *= 2; memoryview(x), x.ctypes, x.flat, x.T, x.base"},
    {"x *= 2; kept[:] = [weakref.ref(x)]"},
    {"x *= 2; kept.append(weakref.ref(x, called.append))"},
    {"x *= 2; kept[:] = [weakref.ref(x)]; x.shape = (-1,)"},
    {"x *= 2; buffer.__class__ = Other"},
    {"buffer.__class__ = Other; buffer.data = x * 2"},
    {"x *= 2; buffer.curves = {}; del buffer._stream"},
    {"x *= 2; x.shape = (-1,); kept.append(x)", nullptr, nullptr, 1},
    {"x *= 2; x.dtype = np.uint8; kept.append(x[:9])", nullptr, nullptr, 1},
    {"x *= 2; kept.append(np.asarray(Interface(x)))", nullptr, nullptr, 1},
    {"x *= 2; kept.append(x.view(Special))", nullptr, nullptr, 1},
    {"x *= 2; kept.append(x.ctypes)", nullptr, nullptr, 1},
    {"x *= 2; kept.append(buffer); buffer.__class__ = Other", nullptr, nullptr,
     1},

    {"set_data(x, bytearray(x.nbytes))", lost},
    {"set_data(x, x.copy())", lost},
    {"set_data(x, bytearray(x.nbytes)); buffer.data = y = x * 2; return y",
     lost},
    {"x.__setstate__((1, x.shape, x.dtype, False, bytes(x.nbytes)))", lost},
    {"x.__setstate__((1, (2, 1), np.dtype('i1'), False, b'12'))", lost},
    {"kept.append(x[:]); set_data(x, bytearray(x.nbytes))", lost, nullptr, 1},
    {"kept.append(x[:]); x.__setstate__((1, (1,), np.dtype('i1'), False, "
     "b'1'))",
     lost, nullptr, 1},
    {"kept.append(x); set_data(x, bytearray(x.nbytes))", lost, nullptr, 1},
    {"x.resize((2, 4), refcheck=False)", "resize"},
    {"x.resize((2, 4000), refcheck=False)", "resize"},
    {"x.shape = (-1,); return 2 * x", "gave an array of shape"},
    {"x.dtype = np.uint8; buffer.data = x + 1", "gave an array of uint8"},
    {"del buffer.data", "deleted buffer.data"},
    {"x.shape = (-1,); raise OSError('mine')", "mine"},
};

std::string plugin_that(const Change &change, const char *more = "") {
  return write_file("changing.py", std::string(R"(
import warnings
import weakref
import numpy as np
from base_plugin import AudioBuffer
from checklog import say

warnings.simplefilter("ignore")
called = []

class Special(np.ndarray):
    pass

class Other(AudioBuffer):
    __slots__ = ()

class Interface:
    def __init__(self, array):
        self.__array_interface__ = array.__array_interface__
        self.array = array

def set_data(array, memory):
    try:
        array.data = memory
    except AttributeError:  # not in every NumPy
        array.__setstate__((1, (1,), np.dtype("i1"), False, b"1"))

class Changing:
    formats = ("F32", "F64", "S16", "S32")
    )") + more + R"(
    def __init__(self):
        self.kept = []
    def process_audio(self, buffer):
        x, kept = buffer.data, self.kept
        say(type(buffer).__name__, type(x).__name__, *x.shape, x.dtype,
            x.flags.writeable, x.flags.aligned, x.flags.owndata,
            x.flags.c_contiguous)
        )" + change.code + R"(
    write_audio = process_audio
    def read_audio(self, buffer):
        buffer.data[:] = 1
        return self.process_audio(buffer)
)");
}

GstBuffer *unaligned(const Audio &audio, size_t frames) {
  GstBuffer *buffer = empty_buffer(audio, frames);
  const size_t size = gst_buffer_get_size(buffer);
  auto *data = static_cast<guint8 *>(g_malloc(size + 1));
  gst_buffer_replace_all_memory(
      buffer, gst_memory_new_wrapped(GstMemoryFlags(0), data, size + 1, 1, size,
                                     data, g_free));
  fill(buffer, audio);
  return buffer;
}

// All of which are one piece, so that any shape and type is possible.
struct Way {
  Audio audio;
  GstBuffer *(*make)(const Audio &audio, size_t frames);
};
const Way ways[] = {
    {{"F32", false, 1}, new_buffer}, {{"F32", true, 2}, new_buffer},
    {{"S16", false, 1}, new_buffer}, {{"F64", true, 1}, new_buffer},
    {{"F32", false, 1}, unaligned},  {{"S16", true, 2}, unaligned},
};

const size_t sizes[] = {64, 64, 32, 128, 64};

std::string seen(const Audio &audio) {
  const char *type = !strcmp(audio.format, "F32")   ? "float32"
                     : !strcmp(audio.format, "F64") ? "float64"
                                                    : "int16";
  std::string text;
  for (size_t size : sizes)
    text += "AudioBuffer ndarray " + std::to_string(audio.channels) + " " +
            std::to_string(size) + " " + type + " True True False True\n";
  return text;
}

bool fits(const Change &change, const Audio &audio) {
  return !change.format || !strcmp(change.format, audio.format);
}

void expect_problem(const Reports &reports, const Change &change) {
  for (const Report &report : reports)
    if (contains(report.text, change.problem))
      return expect_part(report.text, "changing.py:");
  fail_unless(false, "%s: %s", change.code, reports.text().c_str());
}

// Python is loaded once for each part of the table.
constexpr int parts = 4;

template <typename Row, size_t count>
void each_of_part(const Row (&rows)[count], int part,
                  const std::function<void(const Row &)> &test) {
  for (size_t i = size_t(part); i < count; i += parts)
    test(rows[i]);
}

void expect_doubled_or_problem(const Change &change) {
  const std::string file = plugin_that(change);
  for (const Way &way : ways) {
    const Audio &audio = way.audio;
    if (!fits(change, audio)) continue;
    clear_log();
    Stream stream(file, audio, {{"on-error", "silence"}});
    for (size_t size : sizes) {
      GstBuffer *out = stream.through(way.make(audio, size));
      expect_samples(out, audio, change.problem ? silence : doubled);
      gst_buffer_unref(out);
    }
    const Reports reports = stream.reports();
    if (change.problem)
      expect_problem(reports, change);
    else if (!change.escapes)
      fail_unless(reports.empty(), "%s", reports.text().c_str());
    expect_text(log_text(), seen(audio));
    fail_unless(stream.stat("escapes") == change.escapes * std::size(sizes),
                "%s: %d escapes", change.code, int(stream.stat("escapes")));
  }
}

void expect_consumed(const Change &change) {
  if (change.problem || !fits(change, ways[0].audio)) return;
  clear_log();
  Sink sink(plugin_that(change), ways[0].audio);
  for (size_t size : sizes)
    sink.expect_push(new_buffer(sink.audio(), size));
  expect_text(log_text(), seen(sink.audio()));
  fail_unless_equals_uint64(sink.stat("escapes"),
                            change.escapes * std::size(sizes));
}

void expect_produced(const Change &change) {
  if (change.problem || !fits(change, ways[0].audio)) return;
  clear_log();
  Pipeline pipeline(line_of("pythonsrc", plugin_that(change), "num-buffers=5") +
                    " ! audio/x-raw,channels=1,rate=48000,format=" GST_AUDIO_NE(
                        F32) ",layout=interleaved ! fakesink");
  fail_unless(pipeline.to(GST_STATE_PLAYING));
  pipeline.expect_eos();
  const std::string log = log_text();
  const std::string first = log.substr(0, log.find('\n') + 1);
  expect_part(first, "AudioBuffer ndarray 1 ");
  expect_part(first, " float32 True True False True\n");
  expect_text(log, first + first + first + first + first);
}

const Change byte_changes[] = {
    {"x.shape = (4, -1); x[:] += 1"},
    {"x += 1; x.dtype = '<i4'"},
    {"x += 1; x.strides = (0,)"},
    {"x += 1; x.flags.writeable = False; x.shape = (2, 2, -1)"},
    {"x += 1; x.shape = (2, -1); return x"},
    {"y = x + 1; x.shape = (-1, 4); return y.tobytes()"},
    {"y = x + 1; x.dtype = 'u2'; buffer.data = y"},
    {"x += 1; kept[:] = [weakref.ref(x)]"},
    {"x += 1; x.shape = (1, -1); kept.append(x)", nullptr, nullptr, 1},
    {"set_data(x, bytearray(x.nbytes))", lost},
    {"set_data(x, bytearray(x.nbytes)); return bytes(24)", lost},
    {"set_data(x, bytearray(x.nbytes)); return x", lost},
    {"x.resize(4, refcheck=False)", "resize"},
};

void expect_one_more(const Change &change) {
  clear_log();
  Conversion stream(plugin_that(change, "input_caps = 'ANY'"),
                    "application/x-in", nullptr,
                    {{"on-error", change.problem ? "drop" : "fail"}});
  std::string want;
  for (size_t size : {24, 24, 8, 64, 24}) {
    const std::vector<OwnedBuffer> outs = stream.through(bytes_buffer(size));
    want += "AudioBuffer ndarray " + std::to_string(size) +
            " uint8 True True False True\n";
    fail_unless(outs.empty() == (change.problem != nullptr), "%s: %s",
                change.code, stream.reports().text().c_str());
    if (change.problem) continue;
    std::string bytes;
    for (size_t i = 0; i < size; i++)
      bytes += char(i + 1);
    expect_text(bytes_of(outs[0].get()), bytes);
  }
  if (change.problem) expect_problem(stream.reports(), change);
  expect_text(log_text(), want);
  fail_unless_equals_uint64(stream.stat("escapes"), 5 * change.escapes);
}

}  // namespace

GST_START_TEST(test_filter_is_shown_the_streams_own_array_in_each_call) {
  each_of_part<Change>(changes, __i__, expect_doubled_or_problem);
}
GST_END_TEST;

GST_START_TEST(test_sink_is_shown_the_streams_own_array_in_each_call) {
  each_of_part<Change>(changes, __i__, expect_consumed);
}
GST_END_TEST;

GST_START_TEST(test_source_is_shown_the_streams_own_array_in_each_call) {
  each_of_part<Change>(changes, __i__, expect_produced);
}
GST_END_TEST;

GST_START_TEST(test_bytes_are_shown_as_the_streams_own_in_each_call) {
  each_of_part<Change>(byte_changes, __i__, expect_one_more);
}
GST_END_TEST;

// set_parameter() is called between two buffers, as a thread of the plugin's
// runs at any time: what it finds then is no longer the plugin's.
GST_START_TEST(test_weak_references_lead_nowhere_between_two_calls) {
  const char *finding[] = {
      "found = self.ref and self.ref()",
      "found = [b.data for b in gc.get_objects() if type(b) is AudioBuffer]\n"
      "        found = found[0] if found else None",
  };
  const char *using_it[] = {
      "found[...] = 99",
      "found.fill(99)",
      "found.shape = (-1,); found[:] = 99",
      "found.dtype = np.uint8",
      "found.flags.writeable = False",
      "found.__setstate__((1, (2,), np.dtype('i1'), False, b'12'))",
      "self.found.append(found)",
      "self.found.append(memoryview(found))",
  };
  for (const char *find : finding) {
    // A worker's own objects are not hidden from what runs in it.
    if (in_process() && find != finding[0]) continue;
    for (const char *use : using_it) {
      const std::string file = write_file("weak.py", std::string(R"(
import gc, weakref
import numpy as np
from base_plugin import AudioBuffer
from checklog import say
class Weak:
    ref = None
    found = []
    def process_audio(self, buffer):
        self.ref = weakref.ref(buffer.data)
        assert buffer.data.shape == (2, 64), buffer.data.shape
        self.ref()[...] *= 2
    def set_parameter(self, key, value):
        )") + find + R"(
        say("nothing" if found is None else found.shape)
        if found is not None:
            )" + use + R"(
)");
      for (const Way &way : ways) {
        if (way.audio.channels != 2 || strcmp(way.audio.format, "F32"))
          continue;
        clear_log();
        Stream stream(file, way.audio);
        std::vector<GstBuffer *> outs;
        for (int i = 0; i < 5; i++) {
          outs.push_back(stream.through(way.make(way.audio, 64)));
          stream.set("params", "p,touch=" + std::to_string(i));
        }
        for (GstBuffer *out : outs) {
          expect_samples(out, way.audio, doubled);
          gst_buffer_unref(out);
        }
        expect_part(log_text(), "nothing\n");
        // Who gets hold of it then has it in the next call.
        if (contains(use, "append")) continue;
        stream.expect_no_reports();
        fail_unless(!contains(log_text(), "64"), "%s", log_text().c_str());
      }
    }
  }
}
GST_END_TEST;

// In C it is a handful of comparisons, which may not mistake what a plugin only
// looks at for a change.
GST_START_TEST(test_an_array_that_is_left_alone_stays_the_same_object) {
  clear_log();
  Stream stream(write_file("looking.py", R"(
import numpy as np
from checklog import say
class Looking:
    def process_audio(self, buffer):
        x = buffer.data
        x.flags, x.ctypes.data, x.__array_interface__, memoryview(x).nbytes
        x.T, x.real, x.flat, x[::-1], x.view(np.uint32), x.base, x.strides
        np.shares_memory(x, x[0]), np.ascontiguousarray(x), x.tobytes()
        x.sort()
        x.partition(3)
        say(id(buffer), id(x))
)"),
                {"F32", true, 1});
  for (int i = 0; i < 5; i++)
    gst_buffer_unref(stream.through(new_buffer(stream.audio())));
  fail_unless_equals_uint64(stream.stat("escapes"), 0);
  const std::string log = log_text();
  const std::string first = log.substr(0, log.find('\n') + 1);
  expect_text(log, first + first + first + first + first);
}
GST_END_TEST;

static Suite *arrays_suite() {
  Suite *suite = suite_create("arrays");
  TCase *changed = new_case(suite, "changed");
  tcase_add_loop_test(changed,
                      test_filter_is_shown_the_streams_own_array_in_each_call,
                      0, parts);
  tcase_add_loop_test(
      changed, test_sink_is_shown_the_streams_own_array_in_each_call, 0, parts);
  tcase_add_loop_test(changed,
                      test_source_is_shown_the_streams_own_array_in_each_call,
                      0, parts);
  tcase_add_loop_test(
      changed, test_bytes_are_shown_as_the_streams_own_in_each_call, 0, parts);
  TCase *left = new_case(suite, "between calls");
  tcase_add_test(left, test_weak_references_lead_nowhere_between_two_calls);
  tcase_add_test(left, test_an_array_that_is_left_alone_stays_the_same_object);
  return suite;
}

GST_CHECK_MAIN(arrays)
