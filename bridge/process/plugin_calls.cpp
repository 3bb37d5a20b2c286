// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A plugin's calls that are not its life and not its samples.
#include "process_plugin.hpp"

namespace pythonfilter {

bool ProcessPlugin::ask(const Question &question, uint64_t place,
                        Answer *answer, Failure *failure) {
  stay_apart();
  // Another one has nothing to forget.
  if (question == ask_reset && remote_ && !remote_->is_started()) return true;
  const bool seeks = question == ask_seek;
  if (!seeks) notice_end(question.method, failure);
  if (!has_remote(seeks ? 0 : 1, failure)) return can_wait(question, *failure);
  Fields record = {question.name}, told;
  if (seeks) {
    out_of_place_ = false;
    record.push_back(std::to_string(place));
  }
  // A file on a slow disk may take its time, as start() may.
  const uint64_t patience = seeks ? 0 : spec_.isolation.hang_ns();
  if (!noted(remote_->call(question.method, record, patience, failure, &told),
             failure))
    return can_wait(question, *failure);
  told.erase(told.begin());
  return read_answer(question, told, answer) ||
         refuse_answer(question.method, failure);
}

// What is asked again when the next worker is there, which has nothing to
// forget.
bool ProcessPlugin::can_wait(const Question &question,
                             const Failure &failure) const {
  return !gone_ && failure.kind == Failure::Kind::Lost &&
         (question == ask_duration || question == ask_latency ||
          (question == ask_reset && !remote_));
}

bool ProcessPlugin::refuse_answer(const char *phase, Failure *failure) {
  remote_->refuse_answer(phase, failure);
  note_loss(failure);
  return false;
}

bool ProcessPlugin::drain(Tail *tail, Failure *failure) {
  if (!has_remote(1, failure)) return false;
  // Nor has it anything to give.
  if (!remote_->is_started()) return true;
  return noted(remote_->drain(tail, failure), failure);
}

bool ProcessPlugin::get_state(std::string *state, Failure *failure) {
  Fields answer;
  if (!has_remote(1, failure) ||
      !noted(remote_->call("get_state", {"get_state"}, 0, failure, &answer),
             failure))
    return false;
  if (answer.size() != 2) return refuse_answer("get_state", failure);
  *state = std::move(answer[1]);
  return true;
}

bool ProcessPlugin::set_state(const std::string &state, Failure *failure) {
  Fields answer;
  return has_remote(1, failure) &&
         noted(remote_->call("set_state", {"restore_state", state}, 0, failure,
                             &answer),
               failure);
}

// ---- at any time -----------------------------------------------------------

// What unlock() raises is an event of its own: nobody waits for it.
bool ProcessPlugin::unlock(Failure *) {
  if (const auto worker = events()) worker->tell({"unlock"});
  return true;
}

bool ProcessPlugin::map_caps(bool to_output, const std::string &caps,
                             std::string *mapped, Failure *failure) {
  if (const auto worker = events())
    return worker->map_caps(to_output, caps, mapped, failure);
  const std::string phase = to_output ? "get_output_caps" : "get_input_caps";
  *failure = {Failure::Kind::Lost, phase, "",
              phase + "() cannot be asked: there is no worker"};
  return false;
}

bool ProcessPlugin::lend(size_t size, Output *output) {
  stay_apart();
  return lent_->lend(size, output);
}

WorkerStatistics ProcessPlugin::worker_statistics() const {
  std::lock_guard lock(mutex_);
  return {pid_, restarts_, missed_deadlines_, sandbox_};
}

// A call that hangs is ended with its process, so nobody needs to be told.
void ProcessPlugin::stop_deadline(uint64_t deadline, HangObserver *) {
  stay_apart();
  stop_.set(deadline);
}

}  // namespace pythonfilter
