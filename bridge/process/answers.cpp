// SPDX-License-Identifier: LGPL-2.1-or-later
#include "answers.hpp"

#include <algorithm>
#include <utility>

#include "../words.hpp"

namespace pythonfilter {

namespace {

// ---- messages --------------------------------------------------------------

bool parse(const std::string &text, bool *value) {
  return parse_flag(text, value);
}

bool parse(const std::string &text, int64_t *value) {
  return parse_number(text, value);
}

bool parse(const std::string &text, double *value) {
  return parse_number(text, value);
}

bool parse(const std::string &text, std::string *value) {
  *value = valid_text(text);
  return true;
}

template <typename T>
bool read_one(const std::string &text, FieldValue *value) {
  T one;
  if (!parse(text, &one)) return false;
  *value = std::move(one);
  return true;
}

template <typename T>
bool read_list(const std::string &packed, FieldValue *value) {
  Fields texts;
  if (!decode_fields(packed, &texts)) return false;
  std::vector<T> all;
  for (const std::string &text : texts) {
    T each;
    if (!parse(text, &each)) return false;
    all.push_back(std::move(each));
  }
  *value = std::move(all);
  return true;
}

bool read_value(const std::string &type, const std::string &text,
                FieldValue *value) {
  if (type == "b") return read_one<bool>(text, value);
  if (type == "i") return read_one<int64_t>(text, value);
  if (type == "d") return read_one<double>(text, value);
  if (type == "s") return read_one<std::string>(text, value);
  if (type == "ab") return read_list<bool>(text, value);
  if (type == "ai") return read_list<int64_t>(text, value);
  if (type == "ad") return read_list<double>(text, value);
  if (type == "as") return read_list<std::string>(text, value);
  return false;
}

// Whose value is a list in its field.
bool is_list(const std::string &capability) {
  return capability == "parameter" || capability == "input_parameter" ||
         capability == "port";
}

// No more than anybody reads, with a mark; what reads it may make more of it.
std::string read_text(const std::string &text) {
  constexpr size_t most = 65536;
  if (text.size() <= most) return valid_text(text);
  return valid_text(text.substr(0, most)) + "… (" +
         std::to_string(text.size() - most) + " bytes more)";
}

std::string said_port(const PortFormat &port) {
  Fields fields = {port.name, word_for(format_words, port.format),
                   std::to_string(port.channels)};
  fields.insert(fields.end(), port.positions.begin(), port.positions.end());
  return encode_list(fields);
}

}  // namespace

bool read_failure(const Fields &record, size_t first, Failure *failure) {
  *failure = Failure{};
  if (record.size() != first + 8) return false;
  // What comes after this one is what we say of it.
  const bool known = find_word(failure_words, record[first], &failure->kind) &&
                     failure->kind <= Failure::Kind::Interrupted;
  failure->phase = read_text(record[first + 1]);
  failure->type = read_text(record[first + 2]);
  failure->message = read_text(record[first + 3]);
  failure->file = read_text(record[first + 4]);
  failure->function = read_text(record[first + 6]);
  failure->traceback = read_text(record[first + 7]);
  return known && parse_number(record[first + 5], &failure->line);
}

bool read_message(const Fields &record, Message *message) {
  constexpr char ours[] = "pythonfilter-";  // the elements' own
  if (record.size() < 2 || record.size() % 3 != 2 ||
      !is_made_of(record[1], "/-_.:+") || !isalpha(uint8_t(record[1][0])) ||
      record[1].compare(0, sizeof ours - 1, ours) == 0)
    return false;
  message->name = record[1];
  for (size_t i = 2; i < record.size(); i += 3) {
    FieldValue value;
    if (!is_made_of(record[i], "_") ||
        !read_value(record[i + 1], record[i + 2], &value))
      return false;
    message->fields.emplace_back(record[i], std::move(value));
  }
  return true;
}

bool read_log(const Fields &record, LogRecord *log) {
  int level;
  if (record.size() != 7 || !parse_number(record[1], &level) ||
      !parse_number(record[3], &log->line))
    return false;
  log->level = level_of(level);
  log->file = read_text(record[2]);
  log->function = read_text(record[4]);
  log->text = read_text(record[5]);
  return parse_flag(record[6], &log->anonymous);
}

bool read_capabilities(const Fields &answer, Capabilities *capabilities) {
  if (answer.size() % 2 != 1) return false;
  for (size_t i = 1; i < answer.size(); i += 2) {
    Fields values = {answer[i + 1]};
    if (is_list(answer[i]) && !decode_fields(answer[i + 1], &values))
      return false;
    if (!read_capability(answer[i], values, capabilities)) return false;
  }
  return !capabilities->audio_name.empty();
}

bool read_samples(const std::string &count, const std::string &bytes,
                  int channels, SampleFormat format,
                  std::vector<std::byte> *samples, size_t *frames) {
  int64_t told;
  if (!parse_number(count, &told) || told < 0 ||
      uint64_t(told) > bytes.size() ||
      bytes.size() != size_t(told) * size_t(channels) * sample_size(format))
    return false;
  const auto *first = reinterpret_cast<const std::byte *>(bytes.data());
  samples->assign(first, first + bytes.size());
  *frames = size_t(told);
  return true;
}

Fields load_call(const PluginSpec &spec, int threshold) {
  return {"load",
          word_for(kind_words, spec.kind),
          spec.script,
          spec.module,
          spec.class_name,
          spec.venv,
          spec.again ? "1" : "0",
          std::to_string(threshold),
          said(spec.likely)};
}

Fields start_call(const StreamFormat &format, PluginKind kind) {
  Fields call = said(format);
  call.insert(call.begin(), "start");
  if (!has_ports(kind)) return call;
  call.push_back(encode_list(format.positions));
  for (const PortFormat &each : format.ports(kind))
    call.push_back(said_port(each));
  return call;
}

Fields set_ports_call(const std::vector<PortFormat> &ports) {
  Fields call = {"set_ports"};
  for (const PortFormat &each : ports)
    call.push_back(said_port(each));
  return call;
}

bool read_tails(const Fields &answer, const std::vector<PortFormat> &outputs,
                std::vector<PortTail> *tails) {
  if (answer.size() % 3 != 1) return false;
  for (size_t i = 1; i < answer.size(); i += 3) {
    const auto output =
        std::find_if(outputs.begin(), outputs.end(),
                     [&](const auto &each) { return each.name == answer[i]; });
    PortTail tail;
    if (output == outputs.end() ||
        !read_samples(answer[i + 1], answer[i + 2], output->channels,
                      output->format, &tail.samples, &tail.frames))
      return false;
    tail.name = answer[i];
    tails->push_back(std::move(tail));
  }
  return true;
}

}  // namespace pythonfilter
