/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin in C: Device.X_CWMPD_DemoC., with values, a table that takes rows, a value that the device changes, and
   transactions that can be taken back.

   Copy it. What you need is the table at the end, which the host reads, and the functions above it, one for each thing
   that the host may ask. state.c keeps values and rows; put your hardware in its place.

   Every function but cancel() runs on one thread, one at a time (CWMP_THREADS_ONE). Only the pipe, which plays the device,
   and a command that runs have threads of their own; the pipe shares nothing but the temperature. */
#include <cwmp_plugin.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blink.h"
#include "config.h"
#include "failure.h"
#include "pipe.h"
#include "state.h"

struct demo {
  const cwmp_host *host;
  struct state now;
  /* What prepare() made of it, and for which transaction. */
  struct state staged;
  uint64_t staged_txn;
  int is_staged;
  /* What was there before commit(), until finish(). */
  struct state undo;
  uint64_t undo_txn;
  int is_committed, was_tried;
  /* What the device says. It is no setting, so no transaction touches it. */
  pthread_mutex_t lock;
  long temperature;
  char watch_file[256];
  struct pipe_reader pipe;
  int is_piped;
  struct blink blink;
  /* Tests. */
  int can_fail;
  enum failure next, staged_next;
};

/* What there is. "Sensor.{i}." is a table, the rest are objects and parameters. */
#define W CWMP_NODE_WRITABLE
#define PUSHED CWMP_NODE_PUSHED
#define OBJECT(path, flags) {TEXT(BASE path), 0, CWMP_NODE_OBJECT | (flags), TEXT("")}
#define PARAM(path, type, flags, facets) {TEXT(BASE path), type, flags, TEXT(facets)}
#define COMMAND(path) {TEXT(BASE path), 0, CWMP_NODE_COMMAND, TEXT("")}
static const cwmp_node nodes[] = {
    OBJECT("", 0),
    PARAM("Label", CWMP_STRING, W, "size=:64;default=Demo in C"),
    PARAM("Level", CWMP_UNSIGNED_INT, W, "range=0:100;default=50"),
    PARAM("Enable", CWMP_BOOLEAN, W, "default=true"),
    PARAM("Mode", CWMP_STRING, W, "enum=Eco|Normal|Boost;default=Normal"),
    PARAM("Temperature", CWMP_INT, PUSHED, "range=-273:"),
    OBJECT("Sensor.{i}.", CWMP_NODE_TABLE | W),
    PARAM("Sensor.{i}.Name", CWMP_STRING, W, "size=:64"),
    PARAM("Sensor.{i}.Threshold", CWMP_INT, W, "range=-40:125;default=25"),
    PARAM("Sensor.{i}.Armed", CWMP_BOOLEAN, W, "default=false"),
    COMMAND("Blink()"),
    /* The last two only when the configuration has failures = true. */
    OBJECT("Test.", 0),
    PARAM("Test.Fail", CWMP_STRING, W, FAILURE_FACETS),
};
#define NODES (sizeof nodes / sizeof *nodes)
#define TEST_NODES 2

static void say(const struct demo *demo, int level, const char *text) {
  if (CWMP_HAS(demo->host, log)) demo->host->log(demo->host->ctx, level, STR("demo_c"), str_of(text));
}

/* ---- the store ---- */

static cwmp_status keep(const struct demo *demo, const char *key, const char *value) {
  return demo->host->store_put(demo->host->ctx, str_of(key), str_of(value));
}

static cwmp_status keep_state(const struct demo *demo, const char *key, const struct state *state) {
  char *text = state_write(state);
  cwmp_status status = text ? keep(demo, key, text) : CWMP_E_RESOURCES;
  free(text);
  return status;
}

/* The state before transaction txn: the number on a line of its own, then the state. */
static cwmp_status keep_undo(const struct demo *demo, uint64_t txn, const struct state *state) {
  char *text = state_write(state), *both;
  cwmp_status status = CWMP_E_RESOURCES;
  if (text && (both = malloc(strlen(text) + 32))) {
    sprintf(both, "%" PRIu64 "\n%s", txn, text);
    status = keep(demo, "undo", both);
    free(both);
  }
  free(text);
  return status;
}

/* The host hands values of the store to functions like these. The text is gone when they return. */
static void take_state(void *arg, cwmp_str text) {
  struct demo *demo = arg;
  if (!state_read(&demo->now, text)) {
    say(demo, 4, "the stored state cannot be read, beginning anew");
    state_init(&demo->now);
  }
}

static void take_undo(void *arg, cwmp_str text) {
  struct demo *demo = arg;
  uint64_t txn = 0;
  while (text.len && *text.ptr >= '0' && *text.ptr <= '9') {
    txn = txn * 10 + (uint64_t)(*text.ptr - '0');
    text.ptr++;
    text.len--;
  }
  if (str_skip(&text, "\n") && state_read(&demo->undo, text)) {
    demo->undo_txn = txn;
    demo->is_committed = 1;
  }
}

static void take_temperature(void *arg, cwmp_str text) {
  char number[16] = "";
  if (text.len < sizeof number) memcpy(number, text.ptr, text.len);
  ((struct demo *)arg)->temperature = strtol(number, NULL, 10);
}

/* ---- the device ---- */

static void keep_temperature(struct demo *demo) {
  char text[16];
  pthread_mutex_lock(&demo->lock);
  snprintf(text, sizeof text, "%ld", demo->temperature);
  pthread_mutex_unlock(&demo->lock);
  keep(demo, "temperature", text);
}

/* A line from the pipe, on the pipe's thread: "31", or "Temperature=31". */
static void heard(void *arg, const char *line) {
  struct demo *demo = arg;
  cwmp_str path = TEXT(BASE "Temperature");
  const char *digits = strncmp(line, "Temperature=", 12) ? line : line + 12;
  char *end;
  long value = strtol(digits, &end, 10);
  int is_new;
  if (end == digits || *end || value < -273 || value > 100000) {
    say(demo, 4, "a line that is no temperature, ignoring");
    return;
  }
  pthread_mutex_lock(&demo->lock);
  is_new = demo->temperature != value;
  demo->temperature = value;
  pthread_mutex_unlock(&demo->lock);
  if (!is_new) return;
  keep_temperature(demo);
  /* The host reads the value when it wants to. */
  if (CWMP_HAS(demo->host, changed)) demo->host->changed(demo->host->ctx, &path, 1);
}

/* ---- begin and end ---- */

static cwmp_status create(const cwmp_host *host, cwmp_str config, void **self) {
  struct demo *demo;
  if (!CWMP_HAS(host, store_get) || !CWMP_HAS(host, store_put) || !CWMP_HAS(host, store_delete))
    return CWMP_E_UNSUPPORTED;
  if (!(demo = calloc(1, sizeof *demo))) return CWMP_E_RESOURCES;
  demo->host = host;
  demo->temperature = 20;
  demo->can_fail = config_is_true(config, "failures");
  if (config_text(config, "watch_file", demo->watch_file, sizeof demo->watch_file) < 0) {
    say(demo, 3, "watch_file is no path");
    free(demo);
    return CWMP_E_ARGUMENTS;
  }
  pthread_mutex_init(&demo->lock, NULL);
  blink_init(&demo->blink, host);
  state_init(&demo->now);
  /* A key that is not there is fine: then it is as delivered. */
  host->store_get(host->ctx, STR("state"), take_state, demo);
  host->store_get(host->ctx, STR("undo"), take_undo, demo);
  host->store_get(host->ctx, STR("temperature"), take_temperature, demo);
  *self = demo;
  return CWMP_OK;
}

static cwmp_status describe(void *self, const cwmp_node **list, size_t *n) {
  const struct demo *demo = self;
  *list = nodes;
  *n = demo->can_fail ? NODES : NODES - TEST_NODES;
  return CWMP_OK;
}

static cwmp_status start(void *self) {
  struct demo *demo = self;
  int error;
  if (!*demo->watch_file) return CWMP_OK;
  if ((error = pipe_start(&demo->pipe, demo->watch_file, heard, demo))) {
    say(demo, 3, strerror(error));
    return CWMP_E_INTERNAL;
  }
  demo->is_piped = 1;
  return CWMP_OK;
}

static void stop(void *self) {
  struct demo *demo = self;
  blink_stop(&demo->blink);
  if (demo->is_piped) pipe_stop(&demo->pipe);
  demo->is_piped = 0;
}

static void destroy(void *self) {
  struct demo *demo = self;
  blink_destroy(&demo->blink);
  pthread_mutex_destroy(&demo->lock);
  free(demo);
}

/* ---- reading ---- */

static void get_one(struct demo *demo, cwmp_req req, size_t index, cwmp_str name) {
  const cwmp_host *host = demo->host;
  const char *value;
  char number[16];
  cwmp_type type = CWMP_STRING;
  if (!str_skip(&name, BASE)) {
    value = NULL;
  } else if (str_is(name, "Temperature")) {
    pthread_mutex_lock(&demo->lock);
    snprintf(number, sizeof number, "%ld", demo->temperature);
    pthread_mutex_unlock(&demo->lock);
    value = number;
    type = CWMP_INT;
  } else if (str_is(name, "Test.Fail")) {
    value = failure_name(demo->next);
  } else {
    value = state_get(&demo->now, name, &type);
  }
  if (value)
    host->put_value_at(host->ctx, req, index, type, str_of(value));
  else
    host->put_fault_at(host->ctx, req, index, CWMP_E_NAME, STR("no such parameter"));
}

/* Arrays are stepped through by the size that their owner states. */
static const void *at(const void *array, size_t index, uint32_t size) {
  return (const char *)array + index * size;
}

static cwmp_status get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  struct demo *demo = self;
  const cwmp_str *first = n ? names : NULL;
  size_t i;
  /* Reading what is to fail does not make it fail. */
  int is_test = n == 1 && str_is(*first, BASE "Test.Fail");
  cwmp_status status = is_test ? CWMP_OK : failure_in_get(&demo->next);
  if (status != CWMP_OK) return status;
  for (i = 0; i < n; i++) get_one(demo, req, i, *(const cwmp_str *)at(names, i, demo->host->str_size));
  return CWMP_OK;
}

static cwmp_status instances(void *self, cwmp_req req, const cwmp_str *tables, size_t n) {
  struct demo *demo = self;
  const cwmp_host *host = demo->host;
  size_t i, k;
  for (i = 0; i < n; i++) {
    if (!str_is(*(const cwmp_str *)at(tables, i, host->str_size), BASE "Sensor.")) {
      host->put_fault_at(host->ctx, req, i, CWMP_E_NAME, STR("no such table"));
      continue;
    }
    for (k = 0; k < demo->now.sensors; k++) {
      cwmp_row row = {demo->now.sensor[k].number, CWMP_ROW_DELETABLE, TEXT(""), TEXT("")};
      host->put_row(host->ctx, req, i, &row);
    }
  }
  return CWMP_OK;
}

/* ---- transactions ---- */

/* Is this the change of Test.Fail? It is no setting: what is to fail is forgotten with the process. */
static int is_test(const struct demo *demo, const cwmp_change *change) {
  return demo->can_fail && change->op == CWMP_SET && str_is(change->path, BASE "Test.Fail");
}

/* Try the changes on a copy. Every change that is wrong gets its own fault, and nothing has happened. */
static cwmp_status prepare(void *self, cwmp_req req, uint64_t txn, const cwmp_change *changes, size_t n) {
  struct demo *demo = self;
  const cwmp_host *host = demo->host;
  enum failure next = FAILURES; /* none of these: this transaction does not say */
  cwmp_status result, status;
  size_t i;
  if (demo->is_committed && demo->undo_txn == txn) return CWMP_OK; /* a repetition after a restart */
  if ((result = failure_in_prepare(&demo->next)) != CWMP_OK) return result;
  demo->staged = demo->now;
  for (i = 0; i < n; i++) {
    const cwmp_change *change = at(changes, i, host->change_size);
    const char *why = "no such failure";
    if (is_test(demo, change))
      status = (next = failure_of(change->value)) == FAILURES ? CWMP_E_VALUE : CWMP_OK;
    else
      status = state_change(&demo->staged, change, &why);
    if (status != CWMP_OK) {
      host->put_fault_at(host->ctx, req, i, status, str_of(why));
      result = result == CWMP_OK ? status : result;
    }
  }
  if (result == CWMP_OK) {
    demo->staged_txn = txn;
    demo->is_staged = 1;
    demo->staged_next = next;
  }
  return result;
}

/* Keep what was, keep what is to be, then make it so. The host writes both or, if this fails, neither. */
static cwmp_status commit(void *self, cwmp_req req, uint64_t txn) {
  struct demo *demo = self;
  cwmp_status status;
  if (demo->is_committed && demo->undo_txn == txn) return CWMP_OK;
  if (!demo->is_staged || demo->staged_txn != txn) return CWMP_E_INTERNAL;
  demo->was_tried = 1;
  if ((status = failure_in_commit(&demo->next, demo->host, req)) != CWMP_OK) return status;
  if ((status = keep_undo(demo, txn, &demo->now)) != CWMP_OK) return status;
  if ((status = keep_state(demo, "state", &demo->staged)) != CWMP_OK) return status;
  demo->undo = demo->now;
  demo->undo_txn = txn;
  demo->is_committed = 1;
  demo->now = demo->staged;
  demo->is_staged = 0;
  if (demo->staged_next != FAILURES) demo->next = demo->staged_next;
  return CWMP_OK;
}

/* Forget what was prepared, or restore what was there before commit(). An unknown transaction is no error. */
static cwmp_status rollback(void *self, cwmp_req req, uint64_t txn) {
  struct demo *demo = self;
  cwmp_status status;
  (void)req;
  if (demo->is_staged && demo->staged_txn == txn) demo->is_staged = 0;
  /* A failed commit takes with it what the device said meanwhile. */
  if (demo->was_tried) keep_temperature(demo);
  demo->was_tried = 0;
  if (!demo->is_committed || demo->undo_txn != txn) return CWMP_OK;
  if ((status = keep_state(demo, "state", &demo->undo)) != CWMP_OK) return status;
  demo->now = demo->undo;
  /* The undo goes last: whatever fails before, it is still there for the next try. */
  if ((status = demo->host->store_delete(demo->host->ctx, STR("undo"))) != CWMP_OK) return status;
  demo->is_committed = 0;
  return CWMP_OK;
}

/* It is over everywhere: there is nothing to take back any more. */
static cwmp_status finish(void *self, cwmp_req req, uint64_t txn) {
  struct demo *demo = self;
  cwmp_status status;
  (void)req;
  if (!demo->is_committed || demo->undo_txn != txn) return CWMP_OK;
  if ((status = demo->host->store_delete(demo->host->ctx, STR("undo"))) != CWMP_OK) return status;
  demo->is_committed = 0;
  return CWMP_OK;
}

static cwmp_status notice(void *self, cwmp_req req, uint32_t what) {
  struct demo *demo = self;
  const cwmp_host *host = demo->host;
  (void)req;
  if (what != CWMP_NOTICE_FACTORY_RESET) return CWMP_OK;
  host->store_delete(host->ctx, STR("state"));
  host->store_delete(host->ctx, STR("undo"));
  host->store_delete(host->ctx, STR("temperature"));
  state_init(&demo->now);
  demo->is_staged = demo->is_committed = 0;
  return CWMP_OK;
}

/* ---- commands ---- */

static cwmp_status invoke(void *self, cwmp_req req, cwmp_str command, const cwmp_arg *args, size_t n) {
  struct demo *demo = self;
  return str_is(command, BASE "Blink()") ? blink_start(&demo->blink, req, args, n) : CWMP_E_NAME;
}

/* The one function that may be called while another is at work. */
static void cancel(void *self, cwmp_req req) {
  struct demo *demo = self;
  blink_cancel(&demo->blink, req);
}

/* ---- what the host sees ---- */

__attribute__((visibility("default"))) const cwmp_plugin cwmp_plugin_v1 = {
    .magic = CWMP_ABI_MAGIC,
    .struct_size = sizeof(cwmp_plugin),
    .abi_major = CWMP_ABI_MAJOR,
    .abi_minor = CWMP_ABI_MINOR,
    .threads = CWMP_THREADS_ONE,
    .node_size = sizeof(cwmp_node),
    .kv_size = sizeof(cwmp_kv),
    .str_size = sizeof(cwmp_str),
    .name = TEXT("demo_c"),
    .version = TEXT("0.1.0"),
    .build = TEXT("2"), /* another one whenever the nodes change */
    .nodes = nodes,
    .nodes_len = NODES,
    .create = create,
    .describe = describe,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .get = get,
    .instances = instances,
    .prepare = prepare,
    .commit = commit,
    .rollback = rollback,
    .finish = finish,
    .notice = notice,
    .invoke = invoke,
    .cancel = cancel,
};
