// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reloader.hpp"

#include <cstring>
#include <utility>

#include "../../bridge/contract.hpp"
#include "reloadfit.hpp"

namespace pythonfilter {

namespace {

// A load that is out of date, because the file was saved again, may still end
// by itself: in the middle of an import is a bad place to interrupt a library.
constexpr uint64_t load_patience_ns = 1000000000;

Failure refusal(const std::string &problem) {
  return {Failure::Kind::Refused, "reload", "",
          "the new code does not fit the stream, and the old one plays on: " +
              problem};
}

SampleLayout layout_of(const NegotiatedStream &stream) {
  return {stream.format.format, stream.format.interleaved};
}

}  // namespace

Candidate::~Candidate() {
  wipe(&told);
  wipe(&answers);
  explicit_bzero(state.data(), state.size());
}

void Reloader::open(MakePlugin *make, const PluginSpec &spec,
                    const Capabilities &current) {
  {
    std::lock_guard lock(mutex_);
    make_ = make;
    spec_ = spec;
    spec_.again = true;
    current_ = current;
    count_ = 0;
    requested_ = quits_ = false;
  }
  watch_files();
}

void Reloader::close() {
  {
    std::lock_guard lock(watch_mutex_);
    watch_.reset();
  }
  Thread thread;
  {
    std::lock_guard lock(mutex_);
    make_ = nullptr;
    quits_ = true;
    offered_ = false;
    thread.swap(thread_);
    changed_.notify_all();
  }
  thread.join();
}

void Reloader::set_watching(bool watching) {
  {
    std::lock_guard lock(watch_mutex_);
    watching_ = watching;
    if (!watching) watch_.reset();
  }
  watch_files();
}

void Reloader::watch_files() {
  std::string problem;
  bool watched = true;
  {
    std::lock_guard lock(watch_mutex_);
    std::vector<std::string> files;
    {
      std::lock_guard files_lock(mutex_);
      if (!watching_ || !make_) return;
      files = current_.files;
    }
    if (!watch_) watch_ = std::make_unique<FileWatch>([this] { request(); });
    watched = watch_->set_files(files, &problem);
  }
  if (!watched) observer_->cannot_watch(problem);
}

bool Reloader::request() {
  {
    std::lock_guard lock(mutex_);
    if (!make_) return false;
    if (thread_.joinable() ||
        thread_.start("python-reload", [this] { run(); })) {
      requested_ = true;
      if (loading_ && !std::exchange(hurried_, true))
        deadline_->hurry(loading_, monotonic_ns() + load_patience_ns);
      changed_.notify_all();
      return true;
    }
  }
  observer_->reload_failed(
      {Failure::Kind::Unusable, "reload", "",
       std::string("the old code plays on: ") + Thread::none_left});
  return false;
}

// ---- the streaming thread's -------------------------------------------------

void Reloader::set_stream(const std::optional<NegotiatedStream> &stream) {
  std::lock_guard lock(mutex_);
  stream_ = stream;
  stream_serial_++;
  offered_ = false;
  changed_.notify_all();
}

bool Reloader::take(Candidate *candidate) {
  std::lock_guard lock(mutex_);
  if (!offered_) return false;
  offered_ = false;
  *candidate = std::exchange(candidate_, {});
  return true;
}

guint64 Reloader::took_over(const Capabilities &current) {
  guint64 count;
  {
    std::lock_guard lock(mutex_);
    current_ = current;
    count = ++count_;
  }
  watch_files();
  return count;
}

void Reloader::discard(Candidate candidate) {
  std::lock_guard lock(mutex_);
  discarded_.push_back(std::move(candidate));
  changed_.notify_all();
}

// ---- the reloader's thread --------------------------------------------------

void Reloader::run() {
  std::unique_lock<Mutex> lock(mutex_);
  while (work(lock)) {
  }
}

bool Reloader::work(std::unique_lock<Mutex> &lock) {
  const bool stale = candidate_.plugin && (requested_ || quits_);
  if (stale) {
    offered_ = false;
    discarded_.push_back(std::exchange(candidate_, {}));
  }
  if (!discarded_.empty())
    dispose(lock);
  else if (quits_)
    return false;
  else if (std::exchange(requested_, false))
    load(lock);
  else if (candidate_.plugin && !offered_ && (candidate_.started || stream_))
    start(lock);
  else
    changed_.wait(lock);
  return true;
}

void Reloader::load(std::unique_lock<Mutex> &lock) {
  PluginSpec spec = spec_;
  if (stream_) spec.likely = {layout_of(*stream_)};
  MakePlugin *const make = make_;
  if (!make) return;
  lock.unlock();
  Failure failure;
  Candidate next;
  next.likely = spec.likely;
  next.plugin.reset(make(spec, &failure));
  if (!next.plugin) observer_->reload_failed(failure);
  lock.lock();
  if (!next.plugin) return;
  deadline_->add(next.plugin);
  loading_ = next.plugin.get();
  hurried_ = false;
  lock.unlock();
  const bool loaded = next.plugin->load(&failure);
  lock.lock();
  loading_ = nullptr;
  const bool out_of_date = hurried_;
  lock.unlock();
  if (out_of_date) deadline_->calm(next.plugin.get());
  const bool good = loaded && make_ready(&next, &failure);
  if (!good && !(out_of_date && failure.kind == Failure::Kind::Interrupted))
    observer_->reload_failed(failure);
  if (!loaded) {
    deadline_->remove(next.plugin);
    next.plugin.reset();
  }
  lock.lock();
  if (good)
    candidate_ = std::move(next);
  else if (loaded)
    discarded_.push_back(std::move(next));
}

// What needs no stream.
bool Reloader::make_ready(Candidate *candidate, Failure *failure) {
  Plugin *plugin = candidate->plugin.get();
  const Capabilities &capabilities = plugin->capabilities();
  // Before anything else is said or can fail.
  params_->declare(capabilities.secrets);
  std::vector<Parameter> set = params_->accepted();
  const bool initialized = plugin->initialize(set, failure);
  wipe(&set);
  if (!initialized) return false;
  std::string problem;
  if (capabilities.converts &&
      !candidate->conversion.open(candidate->plugin, &problem)) {
    *failure = refusal(problem);
    return false;
  }
  candidate->told = candidate->answers = params_->accepted();
  for (Parameter &parameter : candidate->answers)
    if (!plugin->set_parameter(&parameter, failure)) return false;
  return true;
}

// The start() of what is no end comes early, so that the streaming thread need
// not wait for it. A source's or a sink's may want the very device or file that
// the old one has, and comes when that has stopped: by then machine code for
// what plays is there, or it is loaded once more.
void Reloader::start(std::unique_lock<Mutex> &lock) {
  Candidate next = std::exchange(candidate_, {});
  const std::optional<NegotiatedStream> stream = stream_;
  const uint64_t serial = stream_serial_;
  const Capabilities current = current_;
  lock.unlock();
  stop(&next);
  Failure failure;
  bool fits = true, again = false;
  if (stream) {
    const std::string problem =
        misfit(current, next.plugin->capabilities(), next.conversion, *stream);
    fits = problem.empty();
    if (!fits) failure = refusal(problem);
    if (fits && !is_an_end(kind_)) {
      next.started = true;
      fits = next.plugin->start(stream->format, &failure);
    } else if (fits && next.plugin->capabilities().compiled) {
      again = next.likely != std::vector<SampleLayout>{layout_of(*stream)};
    }
  }
  if (!fits) observer_->reload_failed(failure);
  lock.lock();
  if (!fits) {
    discarded_.push_back(std::move(next));
    return;
  }
  candidate_ = std::move(next);
  requested_ = requested_ || again;
  // Else it is started again, with the caps of now.
  offered_ = stream && serial == stream_serial_ && !requested_ && !quits_;
}

void Reloader::stop(Candidate *candidate) {
  if (!std::exchange(candidate->started, false)) return;
  Failure failure;
  if (!candidate->plugin->stop(&failure)) observer_->reload_failed(failure);
}

void Reloader::dispose(std::unique_lock<Mutex> &lock) {
  Candidate old = std::move(discarded_.front());
  discarded_.pop_front();
  lock.unlock();
  stop(&old);
  old.conversion.close();
  // Somebody asks it about caps, or to return from a call that is over.
  wait_by_looking([&] { return old.plugin.use_count() == 1; });
  Failure failure;
  if (!old.plugin->shutdown(&failure)) observer_->reload_failed(failure);
  deadline_->remove(old.plugin);
  old.plugin.reset();
  lock.lock();
}

}  // namespace pythonfilter
