// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What goes between the application and its workers, without a worker: records
// and replies, what they print, regions and lent memory, when one is restarted.
#include <fcntl.h>
#include <map>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>

#include "../../../bridge/paths.hpp"
#include "../../../bridge/process/answers.hpp"
#include "../../../bridge/process/crash_place.hpp"
#include "../../../bridge/process/process_plugin.hpp"
#include "../../../bridge/samples.hpp"
#include "../../../bridge/words.hpp"
#include "../support/waiting.hpp"

using namespace check;
using namespace pythonfilter;

namespace {

constexpr uint64_t ms = 1000000;

}  // namespace

GST_START_TEST(test_a_record_is_whole_or_refused) {
  const Fields told = {"start", "", std::string("a\0b", 3)};
  const std::string record = encode_record(told);
  Fields read;
  fail_unless(decode_fields(std::string_view(record).substr(4), &read));
  fail_unless(read == told);
  for (size_t i = 4; i < record.size(); i++)
    fail_if(decode_fields(std::string_view(record).substr(4, i - 4), &read));
  fail_if(decode_fields(std::string_view(record + "x").substr(4), &read));
  const uint32_t many[] = {uint32_t(most_record_fields) + 1, 0};
  fail_if(decode_fields({reinterpret_cast<const char *>(many), 8}, &read));
  for (const size_t more : {0, 1}) {
    const std::string whole = encode_record(Fields(most_record_fields + more));
    fail_unless(decode_fields(std::string_view(whole).substr(4), &read) ==
                (more == 0));
  }
}
GST_END_TEST;

GST_START_TEST(test_what_a_worker_says_is_checked) {
  Failure failure;
  for (const auto &[word, kind] : failure_words) {
    // What comes of its end is not for it to say.
    const bool may = kind <= Failure::Kind::Interrupted;
    fail_unless(read_failure({"failure", word, "p", "t", "m", "f", "1", "", ""},
                             1, &failure) == may,
                "%s", word);
    fail_unless(!may || failure.kind == kind, "%s", word);
  }
  Capabilities said;
  for (const auto &[word, flag] : capability_flags) {
    for (const bool set : {false, true})
      fail_unless(
          read_capability(word, {set ? "1" : "0"}, &said) && said.*flag == set,
          "%s", word);
    fail_unless(!read_capability(word, {"2"}, &said), "%s", word);
  }
  fail_unless(!read_capability("unheard-of", {"1"}, &said));
  for (const auto &[word, text] : info_texts)
    fail_unless(
        read_capability(word, {"a\xff"}, &said) && said.info.*text == "a?",
        "%s", word);
  for (const auto &[word, text] : parameter_texts) {
    const std::string name = std::string("p_") + word;
    fail_unless(read_capability("parameter", {name, word, "a\xff"}, &said));
    fail_unless(said.parameters.back().*text == "a?", "%s", word);
    // A second one of that name, and one that lacks the half of a pair.
    fail_unless(!read_capability("parameter", {name}, &said));
    fail_unless(!read_capability("parameter", {"other", word}, &said));
  }
  fail_unless(!read_capability("parameter", {"x", "kind", "x"}, &said));
  fail_unless(!read_capability("parameter", {"x", "kind", "choice"}, &said));
  fail_unless(!read_capability("parameter", {}, &said));
  fail_unless(!read_values({"ok", "nobody", "1"}, 1, &said.parameters));
  fail_unless(!read_values({"ok", "p_unit"}, 1, &said.parameters));
  fail_unless(read_values({"ok", "p_unit", "7"}, 1, &said.parameters));
}
GST_END_TEST;

GST_START_TEST(test_what_is_said_of_ports_is_checked) {
  const auto reads = [](const char *name, std::vector<std::string> values,
                        Capabilities *said) {
    return read_capability(name, values, said);
  };
  Capabilities named, counted;
  fail_unless(reads("port",
                    {"voice", "channels", "1 2", "format", "S16", "optional",
                     "1", "description", "a\xff"},
                    &named));
  const Port &voice = named.ports.at(0);
  fail_unless(voice.name == "voice" && voice.optional);
  fail_unless(voice.channels.at(0).max == 2);
  fail_unless(voice.formats.at(0) == SampleFormat::S16);
  fail_unless(voice.description == "a?");
  for (const std::vector<std::string> &wrong :
       std::vector<std::vector<std::string>>{
           {},
           {"voice"},  // a second one of that name
           {any_port},
           {"9"},
           {"a b"},
           {"x", "channels"},
           {"x", "channels", "2 1"},
           {"x", "format", "S24"},
           {"x", "optional", "x"},
           {"x", "unheard-of", "1"}})
    fail_unless(!reads("port", wrong, &named));
  fail_unless(named.ports.size() == 1 && !named.ports_come_and_go());
  fail_unless(reads("port", {any_port}, &counted));
  fail_unless(!reads("port", {"other"}, &counted));
  for (const char *wrong : {"", "1", "0 2", "2 1", "1 65"})
    fail_unless(!reads("port_count", {wrong}, &counted));
  fail_unless(reads("port_count", {"1 64"}, &counted));
  fail_unless(counted.ports_come_and_go());
  fail_unless(reads("input_parameter", {"gain", "kind", "float"}, &counted));
  fail_unless(!reads("input_parameter", {"gain"}, &counted));
}
GST_END_TEST;

GST_START_TEST(test_text_becomes_valid) {
  const char *good = "\xc3\xa4\xe2\x82\xac";
  fail_unless(valid_text(good) == good);
  fail_unless(valid_text("a\xff z\xc3") == "a? z?");
  fail_unless(valid_text("\xed\xa0\x80") == "???");
  fail_unless(valid_text(std::string("a\0b", 3)) == "a?b");
}
GST_END_TEST;

GST_START_TEST(test_a_reply_is_held_against_its_request) {
  Asked asked;
  asked.sequence = 7;
  asked.can_drop = true;
  Reply good;
  good.sequence = 7;
  fail_unless(find_fault(good, asked) == nullptr);
  const uint64_t values[] = {1, 8, 1u << 31, uint64_t(1) << 32, UINT64_MAX};
  for (const uint64_t value : values) {
    for (auto field : {&Reply::sequence, &Reply::outputs, &Reply::flags,
                       &Reply::outcome, &Reply::records}) {
      Reply reply = good;
      reply.*field = value;
      const bool fine = (field == &Reply::flags && value <= 8 && value != 4) ||
                        (field == &Reply::records && value <= 8);
      fail_unless((find_fault(reply, asked) == nullptr) == fine);
    }
  }
  for (const auto &[outcome, may] :
       {std::pair(ReplyOutcome::Dropped, &Asked::can_drop),
        {ReplyOutcome::Declined, &Asked::can_decline}}) {
    Reply reply = good;
    reply.outcome = uint64_t(outcome);
    reply.records = 1;
    for (const bool allowed : {true, false}) {
      asked.*may = allowed;
      fail_unless((find_fault(reply, asked) == nullptr) == allowed);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_a_reply_without_outputs_has_a_reason) {
  Asked asked;
  asked.converts = true;
  asked.outputs_size = 4096;
  // There was too little space, so more than there was is needed.
  Reply reply;
  reply.outcome = uint64_t(ReplyOutcome::NoSpace);
  for (const auto &[bytes, fits] : {std::pair(uint64_t(0), false),
                                    {4095, false},
                                    {4096, false},
                                    {4097, true},
                                    {most_output_bytes, true},
                                    {most_output_bytes + 1, false}}) {
    reply.bytes = bytes;
    fail_unless((find_fault(reply, asked) == nullptr) == fits, "%d",
                int(bytes));
  }
  // Its input goes on in their place, where that may.
  const Reply nothing;
  fail_unless(find_fault(nothing, asked) == nullptr);
  asked.in_place = false;
  fail_unless(find_fault(nothing, asked) != nullptr);
  Reply none;
  none.flags = reply_converted;
  fail_unless(find_fault(none, asked) == nullptr);
}
GST_END_TEST;

// The counter is the worker's, too, which may have taken the signal back.
GST_START_TEST(test_a_signal_that_is_not_there_is_not_waited_for) {
  for (const int flags : {0, int(EFD_SEMAPHORE)}) {
    const Descriptor counter(eventfd(0, EFD_CLOEXEC | flags));
    std::atomic<bool> back{false};
    std::thread taker([&] {
      take_signal(counter.get());
      back = true;
    });
    const bool came = wait_until([&] { return back.load(); });
    const uint64_t one = 1;
    if (!came && write(counter.get(), &one, sizeof one) < 0) return;
    taker.join();
    fail_unless(came);
  }
}
GST_END_TEST;

// Of a plugin's folder is also what lies below it, and that may be all of ours.
GST_START_TEST(test_the_blame_is_the_plugins) {
  const std::string own = python_directory() + "/simple_gain.py";
  const std::string worker =
      python_directory() + "/pythonfilter/worker/wire.py";
  const auto frame = [](const std::string &file, int line) {
    return "  File \"" + file + "\", line " + std::to_string(line) + " in f\n";
  };
  for (const std::string &library :
       {std::string("/usr/lib/numpy.py"), worker}) {
    Failure failure;
    failure.traceback = "Current thread 0x1 (most recent call first):\n" +
                        frame(library, 1) + frame(own, 2) + frame(worker, 3);
    find_crash_place(own, &failure);
    assert_equals_string(failure.file.c_str(), own.c_str());
    assert_equals_int(failure.line, 2);
  }
}
GST_END_TEST;

namespace {

// An application whose log function waits until it may go on.
class SlowListener final : public Listener {
 public:
  void post(const Message &) override {}
  void count_dropped(uint64_t) override {}
  void failed(const Failure &) override {}
  LogLevel log_threshold() const override { return LogLevel::Debug; }
  void log(const LogRecord &record) override {
    entered++;
    wait_until([this] { return released.load(); });
    text += record.text + "\n";
  }

  std::atomic<int> entered{0};
  std::atomic<bool> released{false};
  std::string text;  // of one thread at a time
};

}  // namespace

// Whoever ends a worker does not wait for a log function that keeps the
// supervisor, and reads the rest.
GST_START_TEST(test_two_threads_do_not_read_the_same_output) {
  const auto listener = std::make_shared<SlowListener>();
  Descriptor write_end;
  const auto lines = OutputLines::make(listener, false, &write_end);
  const auto say = [&](const std::string &text) {
    fail_unless_equals_int(write(write_end.get(), text.data(), text.size()),
                           text.size());
  };
  say("one\n");
  std::thread supervisor([&] { lines->readable(); });
  fail_unless(wait_until([&] { return listener->entered > 0; }));
  say("two\nthree\n");
  std::atomic<bool> back{false};
  std::thread end([&] {
    lines->readable();
    back = true;
  });
  wait_until([&] { return back || listener->entered > 1; });
  fail_unless_equals_int(listener->entered, 1);
  listener->released = true;
  end.join();
  supervisor.join();
  assert_equals_string(listener->text.c_str(), "one\ntwo\nthree\n");
}
GST_END_TEST;

// What a plugin says last is told, though the supervisor has not got to it.
GST_START_TEST(test_what_was_said_before_the_end_is_read) {
  const auto listener = std::make_shared<SlowListener>();
  listener->released = true;
  int sockets[2];
  fail_unless(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
  Descriptor worker(sockets[1]);
  Events events{Descriptor(sockets[0]), listener};
  constexpr int many = 3000;  // more than are read in one go
  std::string all;
  for (int i = 0; i < many; i++)
    all += encode_record({"log", "2", "", "0", "", "x", "0"});
  fail_unless_equals_int(write(worker.get(), all.data(), all.size()),
                         all.size());
  events.close();
  events.read_rest();
  fail_unless_equals_int(listener->text.size(), 2 * many);
}
GST_END_TEST;

// A worker that prints without end waits for us once its pipe is full. So a
// flood is taken out by whole pipes, and the supervisor is told to let it rest
// in between: in lines as in one text.
GST_START_TEST(test_a_flood_of_output_costs_little) {
  constexpr size_t much = 64 << 20, pipe = 1 << 20;
  const std::string all(4096, __i__ ? 'x' : '\n');
  Descriptor write_end;
  const auto lines = OutputLines::make(nullptr, false, &write_end);
  fail_unless(fcntl(write_end.get(), F_SETFL, O_NONBLOCK) == 0);
  size_t printed = 0, reads = 0;
  for (; printed < much; reads++) {
    for (ssize_t more;
         (more = write(write_end.get(), all.data(), all.size())) > 0;)
      printed += size_t(more);
    fail_unless(lines->readable());
  }
  fail_unless(lines->rest_ns() > 0);
  fail_unless(reads < 2 * much / pipe, "%zu reads", reads);
}
GST_END_TEST;

// Is unwatched within its own call, and then says that it wants to rest.
class GoneMeanwhile final : public Watched {
 public:
  int descriptor() const override { return counter_.get(); }
  bool readable() override {
    take_signal(counter_.get());
    Supervisor::get().unwatch(*this_one);
    calls++;
    return true;
  }
  uint64_t rest_ns() const override { return 1000000; }

  std::shared_ptr<Watched> *this_one = nullptr;
  std::atomic<int> calls{0};

 private:
  const Descriptor counter_{eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
};

GST_START_TEST(test_who_is_gone_does_not_rest) {
  std::string problem;
  fail_unless(Supervisor::get().begin(&problem), "%s", problem.c_str());
  const auto gone = std::make_shared<GoneMeanwhile>();
  std::shared_ptr<Watched> watched = gone;
  gone->this_one = &watched;
  fail_unless(Supervisor::get().watch(watched));
  fail_unless(wait_until([&] { return gone->calls == 1; }));
  // It goes on, and past the end of the rest.
  for (int i = 0; i < 5; i++) {
    std::atomic<bool> ran{false};
    g_usleep(2000);
    Supervisor::get().run([&] { ran = true; });
    fail_unless(wait_until([&] { return ran.load(); }));
  }
}
GST_END_TEST;

// Some frames fewer, of a source's block of samples, and nothing else.
GST_START_TEST(test_a_short_block_is_a_sources_and_has_frames_left) {
  Asked source;
  source.can_be_short = true;
  source.frames = 480;
  Reply reply;
  reply.flags = reply_short;
  for (const auto &[bytes, fits] : {std::pair(uint64_t(0), false),
                                    {1, true},
                                    {479, true},
                                    {480, false},
                                    {UINT64_MAX, false}}) {
    reply.bytes = bytes;
    fail_unless((find_fault(reply, source) == nullptr) == fits);
    Asked other = source;
    other.can_be_short = false;
    fail_unless(find_fault(reply, other) != nullptr);
    other = source;
    other.converts = true;
    fail_unless(find_fault(reply, other) != nullptr);
    Reply ended = reply;
    ended.outcome = uint64_t(ReplyOutcome::EndOfStream);
    fail_unless(find_fault(ended, source) != nullptr);
  }
}
GST_END_TEST;

GST_START_TEST(test_outputs_lie_within_their_region) {
  Asked asked;
  asked.converts = true;
  asked.outputs_size = 4096;
  Reply reply;
  reply.flags = reply_converted;
  reply.outputs = 1;
  for (const uint64_t bytes : {uint64_t(0), uint64_t(7), uint64_t(4097),
                               UINT64_MAX, UINT64_MAX - 15}) {
    reply.bytes = bytes;
    fail_unless(find_fault(reply, asked) != nullptr);
  }
  reply.bytes = 4096;
  fail_unless(find_fault(reply, asked) == nullptr);
  std::vector<OutputRange> ranges;
  fail_unless(find_outputs({100, 8}, 136, 0, &ranges));
  assert_equals_uint64(ranges[0].offset, 16);
  assert_equals_uint64(ranges[1].offset, 128);
  fail_if(find_outputs({100, 9}, 136, 0, &ranges));
  fail_if(find_outputs({100, 8}, 136, 8, &ranges));
  fail_if(find_outputs({UINT64_MAX, 8}, 4096, 0, &ranges));
  fail_if(find_outputs({8, UINT64_MAX - 16}, 4096, 0, &ranges));
}
GST_END_TEST;

GST_START_TEST(test_regions_keep_their_size) {
  for (const bool writes : {false, true}) {
    const auto region = Region::make(100, writes);
    fail_unless(region != nullptr);
    region->data()[99] = std::byte(1);
    const int fd = region->descriptor();
    fail_unless(ftruncate(fd, 0) < 0);
    fail_unless(ftruncate(fd, 1 << 20) < 0);
    void *mapped =
        mmap(nullptr, 100, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    fail_unless((mapped != MAP_FAILED) == writes);
    if (writes) munmap(mapped, 100);
    fail_unless((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  }
}
GST_END_TEST;

GST_START_TEST(test_samples_of_any_layout) {
  const std::vector<float> one = {1, 2, 3, 4, 5, 6};
  Block block = {};
  std::vector<float> memory(20, -1);
  block.data = reinterpret_cast<std::byte *>(memory.data());
  block.frames = 3;
  StreamFormat format;
  format.channels = 2;
  for (const bool interleaved : {true, false}) {
    format.interleaved = interleaved;
    for (const auto &[channel, frame] :
         {std::pair(4, 8), {12, 4}, {4, 12}, {24, 8}}) {
      block.channel_stride = channel;
      block.frame_stride = frame;
      copy_to_block(reinterpret_cast<const std::byte *>(one.data()),
                    Dense(format), block);
      std::vector<float> back(6);
      copy_from_block(block, Dense(format),
                      reinterpret_cast<std::byte *>(back.data()));
      fail_unless(back == one);
      assert_equals_float(memory[size_t(channel + frame) / 4],
                          interleaved ? 4.0f : 5.0f);
    }
  }
}
GST_END_TEST;

GST_START_TEST(test_restarts_become_rarer_and_end) {
  RestartPolicy policy(5);
  uint64_t delay;
  std::vector<uint64_t> delays;
  for (int i = 0; i < 5; i++) {
    fail_unless(policy.note_end(uint64_t(i), &delay));
    delays.push_back(delay / ms);
  }
  fail_unless((delays == std::vector<uint64_t>{0, 250, 500, 1000, 2000}));
  fail_if(policy.note_end(10, &delay));
  // A minute later they are forgotten, and the delay is not.
  fail_unless(policy.note_end(70000 * ms, &delay));
  assert_equals_uint64(delay, 5000 * ms);
  policy.forget_delay();
  fail_unless(policy.note_end(70001 * ms, &delay));
  assert_equals_uint64(delay, 0);
}
GST_END_TEST;

GST_START_TEST(test_lent_memory_outlives_its_plugin) {
  auto memory = std::make_shared<LentMemory>();
  Output some, other;
  fail_if(memory->lend(100, &some));
  memory->open(false);
  fail_unless(memory->lend(100, &some));
  fail_unless(memory->lend(100, &other));
  fail_if(some.data == other.data);
  Arena *arena = memory->find(some.data + 20, 80);
  fail_unless(arena && arena == memory->find(other.data, 100));
  fail_if(memory->find(arena->region->data(), arena->region->size() + 1));
  some.release(some.owner);
  memory->close();
  fail_if(memory->find(other.data, 100));
  memory.reset();
  other.data[99] = std::byte(1);
  other.release(other.owner);
}
GST_END_TEST;

GST_START_TEST(test_a_number_is_never_that_of_another_place) {
  PlaceNumbers places;
  std::map<uint64_t, std::array<uint64_t, 4>> known;
  int seen_before = 0;
  for (uint64_t i = 0; i < 3000; i++) {
    Request request;
    // Each place three times in a row, and all of them once more.
    const uint64_t place = i / 3 % 500;
    request.slot = 1 + place % 3;
    request.offset = place / 3 * 64;
    request.frames = 480 + place % 2;
    request.plane_stride = place % 5;
    const std::array<uint64_t, 4> now = {request.slot, request.offset,
                                         request.frames, request.plane_stride};
    const uint64_t number = places.number_of(request);
    fail_unless(number >= first_place);
    const auto [found, fresh] = known.emplace(number, now);
    fail_unless(found->second == now);
    seen_before += !fresh;
  }
  // Also where only one of the four numbers is another.
  Request request;
  const uint64_t before = places.number_of(request);
  for (uint64_t Request::*word : {&Request::slot, &Request::offset,
                                  &Request::frames, &Request::plane_stride}) {
    Request other = request;
    other.*word += 1;
    fail_unless(places.number_of(other) != before);
    fail_unless(places.number_of(request) != places.number_of(other));
  }
  fail_unless(seen_before >= 2000);
}
GST_END_TEST;

GST_START_TEST(test_little_that_is_written_to_is_not_lent) {
  auto memory = std::make_shared<LentMemory>();
  Output some;
  memory->open(true);
  fail_if(memory->lend(100000, &some));
  fail_unless(memory->lend(1000000, &some));
  some.release(some.owner);
}
GST_END_TEST;

GST_START_TEST(test_who_is_stopped_at_one_look_is_left_alone) {
  StandsStill still;
  for (const bool stopped : {false, true, false, true, false})
    fail_if(still.look(stopped));
  fail_if(still.look(true));
  fail_unless(still.look(true));
}
GST_END_TEST;

Suite *exchange_suite() {
  Suite *suite = suite_create("exchange");
  TCase *exchange = new_case(suite, "exchange");
  tcase_add_test(exchange, test_a_record_is_whole_or_refused);
  tcase_add_test(exchange, test_what_a_worker_says_is_checked);
  tcase_add_test(exchange, test_what_is_said_of_ports_is_checked);
  tcase_add_test(exchange, test_text_becomes_valid);
  tcase_add_test(exchange, test_who_is_stopped_at_one_look_is_left_alone);
  tcase_add_test(exchange, test_a_reply_is_held_against_its_request);
  tcase_add_test(exchange, test_a_reply_without_outputs_has_a_reason);
  tcase_add_test(exchange, test_a_signal_that_is_not_there_is_not_waited_for);
  tcase_add_test(exchange, test_two_threads_do_not_read_the_same_output);
  tcase_add_test(exchange, test_what_was_said_before_the_end_is_read);
  tcase_add_loop_test(exchange, test_a_flood_of_output_costs_little, 0, 2);
  tcase_add_test(exchange, test_who_is_gone_does_not_rest);
  tcase_add_test(exchange, test_the_blame_is_the_plugins);
  tcase_add_test(exchange, test_a_short_block_is_a_sources_and_has_frames_left);
  tcase_add_test(exchange, test_outputs_lie_within_their_region);
  tcase_add_test(exchange, test_regions_keep_their_size);
  tcase_add_test(exchange, test_samples_of_any_layout);
  tcase_add_test(exchange, test_restarts_become_rarer_and_end);
  tcase_add_test(exchange, test_lent_memory_outlives_its_plugin);
  tcase_add_test(exchange, test_a_number_is_never_that_of_another_place);
  tcase_add_test(exchange, test_little_that_is_written_to_is_not_lent);
  return suite;
}

GST_CHECK_MAIN(exchange);
