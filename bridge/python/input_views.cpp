// SPDX-License-Identifier: LGPL-2.1-or-later
#include "input_views.hpp"

#include <algorithm>
#include <utility>

namespace pythonfilter {

namespace {

Ref text(const std::string &text) {
  return steal(
      PyUnicode_FromStringAndSize(text.data(), Py_ssize_t(text.size())));
}

Ref texts(const std::vector<std::string> &all) {
  Ref tuple = steal(PyTuple_New(Py_ssize_t(all.size())));
  for (size_t i = 0; tuple && i < all.size(); i++) {
    Ref each = text(all[i]);
    if (!each) return {};
    PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), each.release());
  }
  return tuple;
}

bool set(PyObject *object, const char *name, const Ref &value) {
  return value && PyObject_SetAttrString(object, name, value.get()) == 0;
}

bool set_all(const InputArray &input, PyObject *values) {
  PyObject *name, *value;
  for (Py_ssize_t at = 0; PyDict_Next(values, &at, &name, &value);)
    if (!input.set_attribute(text_of(name).c_str(), value)) return false;
  return true;
}

}  // namespace

bool InputArray::open(const PortFormat &format, int rate) {
  assert(with_gil());
  auto *type = reinterpret_cast<PyTypeObject *>(python.input_type);
  object_ = steal(type->tp_alloc(type, 0));
  return object_ && set(object_.get(), "name", text(format.name)) &&
         set(object_.get(), "pad_name", text("sink_" + format.name)) &&
         change(format, rate);
}

bool InputArray::change(const PortFormat &format, int rate) {
  assert(with_gil());
  format_ = format;
  info_ = steal(new_stream_info(rate, format.positions));
  if (!info_) return false;
  bind(python.stream_slot, info_.get());
  if (!open_array(format.channels, format.format, true)) return false;
  bind_array();
  return true;
}

void InputArray::bind(Py_ssize_t offset, PyObject *own) const {
  PyObject **bound = slot(object_.get(), offset);
  if (*bound != own) steal(std::exchange(*bound, borrow(own).release()));
}

void InputArray::bind_array() {
  bind(python.data_slot, array_.get());
}

bool InputArray::make_bound() {
  if (!make_array()) return false;
  bind_array();
  return true;
}

// Whoever took the empty array between two calls keeps an empty one.
bool InputArray::make_ready() {
  bind(python.stream_slot, info_.get());
  bind_array();
  return __builtin_expect(!is_array_kept(), 1) || make_bound();
}

void InputArray::show_block(const InputView &view, const Block &output) {
  show({reinterpret_cast<char *>(view.data), ptrdiff_t(output.frames),
        view.channel_stride, view.frame_stride});
  StreamInfo *info = info_of(info_.get());
  info->pts = view.pts;
  info->duration = output.duration;
  info->discont = view.discont;
  info->gap = view.gap;
  info->present = view.present;
  info->late = view.late;
}

bool InputArray::release(const InputView &view, bool *escaped) {
  bind(python.stream_slot, info_.get());
  bind_array();
  const bool kept = is_array_kept();
  if (!kept && is_as_made()) {
    hide();
    return true;
  }
  *escaped = *escaped || kept;
  if (kept) give_memory(view.keeper->keep());
  return make_bound();
}

bool InputViews::open(int rate) {
  assert(with_gil());
  close();
  rate_ = rate;
  mapping_ = steal(PyObject_CallNoArgs(python.inputs_type));
  return bool(mapping_);
}

void InputViews::close() {
  arrays_.clear();
  mapping_.reset();
  changed_ = told_ = false;
}

const InputArray *InputViews::find(const std::string &name) const {
  for (const auto &each : arrays_)
    if (each->format().name == name) return each.get();
  return nullptr;
}

bool InputViews::change(const std::vector<PortFormat> &formats,
                        PyObject *defaults) {
  assert(with_gil());
  std::vector<std::unique_ptr<InputArray>> before = std::move(arrays_);
  arrays_.clear();
  std::vector<std::string> added, removed;
  bool good = true;
  for (const PortFormat &format : formats) {
    const auto is_it = [&](const auto &each) {
      return each && each->format().name == format.name;
    };
    const auto known = std::find_if(before.begin(), before.end(), is_it);
    std::unique_ptr<InputArray> input;
    if (known != before.end()) {
      input = std::move(*known);
      if (!(input->format() == format)) good = input->change(format, rate_);
    } else {
      input = std::make_unique<InputArray>();
      good = input->open(format, rate_) && set_all(*input, defaults);
      added.push_back(format.name);
    }
    if (!good) return false;
    arrays_.push_back(std::move(input));
  }
  for (const auto &each : before)
    if (each) removed.push_back(each->format().name);
  return fill_mapping() && tell_changes(added, removed);
}

// In the order of the pads.
bool InputViews::fill_mapping() {
  PyDict_Clear(mapping_.get());
  for (const auto &each : arrays_) {
    Ref name = text(each->format().name);
    if (!name ||
        PyDict_SetItem(mapping_.get(), name.get(), each->object()) != 0)
      return false;
  }
  return true;
}

bool InputViews::tell_changes(const std::vector<std::string> &added,
                              const std::vector<std::string> &removed) {
  changed_ = !added.empty() || !removed.empty();
  told_ = false;
  return set(mapping_.get(), "added", texts(added)) &&
         set(mapping_.get(), "removed", texts(removed));
}

bool InputViews::show(const std::vector<InputView> &views,
                      const Block &output) {
  assert(views.size() == arrays_.size());
  if (__builtin_expect(changed_, 0) && std::exchange(told_, true) &&
      !tell_changes({}, {}))
    return false;
  for (const auto &each : arrays_)
    if (!each->make_ready()) return false;
  for (size_t i = 0; i < views.size(); i++)
    arrays_[i]->show_block(views[i], output);
  return true;
}

bool InputViews::release(const std::vector<InputView> &views,
                         CallResult *result) {
  bool good = true;
  for (size_t i = 0; i < views.size(); i++)
    good = arrays_[i]->release(views[i], &result->escaped) && good;
  return good;
}

}  // namespace pythonfilter
