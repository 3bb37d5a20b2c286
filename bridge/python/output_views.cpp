// SPDX-License-Identifier: LGPL-2.1-or-later
#include "output_views.hpp"

#include <utility>

#include "../words.hpp"
#include "errors.hpp"

namespace pythonfilter {

namespace {

// One of those that come and go.
bool is_gone(PyObject *name) {
  return PyUnicode_Check(name) &&
         text_of(name).find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

void OutputArray::show_block(const OutputView &view, const Block &input) {
  fill_stream_info(info_.get(), input);
  StreamInfo *info = info_of(info_.get());
  info->linked = view.data != nullptr;
  info->silent = false;
  info->channels = channels_;
  info->type_num = type_num_;
  info->frames = input.frames;
  if (info->linked)
    show({reinterpret_cast<char *>(view.data), ptrdiff_t(input.frames),
          view.channel_stride, view.frame_stride});
  else
    // Who asks for it all the same gets an array that is nobody else's.
    bind(python.data_slot, nullptr);
}

bool OutputArray::refuse(PyObject *samples, ptrdiff_t frames) const {
  return say_why("wrong_output", "sOsin", format().name.c_str(), samples,
                 word_for(format_words, format().format), format().channels,
                 Py_ssize_t(frames));
}

bool OutputArray::take(OutputView *view) {
  StreamInfo *info = info_of(info_.get());
  view->silent = info->silent;
  view->discont = info->discont;
  if (!view->data || view->silent) return true;
  PyObject *bound = *slot(object(), python.data_slot);
  if (__builtin_expect(bound == array_.get(), 1)) return has_memory();
  if (!bound) return say_why("deleted_data");
  const auto frames = ptrdiff_t(info->frames);
  return has_memory() &&
         (fits(bound, frames) ? copy_in(bound, frames) : refuse(bound, frames));
}

bool OutputArray::take_tail(PyObject *samples, PortTail *tail) const {
  tail->name = format().name;
  return fits(samples, -1) ? copy_out(samples, &tail->samples, &tail->frames)
                           : refuse(samples, -1);
}

bool OutputArray::release(const OutputView &view, bool *escaped) {
  info_of(info_.get())->block = nullptr;
  return !view.data || let_go(view.keeper, escaped);
}

bool OutputViews::change(const std::vector<PortFormat> &formats) {
  Names added, removed;
  return change_ports(formats, &added, &removed);
}

bool OutputViews::show(const std::vector<OutputView> &views,
                       const Block &input) {
  assert(views.size() == arrays_.size());
  if (!make_ready()) return false;
  for (size_t i = 0; i < views.size(); i++)
    arrays_[i]->show_block(views[i], input);
  return true;
}

bool OutputViews::take(std::vector<OutputView> *views) {
  for (size_t i = 0; i < views->size(); i++)
    if (!arrays_[i]->take(&(*views)[i])) return false;
  return true;
}

bool OutputViews::release(const std::vector<OutputView> &views,
                          CallResult *result) {
  // What one was bound to may be another's.
  for (const auto &each : arrays_)
    each->bind_own();
  bool good = true;
  for (size_t i = 0; i < views.size(); i++)
    good = arrays_[i]->release(views[i], &result->escaped) && good;
  return good;
}

bool OutputViews::take_tails(PyObject *given,
                             std::vector<PortTail> *tails) const {
  assert(with_gil());
  if (!PyDict_Check(given))
    return say_why("wrong_tails", "OO", given, mapping());
  PyObject *name, *samples;
  for (Py_ssize_t at = 0; PyDict_Next(given, &at, &name, &samples);) {
    const OutputArray *output =
        PyUnicode_Check(name) ? find(text_of(name)) : nullptr;
    if (!output && is_gone(name)) continue;
    if (!output) return say_why("wrong_tails", "OO", given, mapping());
    tails->emplace_back();
    if (!output->take_tail(samples, &tails->back())) return false;
  }
  return true;
}

}  // namespace pythonfilter
