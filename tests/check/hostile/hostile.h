// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A worker that keeps to docs/worker-protocol.md until a certain moment. It is
// written from that page alone, and shares no code with either side.
//
// The moment and what it does then are a text, "STAGE TRICK ARGUMENTS": the
// name of the plugin's module, or of this program where the stage is "server"
// or "worker". Another stage is the name of a record, or "process".
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { most_fields = 64, most_descriptors = 8, most_slots = 64 };

struct record {
  uint32_t count;
  char *fields[most_fields];  // with a NUL behind each
  uint32_t sizes[most_fields];
  int descriptors[most_descriptors];
  int descriptor_count;
};

struct plan {
  char stage[64], trick[64], arguments[4096];
};

struct slot {
  uint64_t id, size;
  int descriptor;
  unsigned char *data;
};

struct channel {
  int calls, events, requests, replies, page_descriptor;
  uint64_t *page;
  struct slot slots[most_slots];
  struct slot outputs;
  struct plan plan;
  uint64_t processed, frame_size;
  bool converts, sink, mixes, splits;
};

// records.c
void send_bytes(int socket, const void *bytes, size_t size, const int *with,
                int count);
void send_record(int socket, const char *const *fields, uint32_t count,
                 const int *with, int descriptors);
bool receive_record(int socket, struct record *record);
// Fields of a text, which '|' separates.
void send_text(int socket, const char *text);
void send_with_list(int socket, const char *const *head, size_t fields,
                    const char *text);

// tricks.c
void read_plan(struct plan *plan, const char *text);
bool is_due(const struct channel *channel, const char *stage);
// False: the honest answer is to follow.
bool do_trick(struct channel *channel);
// Those that need no channel.
void do_trick_on(int socket, const struct plan *plan);

// replies.c
enum { reply_at = 256, reply_words = 9 };
void reply(struct channel *channel, const uint64_t *words, uint64_t signals);
void process(struct channel *channel);
void lie_about_outputs(struct channel *channel, const char *how);
void flip_words(struct channel *channel);

// plugin.c
_Noreturn void run_plugin(struct channel *channel);

_Noreturn void give_up(const char *why);
