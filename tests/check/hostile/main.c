// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The server, which is honest unless the program's name says otherwise, and
// the beginning of a worker.
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "hostile.h"

enum { server_socket = 3, most_workers = 256 };

static struct {
  pid_t pid;
  int pidfd;
  char id[32];
} workers[most_workers];
static int worker_count;
static struct plan plan;

void give_up(const char *why) {
  fprintf(stderr, "hostile: %s\n", why);
  _exit(9);
}

static bool is_stage(const char *stage) {
  return strcmp(plan.stage, stage) == 0;
}

_Noreturn static void run_worker(int socket, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close(server_socket);
  for (int i = 0; i < worker_count; i++)
    close(workers[i].pidfd);
  dup2(output, 1);
  dup2(output, 2);
  close(output);
  if (is_stage("worker")) do_trick_on(socket, &plan);
  send_text(socket, "sandbox|none");
  if (is_stage("opened")) do_trick_on(socket, &plan);
  struct record open;
  if (!receive_record(socket, &open)) _exit(0);
  if (open.descriptor_count != 5) give_up("no plugin with five descriptors");
  static struct channel channel;
  channel.calls = open.descriptors[0];
  channel.events = open.descriptors[1];
  channel.requests = open.descriptors[2];
  channel.replies = open.descriptors[3];
  channel.page_descriptor = open.descriptors[4];
  channel.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
                      channel.page_descriptor, 0);
  if (channel.page == MAP_FAILED) give_up("no control page");
  run_plugin(&channel);
}

static void spawn(const struct record *record) {
  const int socket = record->descriptors[0], output = record->descriptors[1];
  if (record->descriptor_count != 2 || worker_count == most_workers)
    give_up("no worker can be made");
  const pid_t pid = fork();
  if (pid == 0) run_worker(socket, output);
  close(socket);
  close(output);
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  workers[worker_count].pid = pid;
  workers[worker_count].pidfd = pidfd;
  snprintf(workers[worker_count].id, sizeof workers->id, "%s",
           record->fields[1]);
  worker_count++;
  char number[32];
  snprintf(number, sizeof number, "%d", pid);
  const char *fields[] = {"spawned", record->fields[1], number};
  send_record(server_socket, fields, 3, &pidfd, 1);
}

static void reap(int which) {
  int status;
  if (waitpid(workers[which].pid, &status, WNOHANG) <= 0) return;
  char number[32];
  snprintf(number, sizeof number, "%d", status);
  const char *fields[] = {"exited", workers[which].id, number};
  send_record(server_socket, fields, 3, NULL, 0);
  close(workers[which].pidfd);
  workers[which] = workers[--worker_count];
}

int main(int count, char **arguments) {
  if (count != 3 || strcmp(arguments[1], "-B") != 0)
    give_up("started in another way than an interpreter");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char *name = strrchr(arguments[0], '/');
  read_plan(&plan, name ? name + 1 : arguments[0]);
  if (is_stage("server")) do_trick_on(server_socket, &plan);
  send_text(server_socket, "ready|3.11.0|1.24.0");
  if (is_stage("ready")) do_trick_on(server_socket, &plan);
  for (;;) {
    struct pollfd wait[most_workers + 1] = {{server_socket, POLLIN, 0}};
    for (int i = 0; i < worker_count; i++)
      wait[i + 1] = (struct pollfd){workers[i].pidfd, POLLIN, 0};
    if (poll(wait, (nfds_t)worker_count + 1, -1) < 0) continue;
    for (int i = worker_count; i > 0; i--)
      if (wait[i].revents) reap(i - 1);
    struct record record;
    if (!wait[0].revents) continue;
    if (!receive_record(server_socket, &record)) break;
    if (is_stage("spawn")) do_trick_on(server_socket, &plan);
    spawn(&record);
  }
  for (int i = 0; i < worker_count; i++)
    kill(workers[i].pid, SIGKILL);
  return 0;
}
