// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Parameters that a C function reads, in a record: where each of them is, and
// what it may be.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

template <typename T>
void store(std::byte *record, ptrdiff_t place, T value) {
  std::memcpy(record + place, &value, sizeof value);
}

// The curves among such parameters, as an array of a value for each frame.
class NativeCurves {
 public:
  void add(const std::string &name, ptrdiff_t place) {
    curves_.push_back({name, place, {}});
  }
  void clear() { curves_.clear(); }
  bool empty() const { return curves_.empty(); }
  // Those of this block, into the record. `given`: NULL, or what there is.
  void fill(const std::vector<Curve> *given, size_t frames, std::byte *record);

 private:
  struct Each {
    std::string name;
    ptrdiff_t place;
    std::vector<float> values;  // where it is the same for all frames
  };
  std::vector<Each> curves_;
};

class NativeFields {
 public:
  // `list`: of (name, place), of those of `specs`, which live on, that the
  // function knows. With the GIL. False: an exception is set.
  bool read(PyObject *list, const std::vector<ParameterSpec> &specs);
  // Those that come as an array for each block, whose names begin with that.
  void list_curves(const std::string &prefix, NativeCurves *curves) const;

  // Done: the function's next call has it. NotMine: it is no number of the
  // function's. Refused: it is not what the plugin allows, as `problem` says.
  enum class Set { Done, NotMine, Refused };
  Set set(std::byte *record, const Parameter &parameter,
          std::string *problem) const;
  // One that its Param allows. False: it is not the function's, or its Param
  // allows others.
  bool set(std::byte *record, const Number &number) const;
  // What each is that nobody has set.
  void set_defaults(std::byte *record) const;

 private:
  struct Field {
    const ParameterSpec *spec;  // of the plugin's capabilities
    ptrdiff_t place;            // nowhere: it is not the function's
  };
  static constexpr ptrdiff_t nowhere = -1;

  static bool put(std::byte *record, const Field &field,
                  const std::string &text);

  std::vector<Field> fields_;  // one for each that the plugin declares
};

}  // namespace pythonfilter
