// SPDX-License-Identifier: LGPL-2.1-or-later
#include "python_plugin.hpp"

#include <algorithm>
#include <cstdarg>

#include "../text.hpp"
#include "../words.hpp"
#include "closing.hpp"
#include "errors.hpp"
#include "gil.hpp"
#include "loaded_call.hpp"
#include "names.hpp"
#include "parameters.hpp"

namespace pythonfilter {

namespace {

constexpr uint64_t unlock_patience_ns = 1000000000;

bool told_closing(Failure *failure, const char *phase) {
  *failure = {Failure::Kind::Closing, phase, "", "Python is closing"};
  return false;
}

// As LoadedPlugin.change_inputs() takes them.
Ref list_of(const std::vector<PortFormat> &ports) {
  Ref list = steal(PyList_New(0));
  for (const PortFormat &each : ports) {
    Ref one = steal(Py_BuildValue("(ssi)", each.name.c_str(),
                                  word_for(format_words, each.format),
                                  each.channels));
    if (!list || !one || PyList_Append(list.get(), one.get()) != 0) return {};
  }
  return list;
}

// Whatever is said about a secret that was refused may quote it: the text, a
// cause, a file name in it. What is left is which one, and the exception's
// class.
void hide_secret(Failure *failure, const std::string &key) {
  *failure = {failure->kind, failure->phase, failure->type,
              "refused the secret parameter " + key};
}

}  // namespace

bool PythonPlugin::load(Failure *failure) {
  // Whoever loads it holds the element's lock, as far as its first start().
  until_started_.begin(site_, spec_.isolation.slow_ns(), false);
  Delivery delivery(outbox_.get());
  Gil gil;
  if (!gil) return told_closing(failure, "load");
  add_call_site(site_);
  surroundings_ = std::make_unique<Surroundings>();
  if (surroundings_->make()) return load_module(failure);
  capture_exception(failure, "load");
  return false;
}

bool PythonPlugin::initialize(const std::vector<Parameter> &set,
                              Failure *failure) {
  Delivery delivery(outbox_.get());
  Gil gil;
  if (!gil) return told_closing(failure, "initialize");
  if (preset(set, failure) &&
      call_loaded("initialize", "initialize", failure) &&
      read_values(failure)) {
    close_before_later_handlers();
    return true;
  }
  unload();
  loaded_.reset();
  return false;
}

bool PythonPlugin::preset(const std::vector<Parameter> &set, Failure *failure) {
  for (const Parameter &each : set) {
    if (call_loaded("preset", "set_parameter", failure, "(ss)",
                    each.key.c_str(), each.value.c_str()))
      continue;
    if (is_secret(each.key)) hide_secret(failure, each.key);
    return false;
  }
  return true;
}

void PythonPlugin::unload() {
  assert(with_gil());
  audio_.reset();
  Failure ignored;
  call_loaded("unload", "unload", &ignored);
}

bool PythonPlugin::load_module(Failure *failure) {
  assert(with_gil());
  RunningCall call(site_.get(), "load", ticks());
  Inside inside(surroundings_.get());
  Ref post = Outbox::post_function(outbox_);
  Ref log = post ? Outbox::log_function(outbox_) : Ref{};
  if (log)
    loaded_ = steal(PyObject_CallFunction(
        python.load, "sssssOOiOs", word_for(kind_words, spec_.kind),
        spec_.script.c_str(), spec_.module.c_str(), spec_.class_name.c_str(),
        spec_.venv.c_str(), post.get(), log.get(), outbox_->log_threshold(),
        spec_.again ? Py_True : Py_False, said(spec_.likely).c_str()));
  inside.leave();
  call.end();
  if (loaded_ && read_capabilities()) return true;
  describe_exception(site_.get(), failure, "load");
  return false;
}

// All that it says of itself, in the words that a worker uses, too.
bool PythonPlugin::read_capabilities() {
  assert(with_gil());
  audio_ = steal(PyObject_GetAttrString(loaded_.get(), "audio"));
  Ref all = steal(PyObject_CallMethod(loaded_.get(), "described", nullptr));
  if (!audio_ || !all) return false;
  const bool bound = PyMethod_Check(audio_.get());
  called_ = bound ? PyMethod_GET_FUNCTION(audio_.get()) : audio_.get();
  self_ = bound ? PyMethod_GET_SELF(audio_.get()) : nullptr;
  given_ = self_ ? 2 : 1;
  // A Python function gives something or raises, and need not be asked twice.
  call_ = PyFunction_Check(called_) ? PyVectorcall_Function(called_)
                                    : PyObject_Vectorcall;
  for (Py_ssize_t i = 0; i < PyList_Size(all.get()); i++) {
    const char *name;
    PyObject *values;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(all.get(), i), "sO!", &name,
                          &PyTuple_Type, &values))
      return false;
    if (read_capability(name, texts_of(values), &capabilities_)) continue;
    PyErr_Format(PyExc_RuntimeError,
                 "the Python files of pythonfilter are of another version than "
                 "its elements: nobody knows what %s = %R means",
                 name, values);
    return false;
  }
  return !PyErr_Occurred();
}

bool PythonPlugin::read_values(Failure *failure) {
  Ref values = call_loaded("values", "get_parameter", failure);
  return values && pythonfilter::read_values(texts_of(values.get()), 0,
                                             &capabilities_.parameters);
}

PythonPlugin::~PythonPlugin() {
  beside_.stop();
  // A call that was left alone has them.
  if (beside_.left_alone()) (void)surroundings_.release();
  Gil gil;  // without it the interpreter is closing, and a Ref leaks then
  view_.close();
  inputs_.close();
  outputs_.close();
  audio_.reset();
  loaded_.reset();
  if (surroundings_) surroundings_->close();
}

// `format` and what follows are its arguments, as Py_BuildValue() makes a
// tuple.
Ref PythonPlugin::call_loaded(const char *method, const char *phase,
                              Failure *failure, const char *format, ...) {
  assert(with_gil());
  tell_rest();
  va_list all;
  va_start(all, format);
  Ref arguments = steal(Py_VaBuildValue(format, all));
  va_end(all);
  Ref result =
      call_method(loaded_.get(), surroundings_.get(), site_.get(), method,
                  phase, std::move(arguments), outer_call(*site_));
  if (result) return result;
  describe_exception(site_.get(), failure, phase);
  // Only the audio method has a buffer to drop.
  if (failure->kind == Failure::Kind::Dropped)
    failure->kind = Failure::Kind::Raised;
  return result;
}

// A call between two buffers. `told`: what it gave, if that is a text.
template <typename... T>
bool PythonPlugin::call_alone(const char *method, const char *phase,
                              std::string *told, Failure *failure,
                              const char *format, T... arguments) {
  Delivery delivery(outbox_.get());
  Gil gil;
  if (!gil) return told_closing(failure, phase);
  Ref answer = call_loaded(method, phase, failure, format, arguments...);
  if (answer && told) *told = text_of(answer.get());
  return bool(answer);
}

bool PythonPlugin::ask(const Question &question, uint64_t place, Answer *answer,
                       Failure *failure) {
  const bool again = question == ask_latency || question == ask_duration;
  if (again && beside_.last(question, answer)) return true;
  Delivery delivery(outbox_.get());
  Gil gil;
  if (!gil) return told_closing(failure, question.method);
  Ref told = call_loaded("ask", question.method, failure, "(sK)", question.name,
                         (unsigned long long)place);
  if (!told) return false;
  read_answer(question, texts_of(told.get()), answer);
  if (again && !native_.empty()) beside_.set(question, *answer);
  return true;
}

bool PythonPlugin::start(const StreamFormat &format, Failure *failure) {
  until_started_.end();
  Delivery delivery(outbox_.get());
  Gil gil;
  if (!gil) return told_closing(failure, "start");
  const bool mixes = spec_.kind == PluginKind::Mixer;
  const bool splits = spec_.kind == PluginKind::Splitter;
  if (!view_.open(format, mixes ? python.output_type : python.buffer_type,
                  capabilities_.read_only || !format.in_place || splits,
                  spec_.kind == PluginKind::Source) ||
      (mixes && !inputs_.open(format.rate)) ||
      (splits && !outputs_.open(format.rate))) {
    capture_exception(failure, "start");
    return false;
  }
  if (!call_loaded("start", "start", failure, "(iiisssO)", format.rate,
                   format.channels, format.frames, format.input_caps.c_str(),
                   format.output_caps.c_str(),
                   word_for(format_words, format.format),
                   format.interleaved ? Py_True : Py_False))
    return false;
  if (mixes && !change_inputs(format.inputs, failure)) return false;
  if (splits && !change_outputs(format.outputs, failure)) return false;
  if (native_.read(loaded_.get(), spec_.kind, format, capabilities_) &&
      (!mixes ||
       native_.read_inputs(loaded_.get(), format.inputs, capabilities_)) &&
      beside_.start(loaded_.get(), surroundings_.get(), site_,
                    !native_.empty()))
    return true;
  capture_exception(failure, "start");
  return false;
}

bool PythonPlugin::stop(Failure *failure) {
  beside_.stop();
  native_.clear();
  return call_alone("stop", "stop", nullptr, failure);
}

bool PythonPlugin::shutdown(Failure *failure) {
  Delivery delivery(outbox_.get());
  Gil gil;
  if (!gil) return told_closing(failure, "shutdown");
  if (!loaded_) return true;
  side_calls_.interrupt();
  const bool good = bool(call_loaded("shutdown", "shutdown", failure));
  // The views first: what the plugin kept goes when the instance goes.
  view_.close();
  inputs_.close();
  outputs_.close();
  unload();
  return good;
}

bool PythonPlugin::set_inputs(const std::vector<PortFormat> &inputs,
                              Failure *failure) {
  Delivery delivery(outbox_.get());
  Gil gil;
  if (!gil) return told_closing(failure, "set_inputs");
  if (!change_inputs(inputs, failure)) return false;
  if (native_.read_inputs(loaded_.get(), inputs, capabilities_)) return true;
  capture_exception(failure, "set_inputs");
  return false;
}

bool PythonPlugin::set_outputs(const std::vector<PortFormat> &outputs,
                               Failure *failure) {
  Gil gil;
  if (!gil) return told_closing(failure, "set_outputs");
  return change_outputs(outputs, failure);
}

// Nothing of the plugin's runs.
bool PythonPlugin::change_outputs(const std::vector<PortFormat> &outputs,
                                  Failure *failure) {
  if (outputs_.change(outputs)) return true;
  capture_exception(failure, "set_outputs");
  return false;
}

bool PythonPlugin::set_input_parameter(const std::string &input,
                                       const Parameter &parameter,
                                       Failure *failure) {
  if (!native_.empty()) {
    std::string problem;
    const NativeCall::Set set =
        native_.set_of_input(input, parameter, &problem);
    if (set == NativeCall::Set::Done) return true;
    if (set == NativeCall::Set::Refused) {
      *failure = {Failure::Kind::Refused, "set_parameter", "", problem};
      return false;
    }
  }
  Delivery delivery(outbox_.get());
  Gil gil;
  if (!gil) return told_closing(failure, "set_parameter");
  Ref value = call_loaded("input_value", "set_parameter", failure, "(ss)",
                          parameter.key.c_str(), parameter.value.c_str());
  if (!value) return false;
  const InputArray *array = inputs_.find(input);
  if (!array || array->set_attribute(parameter.key.c_str(), value.get()))
    return true;
  capture_exception(failure, "set_parameter");
  return false;
}

bool PythonPlugin::set_input_number(const std::string &input,
                                    const Number &number) {
  return !native_.empty() && native_.set_of_input(input, number);
}

bool PythonPlugin::change_inputs(const std::vector<PortFormat> &inputs,
                                 Failure *failure) {
  std::vector<PortFormat> before;
  inputs_.describe(&before);
  Ref ports = list_of(inputs);
  Ref defaults;
  if (ports) {
    defaults =
        call_loaded("change_inputs", "set_inputs", failure, "(O)", ports.get());
    if (!defaults) return false;
  }
  if (!defaults || !inputs_.change(inputs, defaults.get())) {
    capture_exception(failure, "set_inputs");
    return false;
  }
  const auto find = [](const std::vector<PortFormat> &all,
                       const PortFormat &named) {
    return std::find_if(all.begin(), all.end(), [&](const PortFormat &each) {
      return each.name == named.name;
    });
  };
  for (const PortFormat &each : before)
    if (capabilities_.has_remove_input && find(inputs, each) == inputs.end() &&
        !call_loaded("remove_input", "remove_input", failure, "(s)",
                     each.name.c_str()))
      return false;
  for (const PortFormat &each : inputs) {
    const auto known = find(before, each);
    if (capabilities_.has_add_input &&
        (known == before.end() || known->channels != each.channels) &&
        !call_loaded("add_input", "add_input", failure, "(si)",
                     each.name.c_str(), each.channels))
      return false;
  }
  return true;
}

bool PythonPlugin::is_secret(const std::string &key) const {
  const std::vector<std::string> &all = capabilities_.secrets;
  return std::find(all.begin(), all.end(), key) != all.end();
}

// The plugin's attributes follow when it is called the next time.
void PythonPlugin::tell_rest() {
  assert(with_gil());
  for (Change &change : beside_.take_untold()) {
    const Parameter &parameter = *change.write_out();
    Failure failure;
    Ref told =
        call_loaded("set_parameter_beside", "set_parameter", &failure, "(ss)",
                    parameter.key.c_str(), parameter.value.c_str());
    if (!told) {
      site_->listener->failed(failure);
      continue;
    }
    std::string ignored;
    for (const Parameter &each : parameters_in(told.get()))
      native_.set(each, &ignored);
  }
}

bool PythonPlugin::set_parameter(Parameter *parameter, Failure *failure) {
  if (!native_.empty()) {
    if (set_native(*parameter, failure)) return true;
  } else {
    Delivery delivery(outbox_.get());
    Gil gil;
    if (!gil) return told_closing(failure, "set_parameter");
    if (tell_parameter(parameter, failure)) return true;
  }
  if (is_secret(parameter->key)) hide_secret(failure, parameter->key);
  return false;
}

// A plugin's own set_parameter() may make something of any text.
bool PythonPlugin::set_native(const Parameter &parameter, Failure *failure) {
  std::string problem;
  const NativeCall::Set set = native_.set(parameter, &problem);
  const bool own = native_.has_own_setter();
  if (set == NativeCall::Set::Refused && !own) {
    *failure = {Failure::Kind::Refused, "set_parameter", "", problem};
    return false;
  }
  beside_.tell(Change(parameter), own || set != NativeCall::Set::Done);
  return true;
}

bool PythonPlugin::set_number(const Number &number) {
  if (native_.empty() || !native_.set(number)) return false;
  beside_.tell(Change(number), native_.has_own_setter());
  return true;
}

[[gnu::cold]] void PythonPlugin::take_changes() {
  std::string ignored;
  for (const Change &each : beside_.take_changes())
    native_.set(each.parameter, &ignored);
}

bool PythonPlugin::tell_parameter(Parameter *parameter, Failure *failure) {
  Ref now = call_loaded("set_parameter", "set_parameter", failure, "(ss)",
                        parameter->key.c_str(), parameter->value.c_str());
  if (!now) return false;
  if (now.get() != Py_None) parameter->value = text_of(now.get());
  return true;
}

bool PythonPlugin::drain(Tail *tail, Failure *failure) {
  Delivery delivery(outbox_.get());
  delivery.pts = tail->pts;
  Gil gil;
  if (!gil) return told_closing(failure, "drain");
  Ref samples = call_loaded("drain", "drain", failure);
  if (!samples) return false;
  // What a sink holds is for nobody else.
  if (spec_.kind == PluginKind::Sink) {
    tail->waits = samples.get() == Py_False;
    return true;
  }
  if (samples.get() == Py_None) return true;
  RunningCall call(site_.get(), "drain", ticks(), outer_call(*site_));
  if (spec_.kind == PluginKind::Splitter
          ? outputs_.take_tails(samples.get(), &tail->ports)
      : capabilities_.converts ? view_.take_last_outputs(samples.get(), tail)
                               : view_.take_tail(samples.get(), tail))
    return true;
  capture_exception(failure, "drain");
  return false;
}

// And how far the stream was, for machine code that goes on there.
bool PythonPlugin::get_state(std::string *state, Failure *failure) {
  if (!call_alone("offer_state", "get_state", state, failure)) return false;
  state->insert(0, std::to_string(native_.position()) + " ");
  return true;
}

bool PythonPlugin::set_state(const std::string &state, Failure *failure) {
  const size_t space = state.find(' ');
  int64_t position = 0;
  if (parse_number(state.substr(0, space), &position))
    native_.go_on_at(position);
  return call_alone("adopt_state", "set_state", nullptr, failure, "(s)",
                    state.c_str() + space + 1);
}

// While another thread's call is running, so at a site of its own. Nothing else
// can be told before it is back, so it has its second whatever it is called
// for.
bool PythonPlugin::unlock(Failure *failure) {
  const auto site = std::make_shared<CallSite>();
  site->listener = site_->listener;
  CallWatch watch;
  watch.begin(site, unlock_patience_ns, true);
  Gil gil;
  if (!gil) return told_closing(failure, "unlock");
  if (!loaded_) return true;
  add_call_site(site);
  if (call_method(loaded_.get(), surroundings_.get(), site.get(), "unlock",
                  "unlock", steal(PyTuple_New(0))))
    return true;
  describe_exception(site.get(), failure, "unlock");
  return false;
}

// At any time, so beside the call that may be running.
bool PythonPlugin::map_caps(bool to_output, const std::string &caps,
                            std::string *mapped, Failure *failure) {
  const char *method = to_output ? "get_output_caps" : "get_input_caps";
  const std::shared_ptr<CallSite> site = side_calls_.add();
  bool good = false;
  {
    Gil gil;
    if (gil) {
      add_call_site(site);
      good = ask_for_caps(site.get(), method, caps, mapped, failure);
    } else {
      told_closing(failure, method);
    }
  }
  side_calls_.remove(site);
  return good;
}

bool PythonPlugin::ask_for_caps(CallSite *site, const char *method,
                                const std::string &caps, std::string *mapped,
                                Failure *failure) {
  assert(with_gil());
  Ref answer = call_method(loaded_.get(), surroundings_.get(), site, method,
                           method, steal(Py_BuildValue("(s)", caps.c_str())));
  const char *text, *file, *function;
  int line;
  if (!answer ||
      !PyArg_ParseTuple(answer.get(), "ssis", &text, &file, &line, &function)) {
    describe_exception(site, failure, method);
    return false;
  }
  *mapped = text;
  *failure = {Failure::Kind::BadResult, method, "", "", file, line, function};
  return true;
}

void PythonPlugin::stop_deadline(uint64_t deadline, HangObserver *observer) {
  side_calls_.set_deadline(deadline, observer);
  if (deadline)
    watch_call_site(site_, deadline, observer);
  else
    unwatch_call_site(site_);
}

}  // namespace pythonfilter
