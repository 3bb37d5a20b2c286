// SPDX-License-Identifier: LGPL-2.1-or-later
#include "interpreter.hpp"

#include <unistd.h>

#include "../contract.hpp"
#include "../paths.hpp"
#include "../thread.hpp"
#include "closing.hpp"
#include "errors.hpp"
#include "gil.hpp"
#include "names.hpp"
#include "numpy_api.hpp"
#include "outbox.hpp"
#include "running_call.hpp"
#include "view_types.hpp"

namespace pythonfilter {

Python python;

namespace {

// The interpreter that belongs to this libpython: sys.executable, and where
// it looks for its library.
std::string executable_beside_libpython() {
  const std::string version =
      std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION);
  for (std::string at = directory_of(
           file_of(reinterpret_cast<void *>(&Py_InitializeFromConfig)));
       at.size() > 1; at = directory_of(at)) {
    const std::string candidate = at + "/bin/python" + version;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

// Where Python's own files are, beside its interpreter: as PYTHONHOME names it.
// Empty where they are not.
std::string home_of(const std::string &executable) {
  if (executable.empty()) return "";
  const std::string home = directory_of(directory_of(executable));
  const std::string version =
      std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION);
  for (const char *folder : {"/lib/python", "/lib64/python"})
    if (access((home + folder + version + "/os.py").c_str(), R_OK) == 0)
      return home;
  return "";
}

std::string start_python() {
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.install_signal_handlers = 0;
  config.parse_argv = 0;
  config.safe_path = 1;
  config.configure_c_stdio = 0;
  config.buffered_stdio = 0;
  PyPreConfig preconfig;
  PyPreConfig_InitPythonConfig(&preconfig);
  preconfig.configure_locale = 0;
  preconfig.coerce_c_locale = 0;
  preconfig.utf8_mode = 1;
  preconfig.parse_argv = 0;

  auto set = [&](wchar_t **field, const std::string &value) {
    return PyConfig_SetBytesString(&config, field, value.c_str());
  };
  PyStatus status = Py_PreInitialize(&preconfig);
  if (!PyStatus_Exception(status))
    status = set(&config.pythonpath_env, safe_python_path());
  const std::string executable = executable_beside_libpython();
  if (!PyStatus_Exception(status) && !executable.empty())
    status = set(&config.executable, executable);
  // The variable is set for another Python, whose files are not for this one.
  // Children of a plugin that run this one are not to find it either.
  const char *set_home = getenv("PYTHONHOME");
  const std::string kept_home = set_home ? set_home : "";
  const std::string home = set_home ? home_of(executable) : "";
  if (!PyStatus_Exception(status) && !home.empty()) {
    status = set(&config.home, home);
    unsetenv("PYTHONHOME");
  }
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (!PyStatus_Exception(status)) {
    // For the module threading the thread that imports it first is the main
    // one, and for signal it is this one: they have to mean the same.
    if (!steal(PyImport_ImportModule("threading"))) PyErr_Clear();
    return "";
  }
  return std::string(status.func ? status.func : "Python") + ": " +
         (status.err_msg ? status.err_msg : "cannot start") +
         (set_home ? "; PYTHONHOME is " + kept_home +
                         ", and Python looks there for its library: unset it"
                   : "");
}

struct Start {
  Mutex mutex;
  Condition done;
  bool tried = false;
  std::string problem;
};

// Python's main thread is whichever started it, so it gets one that stays:
// streaming and application threads come and go.
void run_python(Start *start) {
  std::string problem = start_python();
  if (problem.empty()) PyEval_SaveThread();
  {
    std::lock_guard lock(start->mutex);
    start->problem = problem;
    start->tried = true;
  }
  start->done.notify_all();
  for (;;)
    pause();
}

// Nobody can hold the GIL here while waiting: there is no interpreter yet.
bool start_once(Failure *failure) {
  static Start &start = *new Start;
  if (!gate::enter()) {
    *failure = {Failure::Kind::Closing, "python", "", "Python is closing"};
    return false;
  }
  std::unique_lock<Mutex> lock(start.mutex);
  static bool asked = false;
  if (!asked)
    asked = Thread::start_detached("python-main", [] { run_python(&start); });
  if (!asked) {
    gate::leave();
    *failure = {Failure::Kind::Unusable, "python", "", Thread::none_left};
    return false;
  }
  if (!python.ours) {
    python.ours = true;
    close_before_later_handlers();
  }
  start.done.wait(lock, [&] { return start.tried; });
  gate::leave();
  if (start.problem.empty()) return true;
  *failure = {Failure::Kind::Unusable, "python", "", start.problem};
  return false;
}

// Loads the package of ours by its file, whatever sys.path says, and under a
// name that nobody else has.
bool import_package() {
  assert(with_gil());
  const std::string path = python_directory() + "/pythonfilter/__init__.py";
  Ref util = steal(PyImport_ImportModule("importlib.util"));
  if (!util) return false;
  Ref spec = steal(PyObject_CallMethod(util.get(), "spec_from_file_location",
                                       "ss", "_pythonfilter", path.c_str()));
  if (!spec) return false;
  Ref module = steal(
      PyObject_CallMethod(util.get(), "module_from_spec", "O", spec.get()));
  if (!module) return false;
  Ref loader = steal(PyObject_GetAttrString(spec.get(), "loader"));
  if (!loader) return false;
  Ref modules = borrow(PyImport_GetModuleDict());
  return PyMapping_SetItemString(modules.get(), "_pythonfilter",
                                 module.get()) == 0 &&
         steal(PyObject_CallMethod(loader.get(), "exec_module", "O",
                                   module.get()));
}

bool slot_offset(PyObject *type, const char *name, Py_ssize_t *offset) {
  Ref member = steal(PyObject_GetAttrString(type, name));
  if (!member) return false;
  if (!Py_IS_TYPE(member.get(), &PyMemberDescr_Type)) {
    PyErr_Format(PyExc_TypeError, "AudioBuffer.%s is no slot", name);
    return false;
  }
  *offset =
      reinterpret_cast<PyMemberDescrObject *>(member.get())->d_member->offset;
  return true;
}

bool look_up_names(const PluginSpec &spec) {
  assert(with_gil());
  if (python.ours) keep_openssl_at_exit();
  if (!import_package()) return false;
  Ref host = steal(PyImport_ImportModule("_pythonfilter.host.plugin"));
  if (!host) return false;
  python.describe = PyObject_GetAttrString(host.get(), "describe_exception");
  // The venv first: NumPy may come from it.
  Ref prepared = steal(
      PyObject_CallMethod(host.get(), "prepare_interpreter", "Os",
                          python.ours ? Py_True : Py_False, spec.venv.c_str()));
  if (!prepared ||
      !steal(PyObject_CallMethod(host.get(), "check_numpy", "i",
                                 numpy_major_version)) ||
      !import_numpy() || !make_view_types())
    return false;
  python.results = PyImport_ImportModule("_pythonfilter.results");
  if (!python.results) return false;
  Ref log = Outbox::anonymous_log_function(spec.listener);
  if (!log ||
      !steal(PyObject_CallMethod(host.get(), "log_with", "O", log.get())))
    return false;
  Ref names = steal(PyObject_CallMethod(host.get(), "names", nullptr));
  PyObject **const kept[] = {&python.load,
                             &python.timeout,
                             &python.buffer_type,
                             &python.output_type,
                             &python.input_type,
                             &python.inputs_type,
                             &python.splitter_output_type,
                             &python.splitter_outputs_type};
  if (!names ||
      !PyArg_ParseTuple(names.get(), "OOOOOOOO", kept[0], kept[1], kept[2],
                        kept[3], kept[4], kept[5], kept[6], kept[7]))
    return false;
  for (PyObject **each : kept)
    Py_INCREF(*each);
  if (!slot_offset(python.buffer_type, "data", &python.data_slot) ||
      !slot_offset(python.buffer_type, "_stream", &python.stream_slot))
    return false;
  python.interpreter = PyInterpreterState_Get();
  if (!python.ours && !close_with_application()) return false;
  if (!end_forks_of_calls()) return false;
  python.host = host.release();
  return true;
}

// Importing gives the GIL away in between, so a second thread waits for the
// first to be through; `filling` is only set with the GIL.
bool fill_names(const PluginSpec &spec) {
  static std::atomic<bool> filling{false};
  while (filling) {
    Py_BEGIN_ALLOW_THREADS
    wait_by_looking([] { return !filling; });
    Py_END_ALLOW_THREADS
  }
  if (python.host) return true;
  filling = true;
  // What is imported stays, so nothing is gained where it is looked through for
  // garbage again and again.
  if (python.ours) PyGC_Disable();
  const bool filled = look_up_names(spec);
  if (python.ours) PyGC_Enable();
  filling = false;
  return filled;
}
}  // namespace

bool open_interpreter(const PluginSpec &spec, Failure *failure) {
  if (gate::application_ended()) {
    *failure = {Failure::Kind::Closing, "python", "", "Python has ended"};
    return false;
  }
  if (!Py_IsInitialized() || python.ours) {
    if (!start_once(failure)) return false;
  }
  Gil gil;
  if (!gil) {
    *failure = {Failure::Kind::Closing, "python", "", "Python is closing"};
    return false;
  }
  if (fill_names(spec)) return true;
  capture_exception(failure, "python");
  failure->kind = Failure::Kind::Unusable;
  return false;
}

}  // namespace pythonfilter
