// SPDX-License-Identifier: LGPL-2.1-or-later
#include "process_plugin.hpp"

#include <algorithm>
#include <cstring>

#include "../ticks.hpp"

namespace pythonfilter {

namespace {

// The restart after them is at once again.
constexpr int good_buffers = 10;
// A successor may take longer for load() and for start() than those before it,
// who had all the time they wanted; but not for ever, with nobody to see it.
constexpr uint64_t times_longest_start = 4;
constexpr uint64_t least_start_patience_ns = 10000000000;

}  // namespace

ProcessPlugin::ProcessPlugin(const PluginSpec &spec)
    : spec_(spec),
      lent_(std::make_shared<LentMemory>()),
      restarter_(stop_, spec.isolation.max_restarts) {}

ProcessPlugin::~ProcessPlugin() {
  stay_apart();
  restarter_.cancel();
  tell_of(nullptr);
  remote_.reset();
  lent_->close();
  for (auto &[serial, parameter] : parameters_)
    wipe(&parameter.value);
}

// ---- which worker ----------------------------------------------------------

// Other threads ask the one that there is.
void ProcessPlugin::tell_of(RemotePlugin *remote) {
  std::shared_ptr<Events> before;
  std::lock_guard lock(mutex_);
  before = std::exchange(events_, remote ? remote->events() : nullptr);
  pid_ = remote ? remote->pid() : 0;
  if (remote) sandbox_ = remote->sandbox();
}

std::shared_ptr<Events> ProcessPlugin::events() {
  stay_apart();
  std::lock_guard lock(mutex_);
  return events_;
}

// A fork has a copy of all this, and the worker is its parent's: what the fork
// told it, its end among that, would be told in the parent's place.
void ProcessPlugin::leave_to_parent() {
  process_ = process_number();
  remote_.release();
  restarter_.forget();
  stop_.forget();
  lent_->close();
  gone_ = true;
  loss_ = {Failure::Kind::Gone, "fork", "",
           "the worker belongs to the process that this one was forked from, "
           "and goes on with it: make an element of its own here"};
  tell_of(nullptr);
}

// On the restarter's thread, or on the one that starts a plugin again.
std::unique_ptr<RemotePlugin> ProcessPlugin::make_remote(Failure *failure) {
  auto remote =
      std::make_unique<RemotePlugin>(spec_, stop_, lent_, &missed_deadlines_);
  const uint64_t patience =
      std::max(times_longest_start * longest_start_, least_start_patience_ns);
  if (!remote->load(patience, failure) ||
      !is_same_plugin(remote->capabilities(), failure))
    return nullptr;
  std::vector<Parameter> set = remembered();
  const bool initialized = remote->initialize(set, failure);
  for (Parameter &each : set)
    wipe(&each.value);
  if (!initialized) return nullptr;
  if (!adopt_settings(remote.get(), failure)) return nullptr;
  return remote;
}

// What the element made of the first one's capabilities still holds.
bool ProcessPlugin::is_same_plugin(const Capabilities &now,
                                   Failure *failure) const {
  const Capabilities &was = capabilities_;
  if (now.read_only == was.read_only && now.converts == was.converts &&
      now.input_caps == was.input_caps && now.output_caps == was.output_caps &&
      now.maps_to_output == was.maps_to_output &&
      now.has_space == was.has_space && now.has_seek == was.has_seek &&
      now.fail_closed == was.fail_closed && now.block_size == was.block_size &&
      now.has_same_ports(was))
    return true;
  *failure = {
      Failure::Kind::Lost, "load", "",
      "the worker cannot go on: the plugin's file says other things now"};
  return false;
}

// What was set and started so far; some of it may have come since the remote
// plugin was made. One that maps caps is not started with those of another
// process: an encryptor's session is in them. See wants_start().
bool ProcessPlugin::adopt_settings(RemotePlugin *remote, Failure *failure) {
  for (;;) {
    Parameter parameter;
    uint64_t serial = 0;
    bool starts = false;
    StreamFormat format;
    uint64_t ports;
    {
      std::lock_guard lock(mutex_);
      const auto next = parameters_.upper_bound(remote->parameters_told);
      if (next != parameters_.end()) {
        serial = next->first;
        parameter = next->second;
      } else {
        starts = started_ && !capabilities_.maps_to_output;
      }
      format = format_;
      ports = ports_serial_;
    }
    if (!serial) {
      if (starts != remote->is_started()) {
        if (!starts) return remote->stop(failure);
        if (!remote->start(format, failure)) return false;
        remote->ports_told = ports;
      }
      return !starts || adopt_ports(remote, failure);
    }
    const bool good = remote->set_parameter(&parameter, failure);
    wipe(&parameter.value);
    if (!good) return false;
    remote->parameters_told = serial;
  }
}

void ProcessPlugin::note_loss(Failure *failure) {
  tell_of(nullptr);
  remote_.reset();
  good_buffers_ = 0;
  if (stop_.deadline()) {
    loss_ = *failure;
    return;
  }
  if (!spec_.isolation.restart)
    failure->kind = Failure::Kind::Gone;
  else
    restarter_.begin([this](Failure *why) { return make_remote(why); },
                     failure);
  gone_ = failure->kind == Failure::Kind::Gone;
  loss_ = *failure;
}

// Whether the plugin's worker ended between two calls.
bool ProcessPlugin::notice_end(const char *phase, Failure *failure) {
  if (!remote_ || !remote_->has_ended()) return false;
  remote_->note_end(phase, failure);
  note_loss(failure);
  return true;
}

// What came of a call; the loss of its worker is noted.
bool ProcessPlugin::noted(bool good, Failure *failure) {
  if (!good && remote_->is_lost()) note_loss(failure);
  return good;
}

// Whether there is one; waits for it up to `until`, 0: until the element stops.
bool ProcessPlugin::has_remote(uint64_t until, Failure *failure) {
  stay_apart();
  if (__builtin_expect(remote_ != nullptr, 1)) return true;
  while (!gone_) {
    remote_ = restarter_.take(until, &loss_);
    gone_ = !remote_ && loss_.kind == Failure::Kind::Gone;
    if (remote_) {
      restarts_++;
      out_of_place_ = capabilities_.has_seek;
      tell_of(remote_.get());
      return noted(adopt_settings(remote_.get(), failure), failure);
    }
    if (gone_ || restarter_.is_at_work() || stop_.deadline()) break;
    // The stop that kept it from being made was taken back.
    note_loss(&loss_);
    if (until || !restarter_.is_at_work()) break;
  }
  *failure = loss_;
  if (failure->kind != Failure::Kind::Gone) failure->kind = Failure::Kind::Lost;
  return false;
}

// ---- its life --------------------------------------------------------------

bool ProcessPlugin::load(Failure *failure) {
  remote_ =
      std::make_unique<RemotePlugin>(spec_, stop_, lent_, &missed_deadlines_);
  const uint64_t began = monotonic_ns();
  if (remote_->load(spec_.isolation.slow_ns(), failure)) {
    longest_start_ = monotonic_ns() - began;
    capabilities_ = remote_->capabilities();
    tell_of(remote_.get());
    return true;
  }
  return give_up(failure);
}

bool ProcessPlugin::initialize(const std::vector<Parameter> &set,
                               Failure *failure) {
  const uint64_t began = monotonic_ns();
  if (!remote_->initialize(set, failure)) return give_up(failure);
  longest_start_ += monotonic_ns() - began;
  // Nothing else has changed, and others may read that now.
  capabilities_.parameters = remote_->capabilities().parameters;
  return true;
}

// There is nothing that another worker could go on with. Returns false.
bool ProcessPlugin::give_up(Failure *failure) {
  if (failure->kind == Failure::Kind::Lost) failure->kind = Failure::Kind::Gone;
  gone_ = true;
  loss_ = *failure;
  tell_of(nullptr);
  remote_.reset();
  return false;
}

bool ProcessPlugin::start(const StreamFormat &format, Failure *failure) {
  stay_apart();
  {
    std::lock_guard lock(mutex_);
    format_ = format;
    ports_serial_++;
    input_parameters_.clear();  // inputs begin anew
  }
  // Whoever starts the stream again wants to try again.
  if (gone_ && !remote_) remote_ = make_remote(failure);
  if (gone_ && !remote_) return false;
  gone_ = false;
  if (!has_remote(0, failure)) return false;
  const uint64_t began = monotonic_ns();
  bool good = remote_->start(format, failure);
  if (good)
    longest_start_ = std::max(longest_start_.load(), monotonic_ns() - began);
  const bool lost = !good && remote_->is_lost() && spec_.isolation.restart;
  const bool asked_first = capabilities_.maps_to_output;
  // process() tells of it, and wants_start() of the one that comes.
  if (lost) note_loss(failure);
  if (lost && asked_first) good = !gone_;
  // The worker may have been lost before it came to that: once more.
  if (lost && !asked_first) {
    if (!has_remote(0, failure)) return false;
    good = remote_->start(format, failure);
  }
  {
    std::lock_guard lock(mutex_);
    started_ = good;
    if (good && remote_) remote_->ports_told = ports_serial_;
  }
  if (good) {
    tell_of(remote_.get());
    return true;
  }
  // The plugin ended its worker itself, and would do it again.
  if (remote_ && remote_->is_lost()) give_up(failure);
  return false;
}

bool ProcessPlugin::stop(Failure *failure) {
  stay_apart();
  {
    std::lock_guard lock(mutex_);
    started_ = false;
  }
  // Whoever lost it has said so, and there is nothing to stop.
  if (!remote_ || !remote_->is_started()) return true;
  return noted(remote_->stop(failure), failure);
}

bool ProcessPlugin::shutdown(Failure *failure) {
  stay_apart();
  restarter_.cancel();
  Fields answer;
  const bool good =
      !remote_ || remote_->call("shutdown", {"shutdown"}, 0, failure, &answer);
  tell_of(nullptr);
  remote_.reset();
  lent_->close();
  gone_ = true;
  return good;
}

// ---- while it plays --------------------------------------------------------

[[gnu::hot]] Outcome ProcessPlugin::call_audio(const Block &block,
                                               const PortsOfBlock &ports,
                                               CallResult *result,
                                               Failure *failure) {
  // Where nothing hurries, nothing needs to be lost but what already is.
  const uint64_t until = block.patience ? 1 : 0;
  bool ready = has_remote(until, failure);
  if (__builtin_expect(ready && !remote_->is_started(), 0)) {
    *failure = loss_;
    ready = false;
  }
  if ((ports.inputs || ports.outputs) && ready &&
      __builtin_expect(remote_->ports_told != ports_serial_, 0))
    ready = noted(adopt_ports(remote_.get(), failure), failure);
  if (__builtin_expect(!ready || (out_of_place_ && !go_on(block, failure)),
                       0)) {
    result->times.asked = result->times.held = result->times.left = ticks();
    return Outcome::Failed;
  }
  const Outcome outcome = remote_->process(block, ports, result, failure);
  if (__builtin_expect(remote_->is_lost(), 0)) {
    note_loss(failure);
  } else if (__builtin_expect(good_buffers_ < good_buffers, 0) &&
             outcome != Outcome::Failed && ++good_buffers_ == good_buffers) {
    restarter_.forget_delay();
  }
  return outcome;
}

[[gnu::hot]] bool ProcessPlugin::wants_start(bool hurries) {
  stay_apart();
  if (__builtin_expect(remote_ && remote_->is_started(), 1)) return false;
  Failure failure;  // process() comes next, and tells it
  if (!has_remote(hurries ? 1 : 0, &failure) || !started_ ||
      remote_->is_started())
    return false;
  return !notice_end("start", &failure);
}

// A source that came in the place of another one begins where that one was to
// go on; what could not be had meanwhile is left out.
bool ProcessPlugin::go_on(const Block &block, Failure *failure) {
  return seek(capabilities_.converts ? block.pts : block.offset, failure);
}

uint64_t ProcessPlugin::remember(const Parameter &parameter) {
  std::lock_guard lock(mutex_);
  for (auto each = parameters_.begin(); each != parameters_.end(); ++each) {
    if (each->second.key != parameter.key) continue;
    wipe(&each->second.value);
    parameters_.erase(each);
    break;
  }
  parameters_[++parameter_serial_] = parameter;
  return parameter_serial_;
}

std::vector<Parameter> ProcessPlugin::remembered() const {
  std::lock_guard lock(mutex_);
  std::vector<Parameter> all;
  for (const auto &[serial, parameter] : parameters_)
    all.push_back(parameter);
  return all;
}

bool ProcessPlugin::set_parameter(Parameter *parameter, Failure *failure) {
  stay_apart();
  notice_end("set_parameter", failure);
  // The next one is told, if one comes.
  if (!has_remote(1, failure)) {
    remember(*parameter);
    return true;
  }
  Parameter asked = *parameter;
  const bool good = remote_->set_parameter(parameter, failure);
  if (good) remote_->parameters_told = remember(asked);
  wipe(&asked.value);
  return noted(good, failure);
}

}  // namespace pythonfilter
