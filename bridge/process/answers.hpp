// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What records of a worker say. Nothing of it is believed before it was
// checked; false: it is not what the protocol says.
#pragma once

#include "../bridge.hpp"
#include "wire.hpp"

namespace pythonfilter {

// The fields behind the name of the record, from `first` on.
bool read_failure(const Fields &record, size_t first, Failure *failure);
bool read_message(const Fields &record, Message *message);
bool read_log(const Fields &record, LogRecord *log);
// The answer to `load`.
bool read_capabilities(const Fields &answer, Capabilities *capabilities);

Fields load_call(const PluginSpec &spec, int threshold);
Fields start_call(const StreamFormat &format, PluginKind kind);
Fields set_inputs_call(const std::vector<PortFormat> &inputs);

}  // namespace pythonfilter
