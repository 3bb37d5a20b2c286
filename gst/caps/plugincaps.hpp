// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a plugin says it can work on, as caps.
#pragma once

#include <string>

#include <gst/audio/audio.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

// Everything any plugin may ask for.
Capabilities all_capabilities();

GstCaps *caps_of(const Capabilities &capabilities);
// Of a mixer: of one of its inputs, or with NULL of its output; `rate` is what
// is agreed on, or 0.
GstCaps *caps_of_port(Capabilities plugin, const Port *port, int rate);

std::string text_of(const GstCaps *caps);
// What `filter`, unless it is NULL, has of `caps`, which it takes.
GstCaps *filtered(GstCaps *caps, GstCaps *filter);
bool is_raw_audio(const GstCaps *caps);

// False for caps that leave something open, or name what no audio has: a plugin
// or a peer may have written them, and GStreamer takes a rate of 0.
bool exact_audio(const GstCaps *caps, GstAudioInfo *info);

// False for caps that are not raw audio in one of our formats.
bool stream_format_of(const GstAudioInfo &info, StreamFormat *format);

// Audio of which the samples lie in any way that a plugin may declare.
GstCaps *any_layout();

// How samples may lie in audio that is any_layout(), in the order of the caps.
std::vector<SampleLayout> layouts_in(const GstCaps *caps);

// What the format of a converting plugin says of raw audio that comes out.
void describe_output(const GstAudioInfo &output, StreamFormat *format);

// One that is of any audio.
inline bool is_known(const GstAudioInfo &info) {
  return info.finfo && GST_AUDIO_INFO_FORMAT(&info) != GST_AUDIO_FORMAT_UNKNOWN;
}

// Where each channel is, in GStreamer's words; empty: nobody says.
std::vector<std::string> positions_of(const GstAudioInfo &info);

// What they say in these fields, and no more.
GstCaps *only_fields(const GstCaps *caps,
                     const std::vector<const char *> &fields);

// Fixes the first of the caps, which are audio, as near to `info` as they
// allow. Takes `caps`.
GstCaps *fixate_like(const GstAudioInfo &info, GstCaps *caps);

// Raw audio of any kind.
GstCaps *any_raw_audio();

// Why nothing of what a plugin takes or gives is among what is offered to it or
// wanted of it, and what can be done: the end of a sentence.
std::string why_not_taken(const GstCaps *takes, const GstCaps *offered);
std::string why_not_given(const GstCaps *gives, const GstCaps *wanted);

}  // namespace pythonfilter
