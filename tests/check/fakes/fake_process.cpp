// SPDX-License-Identifier: LGPL-2.1-or-later
//
// In the place of bridge.process.so: a plugin that doubles F32 samples as if
// it did so elsewhere. Its script says what else becomes of it:
//
//   late, lost, gone  so ends each second call, after it has written garbage
//                     where the block lies, if that is its memory
//   careless          does not hand lent memory over, and writes garbage there
//                     when it is called again
//   reader            only reads
//   closed            nothing unprocessed may leave it; late, too
//   closed-lost       the same; lost, too
//   poor              lends nothing
#include <cstdlib>
#include <mutex>
#include <set>

#include "fake_plugin.hpp"

namespace pythonfilter {

namespace {

struct Lent {
  std::byte *data;
  size_t size;
};

std::mutex lent_mutex;
// Guarded by lent_mutex; of all plugins, and longer than they live.
std::set<Lent *> all_lent;

void give_back(void *owner) {
  auto *lent = static_cast<Lent *>(owner);
  std::lock_guard<std::mutex> lock(lent_mutex);
  all_lent.erase(lent);
  free(lent->data);
  delete lent;
}

bool is_lent(const std::byte *data) {
  std::lock_guard<std::mutex> lock(lent_mutex);
  for (const Lent *lent : all_lent)
    if (data >= lent->data && data < lent->data + lent->size) return true;
  return false;
}

class FakeProcess final : public FakePlugin, public Isolated {
 public:
  explicit FakeProcess(const PluginSpec &spec)
      : FakePlugin(spec.listener), script_(spec.script) {
    capabilities_.read_only = is("reader");
    capabilities_.fail_closed = is("closed") || is("closed-lost");
  }

  Outcome process(const Block &block, CallResult *result,
                  Failure *failure) override {
    result->times.asked = result->times.held = ticks();
    if (is("careless") && before_ && is_lent(before_))
      std::memset(before_, 0x55, 64);
    before_ = block.data;
    const bool lent = is_lent(block.data);
    tell(block, lent);
    const Outcome outcome =
        ++calls_ % 2 == 0 ? fail(block, lent, failure) : doubled(block, lent);
    result->times.left = ticks();
    return outcome;
  }

  Isolated *isolated() override { return this; }
  bool lend(size_t size, Output *memory) override {
    if (is("poor")) return false;
    auto *lent = new Lent{static_cast<std::byte *>(malloc(size + 1)), size + 1};
    std::lock_guard<std::mutex> lock(lent_mutex);
    all_lent.insert(lent);
    // Not as aligned as malloc() has it.
    *memory = {lent->data + 1, size, give_back, lent};
    return true;
  }
  bool wants_start(bool) override { return false; }
  WorkerStatistics worker_statistics() const override {
    return {4711, 2, 3, "basic: all of it"};
  }

 private:
  bool is(const char *script) const { return script_ == script; }

  void tell(const Block &block, bool lent) {
    Message message;
    message.name = "fake-process";
    message.fields.emplace_back("patience", int64_t(block.patience));
    message.fields.emplace_back("lent", lent);
    listener_->post(message);
  }

  Outcome doubled(const Block &block, bool lent) {
    if (!capabilities_.read_only) multiply(block, 2);
    if (lent && !capabilities_.read_only && !is("careless"))
      block.keeper->keep();
    return Outcome::Ok;
  }

  Outcome fail(const Block &block, bool lent, Failure *failure) {
    if (is("lost") || is("closed-lost"))
      failure->kind = Failure::Kind::Lost;
    else if (is("late, then lost"))
      failure->kind = failed_++ ? Failure::Kind::Lost : Failure::Kind::Late;
    else if (is("gone"))
      failure->kind = Failure::Kind::Gone;
    else if (is("late") || is("closed"))
      failure->kind = Failure::Kind::Late;
    else
      return doubled(block, lent);
    failure->phase = "process_audio";
    failure->message = script_ + ", as asked for";
    if (!lent) return Outcome::Failed;
    std::memset(block.data, 0x55, 64);
    block.keeper->keep();
    return Outcome::Failed;
  }

  const std::string script_;
  int failed_ = 0;
  std::byte *before_ = nullptr;
};

}  // namespace

extern "C" [[gnu::visibility("default")]] Plugin *pythonfilter_make_plugin_2(
    const PluginSpec &spec, Failure *) {
  return new FakeProcess(spec);
}

}  // namespace pythonfilter
