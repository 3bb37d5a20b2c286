// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a block of a mixer costs, beside audiomixer with the same pads: both are
// pushed the same buffers, round by round by turns, in one pinned process. What
// counts is processor time, as the streams have threads of their own.
//
// audiomixer also adds the samples, which of ours only the last one does;
// blocks are short so that this is little.
#include <array>
#include <cstring>
#include <ctime>
#include <memory>

#include "line.hpp"

namespace {

constexpr int frames = 64, rate = 48000;

double cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

class Mixer {
 public:
  Mixer(const std::string &what, int inputs) {
    GError *error = nullptr;
    const std::string line = what + " name=mixer output-buffer-duration=" +
                             std::to_string(frames * GST_SECOND / rate) +
                             " ! fakesink sync=false async=false";
    pipeline_ = gst_parse_launch(line.c_str(), &error);
    if (error) {
      fprintf(stderr, "%s: %s\n", line.c_str(), error->message);
      exit(2);
    }
    GstElement *mixer = gst_bin_get_by_name(GST_BIN(pipeline_), "mixer");
    g_object_set(mixer, "output-buffer-duration-fraction", frames, rate,
                 nullptr);
    for (int i = 0; i < inputs; i++) {
      const std::string name = "sink_" + std::to_string(i);
      GstPad *to = gst_element_request_pad_simple(mixer, name.c_str());
      GstPad *from = gst_pad_new(nullptr, GST_PAD_SRC);
      gst_pad_set_active(from, TRUE);
      gst_pad_link(from, to);
      gst_object_unref(to);
      pads_.push_back(from);
    }
    gst_object_unref(mixer);
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
    GstAudioInfo info;
    gst_audio_info_set_format(&info, GST_AUDIO_FORMAT_F32, rate, 1, nullptr);
    GstCaps *caps = gst_audio_info_to_caps(&info);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    for (GstPad *pad : pads_) {
      gst_pad_push_event(pad, gst_event_new_stream_start("bench"));
      gst_pad_push_event(pad, gst_event_new_caps(caps));
      gst_pad_push_event(pad, gst_event_new_segment(&segment));
    }
    gst_caps_unref(caps);
  }
  Mixer(const Mixer &) = delete;
  Mixer &operator=(const Mixer &) = delete;
  ~Mixer() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    for (GstPad *pad : pads_)
      gst_object_unref(pad);
    gst_object_unref(pipeline_);
  }

  // Processor time of each block.
  double push_many(int blocks) {
    const double begin = cpu_ns();
    for (int i = 0; i < blocks; i++, pushed_++)
      for (GstPad *pad : pads_) {
        GstBuffer *buffer =
            gst_buffer_new_allocate(nullptr, frames * 4, nullptr);
        gst_buffer_memset(buffer, 0, 0, frames * 4);
        GST_BUFFER_PTS(buffer) =
            gst_util_uint64_scale(pushed_ * frames, GST_SECOND, rate);
        GST_BUFFER_DURATION(buffer) = frames * GST_SECOND / rate;
        if (gst_pad_push(pad, buffer) != GST_FLOW_OK) {
          fprintf(stderr, "a buffer was refused\n");
          exit(2);
        }
      }
    return (cpu_ns() - begin) / blocks;
  }

 private:
  GstElement *pipeline_;
  std::vector<GstPad *> pads_;
  guint64 pushed_ = 0;
};

constexpr char theirs[] = "audiomixer";
const std::string compiled =
    "pythonmixer script=\"" COMPILED_PLUGIN "\" class=";
const std::pair<std::string, std::string> all[] = {
    {theirs, theirs},
    {"pythonmixer", "pythonmixer script=\"" MIXING_PLUGIN "\""},
    {"compiled", compiled + "Noop"},
    {"compiled sum", compiled + "Sum"},
};
constexpr size_t kinds = std::size(all);
const std::string ours = all[1].second;

// What each adds to audiomixer's.
std::array<double, kinds> compare(int inputs, int rounds, int blocks) {
  std::unique_ptr<Mixer> mixers[kinds];
  for (size_t i = 0; i < kinds; i++)
    mixers[i] = std::make_unique<Mixer>(all[i].second, inputs);
  std::vector<double> costs[kinds], more[kinds];
  for (int round = -1; round < rounds; round++) {
    double now[kinds];
    for (size_t i = 0; i < kinds; i++)
      now[i] = mixers[i]->push_many(blocks);
    for (size_t i = 0; i < kinds && round >= 0; i++) {
      costs[i].push_back(now[i]);
      more[i].push_back(now[i] - now[0]);
    }
  }
  std::array<double, kinds> added;
  for (size_t i = 0; i < kinds; i++) {
    added[i] = median(more[i]);
    printf("%2d inputs: %-12s %7.0f ns", inputs, all[i].first.c_str(),
           median(costs[i]));
    printf(i ? ", added %6.0f\n" : "\n", added[i]);
  }
  return added;
}

// What callgrind counts in a run of this program with so many blocks.
double instructions(const char *what, int inputs, int blocks) {
  char self[4096] = "";
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) exit(2);
  const std::string command =
      "PYTHONHASHSEED=0 valgrind --tool=callgrind "
      "--callgrind-out-file=/dev/null '" +
      std::string(self) + "' --steady " + what + " " + std::to_string(inputs) +
      " " + std::to_string(blocks) + " 2>&1";
  FILE *output = popen(command.c_str(), "r");
  char line[512];
  double counted = 0;
  while (output && fgets(line, sizeof line, output))
    if (const char *found = strstr(line, "Collected :"))
      counted = atof(found + strlen("Collected :"));
  if (!output || pclose(output) != 0 || counted == 0) {
    fprintf(stderr, "valgrind has counted nothing: %s\n", command.c_str());
    exit(2);
  }
  return counted;
}

// Of one block: the difference of two runs, so that no start is in it.
double count(const char *what, int inputs) {
  constexpr int few = 1000, many = 6000;
  return (instructions(what, inputs, many) - instructions(what, inputs, few)) /
         (many - few);
}

}  // namespace

int main(int argc, char **argv) {
  // Of the build that this belongs to, and no file of the user's.
  setenv("GST_PLUGIN_PATH", BUILT_GST, 0);
  setenv("GST_REGISTRY", REGISTRY, 0);
  gst_init(&argc, &argv);
  pin(1);
  const std::string option = argc > 1 ? argv[1] : "";
  if (option == "--steady" && argc == 5) {
    Mixer(strcmp(argv[2], theirs) == 0 ? theirs : ours, atoi(argv[3]))
        .push_many(atoi(argv[4]));
  } else if (option == "--instructions") {
    for (const int inputs : {1, 2, 8}) {
      const double plain = count(theirs, inputs), python = count("p", inputs);
      printf("%2d inputs: audiomixer %6.0f instructions, pythonmixer %6.0f\n",
             inputs, plain, python);
    }
  } else if (option.empty()) {
    const auto one = compare(1, 21, 4000), many = compare(8, 21, 1000);
    for (size_t i = 1; i < kinds; i++)
      printf("%s: each further input adds %.0f ns to what audiomixer's costs\n",
             all[i].first.c_str(), (many[i] - one[i]) / 7);
  } else {
    puts(
        "usage: bench-mixer [--instructions]\n"
        "  blocks of 64 frames, by turns with audiomixer's, whose samples only "
        "the last one adds\n"
        "  --instructions  those of a block, counted by valgrind");
    return option == "--help" ? 0 : 2;
  }
  return 0;
}
