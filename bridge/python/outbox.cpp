// SPDX-License-Identifier: LGPL-2.1-or-later
#include "outbox.hpp"

#include "../contract.hpp"

namespace pythonfilter {

namespace {

// What is kept of the messages of one call: the last ones.
constexpr size_t most_messages = 1000;

class NobodyListens final : public Listener {
 public:
  void post(const Message &) override {}
  void count_dropped(uint64_t) override {}
  void log(const LogRecord &) override {}
  void failed(const Failure &) override {}
  LogLevel log_threshold() const override { return LogLevel::Off; }
};

// ---- values ----------------------------------------------------------------

bool convert(PyObject *object, bool *value) {
  *value = object == Py_True;
  return PyBool_Check(object);
}

bool convert(PyObject *object, int64_t *value) {
  if (!PyLong_Check(object)) return false;
  *value = PyLong_AsLongLong(object);
  return !PyErr_Occurred();
}

bool convert(PyObject *object, double *value) {
  if (!PyFloat_Check(object)) return false;
  *value = PyFloat_AS_DOUBLE(object);
  return true;
}

bool convert(PyObject *object, std::string *value) {
  *value = text_of(object);
  return PyUnicode_Check(object);
}

template <typename T>
bool convert_list(PyObject *list, FieldValue *value) {
  std::vector<T> all;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
    T each;
    if (!convert(PyList_GET_ITEM(list, i), &each)) return false;
    all.push_back(std::move(each));
  }
  *value = std::move(all);
  return true;
}

template <typename T>
bool convert_one(PyObject *object, FieldValue *value) {
  T one;
  if (!convert(object, &one)) return false;
  *value = std::move(one);
  return true;
}

// base_plugin has made them one of these; bool before int, which it is, too.
bool convert_field(PyObject *object, FieldValue *value) {
  if (PyList_Check(object)) {
    return convert_list<bool>(object, value) ||
           convert_list<int64_t>(object, value) ||
           convert_list<double>(object, value) ||
           convert_list<std::string>(object, value);
  }
  return convert_one<bool>(object, value) ||
         convert_one<int64_t>(object, value) ||
         convert_one<double>(object, value) ||
         convert_one<std::string>(object, value);
}

// ---- functions for Python --------------------------------------------------

template <typename T>
Ref bound(PyMethodDef *method, const std::shared_ptr<T> &self) {
  assert(with_gil());
  auto *kept = new std::shared_ptr<T>(self);
  Ref capsule = steal(PyCapsule_New(kept, nullptr, [](PyObject *object) {
    delete static_cast<std::shared_ptr<T> *>(
        PyCapsule_GetPointer(object, nullptr));
  }));
  if (!capsule) {
    delete kept;
    return {};
  }
  return steal(PyCFunction_New(method, capsule.get()));
}

template <typename T>
const std::shared_ptr<T> &bound_to(PyObject *capsule) {
  return *static_cast<std::shared_ptr<T> *>(
      PyCapsule_GetPointer(capsule, nullptr));
}

PyObject *post(PyObject *self, PyObject *arguments) {
  const char *name;
  PyObject *fields;
  if (!PyArg_ParseTuple(arguments, "sO!", &name, &PyDict_Type, &fields))
    return nullptr;
  Message message;
  message.name = name;
  Py_ssize_t place = 0;
  PyObject *key, *object;
  while (PyDict_Next(fields, &place, &key, &object)) {
    FieldValue value;
    if (!convert_field(object, &value)) {
      if (!PyErr_Occurred())
        PyErr_Format(PyExc_TypeError, "%S cannot be part of a message", key);
      return nullptr;
    }
    message.fields.emplace_back(text_of(key), std::move(value));
  }
  // A reference of our own, because the GIL may be given away.
  const std::shared_ptr<Outbox> outbox = bound_to<Outbox>(self);
  outbox->post(std::move(message));
  Py_RETURN_NONE;
}

bool parse_record(PyObject *arguments, LogRecord *record) {
  int level;
  PyObject *file, *function, *text;
  if (!PyArg_ParseTuple(arguments, "iUiUU", &level, &file, &record->line,
                        &function, &text))
    return false;
  record->level = level_of(level);
  record->file = text_of(file);
  record->function = text_of(function);
  record->text = text_of(text);
  return true;
}

// A log function of the application's may take any lock, and the GIL.
PyObject *tell(const std::shared_ptr<Listener> &listener,
               const LogRecord &record) {
  const std::shared_ptr<Listener> kept = listener;
  Py_BEGIN_ALLOW_THREADS
  kept->log(record);
  Py_END_ALLOW_THREADS
  Py_RETURN_NONE;
}

PyObject *log(PyObject *self, PyObject *arguments) {
  LogRecord record;
  if (!parse_record(arguments, &record)) return nullptr;
  return tell(bound_to<Outbox>(self)->site()->listener, record);
}

PyObject *log_anonymous(PyObject *self, PyObject *arguments) {
  LogRecord record;
  if (!parse_record(arguments, &record)) return nullptr;
  if (const auto site = call_site_of_this_thread())
    return tell(site->listener, record);
  record.anonymous = true;
  return tell(bound_to<Listener>(self), record);
}

PyMethodDef post_method = {"post", post, METH_VARARGS, nullptr};
PyMethodDef log_method = {"log", log, METH_VARARGS, nullptr};
PyMethodDef anonymous_method = {"log", log_anonymous, METH_VARARGS, nullptr};

std::shared_ptr<Listener> or_nobody(const std::shared_ptr<Listener> &listener) {
  return listener ? listener : std::make_shared<NobodyListens>();
}

}  // namespace

Outbox::Outbox(const std::shared_ptr<Listener> &listener)
    : site_(std::make_shared<CallSite>()) {
  site_->listener = or_nobody(listener);
}

Ref Outbox::post_function(const std::shared_ptr<Outbox> &outbox) {
  return bound(&post_method, outbox);
}

Ref Outbox::log_function(const std::shared_ptr<Outbox> &outbox) {
  return bound(&log_method, outbox);
}

Ref Outbox::anonymous_log_function(const std::shared_ptr<Listener> &listener) {
  return bound(&anonymous_method, or_nobody(listener));
}

int Outbox::log_threshold() const {
  return number_of(site_->listener->log_threshold());
}

void Outbox::post(Message message) {
  assert(with_gil());
  if (!is_in_call(*site_)) {
    const std::shared_ptr<Listener> listener = site_->listener;
    Py_BEGIN_ALLOW_THREADS
    listener->post(message);
    Py_END_ALLOW_THREADS
    return;
  }
  if (queue_.size() == most_messages) {
    queue_.pop_front();
    dropped_++;
  }
  queue_.push_back(std::move(message));
}

void Outbox::deliver(uint64_t pts, uint64_t duration) {
  // A handler of the application's may want any lock, and the GIL.
  assert(holds_no_lock() && !with_gil());
  std::deque<Message> messages;
  messages.swap(queue_);
  for (Message &message : messages) {
    message.pts = pts;
    message.duration = duration;
    site_->listener->post(message);
  }
  if (dropped_) site_->listener->count_dropped(std::exchange(dropped_, 0));
}

}  // namespace pythonfilter
