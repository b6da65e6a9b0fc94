/* SPDX-License-Identifier: Apache-2.0 */
#include "blink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "state.h"

#define MAX_TIMES 100000ul
#define MAX_INTERVAL_MS 60000ul

void blink_init(struct blink *blink, const cwmp_host *host) {
  memset(blink, 0, sizeof *blink);
  blink->host = host;
  pthread_mutex_init(&blink->lock, NULL);
  pthread_cond_init(&blink->news, NULL);
}

/* Waits for one interval, or for a cancel. */
static int wait_is_cancelled(struct blink *blink) {
  struct timespec end;
  int cancelled;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += (time_t)(blink->interval_ms / 1000);
  end.tv_nsec += (long)(blink->interval_ms % 1000) * 1000000;
  if (end.tv_nsec >= 1000000000) {
    end.tv_sec++;
    end.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&blink->lock);
  while (!blink->is_cancelled && pthread_cond_timedwait(&blink->news, &blink->lock, &end) != ETIMEDOUT) continue;
  cancelled = blink->is_cancelled;
  pthread_mutex_unlock(&blink->lock);
  return cancelled;
}

static void *run(void *arg) {
  struct blink *blink = arg;
  const cwmp_host *host = blink->host;
  cwmp_req req = blink->req;
  cwmp_status status = CWMP_OK;
  unsigned long i;
  char text[64];
  for (i = 1; i <= blink->times; i++) {
    if (wait_is_cancelled(blink)) {
      status = CWMP_E_CANCELLED;
      break;
    }
    snprintf(text, sizeof text, "blink %lu of %lu", i, blink->times);
    host->progress(host->ctx, req, (int32_t)(i * 1000 / blink->times), str_of(text));
  }
  snprintf(text, sizeof text, "%lu", i - 1);
  host->put_output(host->ctx, req, STR("Blinked"), str_of(text));
  pthread_mutex_lock(&blink->lock);
  blink->is_running = 0;
  pthread_mutex_unlock(&blink->lock);
  host->req_done(host->ctx, req, status, STR(""));
  return NULL;
}

/* A number of at most `most`; 0 if the text is none. */
static int number(cwmp_str text, unsigned long least, unsigned long most, unsigned long *out) {
  unsigned long value = 0;
  size_t i;
  if (!text.len || text.len > 9) return 0;
  for (i = 0; i < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9') return 0;
    value = value * 10 + (unsigned long)(text.ptr[i] - '0');
  }
  *out = value;
  return value >= least && value <= most;
}

static cwmp_status refuse(const struct blink *blink, cwmp_req req, cwmp_status status, cwmp_str why) {
  /* A status alone has no text; req_done() has, and may come before the call returns. */
  blink->host->req_done(blink->host->ctx, req, status, why);
  return CWMP_PENDING;
}

cwmp_status blink_start(struct blink *blink, cwmp_req req, const cwmp_arg *args, size_t n) {
  unsigned long times = 3, interval_ms = 500;
  size_t i;
  int is_running;
  for (i = 0; i < n; i++) {
    const cwmp_arg *arg = (const cwmp_arg *)((const char *)args + i * blink->host->arg_size);
    if (str_is(arg->key, "Times") ? !number(arg->value, 1, MAX_TIMES, &times)
        : str_is(arg->key, "IntervalMs") ? !number(arg->value, 0, MAX_INTERVAL_MS, &interval_ms)
                                         : 1)
      return refuse(blink, req, CWMP_E_ARGUMENTS, STR("Times is 1 to 100000, IntervalMs is 0 to 60000"));
  }
  pthread_mutex_lock(&blink->lock);
  is_running = blink->is_running;
  pthread_mutex_unlock(&blink->lock);
  if (is_running) return refuse(blink, req, CWMP_E_RESOURCES, STR("it blinks already"));
  /* The thread of the time before has ended, or is about to. */
  if (blink->has_thread) pthread_join(blink->thread, NULL);
  blink->req = req;
  blink->times = times;
  blink->interval_ms = interval_ms;
  blink->is_running = 1;
  blink->is_cancelled = 0;
  blink->has_thread = !pthread_create(&blink->thread, NULL, run, blink);
  if (blink->has_thread) return CWMP_PENDING;
  blink->is_running = 0;
  return CWMP_E_RESOURCES;
}

void blink_cancel(struct blink *blink, cwmp_req req) {
  pthread_mutex_lock(&blink->lock);
  if (blink->is_running && blink->req == req) blink->is_cancelled = 1;
  pthread_cond_signal(&blink->news);
  pthread_mutex_unlock(&blink->lock);
}

void blink_stop(struct blink *blink) {
  if (!blink->has_thread) return;
  blink_cancel(blink, blink->req);
  pthread_join(blink->thread, NULL);
  blink->has_thread = 0;
}

void blink_destroy(struct blink *blink) {
  pthread_cond_destroy(&blink->news);
  pthread_mutex_destroy(&blink->lock);
}
