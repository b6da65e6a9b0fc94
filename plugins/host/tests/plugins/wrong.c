/* A small plugin with one defect, which a macro chooses: for --check, which has to find it. Without a macro it has none. */
#include <cwmp_plugin.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S(text) { text, sizeof(text) - 1 }
#if defined STANDARD
#define TEXT "Device.DeviceInfo.X_W_Text"
#else
#define TEXT "Device.X_W.Text"
#endif
#define W CWMP_NODE_WRITABLE

static const cwmp_node nodes[] = {
  { S(TEXT), CWMP_STRING, W, S("size=1:8") },
  { S("Device.X_W.Flag"), CWMP_BOOLEAN, W, S("") },
  { S("Device.X_W.Secret"), CWMP_STRING, W | CWMP_NODE_SECRET, S("") },
  { S("Device.X_W.Row.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE | W, S("") },
  { S("Device.X_W.Row.{i}.Name"), CWMP_STRING, W, S("size=:8;default=new") },
#ifdef DEAF
  { S("Device.X_W.Row.{i}.Size"), CWMP_STRING, 0, S("") },
  { S("Device.X_W.Row.{i}.Key"), CWMP_STRING, CWMP_NODE_SECRET, S("") },
#endif
#ifdef STANDARD
  { S("Device.DeviceInfo.UpTime"), CWMP_STRING, W, S("") },
  { S("Device.DeviceInfo.Nothing"), CWMP_STRING, 0, S("") },
  { S("Device.Ethernet.Interface.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE | W, S("") },
  { S("Device.Ethernet.Interface.{i}.Status"), CWMP_STRING, 0, S("enum=Up|Sideways") },
#endif
};

struct state { char text[16]; int flag; int rows[100]; char names[100][16]; };
static const cwmp_host *host;
static struct state now = { "text", 0, { 0 }, { { 0 } } }, staged, undo;
static uint64_t staged_txn, undo_txn;

static cwmp_str str(const char *s) { cwmp_str out = { s, strlen(s) }; return out; }

static void copy(char *to, size_t size, cwmp_str s) {
  size_t n = s.len < size - 1 ? s.len : size - 1;
  if (n) memcpy(to, s.ptr, n);
  to[n] = 0;
}

static cwmp_status create(const cwmp_host *h, cwmp_str config, void **self) {
  (void)config;
  host = h;
  *self = &now;
#ifdef CREATE_CRASHES
  abort();
#endif
  return CWMP_OK;
}

static void *idle(void *arg) { for (;;) pause(); return arg; }

static void once_in_get(void) {
#ifdef LEAK
  static void *volatile lost;
  lost = malloc(100);
  (void)lost;
#endif
#ifdef LEAK_FILE
  if (dup(1) < 0) abort();
#endif
#ifdef LEAK_THREAD
  pthread_t thread;
  pthread_create(&thread, NULL, idle, NULL);
#endif
#ifdef SLOW
  usleep(1100000);
#endif
#ifdef CRASH
  raise(11);
#endif
#ifdef EXIT
  exit(0);
#endif
#ifdef HANG
  idle(NULL);
#endif
#ifdef PRINTS
  puts("hello from the plugin");
#endif
  (void)idle;
}

static cwmp_status get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  size_t i;
  (void)self;
  once_in_get();
  for (i = 0; i < n; i++) {
    char name[80];
    unsigned row;
    copy(name, sizeof name, names[i]);
    if (!strcmp(name, TEXT)) {
      host->put_value_at(host->ctx, req, i, CWMP_STRING, str(now.text));
#ifdef TWICE
      host->put_value_at(host->ctx, req, i, CWMP_STRING, str(now.text));
#endif
    } else if (!strcmp(name, "Device.X_W.Flag")) {
#if defined ACTION
      host->put_value_at(host->ctx, req, i, CWMP_BOOLEAN, str("false"));
#elif defined UNKNOWN
      host->put_fault_at(host->ctx, req, i, CWMP_E_NAME, str("not yet"));
#else
      host->put_value_at(host->ctx, req, i, CWMP_BOOLEAN, str(now.flag ? "true" : "false"));
#endif
#ifdef DEAF
    } else if (!strcmp(name, "Device.X_W.Row.8.Name")) {
      host->put_value_at(host->ctx, req, i, CWMP_STRING, str("eight"));
#endif
    } else if (sscanf(name, "Device.X_W.Row.%u.", &row) == 1 && row < 100 && now.rows[row])
      host->put_value_at(host->ctx, req, i, CWMP_STRING, str(now.names[row]));
#ifdef GHOST
    else host->put_value_at(host->ctx, req, i, CWMP_STRING, str("boo"));
#else
    else host->put_fault_at(host->ctx, req, i, CWMP_E_NAME, str("no such name"));
#endif
  }
  return CWMP_OK;
}

static cwmp_status instances(void *self, cwmp_req req, const cwmp_str *tables, size_t n) {
  size_t i;
  uint32_t r;
  (void)self;
#ifdef DEAF
#define IS_LISTED(row) (row == 7 || row == 8)
#else
#define IS_LISTED(row) now.rows[row]
#endif
  for (i = 0; i < n; i++) if (tables[i].len == strlen("Device.X_W.Row."))
    for (r = 1; r < 100; r++) if (IS_LISTED(r)) {
      cwmp_row row = { 0, CWMP_ROW_DELETABLE, { NULL, 0 }, { NULL, 0 } };
      row.number = r;
      host->put_row(host->ctx, req, i, &row);
    }
  return CWMP_OK;
}

static cwmp_status prepare(void *self, cwmp_req req, uint64_t txn, const cwmp_change *changes, size_t n) {
  size_t i;
  (void)self; (void)req;
#ifdef PREPARE_FAILS
  return CWMP_E_INTERNAL;
#endif
#ifdef REFUSES
  host->put_fault_at(host->ctx, req, 0, CWMP_E_VALUE, str("not this one"));
  return CWMP_E_VALUE;
#endif
  staged = now;
  for (i = 0; i < n; i++) {
    const cwmp_change *c = (const cwmp_change *)((const char *)changes + i * host->change_size);
    char path[80];
    unsigned row = 0;
    copy(path, sizeof path, c->path);
    if (!strcmp(path, TEXT)) copy(staged.text, sizeof staged.text, c->value);
    else if (!strcmp(path, "Device.X_W.Flag")) staged.flag = c->value.len == 4;
    else if (sscanf(path, "Device.X_W.Row.%u.", &row) == 1 && row < 100) {
      if (c->op == CWMP_ADD) { staged.rows[row] = 1; staged.names[row][0] = 0; }
#ifndef ROW_STAYS
      else if (c->op == CWMP_DELETE) staged.rows[row] = 0;
#endif
#ifndef NO_DEFAULTS
      else if (c->op == CWMP_SET) copy(staged.names[row], sizeof staged.names[row], c->value);
#endif
    }
  }
  staged_txn = txn;
#ifdef PREPARE_ACTS
  now = staged;
#endif
  return CWMP_OK;
}

static cwmp_status commit(void *self, cwmp_req req, uint64_t txn) {
  (void)self; (void)req;
#ifdef COMMIT_FAILS
  return CWMP_E_RESOURCES;
#endif
  if (txn != staged_txn) return CWMP_E_ARGUMENTS;
  undo = now;
  undo_txn = txn;
#ifdef CUTS
  staged.text[4] = 0;
#endif
#ifndef COMMIT_FORGETS
  now = staged;
#endif
  return CWMP_OK;
}

static cwmp_status rollback(void *self, cwmp_req req, uint64_t txn) {
  (void)self; (void)req;
#ifdef UNKNOWN_FAILS
  if (txn != undo_txn && txn != staged_txn) return CWMP_E_INTERNAL;
#endif
  if (txn == staged_txn) staged_txn = 0;
  if (txn != undo_txn) return CWMP_OK;
  undo_txn = 0;
#ifndef ROLLBACK_FORGETS
  now = undo;
#endif
  return CWMP_OK;
}

static cwmp_status finish(void *self, cwmp_req req, uint64_t txn) {
  (void)self; (void)req;
  if (txn == undo_txn) undo_txn = 0;
  return CWMP_OK;
}

static void stop(void *self) {
  (void)self;
#ifdef STOP_HANGS
  idle(NULL);
#endif
#ifdef LATE
  host->req_done(host->ctx, 1, CWMP_OK, str(""));
#endif
}

const cwmp_plugin cwmp_plugin_v1 = {
  CWMP_ABI_MAGIC, sizeof(cwmp_plugin), CWMP_ABI_MAJOR, CWMP_ABI_MINOR, CWMP_THREADS_ONE,
  sizeof(cwmp_node), sizeof(cwmp_kv), sizeof(cwmp_str), 0,
  S("wrong"), S("1.0"), S("1"), nodes, sizeof nodes / sizeof *nodes,
  create, NULL, NULL, stop, NULL, get, instances, prepare, commit, rollback, finish, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
};
