// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What each of the bridge's four techniques is worth: one call of a Python
// method that does nothing, 2 × 512 float32, with all four, and then with one
// of them left out at a time. On a thread that does not hold the GIL, as a
// streaming thread does not; by turns, medians over the rounds.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <time.h>
#include <vector>

#include <numpy/arrayobject.h>

namespace {

constexpr int channels = 2, frames = 512;
float samples[channels * frames];

PyObject *method, *array, *buffer;

double now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

PyObject *new_view(void *memory) {
  npy_intp dims[] = {channels, frames}, strides[] = {4, 4 * channels};
  return PyArray_New(&PyArray_Type, 2, dims, NPY_FLOAT32, strides, memory, 0,
                     NPY_ARRAY_WRITEABLE, nullptr);
}

// A holder with an attribute `data`, as AudioBuffer is.
PyObject *new_buffer(PyObject *data) {
  PyObject *module = PyImport_ImportModule("__main__");
  PyObject *made = PyObject_CallMethod(module, "Buffer", nullptr);
  PyObject_SetAttrString(made, "data", data);
  Py_DECREF(module);
  return made;
}

void call(PyObject *with) {
  PyObject *arguments[] = {nullptr, with};
  Py_XDECREF(PyObject_Vectorcall(method, arguments + 1,
                                 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
}

void repoint() {
  reinterpret_cast<PyArrayObject_fields *>(array)->data =
      reinterpret_cast<char *>(samples);
}

void all_four() {
  repoint();
  call(buffer);
}

void new_objects() {
  PyObject *data = new_view(samples);
  PyObject *holder = new_buffer(data);
  call(holder);
  Py_DECREF(holder);
  Py_DECREF(data);
}

void copies() {
  static float copy[channels * frames];
  memcpy(copy, samples, sizeof copy);
  all_four();
  memcpy(samples, copy, sizeof copy);
}

void imports() {
  PyObject *module = PyImport_ImportModule("__main__");
  PyObject *plugin = PyObject_GetAttrString(module, "plugin");
  repoint();
  Py_XDECREF(PyObject_CallMethod(plugin, "process_audio", "O", buffer));
  Py_DECREF(plugin);
  Py_DECREF(module);
}

template <void (*work)()>
double keep_state(int calls) {
  const double begin = now_ns();
  for (int i = 0; i < calls; i++) {
    const PyGILState_STATE state = PyGILState_Ensure();
    work();
    PyGILState_Release(state);
  }
  return (now_ns() - begin) / calls;
}

// Three short holds where one would do: attach, call, look at the result.
double many_holds(int calls) {
  const double begin = now_ns();
  for (int i = 0; i < calls; i++) {
    PyGILState_STATE state = PyGILState_Ensure();
    repoint();
    PyGILState_Release(state);
    state = PyGILState_Ensure();
    call(buffer);
    PyGILState_Release(state);
    state = PyGILState_Ensure();
    PyGILState_Release(state);
  }
  return (now_ns() - begin) / calls;
}

// A thread without a state of its own: Python makes and destroys one.
double new_state(int calls) {
  double time = 0;
  std::thread([&] { time = keep_state<all_four>(calls); }).join();
  return time;
}

double kept(double (*measure)(int), int calls) {
  double time = 0;
  std::thread([&] {
    const PyGILState_STATE outer = PyGILState_Ensure();
    PyThreadState *state = PyEval_SaveThread();
    time = measure(calls);
    PyEval_RestoreThread(state);
    PyGILState_Release(outer);
  }).join();
  return time;
}

}  // namespace

int main(int argc, char **argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 21;
  const int calls = argc > 2 ? atoi(argv[2]) : 10000;
  Py_InitializeEx(0);
  if (_import_array() < 0) {
    PyErr_Print();
    return 2;
  }
  PyRun_SimpleString(
      "class Buffer:\n"
      "    __slots__ = ('data',)\n"
      "class Plugin:\n"
      "    def process_audio(self, buffer):\n"
      "        pass\n"
      "plugin = Plugin()\n");
  PyObject *module = PyImport_AddModule("__main__");
  PyObject *plugin = PyObject_GetAttrString(module, "plugin");
  method = PyObject_GetAttrString(plugin, "process_audio");
  array = new_view(samples);
  buffer = new_buffer(array);
  PyThreadState *main_state = PyEval_SaveThread();

  struct Case {
    const char *what;
    double (*measure)(int);
    bool keep;
    std::vector<double> times;
  } cases[] = {
      {"all four techniques", keep_state<all_four>, true, {}},
      {"a new array and buffer per call", keep_state<new_objects>, true, {}},
      {"samples copied in and out", keep_state<copies>, true, {}},
      {"three GIL holds per call", many_holds, true, {}},
      {"a new thread state per call", new_state, false, {}},
      {"import and look-up per call", keep_state<imports>, true, {}},
  };
  for (int round = 0; round < rounds; round++)
    for (Case &each : cases)
      each.times.push_back(each.keep ? kept(each.measure, calls)
                                     : each.measure(calls));
  double best = 0;
  for (Case &each : cases) {
    std::sort(each.times.begin(), each.times.end());
    const double median = each.times[each.times.size() / 2];
    if (best == 0) best = median;
    printf("%-34s %7.0f ns  %+7.0f ns\n", each.what, median, median - best);
  }
  PyEval_RestoreThread(main_state);
  return 0;
}
