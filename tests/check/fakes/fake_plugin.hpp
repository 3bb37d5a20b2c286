// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the fake plugins share: one of F32 samples for which everything succeeds
// and nothing happens.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../../../bridge/bridge.hpp"

namespace pythonfilter {

class FakePlugin : public Plugin {
 public:
  explicit FakePlugin(std::shared_ptr<Listener> listener)
      : listener_(std::move(listener)) {
    capabilities_.formats = {SampleFormat::F32};
  }

  const Capabilities &capabilities() const final { return capabilities_; }
  bool load(Failure *) override { return true; }
  bool initialize(const std::vector<Parameter> &, Failure *) override {
    return true;
  }
  bool start(const StreamFormat &format, Failure *) override {
    format_ = format;
    return true;
  }
  bool stop(Failure *) override { return true; }
  bool shutdown(Failure *) override { return true; }
  bool set_parameter(Parameter *, Failure *) override { return true; }
  bool drain(Tail *, Failure *) override { return true; }
  bool get_state(std::string *, Failure *) override { return true; }
  bool set_state(const std::string &, Failure *) override { return true; }
  bool unlock(Failure *) override { return true; }
  bool map_caps(bool, const std::string &, std::string *, Failure *) override {
    return true;
  }
  void stop_deadline(uint64_t, HangObserver *) override {}

 protected:
  bool ask(const Question &question, uint64_t, Answer *answer,
           Failure *) override {
    if (question == ask_space) *answer = {1, {1024}};
    return true;
  }
  void multiply(const Block &block, float factor) const {
    for (int c = 0; c < format_.channels; c++) {
      for (size_t i = 0; i < block.frames; i++) {
        std::byte *at = block.channel(c) + ptrdiff_t(i) * block.frame_stride;
        float sample;
        std::memcpy(&sample, at, sizeof sample);
        sample *= factor;
        std::memcpy(at, &sample, sizeof sample);
      }
    }
  }

  const std::shared_ptr<Listener> listener_;
  Capabilities capabilities_;
  StreamFormat format_;
  int calls_ = 0;
};

}  // namespace pythonfilter
