// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The two small Python types behind a view: the owner of an array's memory,
// and the facts about a block that an AudioBuffer reads when it is asked.
#pragma once

#include "../bridge.hpp"
#include "python.hpp"

namespace pythonfilter {

// All need the GIL; false or NULL: exception set.
bool make_view_types();

// Of memory that may not be written, if `read_only`.
PyObject *new_memory_owner(bool read_only);
// From now on the memory lives until the owner dies.
void give_to_owner(PyObject *owner, std::unique_ptr<KeptMemory> memory);

PyObject *new_stream_info(int rate);
// Stores a few numbers; objects are made only when the plugin reads them.
void fill_stream_info(PyObject *info, const Block &block);
// What the plugin may have changed. The block is forgotten.
bool discont_after_call(PyObject *info);

}  // namespace pythonfilter
