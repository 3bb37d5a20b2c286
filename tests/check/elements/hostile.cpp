// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A worker that breaks the protocol (tests/check/hostile/) harms nobody: the
// element says so, or goes on, and what comes out is memory of the stream's.
#include <algorithm>
#include <dirent.h>
#include <set>
#include <thread>

#include "../support/splitting.hpp"

using namespace check;

namespace {

enum Expected {
  Fails,  // something does not come out, and it is told why
  Works,  // what comes out is complete, and nothing is told
  Either  // it depends on who is faster, or on what is nobody's harm
};

struct Case {
  const char *plan;
  Expected expected = Fails;
};

constexpr int buffers = 6;
constexpr guint8 of_input = 0x22, of_worker = 0x11;

std::string interpreter() {
  return CHECK_HOSTILE;
}

// Where the plan is of the server or of the worker's start.
std::string interpreter_called(const std::string &plan) {
  const std::string path = folder() + "/" + plan;
  if (symlink(interpreter().c_str(), path.c_str()) != 0 && errno != EEXIST)
    fail("%s: %s", path.c_str(), g_strerror(errno));
  return path;
}

// What works is never late, however busy the machine is.
const char *limit_for(Expected expected) {
  return expected == Works ? "0" : "300";
}

Properties properties_for(const std::string &python, const std::string &module,
                          const std::string &limit) {
  return {{"isolation", "process"}, {"python", python},     {"module", module},
          {"on-error", "drop"},     {"restart", "never"},   {"deadline", limit},
          {"sandbox", "none"},      {"hang-timeout", limit}};
}

bool is_honest(const std::string &stage) {
  for (const char *each : {"server", "ready", "spawn", "worker", "opened"})
    if (stage == each) return false;
  return true;
}

std::string stage_of(const std::string &plan) {
  return plan.substr(0, plan.find(' '));
}

GstBuffer *buffer_of(guint8 byte, const Audio &audio, guint64 number) {
  constexpr size_t frames = 480;
  const gsize size = frames * size_t(audio.channels) * 4;
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
  gst_buffer_memset(buffer, 0, byte, size);
  GST_BUFFER_PTS(buffer) = number * 10 * GST_MSECOND;
  GST_BUFFER_DURATION(buffer) = 10 * GST_MSECOND;
  return buffer;
}

// Bytes of the input, of what the worker wrote, or of a page that it emptied.
void expect_own_bytes(GstBuffer *buffer, const char *plan) {
  GstMapInfo map;
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_READ));
  // Each fail_unless() is a system call, so not one for each byte.
  gsize i = 0;
  while (i < map.size && (map.data[i] == of_input || map.data[i] == of_worker ||
                          map.data[i] == 0))
    i++;
  fail_unless(i == map.size, "%s: byte %zu is 0x%02x", plan, size_t(i),
              i < map.size ? map.data[i] : 0);
  gst_buffer_unmap(buffer, &map);
}

// How many processes of ours are workers that nobody has waited for.
int count_workers() {
  int count = 0;
  std::set<int> hostile;
  std::vector<std::pair<int, int>> parents;
  DIR *proc = opendir("/proc");
  for (dirent *entry; (entry = readdir(proc));) {
    const int pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    const std::string stat =
        read_file("/proc/" + std::to_string(pid) + "/stat");
    const size_t end = stat.rfind(") ");
    char state;
    int parent;
    if (end == std::string::npos ||
        sscanf(stat.c_str() + end + 2, "%c %d", &state, &parent) != 2)
      continue;
    parents.emplace_back(pid, parent);
  }
  closedir(proc);
  for (const auto &[pid, parent] : parents)
    if (parent == getpid()) hostile.insert(pid);
  for (const auto &[pid, parent] : parents)
    if (hostile.count(parent)) count++;
  return count;
}

int count_descriptors() {
  int count = 0;
  DIR *all = opendir("/proc/self/fd");
  while (readdir(all))
    count++;
  closedir(all);
  return count;
}

void expect_descriptors(int before, const char *after = "honest") {
  fail_unless(wait_until([=] { return count_descriptors() <= before; }),
              "%s: from %d to %d descriptors", after, before,
              count_descriptors());
}

struct Result {
  int out = 0;
  std::string told;
};

// Where it can do nothing, there is nothing to link it with.
bool has_caps(const Element &element) {
  bool all = true;
  for (const char *name : {"sink", "src"}) {
    GstPad *pad = gst_element_get_static_pad(element.get(), name);
    GstCaps *caps = gst_pad_query_caps(pad, nullptr);
    all = all && !gst_caps_is_empty(caps);
    gst_caps_unref(caps);
    gst_object_unref(pad);
  }
  return all;
}

void push_segment(GstHarness *harness) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness, gst_event_new_segment(&segment));
}

// A stream of some buffers, into NULL.
Result play(const Case &row, const std::string &python,
            const std::string &module, const std::string &limit) {
  Result result;
  Element element("", properties_for(python, module, limit));
  if (element.to(GST_STATE_READY) && has_caps(element)) {
    GstHarness *harness =
        gst_harness_new_with_element(element.get(), "sink", "src");
    const Audio audio{};
    gst_harness_push_event(harness, gst_event_new_stream_start("check"));
    GstCaps *caps = audio.caps();
    gst_harness_push_event(harness, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    push_segment(harness);
    const auto pull_all = [&] {
      while (GstBuffer *out = gst_harness_try_pull(harness)) {
        expect_own_bytes(out, row.plan);
        gst_buffer_unref(out);
        result.out++;
      }
    };
    for (guint64 i = 0; i < buffers; i++) {
      element.set("params", "p,gain=" + std::to_string(i));
      gst_harness_push(harness, buffer_of(of_input, audio, i));
      pull_all();
    }
    gst_harness_query_latency(harness);
    // It has a latency, so the last of it comes at the end.
    gst_harness_push_event(harness, gst_event_new_eos());
    pull_all();
    gst_harness_push_event(harness, gst_event_new_flush_start());
    gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE));
    push_segment(harness);
    gst_harness_push_event(harness, gst_event_new_eos());
    element.to(GST_STATE_NULL);
    gst_harness_teardown(harness);
  }
  result.told = element.reports().text();
  return result;
}

void run(const Case &row) {
  const std::string stage = stage_of(row.plan);
  const bool named = !is_honest(stage);
  const Result result =
      play(row, named ? interpreter_called(row.plan) : interpreter(),
           named ? "honest" : row.plan, limit_for(row.expected));
  GST_INFO("%s: %d out, %s", row.plan, result.out, result.told.c_str());
  if (row.expected == Fails)
    fail_unless(!result.told.empty() && result.out < buffers, "%s: %d out: %s",
                row.plan, result.out, result.told.c_str());
  if (row.expected == Works)
    fail_unless(result.told.empty() && result.out >= buffers, "%s: %d out: %s",
                row.plan, result.out, result.told.c_str());
  fail_unless(wait_until([] { return count_workers() == 0; }),
              "%s: %d workers are left", row.plan, count_workers());
}

const Case honest = {"honest", Works};

// All in this process, which has as many descriptors afterwards.
template <size_t n>
void run_all(const Case (&rows)[n]) {
  run(honest);
  const int before = count_descriptors();
  for (const Case &row : rows)
    run(row);
  run(honest);
  expect_descriptors(before);
}

}  // namespace

// ---- the reply --------------------------------------------------------------

GST_START_TEST(test_no_word_of_a_reply_is_believed) {
  // 256 to 262; the first is what is added to the sequence.
  struct Word {
    const char *name;
    std::vector<const char *> works;
  };
  const Word words[] = {
      {"outcome", {"0"}}, {"flags", {"0", "2", "8", "10"}},
      {"outputs", {"0"}}, {"bytes", {"*"}},
      {"records", {"0"}}, {"time", {"*"}},
  };
  const char *values[] = {"0",
                          "1",
                          "2",
                          "3",
                          "4",
                          "5",
                          "6",
                          "8",
                          "9",
                          "10",
                          "15",
                          "16",
                          "17",
                          "1002",
                          "1003",
                          "65536",
                          "65537",
                          "2147483647",
                          "2147483648",
                          "4294967295",
                          "4294967296",
                          "9223372036854775807",
                          "9223372036854775808",
                          "18446744073709551615"};
  run(honest);
  const int before = count_descriptors();
  for (size_t i = 0; i < std::size(words); i++)
    for (const char *value : values) {
      const auto &works = words[i].works;
      const bool good =
          !strcmp(works[0], "*") ||
          std::find_if(works.begin(), works.end(), [&](const char *each) {
            return !strcmp(each, value);
          }) != works.end();
      const std::string plan =
          "process word " + std::to_string(i + 1) + " " + value;
      // It may keep an array, which is told.
      const bool keeps = i == 1 && strtoull(value, nullptr, 10) < 16 &&
                         strtoull(value, nullptr, 10) % 2 == 1;
      // And it may end the stream, which is no failure.
      const bool ends = i == 0 && !strcmp(value, "4");
      run({plan.c_str(), good ? Works : keeps || ends ? Either : Fails});
    }
  for (const char *value : {"1", "2", "4294967296", "9223372036854775808",
                            "18446744073709551615"}) {
    const std::string plan = std::string("process word 0+") + value;
    run({plan.c_str(), Fails});
  }
  expect_descriptors(before);
}
GST_END_TEST

GST_START_TEST(test_signals_and_words_come_when_they_like) {
  const Case rows[] = {
      {"process twice", Works},   {"process again", Works},
      {"process early", Either},  {"process fill", Either},
      {"process late 20", Works}, {"process flip", Either},
      {"process change", Works},  {"process silence"},
      {"process sigstop"},
  };
  run_all(rows);
}
GST_END_TEST

GST_START_TEST(test_records_that_are_announced_are_looked_at) {
  const Case rows[] = {
      {"process records 1 1"},
      {"process records 1 1 ok"},
      {"process records 1 1 failure"},
      {"process records 1 1 failure|raised|p|t|m|f|x|f|t"},
      {"process records 1 1 failure|unheard-of|p|t|m|f|1|f|t"},
      {"process records 1 1 failure|raised|p|t|m|f|99999999999|f|t"},
      {"process records 1 1 failure|raised|p|t|m|f|1|f|t", Either},
      {"process records 0 1 failure|raised|p|t|m|f|1|f|t"},
      {"process records 2 1 failure|dropped|p|t|m|f|1|f|t", Either},
      {"process records 0 1 message|name|key|i|x"},
      {"process records 0 1 message|name|key|q|1"},
      {"process records 0 1 message|name|key"},
      {"process records 0 1 message|a b|key|i|1"},
      {"process records 0 1 message||key|i|1"},
      {"process records 0 1 message|name||i|1"},
      {"process records 0 1 message|name|key|as|x"},
      {"process records 0 1 message|pythonfilter-reloaded|key|i|5"},
      {"process records 0 1 message|name|key|i|5", Works},
      {"process records 0 2 message|name|key|d|nan", Works},
      {"process records 0 1000 message|name", Works},
      {"process records 0 1002 message|name", Either},
      {"process records 0 1002"},
      {"process records 1 1 broken no-length"},
      {"process records 1 1 broken half"},
      {"process records 1 1 broken endless"},
      {"process records 1 1 broken too-long"},
      {"process records 1 1 broken field-longest"},
      {"process long-record"},
  };
  run_all(rows);
}
GST_END_TEST

// It is told which rule was broken, and before any time is over: the rules are
// there so that no call gets the answer to another one, or waits for nothing.
GST_START_TEST(test_what_breaks_the_protocol_is_told) {
  constexpr char uneven[] = "a failure that does not fit the outcome",
                 uncalled[] = "a record that nobody asked for",
                 unannounced[] = "records that were not announced",
                 empty[] = "signals without a reply";
  const std::pair<const char *, const char *> rows[] = {
      {"process records 0 1 failure|raised|p|t|m|f|1|f|t", uneven},
      {"process records 1 1 message|name", uneven},
      {"process records 1 1 ok", "a failure that is not told"},
      {"process records 1 2 failure|raised|p|t|m|f|1|f|t", uncalled},
      {"process records 0 1 ready", uncalled},
      {"process records-more 0 1 message|name|key|i|1", unannounced},
      {"set_parameter flood message|name|key|i|1", uncalled},
      {"process endlessly", empty},
      {"set_parameter endlessly", empty},
  };
  for (const auto &[plan, broken] : rows) {
    const std::string told = play({plan}, interpreter(), plan, "30000").told;
    expect_part(told, std::string("it broke the protocol: ") + broken);
  }
}
GST_END_TEST

namespace {

struct Told {
  const char *plan, *told;  // "": nothing
};

std::string planned(const char *plan) {
  return " isolation=process restart=never on-error=drop sandbox=none "
         "deadline=0 hang-timeout=30000 python=" +
         interpreter() + " module=\"" + plan + "\"";
}

// `all()` is what came out, which is the worker's or silence.
template <typename All>
void expect_told(const Pipeline &pipeline, const Told &row, const All &all) {
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  GstMessage *end =
      pipeline.wait_for(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  fail_unless(end != nullptr, "%s", row.plan);
  std::string told;
  if (GST_MESSAGE_TYPE(end) == GST_MESSAGE_ERROR) told = report_in(end).text;
  gst_message_unref(end);
  told += pipeline.reports().text();
  for (const char each : all())
    fail_unless(each == of_worker || each == 0, "%s", row.plan);
  if (*row.told)
    expect_part(told, row.told);
  else
    expect_text(told, "");
}

Sent ten_pieces() {
  Sent sent;
  sent.frames = 800;
  sent.piece = 80;
  return sent;
}

}  // namespace

// Its inputs lie where the worker writes, and are not read again.
GST_START_TEST(test_a_mixer_believes_no_word_of_a_reply) {
  constexpr char lies[] = "it broke the protocol";
  const Told rows[] = {
      {"honest", ""},
      {"process word 1 1", lies},
      {"process word 1 3", "a processor that declines"},
      {"process word 1 5", "outputs of a plugin that does not convert"},
      {"process word 1 6", "an unknown outcome"},
      {"process word 2 4", "outputs of a plugin that does not convert"},
      {"process word 2 16", "a short block that cannot be"},
      {"process word 2 32", "times of nothing"},
      {"process word 2 64", "an unknown flag"},
      {"process word 3 1", "outputs of a plugin that does not convert"},
      {"process word 4 18446744073709551615", ""},
      {"process word 5 1003", "too many records"},
      {"process word 0+1", "a wrong sequence number"},
      {"process change", ""},
      {"process records 0 1 message|name|key|i|5", ""},
      {"process records 0 1 ready", "a record that nobody asked for"},
      {"start exit 3", "the worker"},
      {"start says ok", ""},
      {"start says ready", lies},
      {"drain says ok", "an answer that does not fit its call"},
      {"drain says ok|9223372036854775807|", lies},
      {"drain says ok|1|1234567", lies},
      {"load port a b", lies},
      {"load port voice", ""},
      {"load port %u|format|F16", lies},
      {"load port %u|channels|0 1", lies},
      {"load port %u|optional", lies},
      {"load port %u|unheard-of|1", lies},
  };
  for (const auto &row : rows) {
    const Mixer mixer("pythonmixer name=python" + planned(row.plan),
                      {{"sink_0", ten_pieces()}, {"sink_1", ten_pieces()}});
    expect_told(mixer, row, [&] { return mixer.bytes(); });
  }
}
GST_END_TEST

// Its input lies where the worker writes, and is not read again; of what it
// says of its outputs nothing is true of those that nobody gets.
GST_START_TEST(test_a_splitter_believes_no_word_of_a_reply) {
  constexpr char lies[] = "it broke the protocol",
                 nobody[] = "said of an output that nobody gets",
                 misfit[] = "an answer that does not fit its call";
  const Told rows[] = {
      {"honest", ""},
      {"process word 1 1", lies},
      {"process word 1 3", "a processor that declines"},
      {"process word 1 5", "outputs of a plugin that does not convert"},
      {"process word 1 6", "an unknown outcome"},
      {"process word 2 4", "outputs of a plugin that does not convert"},
      {"process word 2 16", "a short block that cannot be"},
      {"process word 2 32", "times of nothing"},
      {"process word 2 64", "an unknown flag"},
      {"process word 3 1", "outputs of a plugin that does not convert"},
      {"process word 4 18446744073709551615", ""},
      {"process word 5 1003", "too many records"},
      {"process word 7 3", ""},
      {"process word 7 4", nobody},
      {"process word 7 8", nobody},
      {"process word 7 18446744073709551615", nobody},
      {"process word 8 3", ""},
      {"process word 8 4", nobody},
      {"process word 8 9223372036854775808", nobody},
      {"process word 0+1", "a wrong sequence number"},
      {"process change", ""},
      {"process records 0 1 message|name|key|i|5", ""},
      {"process records 0 1 ready", "a record that nobody asked for"},
      {"start exit 3", "the worker"},
      {"start says ok", ""},
      {"start says ready", lies},
      {"drain says ok", ""},
      {"drain says ok|1|0|", ""},
      {"drain says ok|0", misfit},
      {"drain says ok|0|0", misfit},
      {"drain says ok|7|0|", misfit},
      {"drain says ok|0|-1|", misfit},
      {"drain says ok|0|9223372036854775807|", misfit},
      {"drain says ok|0|1|12345", misfit},
      {"load port a b", lies},
      {"load port voice", ""},
      {"load port %u|format|F16", lies},
      {"load port %u|channels|0 1", lies},
      {"load port %u|optional", lies},
      {"load port %u|unheard-of|1", lies},
  };
  for (const auto &row : rows) {
    const Demixer demixer("pythondemixer name=python" + planned(row.plan),
                          ten_pieces(), {"src_0", "src_1"});
    gst_object_unref(gst_element_request_pad_simple(demixer.python(), "src_2"));
    GstElement *from = demixer.source();
    end_of(from);
    gst_object_unref(from);
    expect_told(demixer, row, [&] {
      return demixer.heard[0].bytes() + demixer.heard[1].bytes();
    });
  }
}
GST_END_TEST

// ---- outputs ----------------------------------------------------------------

GST_START_TEST(test_sizes_may_change_while_they_are_read) {
  for (int i = 0; i < soak_count(5, 30); i++)
    run({"process outputs-flip", Either});
  run(honest);
}
GST_END_TEST

GST_START_TEST(test_no_size_of_an_output_is_believed) {
  const Case rows[] = {
      {"process outputs honest", Works},
      {"process outputs 80 65"},
      {"process outputs 80 0", Either},
      {"process outputs 80 18446744073709551615"},
      {"process outputs 80 18446744073709551600"},
      {"process outputs 80 9223372036854775808"},
      {"process outputs 80 4294967296"},
      {"process outputs 80 4097"},
      {"process outputs 8 1"},
      {"process outputs 7 0"},
      {"process outputs 0 0"},
      {"process outputs 18446744073709551615 64"},
      {"process outputs 268435456 268435440"},
      {"process outputs 4096 4080", Works},
      {"process outputs 4096 4081"},
      {"process outputs 4096 16 18446744073709551600"},
      {"process outputs 4096 18446744073709551600 32"},
      {"process outputs 4096 1 1 1", Works},
      {"process outputs 4096 4000 4000"},
      {"resume outputs honest", Works},
      {"resume outputs 80 65"},
  };
  run_all(rows);
}
GST_END_TEST

// ---- calls ------------------------------------------------------------------

GST_START_TEST(test_answers_are_looked_at) {
  const char *calls[] = {"load", "start", "set_parameter", "latency", "drain"};
  const char *broken[] = {"empty",         "too-long",       "longest",
                          "no-fields",     "most-fields",    "too-many-fields",
                          "unknown",       "fields-missing", "field-too-long",
                          "field-longest", "field-wraps",    "trailing"};
  run(honest);
  const int before = count_descriptors();
  for (const char *call : calls)
    for (const char *how : broken) {
      const std::string plan = std::string(call) + " broken " + how;
      run({plan.c_str(), Either});
    }
  expect_descriptors(before);
}
GST_END_TEST

GST_START_TEST(test_answers_that_lie) {
  const Case rows[] = {
      {"load says ok"},
      {"load says ok|audio_name"},
      {"load says ok|unheard-of|1"},
      {"load says failure"},
      {"load says failure|unheard-of|p|t|m|f|1|f|t"},
      {"load says failure|raised|p|t|m|f|1|f|t"},
      {"load says ready"},
      {"load descriptors 100"},
      {"load crumbs"},
      {"load capability format|F99"},
      {"load capability rate|0 1"},
      {"load capability rate|2 1"},
      {"load capability rate|1"},
      {"load capability rate|1 99999999999999999999"},
      {"load capability rate|1 2147483647", Works},
      {"load capability channels|1 2147483647", Works},
      {"load capability channels|2147483647 2147483647", Either},
      {"load capability block_size|-1"},
      {"load capability block_size|2147483648"},
      {"load capability block_size|2147483647"},
      {"load capability block_size|1048577"},
      {"load capability block_size|1048576", Either},
      {"load capability interleaved|2"},
      {"load capability read_only|2"},
      {"load capability interleaved|0|non_interleaved|0", Either},
      {"load capability converts|1|input_caps|!!|output_caps|!!", Either},
      {"load capability converts|1|input_caps||output_caps|", Either},
      {"load capability maps_to_output|1|converts|1", Either},
      {"load capability parameter|x"},
      {"load capability secret|gain", Either},
      {"load capability file|/nowhere|file|x", Either},
      {"start says ok|1|2|3", Either},
      {"start says failure"},
      {"start exit 0"},
      {"set_parameter says ok", Either},
      {"set_parameter says ok|1|2", Either},
      {"latency says ok|nan", Either},
      {"latency says ok|1e999", Either},
      {"latency says ok|-1", Either},
      {"latency says ok|1e300", Either},
      {"latency says ok|x", Either},
      {"latency says ok", Either},
      {"drain says ok|1|", Either},
      {"drain says ok|-1|", Either},
      {"drain says ok|9223372036854775807|", Either},
      {"drain says ok|2305843009213693952|", Either},
      {"drain says ok|1|\"\"\"\"\"\"\"\"", Either},
      {"drain says ok", Either},
      {"stop says failure", Either},
      {"reset says failure", Either},
      {"shutdown says failure", Either},
  };
  run_all(rows);
}
GST_END_TEST

GST_START_TEST(test_a_parameter_can_be_anything) {
  // Its name, then pairs. The worker sends them as one field.
  const Case rows[] = {
      {"load parameter gain", Either},
      {"load parameter gain|kind|float|default|x|minimum|y|maximum|z", Either},
      {"load parameter gain|kind|float|default|1|minimum|0|maximum|2", Either},
      {"load parameter gain|kind|float|default|1|curve|1", Either},
      {"load parameter gain|kind|float|default|nan|minimum|2|maximum|-1",
       Either},
      {"load parameter gain|kind|int|default|99999999999|minimum|5|maximum|1",
       Either},
      {"load parameter gain|kind|bool|default|maybe|allowed|no", Either},
      {"load parameter gain|kind|choice|default|a|choice|c|choice|c", Either},
      {"load parameter gain|kind|unheard-of"},
      {"load parameter gain|kind|choice|default|a"},
      {"load parameter gain|kind|float|default"},
      {"load parameter gain|kind|float|unheard-of|1"},
      {"load parameter gain|kind|float|secret|maybe"},
      {"load parameter name|kind|string"},
      {"load parameter parent|kind|string"},
      {"load parameter 1x|kind|string"},
      {"load parameter a b|kind|string"},
      {"load parameter |kind|string"},
  };
  run_all(rows);
}
GST_END_TEST

// What it does to a source or a sink ends in NULL, in time.
void run_in_pipeline(const std::string &before, const char *plan,
                     const std::string &after) {
  {
    Pipeline pipeline(
        before + " name=python isolation=process restart=never deadline=300 " +
        "hang-timeout=300 sandbox=none python=" + interpreter() + " module=\"" +
        plan + "\" " + after);
    Output output(pipeline.python(),
                  contains(before, "pythonsrc") ? "src" : "sink");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    // Some never end by themselves.
    if (GstMessage *message = next_message(
            pipeline.bus(), GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR),
            2 * GST_SECOND))
      gst_message_unref(message);
    pipeline.expect_null();
  }
  fail_unless(wait_until([] { return count_workers() == 0; }), "%s", plan);
}

GST_START_TEST(test_sources_and_sinks_believe_nothing) {
  for (const char *plan :
       {"honest", "preferences says ok|-1|-1|-1", "preferences says ok|0|0|0",
        "preferences says ok|2147483647|2147483647|2147483647",
        "preferences says ok|48000|2|2147483647",
        "preferences says ok|48000|64|1048577",
        "preferences says ok|2147483648|2|480", "preferences says ok|1",
        "preferences exit 0", "preferences silence", "process word 1 3",
        "process word 1 4", "process word 1 2", "process silence"})
    run_in_pipeline("pythonsrc num-buffers=5", plan, "! fakesink");
  for (const char *plan :
       {"honest", "available_space says ok|-1",
        "available_space says ok|2147483648", "available_space says ok|x",
        "available_space says ok|0", "available_space silence",
        "process word 1 3", "process word 1 4", "process silence"})
    run_in_pipeline("audiotestsrc num-buffers=5 ! pythonsink sync=false", plan,
                    "");
}
GST_END_TEST

// ---- ends -------------------------------------------------------------------

GST_START_TEST(test_it_ends_wherever_it_likes) {
  const char *stages[] = {"load",    "start", "set_parameter",
                          "process", "reset", "latency",
                          "drain",   "stop",  "shutdown"};
  const char *ends[] = {"exit 0", "exit 3", "abort", "segv", "kill"};
  run(honest);
  const int before = count_descriptors();
  for (const char *stage : stages)
    for (const char *how : ends) {
      const std::string plan = std::string(stage) + " " + how;
      run({plan.c_str(), Either});
    }
  run(honest);
  expect_descriptors(before);
}
GST_END_TEST

GST_START_TEST(test_it_hangs_wherever_it_likes) {
  const Case rows[] = {
      {"set_parameter silence", Either}, {"set_parameter sigstop", Either},
      {"latency silence", Either},       {"reset sigstop", Either},
      {"stop silence", Either},          {"stop sigstop", Either},
      {"shutdown silence", Either},      {"shutdown sigstop", Either},
      {"process hangup", Either},
  };
  run_all(rows);
}
GST_END_TEST

// ---- beside the calls -------------------------------------------------------

GST_START_TEST(test_events_and_output_are_looked_at) {
  const Case rows[] = {
      {"process event-broken too-long", Either},
      {"process event-broken no-length", Either},
      {"process event-broken endless", Either},
      {"process event-broken most-fields", Either},
      {"process event-broken unknown", Either},
      {"process event-says message|a b|k|i|1", Either},
      {"process event-says log|x|f|1|f|t|0", Either},
      {"process event-says log|99999|f|1|f|t|0", Works},
      {"process event-says mapped|77|caps|f|1|f", Either},
      {"process event-descriptors 100", Either},
      {"process event-hangup", Either},
      {"process event-flood log|10|f|1|f|t|0", Either},
      {"process prints lines", Either},
      {"process prints a-line", Either},
  };
  run_all(rows);
}
GST_END_TEST

// ---- before it is a worker --------------------------------------------------

GST_START_TEST(test_no_server_is_believed) {
  const Case rows[] = {
      {"server exit 0"},
      {"server exit 3"},
      {"server abort"},
      {"server hangup"},
      {"server broken too-long"},
      {"server broken no-fields"},
      {"server broken unknown"},
      {"server says unusable|it has no NumPy"},
      {"server says unusable"},
      {"server says spawned|1|2"},
      {"server says exited|1|0"},
      {"ready exit 0"},
      {"ready broken field-longest"},
      {"ready says spawned|1|1"},
      {"ready says spawned|77|1"},
      {"ready says exited|1|99999999999999999999"},
      {"ready says exited|1|139"},
      {"ready descriptors 100"},
      {"spawn exit 1"},
      {"spawn hangup"},
      {"worker exit 0"},
      {"worker abort"},
      {"worker hangup"},
      {"worker broken too-long"},
      {"worker broken most-fields"},
      {"worker says unusable|it has no seccomp"},
      {"worker says ready"},
      {"opened exit 5"},
      {"opened hangup"},
  };
  run(honest);
  // A server that is still there has a socket and a pipe, which its next one
  // takes over, or the same one goes on with.
  for (const Case &row : rows) {
    run(row);
    const int before = count_descriptors();
    run(row);
    run(row);
    expect_descriptors(before, row.plan);
  }
}
GST_END_TEST

// Whether its end is heard of first or that of its socket: otherwise a server
// would be kept now and then, and its descriptors with it.
GST_START_TEST(test_a_worker_that_never_was_one_costs_its_server) {
  run(honest);
  for (const char *plan : {"worker exit 7", "worker kill", "worker segv"}) {
    const int before = count_descriptors();
    run({plan});
    expect_descriptors(before, plan);
  }
}
GST_END_TEST

static Suite *hostile_suite() {
  Suite *suite = suite_create("hostile");
  TCase *tests = new_case(suite, "reply");
  tcase_add_test(tests, test_no_word_of_a_reply_is_believed);
  tcase_add_test(tests, test_signals_and_words_come_when_they_like);
  tcase_add_test(tests, test_records_that_are_announced_are_looked_at);
  tcase_add_test(tests, test_what_breaks_the_protocol_is_told);
  tcase_add_test(tests, test_a_mixer_believes_no_word_of_a_reply);
  tcase_add_test(tests, test_a_splitter_believes_no_word_of_a_reply);
  tcase_add_test(tests, test_no_size_of_an_output_is_believed);
  tcase_add_test(tests, test_sizes_may_change_while_they_are_read);
  tests = new_case(suite, "calls");
  tcase_add_test(tests, test_answers_are_looked_at);
  tcase_add_test(tests, test_answers_that_lie);
  tcase_add_test(tests, test_a_parameter_can_be_anything);
  tcase_add_test(tests, test_sources_and_sinks_believe_nothing);
  tests = new_case(suite, "ends");
  tcase_add_test(tests, test_it_ends_wherever_it_likes);
  tcase_add_test(tests, test_it_hangs_wherever_it_likes);
  tests = new_case(suite, "beside");
  tcase_add_test(tests, test_events_and_output_are_looked_at);
  tcase_add_test(tests, test_no_server_is_believed);
  tcase_add_test(tests, test_a_worker_that_never_was_one_costs_its_server);
  return suite;
}

GST_CHECK_MAIN(hostile);
