// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plugincaps.hpp"

namespace pythonfilter {

namespace {

struct FormatName {
  SampleFormat format;
  GstAudioFormat native;
};

constexpr FormatName format_names[] = {
    {SampleFormat::F32, GST_AUDIO_FORMAT_F32},
    {SampleFormat::F64, GST_AUDIO_FORMAT_F64},
    {SampleFormat::S16, GST_AUDIO_FORMAT_S16},
    {SampleFormat::S32, GST_AUDIO_FORMAT_S32},
};

// A list of one is that one: fixed caps have to be fixed.
std::string list_of(const std::vector<std::string> &values) {
  std::string all;
  for (const std::string &value : values)
    all += (all.empty() ? "" : ",") + value;
  return values.size() == 1 ? all : "{" + all + "}";
}

std::string ranges_of(std::vector<IntRange> ranges, IntRange any) {
  if (ranges.empty()) ranges.push_back(any);
  std::vector<std::string> texts;
  for (const IntRange &range : ranges) {
    const std::string min = std::to_string(range.min);
    const std::string max = std::to_string(range.max);
    texts.push_back(min == max ? min : "[" + min + "," + max + "]");
  }
  return list_of(texts);
}

GstCaps *caps_for_layout(const Capabilities &capabilities, const char *layout) {
  std::vector<std::string> formats;
  // In the plugin's order, which is its preference.
  for (SampleFormat wanted : capabilities.formats)
    for (const FormatName &known : format_names)
      if (known.format == wanted)
        formats.push_back(gst_audio_format_to_string(known.native));
  return gst_caps_from_string(
      (std::string("audio/x-raw,layout=") + layout +
       ",format=" + list_of(formats) +
       ",rate=" + ranges_of(capabilities.rates, {1, G_MAXINT}) +
       ",channels=" + ranges_of(capabilities.channels, {1, max_channels}))
          .c_str());
}

// Whether the caps have anything in common, were it only for these fields.
bool agree(const GstCaps *some, const GstCaps *others,
           const std::vector<const char *> &fields) {
  g_autoptr(GstCaps) first = only_fields(some, fields);
  g_autoptr(GstCaps) second = only_fields(others, fields);
  return gst_caps_can_intersect(first, second);
}

// What makes the one into the other.
std::string converters(const GstCaps *some, const GstCaps *others) {
  const bool rates = agree(some, others, {"rate"});
  const bool samples = agree(some, others, {"format", "layout", "channels"});
  if (rates == samples) return "audioconvert and audioresample";
  return rates ? "audioconvert" : "audioresample";
}

bool all_have_too_many_channels(const GstCaps *caps) {
  g_autoptr(GstCaps) possible = gst_caps_new_simple(
      "audio/x-raw", "channels", GST_TYPE_INT_RANGE, 1, max_channels, nullptr);
  return gst_caps_get_size(caps) > 0 && !agree(caps, possible, {"channels"});
}

std::string name_of(const GstCaps *caps) {
  return gst_caps_get_size(caps) > 0
             ? gst_structure_get_name(gst_caps_get_structure(caps, 0))
             : "nothing";
}

}  // namespace

GstCaps *only_fields(const GstCaps *caps,
                     const std::vector<const char *> &fields) {
  if (gst_caps_is_any(caps)) return gst_caps_new_any();
  GstCaps *all = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(caps); i++) {
    const GstStructure *each = gst_caps_get_structure(caps, i);
    GstStructure *kept = gst_structure_new_empty(gst_structure_get_name(each));
    for (const char *field : fields)
      if (const GValue *value = gst_structure_get_value(each, field))
        gst_structure_set_value(kept, field, value);
    gst_caps_append_structure(all, kept);
  }
  return all;
}

GstCaps *any_raw_audio() {
  return gst_caps_from_string(GST_AUDIO_CAPS_MAKE(
      GST_AUDIO_FORMATS_ALL) ",layout={interleaved,non-interleaved}");
}

std::string why_not_taken(const GstCaps *takes, const GstCaps *offered) {
  if (!agree(takes, offered, {}))
    return "the plugin does not take " + name_of(offered) + ", but " +
           name_of(takes);
  if (is_raw_audio(offered) && all_have_too_many_channels(offered))
    return "the plugin does not take the audio that is offered: " +
           std::to_string(max_channels) +
           " channels are the most that there can be";
  if (!is_raw_audio(offered)) return "the plugin does not take what is offered";
  return "the plugin does not take the audio that is offered; put " +
         converters(takes, offered) + " before it";
}

std::string why_not_given(const GstCaps *gives, const GstCaps *wanted) {
  if (!agree(gives, wanted, {}))
    return "what comes after it does not take " + name_of(gives) + ", but " +
           name_of(wanted);
  if (!is_raw_audio(gives))
    return "what comes after it does not take what the plugin gives";
  if (all_have_too_many_channels(wanted))
    return "what comes after it wants too many channels: " +
           std::to_string(max_channels) + " are the most that there can be";
  return "what comes after it does not take the audio that the plugin gives; "
         "put " +
         converters(gives, wanted) + " behind it";
}

Capabilities all_capabilities() {
  Capabilities all;
  for (const FormatName &known : format_names)
    all.formats.push_back(known.format);
  return all;
}

GstCaps *caps_of(const Capabilities &capabilities) {
  GstCaps *caps = gst_caps_new_empty();
  if (capabilities.interleaved)
    gst_caps_append(caps, caps_for_layout(capabilities, "interleaved"));
  if (capabilities.non_interleaved)
    gst_caps_append(caps, caps_for_layout(capabilities, "non-interleaved"));
  return caps;
}

// The base class of mixers cuts buffers, which it knows no planes of.
GstCaps *caps_of_port(Capabilities plugin, const Port *port, int rate) {
  plugin.non_interleaved = false;
  plugin.interleaved = true;
  if (port && !port->formats.empty()) plugin.formats = port->formats;
  if (port && !port->channels.empty()) plugin.channels = port->channels;
  GstCaps *caps = caps_of(plugin);
  if (rate == 0) return caps;
  g_autoptr(GstCaps) one =
      gst_caps_new_simple("audio/x-raw", "rate", G_TYPE_INT, rate, nullptr);
  gst_caps_take(&caps,
                gst_caps_intersect_full(caps, one, GST_CAPS_INTERSECT_FIRST));
  return caps;
}

std::string text_of(const GstCaps *caps) {
  g_autofree gchar *text = gst_caps_to_string(caps);
  return text;
}

GstCaps *filtered(GstCaps *taken, GstCaps *filter) {
  g_autoptr(GstCaps) caps = taken;
  return filter
             ? gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST)
             : g_steal_pointer(&caps);
}

bool is_raw_audio(const GstCaps *caps) {
  return gst_structure_has_name(gst_caps_get_structure(caps, 0), "audio/x-raw");
}

bool exact_audio(const GstCaps *caps, GstAudioInfo *info) {
  // So many that the size of a frame fits an int with all of them.
  constexpr int most_channels = 1 << 16;
  return gst_audio_info_from_caps(info, caps) && info->rate > 0 &&
         info->channels > 0 && info->channels <= most_channels && info->bpf > 0;
}

bool stream_format_of(const GstAudioInfo &info, StreamFormat *format) {
  for (const FormatName &known : format_names) {
    if (GST_AUDIO_INFO_FORMAT(&info) != known.native) continue;
    format->format = known.format;
    format->interleaved = info.layout == GST_AUDIO_LAYOUT_INTERLEAVED;
    format->rate = info.rate;
    format->channels = info.channels;
    return info.channels <= max_channels;
  }
  return false;
}

GstCaps *any_layout() {
  Capabilities every;
  for (const FormatName &known : format_names)
    every.formats.push_back(known.format);
  return gst_caps_merge(caps_for_layout(every, "interleaved"),
                        caps_for_layout(every, "non-interleaved"));
}

std::vector<SampleLayout> layouts_in(const GstCaps *caps) {
  std::vector<SampleLayout> all;
  g_autoptr(GstCaps) each =
      gst_caps_normalize(only_fields(caps, {"format", "layout"}));
  for (guint i = 0; i < gst_caps_get_size(each); i++) {
    const GstStructure *one = gst_caps_get_structure(each, i);
    const char *format = gst_structure_get_string(one, "format");
    const char *layout = gst_structure_get_string(one, "layout");
    for (const FormatName &known : format_names)
      if (g_str_equal(format, gst_audio_format_to_string(known.native)))
        all.push_back({known.format, g_str_equal(layout, "interleaved")});
  }
  return all;
}

void describe_output(const GstAudioInfo &output, StreamFormat *format) {
  StreamFormat known;
  format->output_frame = size_t(output.bpf);
  format->output_known = stream_format_of(output, &known);
  format->output_format = known.format;
  format->output_interleaved = output.layout == GST_AUDIO_LAYOUT_INTERLEAVED;
  format->output_channels = output.channels;
}

std::vector<std::string> positions_of(const GstAudioInfo &info) {
  std::vector<std::string> names;
  if (GST_AUDIO_INFO_IS_UNPOSITIONED(&info)) return names;
  auto *words = static_cast<GEnumClass *>(
      g_type_class_ref(GST_TYPE_AUDIO_CHANNEL_POSITION));
  for (int c = 0; c < info.channels; c++) {
    const GEnumValue *word = g_enum_get_value(words, info.position[c]);
    names.push_back(word ? word->value_nick : "none");
  }
  g_type_class_unref(words);
  return names;
}

GstCaps *fixate_like(const GstAudioInfo &info, GstCaps *caps) {
  caps = gst_caps_make_writable(gst_caps_truncate(caps));
  GstStructure *some = gst_caps_get_structure(caps, 0);
  gst_structure_fixate_field_string(some, "format", GST_AUDIO_INFO_NAME(&info));
  gst_structure_fixate_field_nearest_int(some, "rate", info.rate);
  gst_structure_fixate_field_nearest_int(some, "channels", info.channels);
  int channels;
  guint64 mask = 0;
  if (gst_structure_get_int(some, "channels", &channels) && channels > 2 &&
      !gst_structure_has_field(some, "channel-mask")) {
    if (channels != info.channels || GST_AUDIO_INFO_IS_UNPOSITIONED(&info) ||
        !gst_audio_channel_positions_to_mask(info.position, channels, FALSE,
                                             &mask))
      mask = channels == info.channels
                 ? 0
                 : gst_audio_channel_get_fallback_mask(channels);
    gst_structure_set(some, "channel-mask", GST_TYPE_BITMASK, mask, nullptr);
  }
  return gst_caps_fixate(caps);
}

}  // namespace pythonfilter
