/* SPDX-License-Identifier: Apache-2.0 */
/* The command Blink(): it takes its time in a thread of its own, tells how far it is, and can be cancelled. */
#ifndef DEMO_C_BLINK_H
#define DEMO_C_BLINK_H
#include <cwmp_plugin.h>
#include <pthread.h>

struct blink {
  const cwmp_host *host;
  pthread_mutex_t lock;
  pthread_cond_t news;
  pthread_t thread;
  int has_thread, is_running, is_cancelled;
  cwmp_req req;
  unsigned long times, interval_ms;
};

void blink_init(struct blink *blink, const cwmp_host *host);

/* Begins it. Arguments: Times (1 to 100000, 3 without it) and IntervalMs (0 to 60000, 500 without it). */
cwmp_status blink_start(struct blink *blink, cwmp_req req, const cwmp_arg *args, size_t n);

/* Asks it to stop, if it is this request; from any thread. */
void blink_cancel(struct blink *blink, cwmp_req req);

/* Returns when it has stopped. */
void blink_stop(struct blink *blink);

void blink_destroy(struct blink *blink);

#endif
