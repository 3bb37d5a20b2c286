// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What happens for each block: the plugin's audio method is called, and what it
// gives back is taken or refused.
#include "errors.hpp"
#include "gil.hpp"
#include "loaded_call.hpp"
#include "names.hpp"
#include "numpy_api.hpp"
#include "python_plugin.hpp"
#include "release_later.hpp"

namespace pythonfilter {

inline bool PythonPlugin::take(PyObject *returned, CallResult *result) {
  if (spec_.kind == PluginKind::Splitter) return view_.take_nothing(returned);
  return capabilities_.converts ? view_.take_outputs(returned, result)
                                : view_.take_result(returned, result);
}

// Attributes of what it gave, and how that shows itself where it is wrong, may
// be the plugin's code.
bool PythonPlugin::take_in_a_call(PyObject *returned, CallResult *result) {
  RunningCall call(site_.get(), capabilities_.audio_name.c_str(), ticks());
  return take(returned, result);
}

// None and True are success, and so is an array: the samples themselves.
[[gnu::always_inline]] inline Outcome PythonPlugin::accept(PyObject *returned,
                                                           CallResult *result,
                                                           Failure *failure) {
  if (!returned) {
    describe_exception(site_.get(), failure, capabilities_.audio_name.c_str());
    return outcome_of(failure);
  }
  int truth = 1;
  if (returned != Py_None &&
      (PyBool_Check(returned) || PyArray_IsScalar(returned, Bool))) {
    truth = PyObject_IsTrue(returned);
    returned = Py_None;
  }
  if (truth == 0 && can_decline(spec_.kind)) return Outcome::Declined;
  if (returned == Py_None ? truth == 1 && take(returned, result)
                          : take_in_a_call(returned, result))
    return result->at_end ? Outcome::EndOfStream : Outcome::Ok;
  complain(failure, truth == 0);
  // What was taken before the mistake: parts of the block among it would look
  // as if the plugin had kept them.
  if (capabilities_.converts) release_sent();
  return Outcome::Failed;
}

// As Python itself calls a method: nothing is bound for it. The first of the
// arguments is where self_ is.
template <size_t count>
[[gnu::always_inline]] inline Ref PythonPlugin::call_audio(
    PyObject *(&arguments)[count], uint64_t now) {
  RunningCall call(site_.get(), capabilities_.audio_name.c_str(), now);
  Inside inside(surroundings_.get());
  const size_t some = given_ + count - 2;
  Ref returned = steal(call_(called_, arguments + count - some, some, nullptr));
  inside.leave(!returned);
  return returned;
}

// Without the GIL.
[[gnu::always_inline]] inline void PythonPlugin::after_call(
    const Block &block, CallResult *result) {
  result->times.left = ticks();
  count_block(site_.get());
  if (__builtin_expect(!outbox_->empty(), 0)) {
    delivering_ = thread_id();
    outbox_->deliver(block.pts, block.duration);
    delivering_ = 0;
  }
}

// As process(), with two arguments. `take(true)` takes in what a call that
// succeeded has done with the ports.
template <typename Ports, typename Views, typename Take>
[[gnu::always_inline]] inline Outcome PythonPlugin::call_with(
    Ports *ports, const Block &block, const Views &views, CallResult *result,
    Failure *failure, const Take &take) {
  result->times.asked = ticks();
  Outcome outcome = Outcome::Ok;
  {
    Gil gil;
    if (!gil) return Outcome::Closing;
    result->times.held = ticks();
    if (is_in_call(*site_)) return call_itself(result, failure);
    bool good = view_.point_at(block, result);
    if (good) {
      Ref returned;
      if (ports->show(views, block)) {
        PyObject *both[] = {self_, view_.buffer(), ports->mapping()};
        returned = call_audio(both, result->times.held);
      }
      const bool quiet = returned.get() == Py_None;
      const bool untouched = quiet && view_.release_untouched(result);
      if (!untouched) outcome = accept(returned.get(), result, failure);
      returned.give_back();
      if (!take(outcome == Outcome::Ok)) {
        complain(failure, false);
        outcome = Outcome::Failed;
      }
      good = ports->release(views, result);
      if (!untouched)
        good = view_.release(block, result, outcome == Outcome::Ok) && good;
    }
    if (!good) {
      capture_exception(failure, capabilities_.audio_name.c_str());
      outcome = Outcome::Failed;
    }
  }
  after_call(block, result);
  return outcome;
}

[[gnu::hot]] Outcome PythonPlugin::mix(const Block &output,
                                       const std::vector<InputView> &inputs,
                                       CallResult *result, Failure *failure) {
  if (!native_.empty()) return call_native(output, &inputs, result, failure);
  return call_with(&inputs_, output, inputs, result, failure,
                   [](bool) { return true; });
}

[[gnu::hot]] Outcome PythonPlugin::split(const Block &input,
                                         std::vector<OutputView> *outputs,
                                         CallResult *result, Failure *failure) {
  return call_with(&outputs_, input, *outputs, result, failure,
                   [&](bool good) { return !good || outputs_.take(outputs); });
}

[[gnu::hot]] Outcome PythonPlugin::process(const Block &block,
                                           CallResult *result,
                                           Failure *failure) {
  if (!native_.empty()) return call_native(block, nullptr, result, failure);
  result->times.asked = ticks();
  Outcome outcome = Outcome::Ok;
  {
    Gil gil;
    if (!gil) return Outcome::Closing;
    result->times.held = ticks();
    if (__builtin_expect(is_in_call(*site_), 0))
      return call_itself(result, failure);
    if (capabilities_.converts) release_sent();
    bool good = view_.point_at(block, result);
    if (__builtin_expect(good, 1)) {
      PyObject *only[] = {self_, view_.buffer()};
      Ref returned = call_audio(only, result->times.held);
      const bool quiet = returned.get() == Py_None && !capabilities_.converts;
      if (!quiet || !view_.release_untouched(result)) {
        outcome = accept(returned.get(), result, failure);
        returned.give_back();
        good = view_.release(block, result, outcome == Outcome::Ok);
      }
      returned.give_back();
    }
    // Without memory for a view nothing was shown, and nothing is to release.
    if (!good) {
      capture_exception(failure, capabilities_.audio_name.c_str());
      outcome = Outcome::Failed;
    }
  }
  after_call(block, result);
  return outcome;
}

// Nobody tears down what runs here while it runs.
[[gnu::hot]] Outcome PythonPlugin::call_native(
    const Block &block, const std::vector<InputView> *inputs,
    CallResult *result, Failure *failure) {
  if (__builtin_expect(beside_.has_changes(), 0)) take_changes();
  if (__builtin_expect(!gate::enter(), 0)) return Outcome::Closing;
  Outcome outcome;
  {
    // There is no lock to wait for.
    result->times.asked = result->times.held = ticks();
    const NativeRun run(site_.get(), capabilities_.audio_name.c_str(),
                        result->times.held);
    outcome = native_(block, inputs, result, failure);
    result->times.left = ticks();
  }
  count_block(site_.get());
  gate::leave();
  return outcome;
}

// The plugin pushed a buffer into its own element. The array is in use.
Outcome PythonPlugin::call_itself(CallResult *result, Failure *failure) {
  result->times.left = result->times.held;
  const std::string &name = capabilities_.audio_name;
  *failure = {Failure::Kind::Refused, name, "",
              name + "() cannot be called from within its own call"};
  return Outcome::Failed;
}

// What an exception of the audio method means for this kind of plugin.
Outcome PythonPlugin::outcome_of(Failure *failure) const {
  if (failure->kind == Failure::Kind::EndOfStream) return Outcome::EndOfStream;
  if (failure->kind != Failure::Kind::Dropped) return Outcome::Failed;
  if (spec_.kind != PluginKind::Source) return Outcome::Dropped;
  failure->kind = Failure::Kind::Raised;
  Ref why = steal(PyObject_GetAttrString(python.results, "NOTHING_TO_DROP"));
  failure->message += text_of(why.get());
  return Outcome::Failed;
}

// The current exception is about what the plugin's method gave back, and
// should name that method's place instead of ours.
void PythonPlugin::complain(Failure *failure, bool refused) {
  assert(with_gil());
  Failure problem;
  if (!refused)
    describe_exception(site_.get(), &problem, capabilities_.audio_name.c_str());
  if (problem.kind == Failure::Kind::Interrupted) {
    *failure = std::move(problem);
    return;
  }
  steal(refused ? PyObject_CallMethod(loaded_.get(), "complain", nullptr)
                : PyObject_CallMethod(loaded_.get(), "complain", "sss",
                                      "bad-result", problem.type.c_str(),
                                      problem.message.c_str()));
  capture_exception(failure, capabilities_.audio_name.c_str());
}

}  // namespace pythonfilter
