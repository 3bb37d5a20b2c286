// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Numbers for the places that samples are at, so that a worker knows one it has
// seen before by a single word.
#pragma once

#include <array>

#include "controlpage.hpp"

namespace pythonfilter {

class PlaceNumbers {
 public:
  // A kind of request, the same for the same place, and never another's.
  uint64_t number_of(const Request &request) {
    const Place place = {request.slot, request.offset, request.frames,
                         request.plane_stride};
    const uint64_t mixed =
        (place.slot * 31 + place.offset / 64 + place.frames) *
        0x9e3779b97f4a7c15u;
    Numbered &found = places_[mixed >> 58];
    if (__builtin_expect(!(found.place == place), 0))
      found = {place, next_number_++};
    return found.number;
  }

 private:
  struct Place {
    uint64_t slot, offset, frames, stride;
    bool operator==(const Place &other) const {
      return slot == other.slot && offset == other.offset &&
             frames == other.frames && stride == other.stride;
    }
  };
  struct Numbered {
    Place place = {};
    uint64_t number = first_place;
  };

  std::array<Numbered, 64> places_;
  uint64_t next_number_ = first_place + 1;
};

}  // namespace pythonfilter
