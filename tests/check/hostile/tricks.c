// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What it does when the time has come.
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include "hostile.h"

static void sleep_ms(uint64_t ms) {
  const struct timespec time = {(time_t)(ms / 1000),
                                (long)(ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

void read_plan(struct plan *plan, const char *text) {
  memset(plan, 0, sizeof *plan);
  if (sscanf(text, "%63s %63s %4095[^\n]", plan->stage, plan->trick,
             plan->arguments) < 1)
    plan->stage[0] = 0;
}

// Samples are worked on honestly twice, so that everything is as it is later.
bool is_due(const struct channel *channel, const char *stage) {
  return strcmp(channel->plan.stage, stage) == 0 &&
         (strcmp(stage, "process") != 0 || channel->processed > 2);
}

static bool is(const struct plan *plan, const char *trick) {
  return strcmp(plan->trick, trick) == 0;
}

// Records that break the rules in one way each.
static void send_broken(int socket, const char *how) {
  const uint32_t most = UINT32_MAX, limit = 256u << 20;
  const struct {
    const char *how;
    uint32_t words[6];
    size_t size;
  } all[] = {
      {"no-length", {4}, 2},
      {"empty", {0}, 4},
      {"half", {8, 1}, 8},
      {"endless", {limit, 1, 5}, 12},
      {"too-long", {limit + 1, 1, 5}, 12},
      {"longest", {most, most, most}, 12},
      {"no-fields", {4, 0}, 8},
      {"most-fields", {4, most}, 8},
      {"too-many-fields", {8, 65537, 0}, 12},
      {"fields-missing", {8, 2, 0}, 12},
      {"field-too-long", {12, 1, 5, 0}, 16},
      {"field-longest", {12, 1, most, 0}, 16},
      {"field-wraps", {12, 1, most - 3, 0}, 16},
      {"trailing", {12, 1, 0, 0}, 16},
      {"unknown", {11, 1, 3, 0x00616161}, 15},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].how, how) == 0) {
      send_bytes(socket, all[i].words, all[i].size, NULL, 0);
      return;
    }
  give_up("no such broken record");
}

// Ends, or stops, or does nothing any more.
static bool die(const struct plan *plan) {
  if (is(plan, "exit")) _exit(atoi(plan->arguments));
  if (is(plan, "abort")) abort();
  if (is(plan, "segv")) raise(SIGSEGV);
  if (is(plan, "kill")) raise(SIGKILL);
  if (is(plan, "sigstop")) raise(SIGSTOP);
  if (is(plan, "silence"))
    for (;;)
      pause();
  return false;
}

// Lines, or one that does not end.
static void flood_output(bool lines) {
  char bytes[4096];
  memset(bytes, 'x', sizeof bytes);
  for (size_t i = 0; lines && i < sizeof bytes; i += 2)
    bytes[i] = '\n';
  for (int i = 0; i < 4096; i++)
    if (write(1, bytes, sizeof bytes) < 0) return;
}

static void flood(int socket, const char *text, int times) {
  for (int i = 0; i < times; i++)
    send_text(socket, text);
}

static void send_descriptors(int socket, int count) {
  int all[253] = {0};
  for (int i = 0; i < count; i++)
    all[i] = dup(1);
  const char *fields[] = {"ok"};
  send_record(socket, fields, 1, all, count);
  for (int i = 0; i < count; i++)
    close(all[i]);
}

void do_trick_on(int socket, const struct plan *plan) {
  if (die(plan)) return;
  if (is(plan, "broken"))
    send_broken(socket, plan->arguments);
  else if (is(plan, "says"))
    send_text(socket, plan->arguments);
  else if (is(plan, "descriptors"))
    send_descriptors(socket, atoi(plan->arguments));
  else if (is(plan, "hangup"))
    close(socket);
  else if (is(plan, "flood"))
    flood(socket, plan->arguments, 100000);
  else
    give_up("no such trick");
}

// Each may fail, and all should: the region's size and seals are for good.
static void change(int descriptor) {
  const char bytes[64] = {0};
  if (ftruncate(descriptor, 0) == 0 || ftruncate(descriptor, 1 << 30) == 0)
    give_up("a region whose size can be changed");
  for (int seal = 1; seal <= 0x10; seal *= 2)
    if (fcntl(descriptor, F_ADD_SEALS, seal) == 0)
      give_up("a region that can be sealed");
  // Into a page that the host has mapped: it reads zeros then.
  if (pwrite(descriptor, bytes, sizeof bytes, 0) < 0 && errno != EPERM)
    give_up("a region that cannot be written to in another way than by a seal");
  fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
}

static void change_all(struct channel *channel) {
  uint64_t page[512];
  memcpy(page, channel->page, sizeof page);
  change(channel->page_descriptor);
  memcpy(channel->page, page, sizeof page);
  for (int i = 0; i < most_slots; i++)
    if (channel->slots[i].data) change(channel->slots[i].descriptor);
}

static void reply_with_word(struct channel *channel, const char *arguments) {
  uint64_t words[reply_words] = {channel->page[0], 0, 0, 0, 0, 0, 1};
  char *rest;
  const uint64_t word = strtoull(arguments, &rest, 0);
  if (*rest == '+')
    words[word] += strtoull(rest + 1, NULL, 0);
  else
    words[word] = strtoull(rest, NULL, 0);
  reply(channel, words, 1);
}

// `records` many are announced; what comes are `text`s, one after another, and
// of "records-more" one more.
static void reply_with_records(struct channel *channel, const char *arguments) {
  char *text;
  const uint64_t outcome = strtoull(arguments, &text, 0);
  const uint64_t records = strtoull(text, &text, 0);
  const uint64_t words[reply_words] = {channel->page[0], outcome, 0, 0, 0,
                                       records,          1};
  text += *text == ' ';
  if (strncmp(text, "broken ", 7) == 0) {
    send_broken(channel->calls, text + 7);
  } else if (*text) {
    const uint64_t more = is(&channel->plan, "records-more");
    for (uint64_t i = 0; i < records + more; i++)
      send_text(channel->calls, text);
  }
  reply(channel, words, 1);
}

// More than fits into the socket, by a host that does not read yet.
static void reply_with_long_record(struct channel *channel) {
  const uint32_t size = 8u << 20, head[] = {size + 8, 1, size};
  const uint64_t words[reply_words] = {channel->page[0], 1, 0, 0, 0, 1, 1};
  char *bytes = calloc(1, size);
  reply(channel, words, 1);
  send_bytes(channel->calls, head, sizeof head, NULL, 0);
  send_bytes(channel->calls, bytes, size, NULL, 0);
  free(bytes);
}

static void signal_twice(struct channel *channel) {
  const uint64_t one = 1;
  process(channel);
  if (write(channel->replies, &one, sizeof one) < 0) give_up("once is enough");
}

// For the reply before, when the next one is waited for.
static void signal_again(struct channel *channel) {
  const uint64_t one = 1;
  if (write(channel->replies, &one, sizeof one) < 0) give_up("not even once");
  sleep_ms(20);
  process(channel);
}

// Whoever is to see it gets to run after each: on a busy machine the time that
// the call may take would be over before a thousand of them are read.
static void signal_endlessly(struct channel *channel) {
  for (const uint64_t one = 1;; sched_yield())
    if (write(channel->replies, &one, sizeof one) < 0) give_up("it is full");
}

// The next sequence number, before anybody asked.
static void reply_early(struct channel *channel) {
  process(channel);
  sleep_ms(5);
  const uint64_t words[reply_words] = {channel->page[0] + 1, 0, 0, 0, 0, 0, 1};
  reply(channel, words, 1);
}

// Signals without end, which is more than an eventfd can count.
static void fill_signals(struct channel *channel) {
  const uint64_t most = UINT64_MAX - 1;
  fcntl(channel->requests, F_SETFL, O_NONBLOCK);
  fcntl(channel->replies, F_SETFL, O_NONBLOCK);
  process(channel);
  if (write(channel->requests, &most, sizeof most) < 0 ||
      write(channel->replies, &most, sizeof most) < 0)
    return;  // as full as can be
}

bool do_trick(struct channel *channel) {
  const struct plan *plan = &channel->plan;
  const char *arguments = plan->arguments;
  if (die(plan)) return true;
  if (is(plan, "word")) {
    reply_with_word(channel, arguments);
  } else if (is(plan, "records") || is(plan, "records-more")) {
    reply_with_records(channel, arguments);
  } else if (is(plan, "long-record")) {
    reply_with_long_record(channel);
  } else if (is(plan, "outputs")) {
    lie_about_outputs(channel, arguments);
  } else if (is(plan, "twice")) {
    signal_twice(channel);
  } else if (is(plan, "again")) {
    signal_again(channel);
  } else if (is(plan, "endlessly")) {
    signal_endlessly(channel);
  } else if (is(plan, "early")) {
    reply_early(channel);
  } else if (is(plan, "fill")) {
    fill_signals(channel);
  } else if (is(plan, "change")) {
    change_all(channel);
    process(channel);
  } else if (is(plan, "outputs-flip")) {
    lie_about_outputs(channel, "honest");
    if (channel->outputs.data) flip_words(channel);
  } else if (is(plan, "flip")) {
    flip_words(channel);
    process(channel);
  } else if (is(plan, "late")) {
    sleep_ms(strtoull(arguments, NULL, 0));
    return false;
  } else if (is(plan, "crumbs")) {
    // An honest record, byte by byte.
    const char bytes[] = {10, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 'o', 'k'};
    for (size_t i = 0; i < sizeof bytes; i++) {
      send_bytes(channel->calls, bytes + i, 1, NULL, 0);
      sleep_ms(1);
    }
  } else if (is(plan, "prints")) {
    flood_output(strcmp(arguments, "lines") == 0);
    return false;
  } else if (strncmp(plan->trick, "event-", 6) == 0) {
    struct plan rest = *plan;
    memmove(rest.trick, rest.trick + 6, sizeof rest.trick - 6);
    do_trick_on(channel->events, &rest);
    return false;
  } else {
    do_trick_on(channel->calls, plan);
  }
  return true;
}
