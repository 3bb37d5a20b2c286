// SPDX-License-Identifier: LGPL-2.1-or-later
#include "capabilities.hpp"

#include "text.hpp"
#include "words.hpp"

namespace pythonfilter {

namespace {

using Texts = std::vector<std::string>;

// As the Python side has it; larger ones are memory that we would lack.
constexpr int most_block_frames = 1 << 20;

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

// A second one of that name would be a critical of GLib's, too, and these two
// are every GstObject's.
bool can_be_property(const std::string &name,
                     const std::vector<ParameterSpec> &known) {
  for (const ParameterSpec &spec : known)
    if (spec.name == name) return false;
  return is_made_of(name, "_") && name[0] != '_' && name != "name" &&
         name != "parent";
}

bool read_part(const std::string &name, const std::string &value,
               ParameterSpec *to) {
  for (const auto &[word, text] : parameter_texts)
    if (name == word) {
      to->*text = valid_text(value);
      return true;
    }
  for (const auto &[word, flag] : parameter_flags)
    if (name == word) return parse_flag(value, &(to->*flag));
  if (name == "kind") return find_word(parameter_words, value, &to->kind);
  if (name == "choice") to->choices.push_back(valid_text(value));
  return name == "choice";
}

// `values` are the parameter's name, then pairs of a word and a value.
bool read_parameter(const Texts &values, std::vector<ParameterSpec> *known) {
  if (values.size() % 2 != 1 || !can_be_property(values[0], *known))
    return false;
  ParameterSpec spec;
  spec.name = values[0];
  for (size_t i = 1; i < values.size(); i += 2)
    if (!read_part(values[i], values[i + 1], &spec)) return false;
  if (spec.kind == ParameterSpec::Kind::Choice && spec.choices.empty())
    return false;
  spec.value = spec.default_value;
  known->push_back(std::move(spec));
  return true;
}

bool read_format(const std::string &text, std::vector<SampleFormat> *formats) {
  SampleFormat format;
  if (!find_word(format_words, text, &format)) return false;
  formats->push_back(format);
  return true;
}

// So that its pad can be called so; a second one cannot.
bool can_be_port(const std::string &name, const std::vector<Port> &known) {
  for (const Port &port : known)
    if (port.name == name || port.name == any_port || name == any_port)
      return false;
  return known.size() < size_t(max_ports) &&
         (name == any_port || is_made_of(name, "_"));
}

// As read_parameter().
bool read_port(const Texts &values, std::vector<Port> *known) {
  if (values.size() % 2 != 1 || !can_be_port(values[0], *known)) return false;
  Port port;
  port.name = values[0];
  for (size_t i = 1; i < values.size(); i += 2) {
    const std::string &word = values[i], &value = values[i + 1];
    if (word == "description")
      port.description = valid_text(value);
    else if (!(word == "format" ? read_format(value, &port.formats)
               : word == "channels"
                   ? read_range(value, &port.channels)
                   : word == "optional" && parse_flag(value, &port.optional)))
      return false;
  }
  known->push_back(std::move(port));
  return true;
}

bool read_port_count(const std::string &text, IntRange *count) {
  std::vector<IntRange> ranges;
  if (!read_range(text, &ranges) || ranges[0].max > max_ports) return false;
  *count = ranges[0];
  return true;
}

bool read_one(const std::string &name, const std::string &value,
              Capabilities *to) {
  for (const auto &[word, flag] : capability_flags)
    if (name == word) return parse_flag(value, &(to->*flag));
  for (const auto &[word, text] : info_texts)
    if (name == word) {
      to->info.*text = valid_text(value);
      return true;
    }
  if (name == "format") return read_format(value, &to->formats);
  if (name == "rate") return read_range(value, &to->rates);
  if (name == "channels") return read_range(value, &to->channels);
  if (name == "port_count") return read_port_count(value, &to->port_count);
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
  else if (name == "output_like")
    to->output_like = valid_text(value);
  else if (name == "passthrough")
    to->passthrough = valid_text(value);
  else if (name == "audio_name")
    to->audio_name = valid_text(value);
  else
    return false;
  return true;
}

}  // namespace

bool read_capability(const std::string &name, const Texts &values,
                     Capabilities *to) {
  if (name == "parameter") return read_parameter(values, &to->parameters);
  if (name == "input_parameter")
    return read_parameter(values, &to->input_parameters);
  if (name == "port") return read_port(values, &to->ports);
  for (const std::string &value : values)
    if (!read_one(name, value, to)) return false;
  return true;
}

bool read_values(const Texts &pairs, size_t first,
                 std::vector<ParameterSpec> *of) {
  if ((pairs.size() - first) % 2 != 0) return false;
  for (size_t i = first; i < pairs.size(); i += 2) {
    ParameterSpec *named = nullptr;
    for (ParameterSpec &spec : *of)
      if (spec.name == pairs[i]) named = &spec;
    if (!named) return false;
    named->value = valid_text(pairs[i + 1]);
  }
  return true;
}

}  // namespace pythonfilter
