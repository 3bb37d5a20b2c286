// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The ports of a plugin as it sees them: a mapping that stays the same object,
// with one lasting object for each port.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "port_array.hpp"

namespace pythonfilter {

// `Array` is derived from PortArray, and can be opened.
template <typename Array>
class PortViews {
 public:
  // All need the GIL. Every bool: false with a Python exception set.
  void close() {
    arrays_.clear();
    mapping_.reset();
  }
  PyObject *mapping() const { return mapping_.get(); }
  // NULL: there is none of that name.
  Array *find(const std::string &name) const {
    for (const auto &each : arrays_)
      if (each->format().name == name) return each.get();
    return nullptr;
  }
  void describe(std::vector<PortFormat> *formats) const {
    for (const auto &each : arrays_)
      formats->push_back(each->format());
  }

 protected:
  using Names = std::vector<std::string>;

  bool open_mapping(PyObject *type, int rate) {
    assert(with_gil());
    close();
    rate_ = rate;
    mapping_ = steal(PyObject_CallNoArgs(type));
    return bool(mapping_);
  }

  // Those that stay are the same objects.
  bool change_ports(const std::vector<PortFormat> &formats, Names *added,
                    Names *removed) {
    assert(with_gil());
    auto before = std::move(arrays_);
    arrays_.clear();
    for (const PortFormat &format : formats) {
      const auto known =
          std::find_if(before.begin(), before.end(), [&](const auto &each) {
            return each && each->format().name == format.name;
          });
      const bool is_new = known == before.end();
      auto port = is_new ? std::make_unique<Array>() : std::move(*known);
      if (is_new) added->push_back(format.name);
      if (is_new ? !port->open(format, rate_)
                 : !(port->format() == format) && !port->change(format, rate_))
        return false;
      arrays_.push_back(std::move(port));
    }
    for (const auto &each : before)
      if (each) removed->push_back(each->format().name);
    return fill_mapping();
  }

  bool make_ready() {
    for (const auto &each : arrays_)
      if (!each->make_ready()) return false;
    return true;
  }

  Ref mapping_;
  std::vector<std::unique_ptr<Array>> arrays_;

 private:
  // In the order of the pads.
  bool fill_mapping() {
    PyDict_Clear(mapping_.get());
    for (const auto &each : arrays_) {
      Ref name = new_text(each->format().name);
      if (!name ||
          PyDict_SetItem(mapping_.get(), name.get(), each->object()) != 0)
        return false;
    }
    return true;
  }

  int rate_ = 0;
};

}  // namespace pythonfilter
