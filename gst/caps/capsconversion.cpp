// SPDX-License-Identifier: LGPL-2.1-or-later
#include "capsconversion.hpp"

#include <gst/audio/audio.h>

#include "foreigncaps.hpp"
#include "foreigntext.hpp"
#include "plugincaps.hpp"

namespace pythonfilter {

namespace {

// No more of it than leaves room for what is wrong with it.
std::string quoted(const std::string &text) {
  return shown_text(text, 500);
}

GstCaps *parse(const std::string &text, const char *name, ForeignNames *names,
               std::string *problem) {
  std::string wrong;
  GstCaps *caps = caps_from_foreign(text, names, &wrong);
  if (!caps)
    *problem = std::string("declares ") + name + " = '" + quoted(text) +
               "', which " + wrong;
  return caps;
}

// Raw audio without any field would count as fixed, and nobody would ask what
// downstream takes. Takes `caps`.
GstCaps *open_fields(GstCaps *caps) {
  if (gst_caps_is_any(caps)) return caps;
  g_autoptr(GstCaps) all = any_raw_audio();
  const GstStructure *wide = gst_caps_get_structure(all, 0);
  caps = gst_caps_make_writable(caps);
  for (guint i = 0; i < gst_caps_get_size(caps); i++) {
    GstStructure *each = gst_caps_get_structure(caps, i);
    if (!gst_structure_has_name(each, "audio/x-raw")) continue;
    for (const char *field : {"format", "layout", "rate", "channels"})
      if (!gst_structure_has_field(each, field))
        gst_structure_set_value(each, field,
                                gst_structure_get_value(wide, field));
  }
  return caps;
}

GstCaps *intersect(GstCaps *first, GstCaps *second) {
  return gst_caps_intersect_full(first, second, GST_CAPS_INTERSECT_FIRST);
}

}  // namespace

CapsConversion &CapsConversion::operator=(const CapsConversion &other) {
  plugin_ = other.plugin_;
  names_ = other.names_;
  gst_caps_replace(&input_, other.input_);
  gst_caps_replace(&output_, other.output_);
  return *this;
}

bool CapsConversion::open(std::shared_ptr<Plugin> plugin,
                          std::string *problem) {
  close();
  names_ = std::make_shared<ForeignNames>();
  const Capabilities &capabilities = plugin->capabilities();
  if (!capabilities.output_caps.empty()) {
    output_ =
        parse(capabilities.output_caps, "output_caps", names_.get(), problem);
    if (!output_) return false;
    output_ = open_fields(output_);
  } else if (capabilities.maps_to_output) {
    output_ = gst_caps_new_any();
  }
  if (!capabilities.input_caps.empty())
    input_ =
        parse(capabilities.input_caps, "input_caps", names_.get(), problem);
  else if (capabilities.as_bytes)
    input_ = gst_caps_new_empty_simple("audio/x-raw");
  else
    input_ = caps_of(capabilities);
  plugin_ = std::move(plugin);
  return input_ != nullptr;
}

void CapsConversion::close() {
  gst_clear_caps(&input_);
  gst_clear_caps(&output_);
  plugin_.reset();
}

GstCaps *CapsConversion::source(Failure *failure) const {
  if (!plugin_->capabilities().maps_to_output)
    return output_ ? gst_caps_ref(output_) : gst_caps_new_any();
  g_autoptr(GstCaps) nothing = gst_caps_new_empty();
  GstCaps *caps = ask(true, nothing, failure);
  if (caps && gst_caps_is_any(caps)) {
    failure->message = "get_output_caps() says that it may give anything";
    gst_clear_caps(&caps);
  }
  return caps;
}

GstCaps *CapsConversion::ask(bool to_output, GstCaps *caps,
                             Failure *failure) const {
  std::string mapped;
  const std::string text = gst_caps_is_empty(caps) ? "" : text_of(caps);
  const bool answered = plugin_->map_caps(to_output, text, &mapped, failure);
  if (!answered) return nullptr;
  std::string wrong;
  g_autoptr(GstCaps) result = caps_from_foreign(mapped, names_.get(), &wrong);
  if (!result) {
    failure->message =
        failure->phase + "() gave '" + quoted(mapped) + "', which " + wrong;
    return nullptr;
  }
  if (to_output) result = open_fields(result);
  GstCaps *declared = to_output ? output_ : input_;
  if (!declared) return g_steal_pointer(&result);
  g_autoptr(GstCaps) within = intersect(result, declared);
  if (!gst_caps_is_empty(within)) return g_steal_pointer(&within);
  failure->message = failure->phase + "() gave '" + quoted(mapped) +
                     "', which is none of the caps that the plugin declares: " +
                     text_of(declared);
  return nullptr;
}

bool CapsConversion::confirm(GstCaps *input, GstCaps *output,
                             Failure *failure) const {
  const bool maps = plugin_->capabilities().maps_to_output;
  if (!maps) *failure = {Failure::Kind::BadResult, "set_caps"};
  g_autoptr(GstCaps) mapped = maps ? ask(true, input, failure)
                                   : gst_caps_ref(output_ ? output_ : input);
  if (!mapped) return false;
  // Fixed it is but for ANY, which no plugin can be meant to give.
  const bool agreed = gst_caps_is_fixed(output) &&
                      gst_caps_is_subset(input, input_) &&
                      gst_caps_is_subset(output, mapped);
  if (!agreed && gst_caps_is_any(mapped))
    failure->message =
        "declares output_caps that leave open what comes out; it needs a "
        "get_output_caps()";
  else if (!agreed)
    failure->message = "its output is " + text_of(mapped) + " for the input " +
                       text_of(input) + ", but what was agreed on is " +
                       text_of(output);
  return agreed;
}

GstCaps *CapsConversion::transform(GstPadDirection direction, GstCaps *caps,
                                   bool tells) const {
  const Capabilities &capabilities = plugin_->capabilities();
  const bool to_output = direction == GST_PAD_SINK;
  GstCaps *from = to_output ? input_ : output_;
  GstCaps *to = to_output ? output_ : input_;
  const bool maps =
      to_output ? capabilities.maps_to_output : capabilities.maps_to_input;

  g_autoptr(GstCaps) possible =
      from ? intersect(caps, from) : gst_caps_ref(caps);
  // The plugin only declared what goes in: the same comes out.
  if (!output_ && !maps) return intersect(possible, input_);
  if (gst_caps_is_any(possible) || (!tells && !gst_caps_is_empty(possible)))
    return to ? gst_caps_ref(to) : gst_caps_new_any();
  GstCaps *result = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(possible); i++) {
    g_autoptr(GstCaps) one = gst_caps_copy_nth(possible, i);
    // What a range of inputs may give is what was declared. So is what the
    // plugin cannot answer for: its input without any field is fixed as well,
    // but may stand for all of them. confirm() tells real failures.
    GstCaps *mapped = nullptr;
    Failure ignored;
    if (maps && (!to_output || gst_caps_is_fixed(one)))
      mapped = ask(to_output, one, &ignored);
    if (mapped) {
      gst_caps_append(result, mapped);
    } else if (to) {
      // Best as it is, with all its fields, where that is declared as well.
      if (!maps) result = gst_caps_merge(result, intersect(one, to));
      result = gst_caps_merge(result, gst_caps_ref(to));
    } else {
      gst_caps_append(result, gst_caps_ref(one));
    }
  }
  return result;
}

namespace {

// What is left open of raw audio as the input has it, or else as most have it.
void fixate_audio(GstStructure *output, const GstStructure *input) {
  for (const auto &[field, usual] :
       {std::pair("format", GST_AUDIO_NE(F32)), {"layout", "interleaved"}}) {
    const char *wanted = gst_structure_get_string(input, field);
    gst_structure_fixate_field_string(output, field, wanted ? wanted : usual);
  }
  for (const auto &[field, usual] :
       {std::pair("rate", GST_AUDIO_DEF_RATE), {"channels", 2}}) {
    int wanted = usual;
    gst_structure_get_int(input, field, &wanted);
    gst_structure_fixate_field_nearest_int(output, field, wanted);
  }
}

// More than two channels need positions: those of the input, or usual ones.
void complete_positions(GstStructure *output, const GstStructure *input) {
  int before = 0, after = 0;
  gst_structure_get_int(input, "channels", &before);
  gst_structure_get_int(output, "channels", &after);
  if (gst_structure_has_field(output, "channel-mask")) return;
  if (before == after && gst_structure_has_field(input, "channel-mask"))
    gst_structure_set_value(output, "channel-mask",
                            gst_structure_get_value(input, "channel-mask"));
  else if (after > 2)
    gst_structure_set(output, "channel-mask", GST_TYPE_BITMASK,
                      gst_audio_channel_get_fallback_mask(after), nullptr);
}

}  // namespace

GstCaps *fixate_output(GstCaps *input, GstCaps *caps) {
  if (gst_caps_is_any(caps)) {
    // Nobody said anything; confirm() tells what the plugin did wrong.
    gst_caps_unref(caps);
    return gst_caps_ref(input);
  }
  caps = gst_caps_make_writable(gst_caps_truncate(caps));
  GstStructure *output = gst_caps_get_structure(caps, 0);
  const GstStructure *like = gst_caps_get_structure(input, 0);
  const bool raw = gst_structure_has_name(output, "audio/x-raw");
  if (raw) fixate_audio(output, like);
  caps = gst_caps_fixate(caps);
  if (raw) complete_positions(gst_caps_get_structure(caps, 0), like);
  return caps;
}

}  // namespace pythonfilter
