// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is in the file of a sink.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace check {

// The samples of a WAV file of 32-bit floats, of all channels; none: it is no
// such file, or not whole.
inline std::vector<float> samples_of(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(stream), {}};
  const size_t data = file.find("data");
  unsigned size;  // which its writer knows at the end
  if (data == std::string::npos || data + 8 > file.size()) return {};
  memcpy(&size, &file[data + 4], sizeof size);
  if (data + 8 + size > file.size()) return {};
  std::vector<float> samples(size / sizeof(float));
  memcpy(samples.data(), &file[data + 8], size);
  return samples;
}

inline float peak(const std::vector<float> &samples, size_t from, size_t to) {
  float highest = 0;
  for (size_t i = from; i < std::min(to, samples.size()); i++)
    highest = std::max(highest, std::fabs(samples[i]));
  return highest;
}

}  // namespace check
