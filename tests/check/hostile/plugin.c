// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One plugin: its requests, answered honestly where no trick is due.
#include <poll.h>
#include <sys/mman.h>

#include "hostile.h"

static const char *const abilities[] = {"audio_name",      "process_audio",
                                        "format",          "F32",
                                        "interleaved",     "1",
                                        "non_interleaved", "1",
                                        "read_only",       "0",
                                        "has_reset",       "1",
                                        "has_drain",       "1",
                                        "has_latency",     "1",
                                        "has_unlock",      "1",
                                        "fail_closed",     "0",
                                        "carries_state",   "0",
                                        "maps_to_output",  "0",
                                        "maps_to_input",   "0",
                                        "as_bytes",        "0",
                                        "pass_remainder",  "0",
                                        "block_size",      "0"};
enum { ability_count = sizeof abilities / sizeof *abilities };

static void answer_load(struct channel *channel) {
  const char *fields[most_fields] = {"ok"};
  uint32_t count = 1;
  for (int i = 0; i < ability_count; i++)
    fields[count++] = abilities[i];
  fields[count++] = "has_space";
  fields[count++] = channel->sink ? "1" : "0";
  fields[count++] = "converts";
  fields[count++] = channel->converts ? "1" : "0";
  fields[count++] = "input_caps";
  fields[count++] = channel->converts ? "audio/x-raw" : "";
  fields[count++] = "output_caps";
  fields[count++] = channel->converts ? "application/x-hostile" : "";
  send_record(channel->calls, fields, count, NULL, 0);
}

// Any number of ports; the trick "port" is about what it says of them.
static void answer_load_with_ports(struct channel *channel) {
  const bool lies = strcmp(channel->plan.trick, "port") == 0;
  const char *const head[] = {"ok",
                              "audio_name",
                              channel->mixes ? "mix_audio" : "split_audio",
                              "format",
                              "F32",
                              "interleaved",
                              "1",
                              "non_interleaved",
                              "0",
                              "output_zero",
                              "1",
                              "has_drain",
                              "1",
                              "has_reset",
                              "1",
                              "port_count",
                              "1 4",
                              "port"};
  send_with_list(channel->calls, head, sizeof head / sizeof *head,
                 lies ? channel->plan.arguments : "%u");
}

static void load(struct channel *channel, const struct record *call) {
  read_plan(&channel->plan, call->fields[3]);
  channel->sink = strcmp(call->fields[1], "sink") == 0;
  channel->mixes = strcmp(call->fields[1], "mixer") == 0;
  channel->splits = strcmp(call->fields[1], "splitter") == 0;
  channel->converts = strncmp(channel->plan.trick, "outputs", 7) == 0;
  if (strcmp(channel->plan.trick, "capability") == 0) {
    // It stands in for all that are not needed.
    char text[sizeof channel->plan.arguments + 64];
    snprintf(text, sizeof text, "ok|audio_name|process_audio|format|F32|%s",
             channel->plan.arguments);
    send_text(channel->calls, text);
    return;
  }
  if (strcmp(channel->plan.trick, "parameter") == 0) {
    const char *const head[] = {"ok",     "audio_name", "process_audio",
                                "format", "F32",        "parameter"};
    send_with_list(channel->calls, head, sizeof head / sizeof *head,
                   channel->plan.arguments);
    return;
  }
  const bool lies = strcmp(channel->plan.trick, "port") == 0;
  if (is_due(channel, "load") && !lies && do_trick(channel)) return;
  if (channel->mixes || channel->splits)
    answer_load_with_ports(channel);
  else
    answer_load(channel);
}

static void start(struct channel *channel, const struct record *call) {
  const char *format = call->fields[1];
  const uint64_t width = strcmp(format, "F64") == 0   ? 8
                         : strcmp(format, "S16") == 0 ? 2
                                                      : 4;
  channel->frame_size = width * strtoull(call->fields[4], NULL, 10);
  send_text(channel->calls, "ok|");
}

static void answer_call(struct channel *channel) {
  struct record call;
  if (!receive_record(channel->calls, &call)) _exit(0);
  const char *name = call.fields[0];
  if (strcmp(name, "load") == 0) {
    load(channel, &call);
    return;
  }
  if (is_due(channel, name) && do_trick(channel)) return;
  if (strcmp(name, "start") == 0)
    start(channel, &call);
  else if (strcmp(name, "set_parameter") == 0)
    send_text(channel->calls, "ok|1");
  else if (strcmp(name, "latency") == 0)
    send_text(channel->calls, "ok|0.01");
  else if (strcmp(name, "preferences") == 0)
    send_text(channel->calls, "ok|48000|2|480");
  else if (strcmp(name, "available_space") == 0)
    send_text(channel->calls, "ok|10000");
  else if (strcmp(name, "drain") == 0 && !channel->converts && !channel->splits)
    send_text(channel->calls, "ok|0|");
  else
    send_text(channel->calls, "ok");
}

static void map_slot(struct slot *slot, const struct record *notice,
                     const char *size, bool writable) {
  slot->descriptor = notice->descriptors[0];
  slot->size = strtoull(size, NULL, 10);
  slot->data = mmap(NULL, slot->size, PROT_READ | (writable ? PROT_WRITE : 0),
                    MAP_SHARED, slot->descriptor, 0);
  if (slot->data == MAP_FAILED) give_up("a region that cannot be mapped");
}

static void read_notices(struct channel *channel, uint64_t count) {
  for (; count > 0; count--) {
    struct record notice;
    if (!receive_record(channel->calls, &notice)) _exit(0);
    if (strcmp(notice.fields[0], "outputs") == 0) {
      map_slot(&channel->outputs, &notice, notice.fields[1], true);
    } else if (strcmp(notice.fields[0], "slot") == 0) {
      const uint64_t id = strtoull(notice.fields[1], NULL, 10);
      struct slot *slot = &channel->slots[id % most_slots];
      slot->id = id;
      map_slot(slot, &notice, notice.fields[2], notice.fields[3][0] == '1');
    }
  }
}

void run_plugin(struct channel *channel) {
  for (uint64_t last = 0;;) {
    struct pollfd wait[] = {{channel->requests, POLLIN, 0},
                            {channel->events, 0, 0}};
    if (poll(wait, 2, -1) < 0) continue;
    if (wait[1].revents & POLLHUP) _exit(0);
    uint64_t signals;
    if (read(channel->requests, &signals, sizeof signals) < 0) continue;
    if (channel->page[0] == last) continue;
    last = channel->page[0];
    read_notices(channel, channel->page[2]);
    if (channel->page[1] == 2) {
      answer_call(channel);
      continue;
    }
    channel->processed++;
    const char *stage = channel->page[1] == 3 ? "resume" : "process";
    if (is_due(channel, stage) && do_trick(channel)) continue;
    process(channel);
  }
}
