// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The inputs of a mixer as its plugin sees them: a mapping that stays the same
// object, with one lasting object for each input, whose array is pointed at
// what the input has in each block.
#pragma once

#include <memory>

#include "array_view.hpp"
#include "names.hpp"

namespace pythonfilter {

// One input. Unlike an AudioBuffer a plugin may keep it: it always shows what
// is now. Its array is guarded as any other.
class InputArray final : private ArrayView {
 public:
  // All need the GIL. Every bool: false with a Python exception set.
  bool open(const PortFormat &format, int rate);
  // It is the same input, which has other samples from here on.
  bool change(const PortFormat &format, int rate);
  void show_block(const InputView &view, const Block &output);
  // An attribute of the object.
  bool set_attribute(const char *name, PyObject *value) const {
    return PyObject_SetAttrString(object(), name, value) == 0;
  }
  // Lets go of the memory, or leaves it to whoever kept it.
  bool release(const InputView &view, bool *escaped);
  // For a call of which nothing was shown.
  bool make_ready();

  PyObject *object() const { return object_.get(); }
  const PortFormat &format() const { return format_; }

 private:
  void bind_array();
  bool make_bound();
  void bind(Py_ssize_t offset, PyObject *own) const;

  PortFormat format_;
  Ref object_;  // the MixerInput
  Ref info_;    // its _stream
};

class InputViews {
 public:
  // As those of an input.
  bool open(int rate);
  void close();
  // `defaults`: a dict of what each that is new has besides.
  bool change(const std::vector<PortFormat> &formats, PyObject *defaults);
  // Shows what is in `views`, which are as many as the inputs.
  bool show(const std::vector<InputView> &views, const Block &output);
  bool release(const std::vector<InputView> &views, CallResult *result);

  PyObject *mapping() const { return mapping_.get(); }
  // NULL: there is none of that name.
  const InputArray *find(const std::string &name) const;
  void describe(std::vector<PortFormat> *formats) const {
    for (const auto &each : arrays_)
      formats->push_back(each->format());
  }

 private:
  bool fill_mapping();
  bool tell_changes(const std::vector<std::string> &added,
                    const std::vector<std::string> &removed);

  int rate_ = 0;
  Ref mapping_;  // the MixerInputs
  std::vector<std::unique_ptr<InputArray>> arrays_;
  bool changed_ = false;  // mapping_ says which, and the next call is to see it
  bool told_ = false;     // it has seen it
};

}  // namespace pythonfilter
