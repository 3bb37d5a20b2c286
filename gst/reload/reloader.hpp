// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Loads a plugin's code anew while the old one plays, on a thread of its own,
// and offers it to the streaming thread, which takes it between two buffers.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>

#include "../../bridge/bridge.hpp"
#include "../../bridge/contract.hpp"
#include "../../bridge/thread.hpp"
#include "../caps/capsconversion.hpp"
#include "../caps/negotiatedstream.hpp"
#include "../params/pluginparams.hpp"
#include "filewatch.hpp"
#include "stopdeadline.hpp"

namespace pythonfilter {

// A plugin that is to take another one's place.
struct Candidate {
  std::shared_ptr<Plugin> plugin;
  CapsConversion conversion;  // open if it converts
  // Parameters as it was told them, and as it says that they are; wiped.
  std::vector<Parameter> told, answers;
  std::string state;                 // of the one whose place it takes
  std::vector<SampleLayout> likely;  // when it was loaded
  bool started = false;

  Candidate() = default;
  Candidate(Candidate &&) = default;
  Candidate &operator=(Candidate &&) = default;
  ~Candidate();
};

// Told by the reloader's thread.
class ReloadObserver {
 public:
  virtual void reload_failed(const Failure &failure) = 0;
  virtual void cannot_watch(const std::string &problem) = 0;

 protected:
  ~ReloadObserver() = default;
};

class Reloader {
 public:
  Reloader(PluginKind kind, PluginParams *params, StopDeadline *deadline,
           ReloadObserver *observer)
      : kind_(kind),
        params_(params),
        deadline_(deadline),
        observer_(observer) {}
  ~Reloader() { close(); }

  // From READY to NULL. `current` was loaded as `spec` says.
  void open(MakePlugin *make, const PluginSpec &spec,
            const Capabilities &current);
  // Returns when its thread is gone, and every plugin that it had.
  void close();

  // Whether saving the plugin's file is a request.
  void set_watching(bool watching);
  bool is_watching() const { return watching_; }
  // False: there is no plugin whose code could be loaded.
  bool request();

  // The streaming thread's.

  // What the plugin that plays was started with; none: it was stopped.
  void set_stream(const std::optional<NegotiatedStream> &stream);
  bool has_offer() const { return offered_.load(std::memory_order_relaxed); }
  // False: it was withdrawn. What is taken comes back by discard(), or it
  // plays, which is told by took_over().
  bool take(Candidate *candidate);
  // How many did since open().
  guint64 took_over(const Capabilities &current);
  // Calls stop(), if it is started, and shutdown() some time soon.
  void discard(Candidate candidate);

 private:
  void run();
  bool work(std::unique_lock<Mutex> &lock);
  void load(std::unique_lock<Mutex> &lock);
  void start(std::unique_lock<Mutex> &lock);
  void dispose(std::unique_lock<Mutex> &lock);
  bool make_ready(Candidate *candidate, Failure *failure);
  void stop(Candidate *candidate);
  void watch_files();

  const PluginKind kind_;
  PluginParams *const params_;
  StopDeadline *const deadline_;
  ReloadObserver *const observer_;

  // No plugin is called under it. Taken before that of StopDeadline.
  Mutex mutex_;
  Condition changed_;
  // The rest, but for offered_, is guarded by mutex_.
  MakePlugin *make_ = nullptr;  // NULL: not open
  PluginSpec spec_;
  Capabilities current_;
  std::optional<NegotiatedStream> stream_;
  guint64 count_ = 0;  // of those that took over
  bool requested_ = false;
  bool quits_ = false;
  Plugin *loading_ = nullptr;
  bool hurried_ = false;  // what is being loaded is out of date
  Candidate candidate_;   // not while a call of it runs
  std::deque<Candidate> discarded_;
  std::atomic<bool> offered_{false};  // written under mutex_
  uint64_t stream_serial_ = 0;
  Thread thread_;

  // Held while its thread is waited for, which takes mutex_ only.
  Mutex watch_mutex_;
  std::unique_ptr<FileWatch> watch_;   // guarded by watch_mutex_
  std::atomic<bool> watching_{false};  // written under watch_mutex_
};

}  // namespace pythonfilter
