// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Records, and where these do not keep to the rules, bytes.
#include <sys/socket.h>

#include "hostile.h"

void send_bytes(int socket, const void *bytes, size_t size, const int *with,
                int count) {
  const char *at = bytes;
  while (size > 0) {
    struct iovec part = {(void *)at, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union {
      struct cmsghdr header;
      char space[CMSG_SPACE(sizeof(int) * 253)];
    } control;
    if (count > 0) {
      message.msg_control = &control;
      message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
      memset(&control, 0, sizeof control);
      control.header.cmsg_level = SOL_SOCKET;
      control.header.cmsg_type = SCM_RIGHTS;
      control.header.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
      memcpy(CMSG_DATA(&control.header), with, sizeof(int) * (size_t)count);
    }
    const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent < 0) return;  // the host does not listen any more
    at += sent;
    size -= (size_t)sent;
    count = 0;
  }
}

void send_record(int socket, const char *const *fields, uint32_t count,
                 const int *with, int descriptors) {
  size_t size = 8;
  for (uint32_t i = 0; i < count; i++)
    size += 4 + strlen(fields[i]);
  char *bytes = malloc(size), *at = bytes;
  const uint32_t rest = (uint32_t)(size - 4);
  memcpy(at, &rest, 4);
  memcpy(at + 4, &count, 4);
  at += 8;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t length = (uint32_t)strlen(fields[i]);
    memcpy(at, &length, 4);
    memcpy(at + 4, fields[i], length);
    at += 4 + length;
  }
  send_bytes(socket, bytes, size, with, descriptors);
  free(bytes);
}

void send_text(int socket, const char *text) {
  char *copy = strdup(text), *rest = copy;
  const char *fields[most_fields];
  uint32_t count = 0;
  for (char *each; (each = strsep(&rest, "|")) && count < most_fields;)
    fields[count++] = each;
  send_record(socket, fields, count, NULL, 0);
  free(copy);
}

// A record whose last field is a list of those that '|' separates: a record
// without its length inside of another.
void send_with_list(int socket, const char *const *head, size_t fields,
                    const char *text) {
  char list[4096];
  char *packed = list + 8, *copy = strdup(text), *rest = copy;
  uint32_t count = 0;
  for (char *each; (each = strsep(&rest, "|")); count++) {
    const uint32_t length = (uint32_t)strlen(each);
    memcpy(packed, &length, 4);
    memcpy(packed + 4, each, length);
    packed += 4 + length;
  }
  free(copy);
  const uint32_t size = (uint32_t)(packed - list - 4);
  memcpy(list, &size, 4);
  memcpy(list + 4, &count, 4);

  char bytes[8192], *at = bytes + 8;
  for (size_t i = 0; i < fields; i++) {
    const uint32_t length = (uint32_t)strlen(head[i]);
    memcpy(at, &length, 4);
    memcpy(at + 4, head[i], length);
    at += 4 + length;
  }
  memcpy(at, list, 4 + size);
  at += 4 + size;
  const uint32_t whole[] = {(uint32_t)(at - bytes - 4), (uint32_t)fields + 1};
  memcpy(bytes, whole, sizeof whole);
  send_bytes(socket, bytes, (size_t)(at - bytes), NULL, 0);
}

static bool receive_all(int socket, void *bytes, size_t size) {
  for (char *at = bytes; size > 0;) {
    const ssize_t got = recv(socket, at, size, MSG_WAITALL);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= (size_t)got;
  }
  return true;
}

// What was in it is left to the end of the process: there are few.
bool receive_record(int socket, struct record *record) {
  uint32_t length;
  struct iovec part = {&length, sizeof length};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int) * most_descriptors)];
  } control;
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  memset(record, 0, sizeof *record);
  ssize_t got;
  do {
    got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each;
       each = CMSG_NXTHDR(&message, each)) {
    record->descriptor_count =
        (int)((each->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(record->descriptors, CMSG_DATA(each), each->cmsg_len - CMSG_LEN(0));
  }
  if (got < 4 && !receive_all(socket, (char *)&length + got, 4 - (size_t)got))
    return false;
  char *bytes = malloc(length);
  if (!receive_all(socket, bytes, length)) return false;
  memcpy(&record->count, bytes, 4);
  if (record->count > most_fields) give_up("a record that is too long for me");
  const char *at = bytes + 4;
  for (uint32_t i = 0; i < record->count; i++) {
    memcpy(&record->sizes[i], at, 4);
    record->fields[i] = strndup(at + 4, record->sizes[i]);
    at += 4 + record->sizes[i];
  }
  return true;
}
