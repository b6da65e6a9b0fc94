/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that reads lines from a named pipe: it plays the device. */
#ifndef DEMO_C_PIPE_H
#define DEMO_C_PIPE_H
#include <pthread.h>

struct pipe_reader {
  int fd, stop;
  pthread_t thread;
  void (*line)(void *arg, const char *line);
  void *arg;
};

/* Makes the pipe, unless it is there, and calls line() in a thread of its own. 0, or an errno. */
int pipe_start(struct pipe_reader *reader, const char *path, void (*line)(void *, const char *), void *arg);

/* Returns when the thread is gone. */
void pipe_stop(struct pipe_reader *reader);

#endif
