// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is written to the control page and to the region of outputs.
#include <pthread.h>

#include "hostile.h"

void reply(struct channel *channel, const uint64_t *words, uint64_t signals) {
  memcpy(channel->page + reply_at, words, reply_words * sizeof *words);
  if (signals && write(channel->replies, &signals, sizeof signals) < 0)
    give_up("replies cannot be signalled");
}

// Samples become bytes of 0x11, so that whoever sees others knows that they
// are from elsewhere.
void process(struct channel *channel) {
  const uint64_t *request = channel->page;
  if (channel->converts) {
    lie_about_outputs(channel, "honest");
    return;
  }
  const struct slot *slot = &channel->slots[request[3] % most_slots];
  const uint64_t length = request[5] * channel->frame_size;
  if (slot->id != request[3] || request[4] > slot->size ||
      length > slot->size - request[4])
    give_up("samples outside their slot");
  // A mixer's inputs are not its to write to, nor is a splitter's input, which
  // it does all the same.
  if (channel->mixes || channel->splits)
    memset(slot->data, 0x11, slot->size);
  else
    memset(slot->data + request[4], 0x11, length);
  const uint64_t words[reply_words] = {request[0], 0, 0, 0, 0, 0, 1000};
  reply(channel, words, 1);
}

// "BYTES SIZE SIZE …", where "honest" is one of 64 bytes.
void lie_about_outputs(struct channel *channel, const char *how) {
  uint64_t bytes = 80, sizes[most_fields] = {64}, count = 1;
  if (strcmp(how, "honest") != 0) {
    char *at;
    bytes = strtoull(how, &at, 0);
    for (count = 0; *at; count++)
      sizes[count] = strtoull(at, &at, 0);
  }
  if (!channel->outputs.data || channel->outputs.size < 80) {
    const uint64_t none[reply_words] = {channel->page[0], 5, 0, 0, 4096, 0, 1};
    reply(channel, none, 1);
    return;
  }
  memset(channel->outputs.data, 0x11, channel->outputs.size);
  const uint64_t table = count * sizeof *sizes;
  memcpy(channel->outputs.data, sizes,
         table < channel->outputs.size ? table : channel->outputs.size);
  const uint64_t words[reply_words] = {
      channel->page[0], 0, 4, count, bytes, 0, 1};
  reply(channel, words, 1);
}

static void *flip(void *channel) {
  volatile uint64_t *page = ((struct channel *)channel)->page;
  volatile uint64_t *table =
      (volatile uint64_t *)((struct channel *)channel)->outputs.data;
  const uint64_t values[] = {0, 1, 2, 4, 5, 8, 80, 4096, UINT64_MAX};
  for (uint64_t i = 0;; i++) {
    // Not the number of records: those the host may wait for are there.
    for (int word = 1; word < 5; word++)
      page[reply_at + word] = values[(i * 7 + (uint64_t)word * 3) % 9];
    page[reply_at + 6] = i;
    if (table) table[0] = values[i % 9];
    if (i % 8 == 0) {
      page[reply_at + 1] = 0;
      page[reply_at + 2] = table ? 4 : 0;
      page[reply_at + 3] = table ? 1 : 0;
      page[reply_at + 4] = table ? 80 : 0;
    }
  }
  return NULL;
}

void flip_words(struct channel *channel) {
  static bool flipping;
  pthread_t thread;
  if (!flipping && pthread_create(&thread, NULL, flip, channel) != 0)
    give_up("no thread");
  flipping = true;
}
