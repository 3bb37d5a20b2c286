// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whatever comes over a worker's sockets is taken apart or refused.
#include <string_view>

#include "../../bridge/process/answers.hpp"
#include "check.hpp"

using namespace pythonfilter;

namespace {

// What goes on to GStreamer has to be UTF-8 without a NUL.
bool is_text(const std::string &text) {
  return valid_text(text) == text && text.find('\0') == std::string::npos;
}

void check_capabilities(const Fields &fields) {
  Capabilities capabilities;
  if (!read_capabilities(fields, &capabilities)) return;
  CHECK(!capabilities.audio_name.empty() && is_text(capabilities.audio_name));
  CHECK(is_text(capabilities.input_caps) && is_text(capabilities.output_caps));
  CHECK(capabilities.block_size >= 0);
  for (const auto *ranges : {&capabilities.rates, &capabilities.channels})
    for (const IntRange &range : *ranges)
      CHECK(range.min >= 1 && range.min <= range.max);
  for (const auto *specs :
       {&capabilities.parameters, &capabilities.input_parameters})
    for (const ParameterSpec &spec : *specs)
      for (const std::string *text :
           {&spec.name, &spec.default_value, &spec.value, &spec.minimum,
            &spec.maximum, &spec.unit, &spec.description, &spec.allowed})
        CHECK(is_text(*text));
  CHECK(is_text(capabilities.output_like) && is_text(capabilities.passthrough));
  CHECK(capabilities.ports.size() <= size_t(max_ports));
  CHECK(capabilities.port_count.max <= max_ports);
  for (const Port &port : capabilities.ports) {
    CHECK(is_text(port.name) && !port.name.empty());
    CHECK(is_text(port.description));
    for (const IntRange &range : port.channels)
      CHECK(range.min >= 1 && range.min <= range.max);
  }
}

void check_failure(const Fields &fields) {
  Failure failure;
  if (!read_failure(fields, 1, &failure)) return;
  for (const std::string *text :
       {&failure.phase, &failure.type, &failure.message, &failure.file,
        &failure.function, &failure.traceback})
    CHECK(is_text(*text));
}

void check_log(const Fields &fields) {
  LogRecord log;
  if (!read_log(fields, &log)) return;
  CHECK(is_text(log.text) && is_text(log.file) && is_text(log.function));
}

void check_message(const Fields &fields) {
  Message message;
  if (!read_message(fields, &message)) return;
  CHECK(is_text(message.name) && !message.name.empty());
  for (const auto &[name, value] : message.fields)
    CHECK(is_text(name) && !name.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char *>(data), size);
  Fields fields;
  if (!decode_fields(bytes, &fields)) return 0;
  CHECK(fields.size() <= most_record_fields);
  CHECK(encode_record(fields).substr(4) == bytes);
  check_capabilities(fields);
  check_failure(fields);
  check_log(fields);
  check_message(fields);
  for (const std::string &field : fields) {
    CHECK(is_text(valid_text(field)));
    int64_t wide;
    double real;
    parse_number(field, &wide);
    parse_number(field, &real);
  }
  return 0;
}
