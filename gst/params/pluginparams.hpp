// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The `params` property: a GstStructure outside, strings for the plugin. What
// a plugin calls a secret goes in, and to the plugin, and never comes out.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"
#include "../../bridge/changes.hpp"
#include "../../bridge/contract.hpp"

namespace pythonfilter {

// Setters may run with the GIL held (recent PyGObject), so they only store.
// Any thread.
class PluginParams {
 public:
  ~PluginParams();

  // Each field of `changes`; the others stay as they are.
  void set(const GstStructure *changes);
  // Without the secrets.
  void get(GValue *value) const;
  // Sets one parameter by its name. The value does not outlive
  // forget_secrets(): another plugin may have no such property.
  void set_property(const std::string &key, const GValue *value);
  // The same, for `number`, whose value it is.
  void set_number(const Number &number, const GValue *value);
  // Whether a plugin has said which are secrets, and which it named.
  bool knows_secrets() const;
  bool is_secret(const std::string &key) const;
  // False: none is set, or it is a secret.
  bool read(const std::string &key, std::string *text) const;
  // False: none of the type that `value` has is set.
  bool read_number(const std::string &key, GValue *value) const;

  // A new instance, which has yet to be told everything. What it calls a
  // secret is never shown again, and stays known for the next instance.
  void begin(const std::vector<std::string> &secrets,
             const std::vector<ParameterSpec> &specs = {});
  // What new code calls a secret is one from now on. What the old one called
  // so stays one.
  void declare(const std::vector<std::string> &secrets);
  // What new code, which has taken over, takes for texts.
  void declare(const std::vector<ParameterSpec> &specs);
  // Whether a parameter has the value that somebody wrote. Not if it is a text
  // and GStreamer read a number: 1.10 is 1.1 to it, 0123 is 83, yes is true.
  bool is_as_written(const std::string &key, Failure *failure) const;
  // All that the instance was told and has taken; wipe() them after use.
  std::vector<Parameter> accepted();
  // The next instance is of another plugin.
  void forget_secrets();

  // What take() is going to give; wipe() it after use.
  std::vector<Parameter> pending();

  // Whether there is anything to tell the plugin.
  bool changed() const { return changed_.load(std::memory_order_relaxed); }
  // The last value of each changed parameter, into what is empty.
  void take(Changes *changes);
  // The plugin has it now, as it says.
  void accept(const Parameter &parameter);
  void accept(const Number &number);
  // The value was refused, and the parameter reads as what the plugin had
  // before, if anything.
  void take_back(const std::string &key);
  // As take_back(), for a value that is a key itself, where the name of one was
  // wanted.
  void forget_key(const Parameter &refused);
  // Takes the secrets out of what a plugin says of some later failure.
  void redact(Failure *failure) const;

 private:
  // As params_ and accepted_, for one secret.
  struct Secret {
    std::optional<std::string> value, accepted;
  };

  void note_property(const std::string &key);
  void put(const char *key, const GValue *value);
  const GValue *as_text(const std::string &key, const GValue *value,
                        GValue *text);
  void restore(const std::string &key);
  void write_accepted();

  // A leaf lock: nothing is called and nothing waited for under it.
  mutable Mutex mutex_;
  // The rest is guarded by mutex_.
  GstStructure *params_ = nullptr;         // NULL: none set
  GstStructure *accepted_ = nullptr;       // by this instance
  std::vector<Number> accepted_numbers_;   // by index, not yet in accepted_
  std::map<std::string, Secret> secrets_;  // all that were declared
  bool knows_secrets_ = false;             // since begin()
  std::set<std::string> properties_;       // set by name
  // The Params that are texts, and which ones they may be; empty: any.
  std::map<std::string, std::vector<std::string>> texts_;
  // What GStreamer made of what was written, for people.
  std::map<std::string, std::string> misread_;
  // Only the last value of a burst: a plugin that is busy, or paused, would
  // otherwise be left with a queue that grows and holds the stream up.
  Changes pending_;
  std::atomic<bool> changed_{false};
};

}  // namespace pythonfilter
