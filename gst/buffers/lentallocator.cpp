// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lentallocator.hpp"

#include <cstring>
#include <utility>

using pythonfilter::Lender;
using pythonfilter::Output;

namespace {

constexpr char memory_type[] = "PythonWorkerMemory";

struct LentMemory {
  GstMemory memory;
  guint8 *data;  // of the whole, where offset is 0
  Output lent;   // empty: part of another one, which is its parent
};

LentMemory *lent(GstMemory *memory) {
  return reinterpret_cast<LentMemory *>(memory);
}

}  // namespace

struct GstPythonLentAllocator {
  GstAllocator parent;
  std::shared_ptr<Lender> *lender;  // made with it, freed in finalize
};

struct GstPythonLentAllocatorClass {
  GstAllocatorClass parent;
};

#define GST_PYTHON_LENT_ALLOCATOR(object) \
  reinterpret_cast<GstPythonLentAllocator *>(object)

G_DEFINE_TYPE(GstPythonLentAllocator, gst_python_lent_allocator,
              GST_TYPE_ALLOCATOR)

static GstMemory *lent_alloc(GstAllocator *allocator, gsize size,
                             GstAllocationParams *params) {
  const gsize align = params->align | gst_memory_alignment;
  const gsize whole = params->prefix + size + params->padding;
  Output piece;
  if (whole < size || whole + align < whole ||
      !(*GST_PYTHON_LENT_ALLOCATOR(allocator)->lender)
           ->lend(whole + align, &piece))
    return gst_allocator_alloc(nullptr, size, params);
  auto *data = reinterpret_cast<guint8 *>(piece.data);
  data += -reinterpret_cast<guintptr>(data) & align;
  if (params->flags & GST_MEMORY_FLAG_ZERO_PREFIXED)
    memset(data, 0, params->prefix);
  if (params->flags & GST_MEMORY_FLAG_ZERO_PADDED)
    memset(data + params->prefix + size, 0, params->padding);
  auto *made = g_new0(LentMemory, 1);
  gst_memory_init(&made->memory, params->flags, allocator, nullptr, whole,
                  align, params->prefix, size);
  made->data = data;
  made->lent = piece;
  return &made->memory;
}

static void lent_free(GstAllocator *, GstMemory *memory) {
  const Output piece = lent(memory)->lent;
  if (piece.release) piece.release(piece.owner);
  g_free(memory);
}

static gpointer lent_map(GstMemory *memory, gsize, GstMapFlags) {
  return lent(memory)->data;
}

static void lent_unmap(GstMemory *) {}

static GstMemory *lent_share(GstMemory *memory, gssize offset, gssize size) {
  GstMemory *parent = memory->parent ? memory->parent : memory;
  const gsize length =
      size < 0 ? gsize(gssize(memory->size) - offset) : gsize(size);
  auto *part = g_new0(LentMemory, 1);
  gst_memory_init(&part->memory,
                  GstMemoryFlags(GST_MINI_OBJECT_FLAGS(parent) |
                                 GST_MINI_OBJECT_FLAG_LOCK_READONLY),
                  memory->allocator, parent, memory->maxsize, memory->align,
                  gsize(gssize(memory->offset) + offset), length);
  part->data = lent(memory)->data;
  return &part->memory;
}

// Somebody wants it to himself: not what a worker sees.
static GstMemory *lent_copy(GstMemory *memory, gssize offset, gssize size) {
  const gsize length =
      size < 0 ? gsize(gssize(memory->size) - offset) : gsize(size);
  GstMemory *copy = gst_allocator_alloc(nullptr, length, nullptr);
  GstMapInfo map;
  if (!copy || !gst_memory_map(copy, &map, GST_MAP_WRITE)) return copy;
  memcpy(map.data, lent(memory)->data + gssize(memory->offset) + offset,
         length);
  gst_memory_unmap(copy, &map);
  return copy;
}

static gboolean lent_is_span(GstMemory *one, GstMemory *other, gsize *offset) {
  if (offset) *offset = one->offset - one->parent->offset;
  return lent(one)->data + one->offset + one->size ==
         lent(other)->data + other->offset;
}

static void gst_python_lent_allocator_init(GstPythonLentAllocator *self) {
  auto *allocator = GST_ALLOCATOR(self);
  allocator->mem_type = memory_type;
  allocator->mem_map = lent_map;
  allocator->mem_unmap = lent_unmap;
  allocator->mem_share = lent_share;
  allocator->mem_copy = lent_copy;
  allocator->mem_is_span = lent_is_span;
  self->lender = new std::shared_ptr<Lender>;
}

static void gst_python_lent_allocator_finalize(GObject *object) {
  delete GST_PYTHON_LENT_ALLOCATOR(object)->lender;
  G_OBJECT_CLASS(gst_python_lent_allocator_parent_class)->finalize(object);
}

static void gst_python_lent_allocator_class_init(
    GstPythonLentAllocatorClass *klass) {
  auto *allocator_class = GST_ALLOCATOR_CLASS(klass);
  G_OBJECT_CLASS(klass)->finalize = gst_python_lent_allocator_finalize;
  allocator_class->alloc = lent_alloc;
  allocator_class->free = lent_free;
}

namespace pythonfilter {

void offer_lent_memory(GstQuery *query, std::shared_ptr<Lender> lender) {
  g_autoptr(GstAllocator) allocator = GST_ALLOCATOR(
      g_object_new(gst_python_lent_allocator_get_type(), nullptr));
  gst_object_ref_sink(allocator);
  *GST_PYTHON_LENT_ALLOCATOR(allocator)->lender = std::move(lender);
  GstAllocationParams params;
  gst_allocation_params_init(&params);
  // What somebody downstream wants of the memory holds for ours, too.
  if (gst_query_get_n_allocation_params(query) > 0) {
    gst_query_parse_nth_allocation_param(query, 0, nullptr, &params);
    gst_query_set_nth_allocation_param(query, 0, allocator, &params);
  } else {
    gst_query_add_allocation_param(query, allocator, &params);
  }
}

void replace_lent_memory(GstBuffer **buffer) {
  const guint count = gst_buffer_n_memory(*buffer);
  guint shared = 0;
  while (
      shared < count &&
      !gst_memory_is_type(gst_buffer_peek_memory(*buffer, shared), memory_type))
    shared++;
  if (shared == count) return;
  GstBuffer *own = gst_buffer_new();
  for (guint i = 0; i < count; i++) {
    GstMemory *memory = gst_buffer_peek_memory(*buffer, i);
    gst_buffer_append_memory(own, gst_memory_is_type(memory, memory_type)
                                      ? gst_memory_copy(memory, 0, -1)
                                      : gst_memory_ref(memory));
  }
  // Last: where planes lie is checked against the memory.
  gst_buffer_copy_into(own, *buffer, GST_BUFFER_COPY_METADATA, 0, gsize(-1));
  gst_buffer_unref(*buffer);
  *buffer = own;
}

}  // namespace pythonfilter
