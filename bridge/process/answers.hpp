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
// What is left at the end: how many frames, and one channel after another.
bool read_samples(const std::string &count, const std::string &bytes,
                  int channels, SampleFormat format,
                  std::vector<std::byte> *samples, size_t *frames);
// The same of some of a splitter's outputs, each after its name.
bool read_tails(const Fields &answer, const std::vector<PortFormat> &outputs,
                std::vector<PortTail> *tails);

Fields load_call(const PluginSpec &spec, int threshold);
Fields start_call(const StreamFormat &format, PluginKind kind);
Fields set_ports_call(const std::vector<PortFormat> &ports);

}  // namespace pythonfilter
