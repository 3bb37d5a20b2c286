// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What plugins answer, wherever they run.
#include "bridge.hpp"
#include "text.hpp"

namespace pythonfilter {

bool read_answer(const Question &question,
                 const std::vector<std::string> &texts, Answer *answer) {
  *answer = {};
  if (texts.size() < question.least || texts.size() > question.most)
    return false;
  for (const std::string &text : texts) {
    int64_t &whole = answer->whole[answer->count++];
    if (question.limit
            ? !parse_number(text, &whole) || whole < 0 || whole > question.limit
            : !parse_number(text, &answer->real))
      return false;
  }
  return true;
}

bool Plugin::preferences(Preferences *preferences, Failure *failure) {
  Answer told;
  if (!ask(ask_preferences, 0, &told, failure)) return false;
  *preferences = {int(told.whole[0]), int(told.whole[1]), int(told.whole[2])};
  return true;
}

bool Plugin::duration(uint64_t *duration, Failure *failure) {
  Answer told;
  if (!ask(ask_duration, 0, &told, failure)) return false;
  *duration = told.count ? uint64_t(told.whole[0]) : no_time;
  return true;
}

bool Plugin::seek(uint64_t place, Failure *failure) {
  Answer nothing;
  return ask(ask_seek, place, &nothing, failure);
}

bool Plugin::latency(double *seconds, Failure *failure) {
  Answer told;
  if (!ask(ask_latency, 0, &told, failure)) return false;
  if (told.count) *seconds = told.real;
  return true;
}

bool Plugin::reset(Failure *failure) {
  Answer nothing;
  return ask(ask_reset, 0, &nothing, failure);
}

bool Plugin::available_space(int *frames, Failure *failure) {
  Answer told;
  if (!ask(ask_space, 0, &told, failure)) return false;
  *frames = int(told.whole[0]);
  return true;
}

namespace {

bool no_mixer(Failure *failure, const char *phase) {
  *failure = {Failure::Kind::Refused, phase, "", "is no mixer"};
  return false;
}

bool no_splitter(Failure *failure, const char *phase) {
  *failure = {Failure::Kind::Refused, phase, "", "is no splitter"};
  return false;
}

}  // namespace

Outcome Plugin::mix(const Block &, const std::vector<InputView> &, CallResult *,
                    Failure *failure) {
  no_mixer(failure, "mix_audio");
  return Outcome::Failed;
}

bool Plugin::set_inputs(const std::vector<PortFormat> &, Failure *failure) {
  return no_mixer(failure, "set_inputs");
}

bool Plugin::set_input_parameter(const std::string &, const Parameter &,
                                 Failure *failure) {
  return no_mixer(failure, "set_parameter");
}

Outcome Plugin::split(const Block &, std::vector<OutputView> *, CallResult *,
                      Failure *failure) {
  no_splitter(failure, "split_audio");
  return Outcome::Failed;
}

bool Plugin::set_outputs(const std::vector<PortFormat> &, Failure *failure) {
  return no_splitter(failure, "set_outputs");
}

}  // namespace pythonfilter
