// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The seam between the elements (gst/) and Python (bridge/): plain C++17.
//
// No PyObject and no GstBuffer crosses it, and it is the one header that gst/
// includes from here, with some that know of neither (ticks, threads). gst/
// maps a buffer into a Block, the bridge shows that memory to the plugin as a
// NumPy array and says what came of the call.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "capabilities.hpp"
#include "listener.hpp"
#include "ticks.hpp"

namespace pythonfilter {

constexpr uint64_t no_time = UINT64_MAX;

enum class PluginKind { Source, Processor, Sink, Mixer, Splitter };
// Of a pipeline: it may hold a device, or a file, that cannot be had twice.
constexpr bool is_an_end(PluginKind kind) {
  return kind == PluginKind::Source || kind == PluginKind::Sink;
}
// With False: it has, or takes, nothing now.
constexpr bool can_decline(PluginKind kind) {
  return is_an_end(kind);
}

// It declares inputs, or outputs.
constexpr bool has_ports(PluginKind kind) {
  return kind == PluginKind::Mixer || kind == PluginKind::Splitter;
}

// Where a plugin runs: here, or in a process of its own.
struct Isolation {
  enum class Sandbox { None, Basic, Strict };
  bool process = false;
  std::string python;    // the interpreter; empty: the venv's, or the build's
  std::string group;     // plugins of one group share a process; empty: its own
  bool restart = true;   // of a process that crashed or hung
  int max_restarts = 5;  // in a minute
  int hang_timeout = 10000;  // ms, after which a call hangs; 0: never
  uint64_t hang_ns() const { return uint64_t(hang_timeout) * 1000000u; }
  // The same limit for what loads: code, a model, or a plugin that warms up in
  // its first call.
  uint64_t slow_ns() const { return 6 * hang_ns(); }
  Sandbox sandbox = Sandbox::Basic;
  bool sandbox_required = false;  // fail where it cannot be applied
};

struct PluginSpec {
  PluginKind kind = PluginKind::Processor;
  std::string script;      // path of a .py file, or
  std::string module;      // a dotted module name
  std::string class_name;  // empty: let the module decide
  std::string venv;        // empty: $VIRTUAL_ENV, if we start Python
  std::shared_ptr<Listener> listener;  // NULL: nobody listens
  bool again = false;  // the code may be another one than last time
  // Machine code is made for the first of these that it declares, while it
  // loads; of none, and where there are none, for the first that it declares.
  std::vector<SampleLayout> likely;
  Isolation isolation;
};

// What a source would like best; 0: it does not say.
struct Preferences {
  int rate = 0;
  int channels = 0;
  int frames = 0;  // of each buffer
};

// One input of a mixer, or one output of a splitter; its rate is the stream's.
struct PortFormat {
  std::string name;
  SampleFormat format = SampleFormat::F32;
  int channels = 0;
  // Where each channel is, in GStreamer's words; empty: nobody says.
  std::vector<std::string> positions;

  bool operator==(const PortFormat &other) const {
    return name == other.name && format == other.format &&
           channels == other.channels && positions == other.positions;
  }
};

struct StreamFormat {
  SampleFormat format = SampleFormat::F32;
  bool interleaved = true;
  int rate = 0;
  int channels = 0;
  int frames = 0;  // of each buffer; 0: not known

  // Set for a converting plugin alone, with all that follows.
  std::string input_caps, output_caps;
  // Blocks are bytes, one a "frame"; rate and channels are those of raw audio
  // that is given as bytes, else 0.
  bool bytes = false;
  // The block itself may go on. Where it may not, it is not written to either.
  bool in_place = true;
  // What comes out is raw audio with frames of so many bytes; 0: it is not.
  size_t output_frame = 0;
  // Whether the samples of that raw audio are in one of our formats, and how
  // they lie.
  bool output_known = false;
  SampleFormat output_format = SampleFormat::F32;
  bool output_interleaved = true;
  int output_channels = 0;

  // Of a mixer: its inputs, in the order of their pads, as long as no others
  // are set_inputs(), and where the channels of its output are.
  std::vector<PortFormat> inputs;
  std::vector<std::string> positions;
  // Of a splitter: its outputs, as long as no others are set_outputs();
  // `positions` are those of its input.
  std::vector<PortFormat> outputs;

  // Of any plugin one of the two is empty.
  std::vector<PortFormat> &ports(PluginKind kind) {
    return kind == PluginKind::Splitter ? outputs : inputs;
  }
  const std::vector<PortFormat> &ports(PluginKind kind) const {
    return kind == PluginKind::Splitter ? outputs : inputs;
  }
};

// One failure, told once: everything a bus message needs. What is left out
// where one is made is empty.
struct Failure {
  enum class Kind {
    NotFound,     // no such file, directory instead of a file, …
    Unusable,     // the plugin, the venv or Python itself cannot be used
    Raised,       // Python code raised
    Refused,      // Python code said False
    BadResult,    // wrong shape, dtype or type
    Dropped,      // the audio method raised DropBuffer: not its failure
    EndOfStream,  // the audio method raised EndOfStream
    Interrupted,  // PluginTimeout: it was still running at stop
    Late,         // no answer of its process by the deadline
    Lost,         // its process died, or was killed; another one comes
    Gone,         // the same, and no other comes: whatever the policy
    Closing,      // the interpreter is going away; nothing to report
  };
  Kind kind = Kind::Raised;
  std::string phase{};    // "load", "initialize", "start", "process_audio", …
  std::string type{};     // exception class, empty when nothing was raised
  std::string message{};  // one line
  std::string file{};     // where it happened, when known
  int line = 0;
  std::string function{};
  std::string traceback{};
};

// Memory that outlives its buffer because a plugin kept an array over it.
// Destroyed without the GIL.
class KeptMemory {
 public:
  virtual ~KeptMemory() = default;
};

// Hands a block's memory over to Python and gives the stream a copy of it.
// Called with the GIL held, at most once a call.
class MemoryKeeper {
 public:
  virtual std::unique_ptr<KeptMemory> keep() = 0;

 protected:
  ~MemoryKeeper() = default;
};

// What a converting plugin gave: an object of its own that goes on without a
// copy. The object lives until release(owner), which any thread may call at any
// time, without the GIL, also when the plugin and Python are gone.
struct Output {
  std::byte *data = nullptr;
  size_t size = 0;
  void (*release)(void *owner) = nullptr;
  void *owner = nullptr;
  // What the plugin says of it; no_time: nothing.
  uint64_t pts = no_time;
  uint64_t duration = no_time;
  bool gap = false;  // there is nothing then, and no data

  static Output nothing_at(uint64_t pts, uint64_t duration) {
    Output gap;
    gap.release = [](void *) {};
    gap.pts = pts;
    gap.duration = duration;
    gap.gap = true;
    return gap;
  }
};

// So long after the beginning, and so long, at most: 292 years.
constexpr uint64_t last_time = INT64_MAX;

struct CallTimes {
  uint64_t asked = 0;  // before waiting for the GIL, in ticks
  uint64_t held = 0;   // with the GIL
  uint64_t left = 0;   // after giving it back
};

// A parameter's value for each frame of a block.
struct Curve {
  std::string name;           // of an input's, after the input's own and "::"
  std::vector<float> values;  // empty: `constant` for all
  float constant = 0;
};

// The samples of one buffer, borrowed for one call, and what is known of them.
// Whoever makes one says all of it, as one is made for each buffer: nothing is
// set twice.
struct Block {
  std::byte *data;
  ptrdiff_t channel_stride;  // bytes between channels of one frame
  ptrdiff_t frame_stride;    // bytes between frames of one channel
  // Where each channel starts, for planes that are not evenly spaced; then
  // channel_stride means nothing.
  const size_t *plane_offsets;
  size_t frames;
  MemoryKeeper *keeper;

  // A channel's first sample.
  std::byte *channel(size_t c) const {
    return data + (plane_offsets ? ptrdiff_t(plane_offsets[c])
                                 : ptrdiff_t(c) * channel_stride);
  }

  uint64_t pts, duration, offset;  // no_time: not known
  bool discont;
  bool gap;
  bool copied;  // these are a copy already

  const std::vector<Curve> *curves;  // NULL: the plugin has none
  // How long to wait for a plugin in another process, in ns; 0: for ever.
  uint64_t patience;
};

// What a mixer is shown of one input, for as long as one block. It is only
// read.
struct InputView {
  // As many frames as the output has; silence where the input gave none.
  std::byte *data;
  ptrdiff_t channel_stride, frame_stride;
  MemoryKeeper *keeper;
  const std::vector<Curve> *curves;  // of its InputParams; NULL: it has none
  uint64_t pts;  // of its first frame, on its own line; no_time: not known
  bool present;  // some of them came from the input
  bool gap;      // it said that there is silence
  bool late;     // it is live, and what it has was not there in time
  bool discont;  // these do not continue those of the block before
};

// Where a splitter writes one of its outputs, for as long as one block.
struct OutputView {
  // As many frames as the input has, all zeros; NULL: it is not linked.
  std::byte *data;
  ptrdiff_t channel_stride, frame_stride;
  MemoryKeeper *keeper;
  // What came of the call, all false before it.
  bool silent;   // there is silence, and what was written is not used
  bool discont;  // these do not continue what came out before
};

// What came of a call; of one that is Closing nothing is told.
struct CallResult {
  CallTimes times;
  // What comes out does not continue what came out before.
  bool discont = false;
  bool copied = false;   // no view was possible
  bool escaped = false;  // the plugin kept an array, its owner or the buffer
  size_t missing = 0;    // frames at the end that a source did not give
  // A converting plugin succeeded: `outputs`, if any, stand in for the block.
  // `outputs` is for whoever calls to set.
  bool converted = false;
  std::vector<Output> *outputs = nullptr;
  bool at_end = false;  // a source gave an empty object, and no empty list
};

enum class Outcome {
  Ok,
  Failed,
  Dropped,      // the plugin says that the buffer is not fit to go on
  Declined,     // False: a source has nothing yet, a sink takes nothing now
  EndOfStream,  // the plugin ends the stream, without this block
  Closing,      // the interpreter is going away
};

struct Parameter {
  std::string key;
  std::string value;
};

// A Param that is a number or a bool. Machine code needs no text of it.
struct Number {
  const ParameterSpec *spec;  // lives for ever
  size_t index;               // of all that the plugin declares
  double real;                // of a Float
  int64_t whole;              // of others
};

// Of one output of a splitter.
struct PortTail {
  std::string name;
  std::vector<std::byte> samples;  // as those of a Tail
  size_t frames = 0;
};

// What a plugin still held at the end of a stream.
struct Tail {
  uint64_t pts = no_time;  // where it begins, for the bridge
  // (channels, frames), one channel after another.
  std::vector<std::byte> samples;
  size_t frames = 0;
  std::vector<Output> outputs;  // of a converting plugin
  std::vector<PortTail> ports;  // of a splitter, which has nothing else
  bool waits = false;           // a sink's device still plays: ask again
};

// What is known of the process that a plugin runs in.
struct WorkerStatistics {
  int64_t pid = 0;  // 0: there is none now
  uint64_t restarts = 0;
  uint64_t missed_deadlines = 0;
  std::string sandbox;  // what was applied
};

// Told about a call that does not come back although the element stops.
class HangObserver {
 public:
  // From the watchdog's thread, without the GIL. An empty stack could not be
  // read.
  virtual void call_hangs(const std::string &phase,
                          const std::string &stack) = 0;

 protected:
  ~HangObserver() = default;
};

// What only a plugin in another process can do.
class Isolated {
 public:
  // Memory that it can see, so that a block which lies there is not copied on
  // its way in. As long as the plugin lives, by any thread; what was lent may
  // live longer. False: it has none to lend.
  virtual bool lend(size_t size, Output *memory) = 0;
  // Between two blocks: another process has come, and what it gives may have
  // other caps, so that whoever negotiates them has to start() it. Waits for it
  // where nothing `hurries`.
  virtual bool wants_start(bool hurries) = 0;
  // Any thread.
  virtual WorkerStatistics worker_statistics() const = 0;

 protected:
  ~Isolated() = default;
};

// What is asked between two blocks, and answered with numbers.
struct Question {
  const char *name;         // for the host and for workers
  const char *method;       // of the plugin; for people
  size_t least, most;       // how many numbers
  int64_t limit = INT_MAX;  // none is below 0, or beyond; 0: they have parts
  // Each library has texts of its own.
  bool operator==(const Question &other) const {
    return strcmp(name, other.name) == 0;
  }
};
constexpr Question ask_preferences = {"preferences", "preferences", 3, 3},
                   ask_duration = {"duration", "get_duration", 0, 1, INT64_MAX},
                   ask_seek = {"seek", "seek", 0, 0},
                   ask_latency = {"latency", "get_processing_latency", 1, 1, 0},
                   ask_reset = {"reset", "reset", 0, 0},
                   ask_space = {"available_space", "get_available_space", 1, 1};

struct Answer {
  size_t count = 0;  // 0: there is nothing to say, or nobody knows now
  int64_t whole[3] = {};
  double real = 0;
};
// False: these texts are none to that question.
bool read_answer(const Question &question,
                 const std::vector<std::string> &texts, Answer *answer);

// One instance of somebody's plugin. Calls for one plugin never overlap,
// except stop_deadline(), unlock() and map_caps().
class Plugin {
 public:
  // After shutdown(), or a load() or initialize() that failed.
  virtual ~Plugin() = default;

  // First of all: loads the module and makes the instance.
  virtual bool load(Failure *failure) = 0;
  virtual const Capabilities &capabilities() const = 0;
  // Next: its Params among what is `set` have these values already when its
  // initialize() is called. set_parameter() is to follow for each of them.
  // capabilities() then has the values that its Params have.
  virtual bool initialize(const std::vector<Parameter> &set,
                          Failure *failure) = 0;

  virtual bool start(const StreamFormat &format, Failure *failure) = 0;
  virtual bool stop(Failure *failure) = 0;
  virtual bool shutdown(Failure *failure) = 0;

  virtual Outcome process(const Block &block, CallResult *result,
                          Failure *failure) = 0;
  // On return the value is what get_parameter() says, where it says anything;
  // it is not asked about a secret.
  virtual bool set_parameter(Parameter *parameter, Failure *failure) = 0;
  // The same, for a value that its Param allows. False: it has to be a text.
  virtual bool set_number(const Number &) { return false; }
  // A source's, which its parameters may decide (the path of a file).
  bool preferences(Preferences *preferences, Failure *failure);
  // A source's, in ns; no_time: it does not know.
  bool duration(uint64_t *duration, Failure *failure);
  // A source's: the next block begins with this frame, or at this time in ns
  // where it gives no raw audio. Refused: it cannot go there.
  bool seek(uint64_t place, Failure *failure);
  // Left as it is where that is not known now.
  bool latency(double *seconds, Failure *failure);
  bool reset(Failure *failure);
  // Frames that a sink can take without waiting.
  bool available_space(int *frames, Failure *failure);
  virtual bool drain(Tail *tail, Failure *failure) = 0;
  // Bytes for set_state() of the plugin that replaces it, made by the same
  // bridge, before this one is shut down; where both say that they carry it.
  virtual bool get_state(std::string *state, Failure *failure) = 0;
  virtual bool set_state(const std::string &state, Failure *failure) = 0;
  // Asks a call that waits to return: the pipeline stops or flushes.
  virtual bool unlock(Failure *failure) = 0;

  // Asks a converting plugin that maps caps for those of the output for `caps`
  // of the input, or the other way round. Any thread, at any time. `failure`
  // says where the method is, for whoever can make nothing of its answer.
  virtual bool map_caps(bool to_output, const std::string &caps,
                        std::string *mapped, Failure *failure) = 0;

  // NULL: it runs here.
  virtual Isolated *isolated() { return nullptr; }

  // A mixer's, in the place of process(): `output` is written, and `inputs` are
  // those that it knows, in their order.
  virtual Outcome mix(const Block &output, const std::vector<InputView> &inputs,
                      CallResult *result, Failure *failure);
  // Between two blocks: a mixer has other inputs from here on. start() says
  // which it has first.
  virtual bool set_inputs(const std::vector<PortFormat> &inputs,
                          Failure *failure);
  // Likewise: an InputParam of one of them.
  virtual bool set_input_parameter(const std::string &input,
                                   const Parameter &parameter,
                                   Failure *failure);
  // As set_number(), of an InputParam.
  virtual bool set_input_number(const std::string &, const Number &) {
    return false;
  }

  // A splitter's, in the place of process(): `input` is only read, and
  // `outputs` are those that it knows, in their order.
  virtual Outcome split(const Block &input, std::vector<OutputView> *outputs,
                        CallResult *result, Failure *failure);
  // As set_inputs(), of a splitter.
  virtual bool set_outputs(const std::vector<PortFormat> &outputs,
                           Failure *failure);

  // Whether this thread is in a call of it, or in what is told after one. Of a
  // plugin in another process only whoever calls it knows.
  virtual bool is_called_here() const { return false; }

  // From here on a call that is still running at `deadline` (ticks() time is
  // no good here: monotonic_ns()) gets PluginTimeout; 0 takes it back and
  // waits for the observer to be left alone.
  virtual void stop_deadline(uint64_t deadline, HangObserver *observer) = 0;

 protected:
  // `place`: of a seek.
  virtual bool ask(const Question &question, uint64_t place, Answer *answer,
                   Failure *failure) = 0;
};

// The one symbol gst/ looks up. It starts Python, or joins the one that runs,
// and makes a plugin, the caller's, that is to be loaded. NULL and `failure`
// filled on error.
using MakePlugin = Plugin *(const PluginSpec &spec, Failure *failure);
constexpr char make_plugin_symbol[] = "pythonfilter_make_plugin_2";

}  // namespace pythonfilter
