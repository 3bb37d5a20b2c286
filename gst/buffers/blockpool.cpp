// SPDX-License-Identifier: LGPL-2.1-or-later
#include "blockpool.hpp"

namespace pythonfilter {

namespace {

// NumPy has no unaligned arrays of ours.
constexpr gsize alignment = 15;

}  // namespace

// Takes `pool`.
bool BlockPool::use(GstBufferPool *pool, GstCaps *caps, gsize size, guint least,
                    guint most) {
  close();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, guint(size), least, most);
  gst_buffer_pool_config_set_allocator(config, allocator_, &params_);
  if (!gst_buffer_pool_set_config(pool, config) ||
      !gst_buffer_pool_set_active(pool, TRUE)) {
    gst_object_unref(pool);
    return false;
  }
  pool_ = pool;
  size_ = size;
  return true;
}

void BlockPool::ask(GstPad *pad, GstCaps *caps) {
  forget();
  g_autoptr(GstQuery) query = gst_query_new_allocation(caps, TRUE);
  if (!gst_pad_peer_query(pad, query)) return;
  if (gst_query_get_n_allocation_params(query) > 0)
    gst_query_parse_nth_allocation_param(query, 0, &allocator_, &params_);
  params_.align |= alignment;
  if (gst_query_get_n_allocation_pools(query) == 0) return;
  GstBufferPool *pool;
  guint size, least, most;
  gst_query_parse_nth_allocation_pool(query, 0, &pool, &size, &least, &most);
  if (pool) use(pool, caps, size, least, most);
}

GstBuffer *BlockPool::acquire(gsize size) {
  // Some blocks have a frame more.
  if (!pool_ || size_ < size)
    use(gst_buffer_pool_new(), nullptr, size + size / 64, 0, 0);
  GstBufferPoolAcquireParams quick = {};
  quick.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
  GstBuffer *buffer = nullptr;
  if (!pool_ ||
      gst_buffer_pool_acquire_buffer(pool_, &buffer, &quick) != GST_FLOW_OK)
    return gst_buffer_new_allocate(nullptr, size, nullptr);
  gst_buffer_set_size(buffer, gssize(size));
  return buffer;
}

void BlockPool::close() {
  if (!pool_) return;
  gst_buffer_pool_set_active(pool_, FALSE);
  gst_clear_object(&pool_);
}

void BlockPool::forget() {
  close();
  gst_clear_object(&allocator_);
  gst_allocation_params_init(&params_);
  params_.align = alignment;
}

}  // namespace pythonfilter
