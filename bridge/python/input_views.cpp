// SPDX-License-Identifier: LGPL-2.1-or-later
#include "input_views.hpp"

#include <utility>

namespace pythonfilter {

namespace {

Ref texts(const std::vector<std::string> &all) {
  Ref tuple = steal(PyTuple_New(Py_ssize_t(all.size())));
  for (size_t i = 0; tuple && i < all.size(); i++) {
    Ref each = new_text(all[i]);
    if (!each) return {};
    PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), each.release());
  }
  return tuple;
}

bool set_all(const InputArray &input, PyObject *values) {
  PyObject *name, *value;
  for (Py_ssize_t at = 0; PyDict_Next(values, &at, &name, &value);)
    if (!input.set_attribute(text_of(name).c_str(), value)) return false;
  return true;
}

}  // namespace

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
  info->curves = view.curves;
  info->input = &format().name;
  info->frames = output.frames;
}

bool InputViews::open(int rate) {
  changed_ = told_ = false;
  return open_mapping(python.inputs_type, rate);
}

bool InputViews::change(const std::vector<PortFormat> &formats,
                        PyObject *defaults) {
  Names added, removed;
  if (!change_ports(formats, &added, &removed)) return false;
  for (const std::string &name : added)
    if (!set_all(*find(name), defaults)) return false;
  return tell_changes(added, removed);
}

bool InputViews::tell_changes(const Names &added, const Names &removed) {
  changed_ = !added.empty() || !removed.empty();
  told_ = false;
  return set_named(mapping_.get(), "added", texts(added)) &&
         set_named(mapping_.get(), "removed", texts(removed));
}

bool InputViews::show(const std::vector<InputView> &views,
                      const Block &output) {
  assert(views.size() == arrays_.size());
  if (__builtin_expect(changed_, 0) && std::exchange(told_, true) &&
      !tell_changes({}, {}))
    return false;
  if (!make_ready()) return false;
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
