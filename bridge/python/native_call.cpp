// SPDX-License-Identifier: LGPL-2.1-or-later
#include "native_call.hpp"

#include <algorithm>
#include <cstring>
#include <strings.h>

#include "../samples.hpp"
#include "../text.hpp"
#include "../ticks.hpp"
#include "../words.hpp"

namespace pythonfilter {

namespace {

int64_t known(uint64_t value) {
  return value == no_time ? -1 : int64_t(value);
}

template <typename T>
void store(std::byte *record, ptrdiff_t place, T value) {
  std::memcpy(record + place, &value, sizeof value);
}

bool is_within(double value, const ParameterSpec &spec) {
  double limit;
  return value == value &&
         !(parse_number(spec.minimum, &limit) && value < limit) &&
         !(parse_number(spec.maximum, &limit) && value > limit);
}

bool is_within(int64_t value, const ParameterSpec &spec) {
  int64_t limit;
  return !(parse_number(spec.minimum, &limit) && value < limit) &&
         !(parse_number(spec.maximum, &limit) && value > limit);
}

// As Param.parse() of base_plugin takes it.
bool find_truth(const std::string &text, bool *truth) {
  for (const char *word : {"true", "yes", "on", "1"})
    if (strcasecmp(text.c_str(), word) == 0) return *truth = true;
  *truth = false;
  for (const char *word : {"false", "no", "off", "0"})
    if (strcasecmp(text.c_str(), word) == 0) return true;
  return false;
}

}  // namespace

bool NativeCall::read(PyObject *loaded, PluginKind kind,
                      const StreamFormat &format,
                      const Capabilities &capabilities) {
  assert(with_gil());
  clear();
  kind_ = kind;
  read_only_ = capabilities.read_only;
  format_ = format;
  if (format.bytes) return true;
  Ref told = steal(PyObject_CallMethod(
      loaded, "native_call", "sO", word_for(format_words, format.format),
      format.interleaved ? Py_True : Py_False));
  if (!told) return false;
  if (told.get() == Py_None) return true;
  unsigned long long function, params, state;
  const char *file;
  PyObject *fields;
  int own_setter;
  if (!PyArg_ParseTuple(told.get(), "KKKO!sip", &function, &params, &state,
                        &PyList_Type, &fields, &file, &line_, &own_setter) ||
      !add_fields(fields, capabilities))
    return false;
  name_ = capabilities.audio_name;
  file_ = file;
  params_ = reinterpret_cast<std::byte *>(uintptr_t(params));
  state_ = reinterpret_cast<void *>(uintptr_t(state));
  has_own_setter_ = own_setter;
  position_ = 0;
  function_ = reinterpret_cast<PythonfilterCall *>(uintptr_t(function));
  return true;
}

bool NativeCall::add_fields(PyObject *list, const Capabilities &capabilities) {
  fields_.clear();
  curves_.clear();
  for (const ParameterSpec &spec : capabilities.parameters)
    fields_.push_back({&spec, nowhere});
  for (Py_ssize_t i = 0; i < PyList_Size(list); i++) {
    const char *name;
    Py_ssize_t place;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "sn", &name, &place))
      return false;
    for (Field &field : fields_) {
      if (field.spec->name != name) continue;
      field.place = place;
      if (field.spec->curve) curves_.push_back({name, place, {}});
    }
  }
  return true;
}

NativeCall::Set NativeCall::set(const Parameter &parameter,
                                std::string *problem) {
  for (const Field &field : fields_) {
    const ParameterSpec &spec = *field.spec;
    if (spec.name != parameter.key) continue;
    if (field.place == nowhere) return Set::NotMine;
    // The values of a curve are the elements' to know.
    if (spec.curve || put(field, parameter.value)) return Set::Done;
    *problem = spec.name + " = " +
               (spec.secret ? "this value" : parameter.value) + ": must be " +
               spec.allowed;
    return Set::Refused;
  }
  return Set::NotMine;
}

bool NativeCall::set(const Number &number) {
  if (number.index >= fields_.size()) return false;
  const Field &field = fields_[number.index];
  const ParameterSpec &spec = *field.spec;
  // It was held against the limits that it was set under, which may be those of
  // the code before this.
  if (field.place == nowhere || spec.kind != number.spec->kind ||
      spec.name != number.spec->name || spec.minimum != number.spec->minimum ||
      spec.maximum != number.spec->maximum)
    return false;
  if (spec.curve) return true;
  if (spec.kind == ParameterSpec::Kind::Float)
    store(params_, field.place, number.real);
  else if (spec.kind == ParameterSpec::Kind::Bool)
    store(params_, field.place, uint8_t(number.whole));
  else
    store(params_, field.place, number.whole);
  return true;
}

bool NativeCall::put(const Field &field, const std::string &text) {
  const ParameterSpec &spec = *field.spec;
  double number;
  int64_t whole;
  bool truth;
  switch (spec.kind) {
    case ParameterSpec::Kind::Float:
      if (!parse_number(text, &number) || !is_within(number, spec))
        return false;
      store(params_, field.place, number);
      return true;
    case ParameterSpec::Kind::Int:
      if (!parse_number(text, &whole) || !is_within(whole, spec)) return false;
      store(params_, field.place, whole);
      return true;
    case ParameterSpec::Kind::Bool:
      if (!find_truth(text, &truth)) return false;
      store(params_, field.place, uint8_t(truth));
      return true;
    case ParameterSpec::Kind::Choice: {
      const auto found =
          std::find(spec.choices.begin(), spec.choices.end(), text);
      if (found == spec.choices.end()) return false;
      store(params_, field.place, int64_t(found - spec.choices.begin()));
      return true;
    }
    case ParameterSpec::Kind::String:
      break;
  }
  return false;
}

// Memory that is made again when a longer block comes, and not for each.
[[gnu::hot]] void NativeCall::fill_curves(const Block &block) {
  for (Curve &curve : curves_) {
    const float *values = nullptr;
    for (const pythonfilter::Curve &given : *block.curves) {
      if (given.name != curve.name) continue;
      if (given.values.size() >= block.frames) {
        values = given.values.data();
      } else {
        curve.values.assign(block.frames, given.constant);
        values = curve.values.data();
      }
    }
    store(params_, curve.place, values);
  }
}

[[gnu::cold]] void NativeCall::use_scratch(const Block &block,
                                           bool into_block) {
  const Dense dense(format_);
  if (into_block) return copy_to_block(scratch_.data(), dense, block);
  scratch_.resize(std::max(scratch_.size(), dense.size(block.frames)));
  copy_from_block(block, dense, scratch_.data());
}

[[gnu::hot]] Outcome NativeCall::operator()(const Block &block,
                                            CallResult *result,
                                            Failure *failure) {
  const auto size = ptrdiff_t(sample_size(format_.format));
  const auto frames = ptrdiff_t(block.frames);
  const ptrdiff_t channel_stride = format_.interleaved ? size : frames * size;
  const ptrdiff_t frame_stride =
      format_.interleaved ? size * format_.channels : size;
  const bool fits =
      !block.plane_offsets && block.frame_stride == frame_stride &&
      (block.channel_stride == channel_stride || format_.channels == 1) &&
      reinterpret_cast<uintptr_t>(block.data) % size_t(size) == 0;
  std::byte *data = block.data;
  if (__builtin_expect(!fits, 0)) {
    use_scratch(block, false);
    data = scratch_.data();
    result->copied = true;
  }
  if (__builtin_expect(!curves_.empty(), 0) && block.curves) fill_curves(block);
  PythonfilterStream stream;
  stream.frames = frames;
  stream.position = position_;
  stream.offset = known(block.offset);
  stream.pts = known(block.pts);
  stream.duration = known(block.duration);
  stream.version = PYTHONFILTER_CALL_VERSION;
  stream.sample_rate = format_.rate;
  stream.channels = format_.channels;
  stream.format = int32_t(format_.format);
  stream.interleaved = format_.interleaved;
  stream.discont = block.discont;
  stream.gap = block.gap;
  stream.reserved = 0;
  const int32_t status =
      function_(data, format_.channels, frames, channel_stride, frame_stride,
                params_, state_, &stream);
  result->discont = block.discont || stream.discont;
  if (__builtin_expect(status != PYTHONFILTER_OK, 0))
    return outcome_of(status, failure);
  if (__builtin_expect(!fits, 0) && !read_only_) use_scratch(block, true);
  // Only a source can have fewer.
  if (__builtin_expect(stream.frames < frames && kind_ == PluginKind::Source,
                       0))
    result->missing = size_t(frames - std::max<int64_t>(stream.frames, 0));
  position_ += frames - ptrdiff_t(result->missing);
  return result->missing > 0 && result->missing == block.frames
             ? Outcome::EndOfStream
             : Outcome::Ok;
}

[[gnu::cold]] Outcome NativeCall::outcome_of(int32_t status,
                                             Failure *failure) const {
  if (status == PYTHONFILTER_NOTHING_YET && can_decline(kind_))
    return Outcome::Declined;
  Failure told;
  told.kind = Failure::Kind::Refused;
  told.phase = told.function = name_;
  told.file = file_;
  told.line = line_;
  told.message = name_ + "() ";
  if (status == PYTHONFILTER_RAISED)
    told.message +=
        "raised an exception in machine code: NUMBA_DISABLE_JIT=1 runs it as "
        "Python, which says which";
  else
    told.message += "returned " + std::to_string(status);
  *failure = std::move(told);
  return Outcome::Failed;
}

}  // namespace pythonfilter
