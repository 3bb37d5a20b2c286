// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One buffer's way to the worker and back.
#include <algorithm>
#include <cstring>
#include <optional>

#include "../samples.hpp"
#include "process_outputs.hpp"
#include "remote_plugin.hpp"

namespace pythonfilter {

namespace {

constexpr size_t first_outputs_size = 65536;

// In the caller's own clock, and within what the caller saw.
uint64_t worker_ticks(uint64_t ns, uint64_t most) {
  const uint64_t most_ns = uint64_t(double(most) * ns_per_tick());
  return ns >= most_ns ? most : std::min(most, ticks_in(ns));
}

}  // namespace

std::string in_ms(uint64_t ns) {
  const uint64_t tenths = (ns + 50000) / 100000;
  return std::to_string(tenths / 10) +
         (tenths % 10 ? "." + std::to_string(tenths % 10) : "") + " ms";
}

Asked RemotePlugin::asked(uint64_t sequence) const {
  const PluginKind kind = spec_.kind;
  Asked asked;
  asked.sequence = sequence;
  asked.can_decline = can_decline(kind);
  asked.can_be_short = kind == PluginKind::Source;
  asked.can_drop = kind != PluginKind::Source;
  asked.converts = capabilities_.converts;
  asked.in_place = format_.in_place;
  asked.frames = request_.frames;
  asked.outputs_size = outputs_ ? outputs_->size() : 0;
  asked.linked = linked_;
  return asked;
}

// ---- there and back --------------------------------------------------------

[[gnu::hot]] Outcome RemotePlugin::process(const Block &block,
                                           const PortsOfBlock &ports,
                                           CallResult *result,
                                           Failure *failure) {
  CallWait waiting{capabilities_.audio_name.c_str(), monotonic_ns()};
  if (block.patience) waiting.until = waiting.began + block.patience;
  result->times.asked = result->times.held = ticks();
  handed_over_ = false;
  std::optional<OwnTime> own;
  Waited waited = Waited::Done;
  if (__builtin_expect(outstanding_, 0)) waited = finish_late(&waiting);
  Reply reply;
  if (waited == Waited::Done) {
    if (!prepare(block, ports, &request_)) {
      if (!channel_->worker().is_doomed())
        channel_->kill("there is no memory to share with it");
      waited = Waited::Lost;
    } else {
      sent_ = waiting.began;
      next_look_ = sent_ + look_every_ns;
      // Machine code waits for nobody: what does not return loops.
      if (!block.patience && capabilities_.compiled && hangs_at()) {
        waiting.until = sent_ + OwnTime::ask_every_ns;
        waiting.allowed = hangs_at() - sent_;
        waiting.own = &own.emplace();
      }
      waited = ask(&waiting, &request_, &reply);
    }
  }
  Outcome outcome = Outcome::Failed;
  if (waited == Waited::Done)
    outcome = accept(reply, block, ports, result, failure);
  else if (waited == Waited::Late)
    outcome = be_late(block, failure);
  result->times.left = ticks();
  const uint64_t passed = result->times.left - result->times.asked;
  result->times.held = result->times.left - worker_ticks(reply.time, passed);
  if (__builtin_expect(waited == Waited::Lost || lost_, 0)) {
    if (!lost_) lose(capabilities_.audio_name.c_str(), failure);
    // What was shared is nobody's else now, but was the worker's.
    if (in_lent_ && writes() && block.keeper && !handed_over_)
      block.keeper->keep();
    return Outcome::Failed;
  }
  if (__builtin_expect(channel_->has_posted(), 0))
    channel_->deliver(spec_.listener.get(), block.pts, block.duration);
  return outcome;
}

[[gnu::hot]] Waited RemotePlugin::ask(CallWait *waiting, Request *request,
                                      Reply *reply) {
  channel_->send(request);
  Waited waited = channel_->wait_reply(waiting, *request, reply);
  if (waited != Waited::Done) return waited;
  if (spec_.kind == PluginKind::Splitter) channel_->read_outputs(reply);
  const char *fault = find_fault(*reply, asked(request->sequence));
  if (__builtin_expect(fault != nullptr, 0)) return channel_->break_off(fault);
  if (__builtin_expect(ReplyOutcome(reply->outcome) == ReplyOutcome::NoSpace,
                       0))
    return give_space(waiting, request, reply);
  if (__builtin_expect(reply->records == 0, 1)) return waited;
  return read_records(*reply, waiting->phase);
}

Waited RemotePlugin::read_records(const Reply &reply, const char *phase) {
  // The records lie on a socket already, or are on their way there.
  CallWait at_hand{phase, monotonic_ns()};
  const uint64_t hang = spec_.isolation.hang_ns();
  if (hang) at_hand.until = at_hand.began + hang;
  const Waited waited = channel_->wait_records(&at_hand, reply.records);
  if (waited == Waited::Late)
    return channel_->break_off("records that were announced did not come");
  // The next call would take it for its own.
  if (waited == Waited::Done && channel_->has_answer() != tells_failure(reply))
    return channel_->break_off("a failure that does not fit the outcome");
  return waited;
}

Waited RemotePlugin::give_space(CallWait *waiting, Request *request,
                                Reply *reply) {
  const size_t needed = std::max(size_t(reply->bytes), first_outputs_size);
  outputs_ =
      Region::make(std::min(needed + needed / 4, most_output_bytes), true);
  if (!outputs_ ||
      !channel_->notice({"outputs", std::to_string(outputs_->size())},
                        outputs_->descriptor()))
    return channel_->break_off("no memory for what it gives");
  outputs_->close_descriptor();
  request->kind = uint64_t(RequestKind::Resume);
  return ask(waiting, request, reply);
}

// The reply to a request whose buffer has gone on: what it says is for nobody.
Waited RemotePlugin::finish_late(CallWait *waiting) {
  Reply reply;
  CallWait so_long = *waiting;
  const uint64_t hangs = hangs_at();
  if (so_long.until && hangs) so_long.until = std::min(so_long.until, hangs);
  Waited waited = channel_->wait_reply(&so_long, request_, &reply);
  if (waited != Waited::Done) return waited;
  const char *fault = find_fault(reply, asked(request_.sequence));
  if (fault) return channel_->break_off(fault);
  outstanding_ = false;
  has_returned_ = true;
  waited = read_records(reply, waiting->phase);
  if (waited != Waited::Done) return waited;
  channel_->take_failure();
  channel_->deliver(spec_.listener.get(), no_time, no_time);
  if (reply.flags & reply_escaped) leave_to_plugin(std::move(kept_));
  kept_.reset();
  return Waited::Done;
}

// 0: never. Late is not broken: what takes no honest call that long hangs.
uint64_t RemotePlugin::hangs_at() const {
  const Isolation &isolation = spec_.isolation;
  const uint64_t hang =
      has_returned_ ? isolation.hang_ns() : isolation.slow_ns();
  return hang ? sent_ + hang : 0;
}

bool RemotePlugin::is_stopped(uint64_t now) {
  if (now < next_look_) return false;
  next_look_ = now + look_every_ns;
  return still_.look(channel_->worker().is_stopped());
}

Outcome RemotePlugin::be_late(const Block &block, Failure *failure) {
  const char *phase = capabilities_.audio_name.c_str();
  // The worker still works on that memory, which must be nobody else's.
  if (!std::exchange(outstanding_, true) && in_lent_ && writes() &&
      block.keeper) {
    kept_ = block.keeper->keep();
    handed_over_ = true;
  }
  (*missed_deadlines_)++;
  const uint64_t now = monotonic_ns();
  const uint64_t hangs = hangs_at();
  const bool stopped = is_stopped(now);
  if (stopped || (hangs && now >= hangs)) {
    channel_->kill(stopped ? "it was stopped by a signal"
                           : std::string(phase) + "() did not return within " +
                                 in_ms(now - sent_));
    lose(phase, failure);
    return Outcome::Failed;
  }
  *failure = {Failure::Kind::Late, phase, "",
              std::string(phase) + "() did not return within " +
                  in_ms(block.patience) +
                  "; the property deadline can give it more time"};
  return Outcome::Failed;
}

// ---- what comes back -------------------------------------------------------

// What the plugin wrote to the block, or to the outputs beside it.
[[gnu::hot]] void RemotePlugin::take_from_slot(const Reply &reply,
                                               const Block &block,
                                               const PortsOfBlock &ports) {
  if (__builtin_expect(!ports.outputs, 1)) {
    copy_to_block(slot_->data(), Dense(format_), block);
    return;
  }
  for (size_t i = 0; i < ports.outputs->size(); i++) {
    OutputView &output = (*ports.outputs)[i];
    output.silent = reply.silent >> i & 1;
    output.discont = reply.breaks >> i & 1;
    if (output.data && !output.silent)
      copy_to_output(slot_->data() + port_offsets_[i],
                     Dense(format_.outputs[i]), block.frames, output);
  }
}

[[gnu::hot]] Outcome RemotePlugin::accept(const Reply &reply,
                                          const Block &block,
                                          const PortsOfBlock &ports,
                                          CallResult *result,
                                          Failure *failure) {
  has_returned_ = true;
  result->discont = reply.flags & reply_discont;
  result->copied = result->copied || (reply.flags & reply_copied);
  result->escaped = reply.flags & reply_escaped;
  if (__builtin_expect((reply.flags & reply_short) != 0, 0))
    result->missing = size_t(reply.bytes);
  const bool ok = ReplyOutcome(reply.outcome) == ReplyOutcome::Ok;
  if (__builtin_expect((reply.flags & reply_converted) != 0, 0) &&
      !take_outputs(reply, result)) {
    channel_->break_off("outputs outside their region");
    lose(capabilities_.audio_name.c_str(), failure);
    return Outcome::Failed;
  }
  std::unique_ptr<KeptMemory> kept;
  if (in_lent_) {
    // What the worker can write to goes no further, whatever came of the call.
    if ((writes() || result->escaped) && block.keeper) {
      kept = block.keeper->keep();
      handed_over_ = true;
    }
  } else if (ok && writes() && spec_.kind != PluginKind::Sink) {
    take_from_slot(reply, block, ports);
  }
  if (__builtin_expect(result->escaped, 0)) leave_to_plugin(std::move(kept));
  switch (ReplyOutcome(reply.outcome)) {
    case ReplyOutcome::Ok:
      return Outcome::Ok;
    case ReplyOutcome::Declined:
      return Outcome::Declined;
    case ReplyOutcome::EndOfStream:
      return Outcome::EndOfStream;
    default:
      break;
  }
  const Fields told = channel_->take_failure();
  if (told.empty() || told[0] != "failure" || !read_failure(told, 1, failure)) {
    channel_->break_off("a failure that is not told");
    lose(capabilities_.audio_name.c_str(), failure);
    return Outcome::Failed;
  }
  return ReplyOutcome(reply.outcome) == ReplyOutcome::Dropped ? Outcome::Dropped
                                                              : Outcome::Failed;
}

// The memory stays as the plugin saw it: nobody writes there any more.
void RemotePlugin::leave_to_plugin(std::unique_ptr<KeptMemory> kept) {
  if (in_lent_) {
    lent_->close();
    escaped_.push_back(std::move(kept));
  } else {
    slot_.reset();
  }
}

bool RemotePlugin::take_outputs(const Reply &reply, CallResult *result) {
  const size_t before = result->outputs->size();
  result->converted = true;
  if (reply.outputs == 0) return true;
  sizes_.resize(reply.outputs);
  std::memcpy(sizes_.data(), outputs_->data(),
              sizes_.size() * sizeof(uint64_t));
  const bool timed = reply.flags & reply_timed;
  bool good =
      find_outputs(sizes_, reply.bytes, format_.output_frame, &ranges_, timed);
  SaidTimes times;
  if (good && timed)
    good = times.read(outputs_->data() + ranges_[0].offset, ranges_[0].size,
                      ranges_.size() - 1);
  for (size_t i = timed; good && i < ranges_.size(); i++)
    good = times.add_output(outputs_->data() + ranges_[i].offset,
                            ranges_[i].size, result->outputs);
  if (good) return true;
  for (; result->outputs->size() > before; result->outputs->pop_back())
    result->outputs->back().release(result->outputs->back().owner);
  result->converted = false;
  return false;
}

}  // namespace pythonfilter
