/* SPDX-License-Identifier: Apache-2.0 */
#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void *read_lines(void *arg) {
  struct pipe_reader *reader = arg;
  char line[256], part[256];
  size_t n = 0;
  int too_long = 0;
  for (;;) {
    ssize_t i, got = read(reader->fd, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return NULL;
    for (i = 0; i < got; i++) {
      if (part[i] != '\n') {
        if (n + 1 < sizeof line)
          line[n++] = part[i];
        else
          too_long = 1;
        continue;
      }
      if (__atomic_load_n(&reader->stop, __ATOMIC_SEQ_CST)) return NULL;
      line[n] = '\0';
      if (n && !too_long) reader->line(reader->arg, line);
      n = 0;
      too_long = 0;
    }
  }
}

int pipe_start(struct pipe_reader *reader, const char *path, void (*line)(void *, const char *), void *arg) {
  struct stat status;
  int error;
  if (mkfifo(path, 0600) && errno != EEXIST) return errno;
  /* Open for both directions: so it neither waits for a writer nor ends when the last one leaves. */
  reader->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (reader->fd < 0) return errno;
  if (fstat(reader->fd, &status) || !S_ISFIFO(status.st_mode)) {
    close(reader->fd);
    return ENOTSUP;
  }
  reader->stop = 0;
  reader->line = line;
  reader->arg = arg;
  if ((error = pthread_create(&reader->thread, NULL, read_lines, reader))) close(reader->fd);
  return error;
}

void pipe_stop(struct pipe_reader *reader) {
  __atomic_store_n(&reader->stop, 1, __ATOMIC_SEQ_CST);
  /* The thread waits for a line, so it gets one. */
  while (write(reader->fd, "\n", 1) < 0 && errno == EINTR) continue;
  pthread_join(reader->thread, NULL);
  close(reader->fd);
}
