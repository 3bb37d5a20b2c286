// SPDX-License-Identifier: LGPL-2.1-or-later
#include "reloadfit.hpp"

#include "../caps/plugincaps.hpp"

namespace pythonfilter {

namespace {

std::string takes(GstCaps *allowed, GstCaps *caps) {
  if (gst_caps_is_subset(caps, allowed)) return "";
  return "its caps are " + text_of(allowed) + ", what plays is " +
         text_of(caps);
}

std::string keeps_conversion(const CapsConversion &conversion,
                             const StreamFormat &format) {
  g_autoptr(GstCaps) output = gst_caps_from_string(format.output_caps.c_str());
  Failure failure;
  if (format.input_caps.empty()) {  // a source
    g_autoptr(GstCaps) gives = conversion.source(&failure);
    return gives ? takes(gives, output) : failure.message;
  }
  g_autoptr(GstCaps) input = gst_caps_from_string(format.input_caps.c_str());
  g_autoptr(GstCaps) allowed = conversion.input();
  g_autoptr(GstCaps) possible = conversion.transform(GST_PAD_SINK, input, true);
  std::string problem = takes(allowed, input);
  if (problem.empty()) problem = takes(possible, output);
  if (problem.empty() && !conversion.confirm(input, output, &failure))
    problem = failure.message;
  return problem;
}

std::string now_or_not(const char *name, bool is) {
  return std::string(name) + (is ? " is True now" : " is not True any more");
}

}  // namespace

std::string misfit(const Capabilities &now, const Capabilities &next,
                   const CapsConversion &conversion,
                   const NegotiatedStream &stream) {
  if (now.converts != next.converts)
    return next.converts ? "it declares caps of its own now"
                         : "it declares no caps of its own any more";
  if (now.read_only != next.read_only)
    return now_or_not("read_only", next.read_only);
  if (now.as_bytes != next.as_bytes)
    return now_or_not("as_bytes", next.as_bytes);
  if (!now.has_same_ports(next)) return "its inputs or outputs are others";
  // Where the element's block-size is another one, it still is.
  if (now.block_size != next.block_size &&
      stream.format.frames == now.block_size)
    return "block_size is " + std::to_string(next.block_size) + ", not " +
           std::to_string(now.block_size);
  if (next.converts) return keeps_conversion(conversion, stream.format);
  g_autoptr(GstCaps) allowed = caps_of(next);
  g_autoptr(GstCaps) caps = gst_audio_info_to_caps(&stream.info);
  return takes(allowed, caps);
}

}  // namespace pythonfilter
