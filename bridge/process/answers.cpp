// SPDX-License-Identifier: LGPL-2.1-or-later
#include "answers.hpp"

#include <cctype>
#include <utility>

namespace pythonfilter {

namespace {

// As the Python side has it; larger ones are memory that we would lack.
constexpr int most_block_frames = 1 << 20;

bool read_flag(const std::string &text, bool *flag) {
  *flag = text == "1";
  return text == "0" || text == "1";
}

// ---- messages --------------------------------------------------------------

bool read(const std::string &text, bool *value) {
  return read_flag(text, value);
}

bool read(const std::string &text, int64_t *value) {
  return parse_number(text, value);
}

bool read(const std::string &text, double *value) {
  return parse_number(text, value);
}

bool read(const std::string &text, std::string *value) {
  *value = valid_text(text);
  return true;
}

template <typename T>
bool read_one(const std::string &text, FieldValue *value) {
  T one;
  if (!read(text, &one)) return false;
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
    if (!read(text, &each)) return false;
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

// No more than anybody reads, with a mark; what reads it may make more of it.
std::string read_text(const std::string &text) {
  constexpr size_t most = 65536;
  if (text.size() <= most) return valid_text(text);
  return valid_text(text.substr(0, most)) + "… (" +
         std::to_string(text.size() - most) + " bytes more)";
}

// What GStreamer takes for the name of a structure, of a field, of a property:
// others would be criticals.
bool is_made_of(const std::string &text, const std::string &also) {
  for (const char c : text)
    if (!isalnum(uint8_t(c)) && also.find(c) == std::string::npos) return false;
  return !text.empty() && !isdigit(uint8_t(text[0]));
}

// ---- capabilities ----------------------------------------------------------

bool read_range(const std::string &text, std::vector<IntRange> *ranges) {
  const size_t space = text.find(' ');
  IntRange range;
  if (space == std::string::npos ||
      !parse_number(text.substr(0, space), &range.min) ||
      !parse_number(text.substr(space + 1), &range.max) || range.min < 1 ||
      range.min > range.max)
    return false;
  ranges->push_back(range);
  return true;
}

bool read_format(const std::string &text, std::vector<SampleFormat> *formats) {
  for (const auto &[name, format] : {std::pair("F32", SampleFormat::F32),
                                     {"F64", SampleFormat::F64},
                                     {"S16", SampleFormat::S16},
                                     {"S32", SampleFormat::S32}})
    if (text == name) {
      formats->push_back(format);
      return true;
    }
  return false;
}

// A second one of that name would be a critical of GLib's, too, and these two
// are every GstObject's.
bool can_be_property(const std::string &name,
                     const std::vector<ParameterSpec> &known) {
  for (const ParameterSpec &spec : known)
    if (spec.name == name) return false;
  return is_made_of(name, "_") && name[0] != '_' && name != "name" &&
         name != "parent";
}

bool read_parameter(const std::string &packed,
                    std::vector<ParameterSpec> *parameters) {
  using Kind = ParameterSpec::Kind;
  Fields texts;
  if (!decode_fields(packed, &texts) || texts.size() < 11) return false;
  for (std::string &text : texts)
    text = valid_text(std::move(text));
  ParameterSpec spec;
  spec.name = texts[0];
  for (const auto &[text, kind] : {std::pair("bool", Kind::Bool),
                                   {"int", Kind::Int},
                                   {"float", Kind::Float},
                                   {"choice", Kind::Choice}})
    if (texts[1] == text) spec.kind = kind;
  spec.default_value = texts[2];
  spec.value = texts[3];
  spec.minimum = texts[4];
  spec.maximum = texts[5];
  spec.unit = texts[6];
  spec.description = texts[7];
  spec.allowed = texts[8];
  if (!can_be_property(spec.name, *parameters) ||
      !read_flag(texts[9], &spec.secret) || !read_flag(texts[10], &spec.curve))
    return false;
  spec.choices.assign(texts.begin() + 11, texts.end());
  if (spec.kind == Kind::Choice && spec.choices.empty()) return false;
  parameters->push_back(std::move(spec));
  return true;
}

bool read_capability(const std::string &name, const std::string &value,
                     Capabilities *to, std::string *audio_name) {
  for (const auto &[text, flag] : {std::pair("interleaved", &to->interleaved),
                                   {"non_interleaved", &to->non_interleaved},
                                   {"read_only", &to->read_only},
                                   {"has_reset", &to->has_reset},
                                   {"has_drain", &to->has_drain},
                                   {"has_latency", &to->has_latency},
                                   {"has_unlock", &to->has_unlock},
                                   {"has_space", &to->has_space},
                                   {"has_duration", &to->has_duration},
                                   {"has_seek", &to->has_seek},
                                   {"fail_closed", &to->fail_closed},
                                   {"carries_state", &to->carries_state},
                                   {"converts", &to->converts},
                                   {"maps_to_output", &to->maps_to_output},
                                   {"maps_to_input", &to->maps_to_input},
                                   {"as_bytes", &to->as_bytes},
                                   {"pass_remainder", &to->pass_remainder}})
    if (name == text) return read_flag(value, flag);
  if (name == "format") return read_format(value, &to->formats);
  if (name == "rate") return read_range(value, &to->rates);
  if (name == "channels") return read_range(value, &to->channels);
  if (name == "parameter") return read_parameter(value, &to->parameters);
  if (name == "block_size")
    return parse_number(value, &to->block_size) && to->block_size >= 0 &&
           to->block_size <= most_block_frames;
  // A path is what it is.
  if (name == "file")
    to->files.push_back(value);
  else if (name == "warning")
    to->warnings.push_back(valid_text(value));
  else if (name == "secret")
    to->secrets.push_back(valid_text(value));
  else if (name == "input_caps")
    to->input_caps = valid_text(value);
  else if (name == "output_caps")
    to->output_caps = valid_text(value);
  else if (name == "audio_name")
    *audio_name = valid_text(value);
  else
    return false;
  return true;
}

const char *name_of(SampleFormat format) {
  switch (format) {
    case SampleFormat::F64:
      return "F64";
    case SampleFormat::S16:
      return "S16";
    case SampleFormat::S32:
      return "S32";
    case SampleFormat::F32:
      break;
  }
  return "F32";
}

const char *name_of(PluginKind kind) {
  return kind == PluginKind::Source ? "source"
         : kind == PluginKind::Sink ? "sink"
                                    : "processor";
}

std::string flag(bool set) {
  return set ? "1" : "0";
}

}  // namespace

bool read_failure(const Fields &record, size_t first, Failure *failure) {
  using Kind = Failure::Kind;
  *failure = Failure{};
  if (record.size() != first + 8) return false;
  bool known = false;
  for (const auto &[name, kind] : {std::pair("not-found", Kind::NotFound),
                                   {"unusable", Kind::Unusable},
                                   {"raised", Kind::Raised},
                                   {"refused", Kind::Refused},
                                   {"bad-result", Kind::BadResult},
                                   {"dropped", Kind::Dropped},
                                   {"end-of-stream", Kind::EndOfStream},
                                   {"interrupted", Kind::Interrupted}})
    if (record[first] == name) {
      failure->kind = kind;
      known = true;
    }
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
  return read_flag(record[6], &log->anonymous);
}

bool read_capabilities(const Fields &answer, Capabilities *capabilities,
                       std::string *audio_name) {
  if (answer.size() % 2 != 1) return false;
  for (size_t i = 1; i < answer.size(); i += 2)
    if (!read_capability(answer[i], answer[i + 1], capabilities, audio_name))
      return false;
  return !audio_name->empty();
}

bool read_values(const Fields &answer, std::vector<ParameterSpec> *of) {
  if (answer.size() % 2 != 1) return false;
  for (size_t i = 1; i < answer.size(); i += 2) {
    ParameterSpec *named = nullptr;
    for (ParameterSpec &spec : *of)
      if (spec.name == answer[i]) named = &spec;
    if (!named) return false;
    named->value = valid_text(answer[i + 1]);
  }
  return true;
}

Fields load_call(const PluginSpec &spec, int threshold) {
  return {"load",           name_of(spec.kind),       spec.script,
          spec.module,      spec.class_name,          spec.venv,
          flag(spec.again), std::to_string(threshold)};
}

Fields start_call(const StreamFormat &format) {
  return {"start",
          name_of(format.format),
          flag(format.interleaved),
          std::to_string(format.rate),
          std::to_string(format.channels),
          std::to_string(format.frames),
          format.input_caps,
          format.output_caps,
          flag(format.bytes),
          flag(format.in_place),
          std::to_string(format.output_frame),
          flag(format.output_known),
          name_of(format.output_format),
          flag(format.output_interleaved),
          std::to_string(format.output_channels)};
}

}  // namespace pythonfilter
