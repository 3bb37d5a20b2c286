// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How Python, workers, the scan and bus messages call what is an enum here.
#pragma once

#include "bridge.hpp"

namespace pythonfilter {

template <typename T>
struct Word {
  const char *text;
  T means;
};

constexpr Word<SampleFormat> format_words[] = {{"F32", SampleFormat::F32},
                                               {"F64", SampleFormat::F64},
                                               {"S16", SampleFormat::S16},
                                               {"S32", SampleFormat::S32}};

constexpr Word<PluginKind> kind_words[] = {{"processor", PluginKind::Processor},
                                           {"source", PluginKind::Source},
                                           {"sink", PluginKind::Sink},
                                           {"mixer", PluginKind::Mixer},
                                           {"splitter", PluginKind::Splitter}};

constexpr Word<ParameterSpec::Kind> parameter_words[] = {
    {"bool", ParameterSpec::Kind::Bool},
    {"int", ParameterSpec::Kind::Int},
    {"float", ParameterSpec::Kind::Float},
    {"string", ParameterSpec::Kind::String},
    {"choice", ParameterSpec::Kind::Choice}};

constexpr Word<Failure::Kind> failure_words[] = {
    {"not-found", Failure::Kind::NotFound},
    {"unusable", Failure::Kind::Unusable},
    {"raised", Failure::Kind::Raised},
    {"refused", Failure::Kind::Refused},
    {"bad-result", Failure::Kind::BadResult},
    {"dropped", Failure::Kind::Dropped},
    {"end-of-stream", Failure::Kind::EndOfStream},
    {"interrupted", Failure::Kind::Interrupted},
    {"late", Failure::Kind::Late},
    {"lost", Failure::Kind::Lost},
    {"gone", Failure::Kind::Gone},
    {"closing", Failure::Kind::Closing}};

// False: nothing is called so, and `means` is as it was.
template <typename T, size_t count>
bool find_word(const Word<T> (&words)[count], const std::string &text,
               T *means) {
  for (const Word<T> &word : words)
    if (text == word.text) {
      *means = word.means;
      return true;
    }
  return false;
}

// Each value is in its table.
template <typename T, size_t count>
const char *word_for(const Word<T> (&words)[count], T means) {
  for (const Word<T> &word : words)
    if (word.means == means) return word.text;
  return words[0].text;
}

// As they are told to Python and to workers: "F32 1,S16 0".
inline std::string said(const std::vector<SampleLayout> &layouts) {
  std::string text;
  for (const SampleLayout &each : layouts)
    text += std::string(text.empty() ? "" : ",") +
            word_for(format_words, each.format) +
            (each.interleaved ? " 1" : " 0");
  return text;
}

// The same of a stream's; results.py takes it apart.
inline std::vector<std::string> said(const StreamFormat &format) {
  const auto flag = [](bool set) { return set ? "1" : "0"; };
  return {word_for(format_words, format.format),
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
          word_for(format_words, format.output_format),
          flag(format.output_interleaved),
          std::to_string(format.output_channels)};
}

}  // namespace pythonfilter
