// SPDX-License-Identifier: LGPL-2.1-or-later
#include "input_views.hpp"

#include <algorithm>
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
  added_.clear();
  removed_.clear();
  told_ = false;
  return open_mapping(python.inputs_type, rate);
}

bool InputViews::change(const std::vector<PortFormat> &formats,
                        PyObject *defaults) {
  Names added, removed;
  if (!change_ports(formats, &added, &removed)) return false;
  for (const std::string &name : added)
    if (!set_all(*find(name), defaults)) return false;
  if (std::exchange(told_, false)) {
    added_.clear();
    removed_.clear();
  }
  for (const std::string &name : removed) {
    // Of one that came since the last call nobody has heard.
    const auto unheard = std::find(added_.begin(), added_.end(), name);
    if (unheard == added_.end())
      removed_.push_back(name);
    else
      added_.erase(unheard);
  }
  added_.insert(added_.end(), added.begin(), added.end());
  return tell_changes();
}

bool InputViews::tell_changes() {
  return set_named(mapping_.get(), "added", texts(added_)) &&
         set_named(mapping_.get(), "removed", texts(removed_));
}

bool InputViews::show(const std::vector<InputView> &views,
                      const Block &output) {
  assert(views.size() == arrays_.size());
  if (__builtin_expect(!told_, 0)) {
    told_ = true;
  } else if (__builtin_expect(!added_.empty() || !removed_.empty(), 0)) {
    added_.clear();
    removed_.clear();
    if (!tell_changes()) return false;
  }
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
