// SPDX-License-Identifier: LGPL-2.1-or-later
#include "errors.hpp"

#include "../words.hpp"
#include "names.hpp"

namespace pythonfilter {

namespace {

// The exception, normalised and with its traceback.
Ref take_exception() {
#if PY_VERSION_HEX >= 0x030c0000
  return steal(PyErr_GetRaisedException());
#else
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (!type) return {};
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback) PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return steal(value);
#endif
}

Failure::Kind kind_of(PyObject *exception, const std::string &kind) {
  if (python.timeout && PyErr_GivenExceptionMatches(exception, python.timeout))
    return Failure::Kind::Interrupted;
  Failure::Kind known = Failure::Kind::Raised;
  find_word(failure_words, kind, &known);
  return known;
}

}  // namespace

void capture_exception(Failure *failure, const char *phase) {
  assert(with_gil());
  Ref exception = take_exception();
  *failure = Failure{};
  failure->phase = phase;
  if (!exception) {
    failure->message = "failed without an exception";
    return;
  }
  Ref told = python.describe
                 ? steal(PyObject_CallOneArg(python.describe, exception.get()))
                 : Ref{};
  // (kind, type, message, file, line, function, traceback)
  if (told && PyTuple_Check(told.get()) && PyTuple_GET_SIZE(told.get()) == 7) {
    auto item = [&](int i) { return PyTuple_GET_ITEM(told.get(), i); };
    failure->kind = kind_of(exception.get(), text_of(item(0)));
    failure->type = text_of(item(1));
    failure->message = text_of(item(2));
    failure->file = text_of(item(3));
    failure->line = int(PyLong_AsLong(item(4)));
    failure->function = text_of(item(5));
    failure->traceback = text_of(item(6));
    PyErr_Clear();
    return;
  }
  // Formatting it raised as well, and it may be of any length; or Python is
  // only half there yet.
  PyErr_Clear();
  failure->kind = kind_of(exception.get(), "");
  failure->type = Py_TYPE(exception.get())->tp_name;
  Ref text = python.describe ? Ref{} : steal(PyObject_Str(exception.get()));
  PyErr_Clear();
  failure->message = text_of(text.get(), "(an exception that cannot be shown)");
}

}  // namespace pythonfilter
