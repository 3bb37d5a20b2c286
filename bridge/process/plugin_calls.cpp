// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A plugin's calls that are not its life and not its samples.
#include "process_plugin.hpp"

namespace pythonfilter {

bool ProcessPlugin::quick_call(const char *phase, const char *record,
                               Failure *failure, Fields *answer) {
  stay_apart();
  notice_end(phase, failure);
  if (!has_session(1, failure)) return false;
  return noted(session_->call(phase, {record}, spec_.isolation.hang_ns(),
                              failure, answer),
               failure);
}

bool ProcessPlugin::preferences(Preferences *preferences, Failure *failure) {
  Fields answer;
  if (!quick_call("preferences", "preferences", failure, &answer)) return false;
  if (answer.size() == 4 && parse_number(answer[1], &preferences->rate) &&
      parse_number(answer[2], &preferences->channels) &&
      parse_number(answer[3], &preferences->frames))
    return true;
  return refuse_answer("preferences", failure);
}

bool ProcessPlugin::duration(uint64_t *duration, Failure *failure) {
  Fields answer;
  *duration = no_time;
  if (!quick_call("get_duration", "duration", failure, &answer))
    return !gone_ && failure->kind == Failure::Kind::Lost;
  int64_t told;
  if (answer.size() == 2 && answer[1].empty()) return true;
  if (answer.size() == 2 && parse_number(answer[1], &told) && told >= 0) {
    *duration = uint64_t(told);
    return true;
  }
  return refuse_answer("get_duration", failure);
}

// A file on a slow disk may take its time, as start() may.
bool ProcessPlugin::seek(uint64_t place, Failure *failure) {
  Fields answer;
  if (!has_session(0, failure)) return false;
  out_of_place_ = false;
  return noted(session_->call("seek", {"seek", std::to_string(place)}, 0,
                              failure, &answer),
               failure);
}

bool ProcessPlugin::latency(double *seconds, Failure *failure) {
  Fields answer;
  *seconds = latency_;
  if (!quick_call("get_processing_latency", "latency", failure, &answer))
    return !gone_ && failure->kind == Failure::Kind::Lost;
  if (answer.size() != 2 || !parse_number(answer[1], seconds))
    return refuse_answer("get_processing_latency", failure);
  latency_ = *seconds;
  return true;
}

bool ProcessPlugin::reset(Failure *failure) {
  Fields answer;
  stay_apart();
  // Another one has nothing to forget.
  if (session_ && !session_->is_started()) return true;
  return quick_call("reset", "reset", failure, &answer) ||
         (!gone_ && failure->kind == Failure::Kind::Lost && !session_);
}

bool ProcessPlugin::available_space(int *frames, Failure *failure) {
  Fields answer;
  if (!quick_call("get_available_space", "available_space", failure, &answer))
    return false;
  return (answer.size() == 2 && parse_number(answer[1], frames)) ||
         refuse_answer("get_available_space", failure);
}

bool ProcessPlugin::refuse_answer(const char *phase, Failure *failure) {
  session_->refuse_answer(phase, failure);
  note_loss(failure);
  return false;
}

bool ProcessPlugin::drain(Tail *tail, Failure *failure) {
  if (!has_session(1, failure)) return false;
  // Nor has it anything to give.
  if (!session_->is_started()) return true;
  return noted(session_->drain(tail, failure), failure);
}

bool ProcessPlugin::get_state(std::string *state, Failure *failure) {
  Fields answer;
  if (!has_session(1, failure) ||
      !noted(session_->call("get_state", {"get_state"}, 0, failure, &answer),
             failure))
    return false;
  if (answer.size() != 2) return refuse_answer("get_state", failure);
  *state = std::move(answer[1]);
  return true;
}

bool ProcessPlugin::set_state(const std::string &state, Failure *failure) {
  Fields answer;
  return has_session(1, failure) &&
         noted(session_->call("set_state", {"restore_state", state}, 0, failure,
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
