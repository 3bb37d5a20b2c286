// SPDX-License-Identifier: LGPL-2.1-or-later
#include "native_call.hpp"

#include <algorithm>
#include <cstring>

#include "../samples.hpp"
#include "../ticks.hpp"
#include "../words.hpp"

namespace pythonfilter {

namespace {

int64_t known(uint64_t value) {
  return value == no_time ? -1 : int64_t(value);
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
      !read_fields(fields, capabilities))
    return false;
  name_ = capabilities.audio_name;
  file_ = file;
  params_ = reinterpret_cast<std::byte *>(uintptr_t(params));
  state_ = reinterpret_cast<void *>(uintptr_t(state));
  has_own_setter_ = own_setter;
  position_ = 0;
  inputs_.forget();
  function_ = reinterpret_cast<void *>(uintptr_t(function));
  return true;
}

bool NativeCall::read_fields(PyObject *list, const Capabilities &capabilities) {
  if (!fields_.read(list, capabilities.parameters)) return false;
  fields_.list_curves("", &curves_);
  return true;
}

bool NativeCall::read_inputs(PyObject *loaded,
                             const std::vector<PortFormat> &inputs,
                             const Capabilities &capabilities) {
  if (empty()) return true;
  Ref told = steal(PyObject_CallMethod(loaded, "native_inputs", nullptr));
  unsigned long long function;
  PyObject *order, *fields;
  Py_ssize_t size;
  if (!told || !PyArg_ParseTuple(told.get(), "KO!O!n", &function, &PyList_Type,
                                 &order, &PyList_Type, &fields, &size))
    return false;
  function_ = reinterpret_cast<void *>(uintptr_t(function));
  return inputs_.read(inputs, order, fields, size_t(size),
                      capabilities.input_parameters);
}

[[gnu::cold]] void NativeCall::use_scratch(const Block &block,
                                           bool into_block) {
  const Dense dense(format_);
  if (into_block) return copy_to_block(scratch_.data(), dense, block);
  scratch_.resize(std::max(scratch_.size(), dense.size(block.frames)));
  copy_from_block(block, dense, scratch_.data());
}

[[gnu::always_inline]] inline int32_t NativeCall::call(
    std::byte *data, ptrdiff_t frames, ptrdiff_t channel_stride,
    ptrdiff_t frame_stride, const std::vector<InputView> *inputs,
    PythonfilterStream *stream) {
  if (__builtin_expect(!inputs, 1))
    return reinterpret_cast<PythonfilterCall *>(function_)(
        data, format_.channels, frames, channel_stride, frame_stride, params_,
        state_, stream);
  inputs_.show(*inputs, size_t(frames));
  return reinterpret_cast<PythonfilterMixCall *>(function_)(
      data, format_.channels, frames, channel_stride, frame_stride, params_,
      state_, stream, inputs_.data(), inputs_.count());
}

[[gnu::hot]] Outcome NativeCall::operator()(
    const Block &block, const std::vector<InputView> *inputs,
    CallResult *result, Failure *failure) {
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
  if (__builtin_expect(!curves_.empty(), 0))
    curves_.fill(block.curves, block.frames, params_);
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
      call(data, frames, channel_stride, frame_stride, inputs, &stream);
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
