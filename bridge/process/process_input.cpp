// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How a buffer gets to where its worker can see it.
#include <algorithm>
#include <cassert>
#include <cstring>

#include "../samples.hpp"
#include "remote_plugin.hpp"

namespace pythonfilter {

namespace {

constexpr uint64_t own_slot = 1;

}  // namespace

// A splitter does not write to its block, but beside it.
bool RemotePlugin::writes() const {
  return spec_.kind == PluginKind::Splitter ||
         (!capabilities_.read_only && format_.in_place);
}

bool RemotePlugin::use_slot(size_t size) {
  if (slot_ && slot_->size() >= size && slot_->worker_writes() == writes())
    return true;
  return make_slot(size, {});
}

// `ports`: where they are in it.
bool RemotePlugin::make_slot(size_t size, const std::vector<size_t> &ports) {
  slot_ = Region::make(std::max<size_t>(size, 1), writes());
  if (!slot_) return false;
  Fields record = {"slot", std::to_string(own_slot),
                   std::to_string(slot_->size()), writes() ? "1" : "0"};
  for (const size_t each : ports)
    record.push_back(std::to_string(each));
  const bool told = channel_->notice(record, slot_->descriptor());
  slot_->close_descriptor();
  return told;
}

// The block first, then the ports in their order. Those that nobody is linked
// to have a place, too, whose pages are never touched.
bool RemotePlugin::use_slot_with_ports(size_t frames) {
  if (slot_ && slot_frames_ >= frames) return true;
  const auto padded = [](size_t size) { return (size + 63) / 64 * 64; };
  port_offsets_.clear();
  size_t end = padded(Dense(format_).size(frames));
  for (const PortFormat &each : format_.ports(spec_.kind)) {
    port_offsets_.push_back(end);
    end += padded(Dense(each).size(frames));
  }
  slot_frames_ = frames;
  return make_slot(end, port_offsets_);
}

[[gnu::hot]] void RemotePlugin::place_inputs(
    const Block &block, const std::vector<InputView> &inputs) {
  assert(inputs.size() == format_.inputs.size());
  if (capabilities_.output_zero)
    std::memset(slot_->data(), 0, Dense(format_).size(block.frames));
  for (size_t i = 0; i < inputs.size(); i++)
    copy_from_input(inputs[i], block.frames, Dense(format_.inputs[i]),
                    slot_->data() + port_offsets_[i]);
  channel_->set_inputs(inputs);
}

[[gnu::hot]] void RemotePlugin::place_outputs(
    const Block &block, const std::vector<OutputView> &outputs) {
  assert(outputs.size() == format_.outputs.size());
  copy_from_block(block, Dense(format_), slot_->data());
  linked_ = 0;
  for (size_t i = 0; i < outputs.size(); i++) {
    if (!outputs[i].data) continue;
    linked_ |= uint64_t(1) << i;
    std::memset(slot_->data() + port_offsets_[i], 0,
                Dense(format_.outputs[i]).size(block.frames));
  }
  channel_->set_linked(linked_);
}

[[gnu::hot]] bool RemotePlugin::place_ports(const Block &block,
                                            const PortsOfBlock &ports,
                                            Request *request) {
  in_lent_ = false;
  if (!use_slot_with_ports(block.frames)) return false;
  if (ports.inputs)
    place_inputs(block, *ports.inputs);
  else
    place_outputs(block, *ports.outputs);
  request->slot = own_slot;
  return true;
}

// Those of the plugin, and then those of each input.
bool RemotePlugin::place_curves(const Block &block,
                                const std::vector<InputView> *inputs,
                                Request *request) {
  placed_.clear();
  const auto place = [this](const std::vector<Curve> *all) {
    for (size_t i = 0; all && i < all->size(); i++)
      placed_.push_back(&(*all)[i]);
  };
  place(block.curves);
  for (size_t i = 0; inputs && i < inputs->size(); i++)
    place((*inputs)[i].curves);
  const size_t count = placed_.size();
  if (count == 0) return true;
  const size_t stride = (block.frames * sizeof(float) + 63) / 64 * 64;
  bool fits = curves_ && curve_names_.size() == count &&
              curves_->size() / count / 64 * 64 >= stride;
  for (size_t i = 0; fits && i < count; i++)
    fits = curve_names_[i] == placed_[i]->name;
  if (!fits) {
    curves_ = Region::make(std::max<size_t>(stride, 64) * count, false);
    if (!curves_) return false;
    curve_names_.clear();
    Fields record = {"curves",
                     std::to_string(curves_->size() / count / 64 * 64 * count)};
    for (const Curve *curve : placed_) {
      curve_names_.push_back(curve->name);
      record.push_back(curve->name);
    }
    const bool told = channel_->notice(record, curves_->descriptor());
    curves_->close_descriptor();
    if (!told) return false;
  }
  const size_t each = curves_->size() / count / 64 * 64;
  for (size_t i = 0; i < count; i++) {
    auto *to = reinterpret_cast<float *>(curves_->data() + i * each);
    const Curve &curve = *placed_[i];
    if (curve.values.size() < block.frames)
      std::fill_n(to, block.frames, curve.constant);
    else
      std::copy_n(curve.values.data(), block.frames, to);
  }
  request->curves = count;
  return true;
}

bool RemotePlugin::forget_lent() {
  for (const uint64_t id : lent_->take_forgotten())
    if (!channel_->notice({"forget", std::to_string(id)})) return false;
  return true;
}

[[gnu::hot]] bool RemotePlugin::prepare(const Block &block,
                                        const PortsOfBlock &ports,
                                        Request *request) {
  *request = Request{};
  request->frames = block.frames;
  request->pts = block.pts;
  request->duration = block.duration;
  request->stream_offset = block.offset;
  request->flags =
      (block.discont ? request_discont : 0) | (block.gap ? request_gap : 0);
  if ((block.curves || ports.inputs) &&
      !place_curves(block, ports.inputs, request))
    return false;
  if (ports.inputs || ports.outputs) return place_ports(block, ports, request);

  const Dense dense(format_);
  size_t length, plane_stride;
  Arena *arena = find_samples(block, dense, &length, &plane_stride)
                     ? lent_->find(block.data, length)
                     : nullptr;
  in_lent_ = arena && arena->region->worker_writes() == writes();
  if (!in_lent_) {
    if (!use_slot(dense.size(block.frames))) return false;
    if (spec_.kind != PluginKind::Source)
      copy_from_block(block, dense, slot_->data());
    request->slot = own_slot;
    request->plane_stride =
        format_.bytes ? 0 : block.frames * sample_size(format_.format);
    return true;
  }
  if (arena->told != channel_->serial()) {
    if (!forget_lent() ||
        !channel_->notice(
            {"slot", std::to_string(arena->id),
             std::to_string(arena->region->size()), writes() ? "1" : "0"},
            arena->region->descriptor()))
      return false;
    arena->told = channel_->serial();
  }
  request->slot = arena->id;
  request->offset = uint64_t(block.data - arena->region->data());
  request->plane_stride = plane_stride;
  return true;
}

}  // namespace pythonfilter
