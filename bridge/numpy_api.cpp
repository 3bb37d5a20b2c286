// SPDX-License-Identifier: LGPL-2.1-or-later
#define PYTHONFILTER_IMPORTS_NUMPY
#include "numpy_api.hpp"

namespace pythonfilter {

bool import_numpy() {
  return _import_array() == 0;
}

}  // namespace pythonfilter
