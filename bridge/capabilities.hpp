// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a plugin says of itself, and how it is called on the way from Python:
// the host, a worker and the scan of the plugin folders say it in the same
// words, which host/capabilities.py lists. Part of the seam: plain C++17, as
// bridge.hpp, which includes it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pythonfilter {

constexpr int max_channels = 64;

enum class SampleFormat { F32, F64, S16, S32 };

constexpr size_t sample_size(SampleFormat format) {
  return format == SampleFormat::F64 ? 8 : format == SampleFormat::S16 ? 2 : 4;
}

struct SampleLayout {
  SampleFormat format;
  bool interleaved;
  bool operator==(const SampleLayout &other) const {
    return format == other.format && interleaved == other.interleaved;
  }
};

struct IntRange {
  int min, max;
  bool operator==(const IntRange &other) const {
    return min == other.min && max == other.max;
  }
};

// A parameter that the plugin describes. Values are as set_parameter() takes
// them: 0.5, 7, true, warm.
struct ParameterSpec {
  enum class Kind { Bool, Int, Float, String, Choice };
  std::string name;
  Kind kind = Kind::String;
  std::string default_value;
  std::string value;             // of the instance, when it was loaded
  std::string minimum, maximum;  // of numbers; empty: no limit
  std::vector<std::string> choices;
  std::string unit;         // for people
  std::string description;  // one line
  std::string allowed;      // its values, to go after "must be"
  bool secret = false;      // it only goes in
  bool curve = false;       // the plugin wants its value for each frame
};

constexpr std::pair<const char *, std::string ParameterSpec::*>
    parameter_texts[] = {{"default", &ParameterSpec::default_value},
                         {"minimum", &ParameterSpec::minimum},
                         {"maximum", &ParameterSpec::maximum},
                         {"unit", &ParameterSpec::unit},
                         {"description", &ParameterSpec::description},
                         {"allowed", &ParameterSpec::allowed}};
constexpr std::pair<const char *, bool ParameterSpec::*> parameter_flags[] = {
    {"secret", &ParameterSpec::secret}, {"curve", &ParameterSpec::curve}};

// An input of a mixer, or an output of a splitter. Nothing in `formats` or
// `channels`: those of the plugin.
struct Port {
  std::string name;  // any_port for each of those that come and go
  std::vector<SampleFormat> formats;
  std::vector<IntRange> channels;
  bool optional = false;
  std::string description;  // one line

  // But for what is for people.
  bool operator==(const Port &other) const {
    return name == other.name && formats == other.formats &&
           channels == other.channels && optional == other.optional;
  }
};
constexpr char any_port[] = "%u";
constexpr int max_ports = 64;

// Who a plugin is, as far as it says so: each a line for people.
struct PluginInfo {
  std::string name, version, author, description;
};
constexpr std::pair<const char *, std::string PluginInfo::*> info_texts[] = {
    {"title", &PluginInfo::name},
    {"version", &PluginInfo::version},
    {"author", &PluginInfo::author},
    {"description", &PluginInfo::description}};

// What a plugin said it can work on; known once it is loaded.
struct Capabilities {
  PluginInfo info;
  std::string audio_name;             // of its audio method
  std::vector<std::string> warnings;  // what its author may not have meant
  std::vector<SampleFormat> formats;
  bool interleaved = true;
  bool non_interleaved = true;
  std::vector<IntRange> rates;     // empty: any
  std::vector<IntRange> channels;  // empty: 1 to max_channels
  bool read_only = false;          // its array refuses writes
  bool has_reset = false;
  bool has_drain = false;
  bool has_latency = false;
  bool has_unlock = false;
  bool has_space = false;          // a sink's get_available_space()
  bool has_duration = false;       // a source's get_duration()
  bool has_seek = false;           // a source's seek()
  bool fail_closed = false;        // nothing unprocessed may leave it
  bool carries_state = false;      // get_state() and set_state()
  bool compiled = false;           // machine code is made of its audio method
  std::vector<std::string> files;  // where its code comes from; absolute
  // Parameters that are never shown, neither they nor what is said of them.
  std::vector<std::string> secrets;
  std::vector<ParameterSpec> parameters;  // those that it describes

  // A processor that may change format and size. Caps are mere text here.
  bool converts = false;
  std::string input_caps;       // empty: the raw audio described above
  std::string output_caps;      // empty: those of the input
  bool maps_to_output = false;  // get_output_caps()
  bool maps_to_input = false;   // get_input_caps()
  bool as_bytes = false;        // raw audio comes as bytes, too

  int block_size = 0;           // frames of each call; 0: as they come
  bool pass_remainder = false;  // fewer at the end, not filled up

  // Of a mixer its inputs, of a splitter its outputs: all of them; or one that
  // describes each of those that come and go, and how many there may be.
  std::vector<Port> ports;
  IntRange port_count = {0, 0};  // 0 at most: those in `ports` are always there
  std::string output_like;  // the input that the output is like; empty: none
  std::string passthrough;  // the port that is for what was not processed
  bool output_zero = true;  // its array is full of zeros at first
  bool has_add_input = false, has_remove_input = false;
  std::vector<ParameterSpec> input_parameters;  // that each input has

  bool ports_come_and_go() const { return port_count.max > 0; }
  bool has_same_ports(const Capabilities &other) const {
    return ports == other.ports && port_count == other.port_count &&
           output_like == other.output_like;
  }
};

constexpr std::pair<const char *, bool Capabilities::*> capability_flags[] = {
    {"interleaved", &Capabilities::interleaved},
    {"non_interleaved", &Capabilities::non_interleaved},
    {"read_only", &Capabilities::read_only},
    {"has_reset", &Capabilities::has_reset},
    {"has_drain", &Capabilities::has_drain},
    {"has_latency", &Capabilities::has_latency},
    {"has_unlock", &Capabilities::has_unlock},
    {"has_space", &Capabilities::has_space},
    {"has_duration", &Capabilities::has_duration},
    {"has_seek", &Capabilities::has_seek},
    {"fail_closed", &Capabilities::fail_closed},
    {"carries_state", &Capabilities::carries_state},
    {"compiled", &Capabilities::compiled},
    {"converts", &Capabilities::converts},
    {"maps_to_output", &Capabilities::maps_to_output},
    {"maps_to_input", &Capabilities::maps_to_input},
    {"as_bytes", &Capabilities::as_bytes},
    {"pass_remainder", &Capabilities::pass_remainder},
    {"output_zero", &Capabilities::output_zero},
    {"has_add_input", &Capabilities::has_add_input},
    {"has_remove_input", &Capabilities::has_remove_input}};

// Adds what is said under `name`, of which nothing is believed before it was
// checked: a worker may say anything. False: nothing is called so, or it means
// nothing.
bool read_capability(const std::string &name,
                     const std::vector<std::string> &values, Capabilities *to);

// What some of them have become: pairs of names and values, from `first` on.
bool read_values(const std::vector<std::string> &pairs, size_t first,
                 std::vector<ParameterSpec> *of);

}  // namespace pythonfilter
