/* A plugin that does everything right: a single object, a table with numbers, a table with keys, a writable value that
   survives. */
#include <cwmp_plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S(text) { text, sizeof(text) - 1 }

static const cwmp_node nodes[] = {
  { S("Device.X_T."), 0, CWMP_NODE_OBJECT, S("") },
  { S("Device.X_T.Text"), CWMP_STRING, CWMP_NODE_WRITABLE | CWMP_NODE_PUSHED, S("size=:64") },
  { S("Device.X_T.Number"), CWMP_UNSIGNED_INT, CWMP_NODE_WRITABLE, S("range=0:100;default=7") },
  { S("Device.X_T.Flag"), CWMP_BOOLEAN, 0, S("") },
  { S("Device.X_T.Origin"), CWMP_STRING, 0, S("") },
  { S("Device.X_T.Password"), CWMP_STRING, CWMP_NODE_WRITABLE | CWMP_NODE_SECRET, S("") },
  { S("Device.X_T.Row.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE | CWMP_NODE_WRITABLE, S("") },
  { S("Device.X_T.Row.{i}.Alias"), CWMP_STRING, CWMP_NODE_WRITABLE, S("") },
  { S("Device.X_T.Row.{i}.Name"), CWMP_STRING, CWMP_NODE_WRITABLE, S("default=new") },
  { S("Device.X_T.Row.{i}.State"), CWMP_STRING, 0, S("enum=Up|Down;default=Down") },
  { S("Device.X_T.Row.{i}.Part.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE, S("") },
  { S("Device.X_T.Row.{i}.Part.{i}.Size"), CWMP_INT, 0, S("") },
  { S("Device.X_T.Host.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE, S("") },
  { S("Device.X_T.Host.{i}.Mac"), CWMP_STRING, 0, S("") },
};

static const cwmp_host *host;
static int self_value;
static char text[80] = "hello";
static unsigned number = 7;
static char rows_name[100][32];
static int rows[100];
static struct { uint64_t txn; char text[80]; unsigned number; int rows[100]; char rows_name[100][32]; } undo;
static struct change { uint32_t op; char path[128], value[80]; } prepared[64];
static size_t prepared_len;
static uint64_t prepared_txn;

static cwmp_str str(const char *s) { cwmp_str out = { s, strlen(s) }; return out; }

static int starts(cwmp_str s, const char *with) {
  return s.len >= strlen(with) && memcmp(s.ptr, with, strlen(with)) == 0;
}

static void copy(char *to, size_t size, cwmp_str s) {
  size_t n = s.len < size - 1 ? s.len : size - 1;
  if (n) memcpy(to, s.ptr, n);
  to[n] = 0;
}

static void load_text(void *arg, cwmp_str value) { (void)arg; copy(text, sizeof text, value); }

static void load_row(void *arg, cwmp_str key) {
  char name[32];
  (void)arg;
  copy(name, sizeof name, key);
  rows[atoi(name + 4)] = 1;
}

static void load_name(void *arg, cwmp_str value) { copy(arg, 32, value); }

static cwmp_status create(const cwmp_host *h, cwmp_str config, void **self) {
  int i;
  host = h;
  *self = &self_value;
  rows[1] = rows[3] = 1;
  strcpy(rows_name[1], "one");
  strcpy(rows_name[3], "three");
  if (config.len > 2) h->log(h->ctx, 6, str("config"), config);
  h->store_get(h->ctx, str("text"), load_text, NULL);
  h->store_list(h->ctx, str("row/"), load_row, NULL);
  for (i = 0; i < 100; i++) {
    char key[16];
    snprintf(key, sizeof key, "row/%d", i);
    h->store_get(h->ctx, str(key), load_name, rows_name[i]);
  }
  return CWMP_OK;
}

static void value(cwmp_req req, size_t i, cwmp_type type, const char *v) {
  host->put_value_at(host->ctx, req, i, type, str(v));
}

static cwmp_status get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  size_t i;
  char name[300], out[64];
  int row, part;
  if (self != &self_value) return CWMP_E_INTERNAL;
  for (i = 0; i < n; i++) {
    copy(name, sizeof name, names[i]);
    if (!strcmp(name, "Device.X_T.Text")) value(req, i, CWMP_STRING, text);
    else if (!strcmp(name, "Device.X_T.Number")) { snprintf(out, sizeof out, " +0%u ", number); value(req, i, CWMP_UNSIGNED_INT, out); }
    else if (!strcmp(name, "Device.X_T.Flag")) value(req, i, CWMP_BOOLEAN, "1");
    else if (!strcmp(name, "Device.X_T.Password")) value(req, i, CWMP_STRING, "leaked");
    else if (!strcmp(name, "Device.X_T.Origin")) {
      cwmp_req_info info = { sizeof info, 0, 0, 0, 0 };
      host->req_info(host->ctx, req, &info);
      snprintf(out, sizeof out, "%u %llu %d", info.origin, (unsigned long long)info.session, info.deadline_ms > 0);
      value(req, i, CWMP_STRING, out);
    }
    else if (sscanf(name, "Device.X_T.Row.%d.Part.%d.", &row, &part) == 2) { snprintf(out, sizeof out, "%d", row * 10 + part); value(req, i, CWMP_INT, out); }
    else if (sscanf(name, "Device.X_T.Row.%d.", &row) == 1) {
      if (row < 0 || row >= 100 || !rows[row]) host->put_fault_at(host->ctx, req, i, CWMP_E_NAME, str("no such row"));
      else if (strstr(name, ".State")) value(req, i, CWMP_STRING, "Up");
      else value(req, i, CWMP_STRING, rows_name[row]);
    }
    else if (sscanf(name, "Device.X_T.Host.%d.", &row) == 1 && row > 0 && row < 100) value(req, i, CWMP_STRING, "mac");
    else host->put_fault_at(host->ctx, req, i, CWMP_E_NAME, str("who?"));
  }
  return CWMP_OK;
}

static cwmp_status instances(void *self, cwmp_req req, const cwmp_str *tables, size_t n) {
  size_t i;
  (void)self;
  for (i = 0; i < n; i++) {
    cwmp_row row = { 0, 0, { NULL, 0 }, { NULL, 0 } };
    int r;
    if (starts(tables[i], "Device.X_T.Host.")) {
      row.key = str("mac-b"); host->put_row(host->ctx, req, i, &row);
      row.key = str("mac-a"); host->put_row(host->ctx, req, i, &row);
    } else if (tables[i].len > strlen("Device.X_T.Row.")) {
      row.number = 2; host->put_row(host->ctx, req, i, &row);
    } else for (r = 0; r < 100; r++) if (rows[r]) {
      row.number = (uint32_t)r;
      row.flags = CWMP_ROW_DELETABLE;
      row.alias = r == 3 ? str("third") : str("");
      host->put_row(host->ctx, req, i, &row);
    }
  }
  return CWMP_OK;
}

static cwmp_status prepare(void *self, cwmp_req req, uint64_t txn, const cwmp_change *changes, size_t n) {
  size_t i;
  cwmp_status status = CWMP_OK;
  (void)self;
  if (n > 64) return CWMP_E_RESOURCES;
  for (i = 0; i < n; i++) {
    const cwmp_change *c = (const cwmp_change *)((const char *)changes + i * host->change_size);
    prepared[i].op = c->op;
    copy(prepared[i].path, sizeof prepared[i].path, c->path);
    copy(prepared[i].value, sizeof prepared[i].value, c->value);
    if (!strcmp(prepared[i].value, "refuse")) {
      host->put_fault_at(host->ctx, req, i, CWMP_E_VALUE, str("I do not like it"));
      status = CWMP_E_VALUE;
    }
  }
  prepared_len = n;
  prepared_txn = status ? 0 : txn;
  return status;
}

static void keep(int row) {
  char key[16];
  snprintf(key, sizeof key, "row/%d", row);
  if (rows[row]) host->store_put(host->ctx, str(key), str(rows_name[row]));
  else host->store_delete(host->ctx, str(key));
}

static cwmp_status commit(void *self, cwmp_req req, uint64_t txn) {
  size_t i;
  cwmp_status status = CWMP_OK;
  (void)self; (void)req;
  if (txn != prepared_txn) return CWMP_E_ARGUMENTS;
  undo.txn = txn;
  strcpy(undo.text, text);
  undo.number = number;
  memcpy(undo.rows, rows, sizeof rows);
  memcpy(undo.rows_name, rows_name, sizeof rows_name);
  for (i = 0; i < prepared_len; i++) {
    int row;
    if (!strcmp(prepared[i].path, "Device.X_T.Text")) {
      strcpy(text, prepared[i].value);
      host->store_put(host->ctx, str("text"), str(text));
      if (!strcmp(text, "later")) status = CWMP_OK_AFTER_SESSION;
      if (!strcmp(text, "reboot")) status = CWMP_OK_AFTER_REBOOT;
      if (!strcmp(text, "broken")) status = CWMP_E_RESOURCES;
    } else if (!strcmp(prepared[i].path, "Device.X_T.Number")) number = (unsigned)atoi(prepared[i].value);
    else if (sscanf(prepared[i].path, "Device.X_T.Row.%d.", &row) == 1 && row > 0 && row < 100) {
      if (prepared[i].op == CWMP_ADD) rows[row] = 1;
      else if (prepared[i].op == CWMP_DELETE) rows[row] = 0;
      else if (strstr(prepared[i].path, ".Name")) strcpy(rows_name[row], prepared[i].value);
      keep(row);
    }
  }
  host->log(host->ctx, 5, str("good"), str("committed"));
  return status;
}

static cwmp_status rollback(void *self, cwmp_req req, uint64_t txn) {
  int i;
  (void)self; (void)req;
  host->log(host->ctx, 5, str("good"), str("rolled back"));
  if (prepared_txn == txn) prepared_txn = 0;
  if (undo.txn != txn) return CWMP_OK;
  undo.txn = 0;
  strcpy(text, undo.text);
  number = undo.number;
  memcpy(rows, undo.rows, sizeof rows);
  memcpy(rows_name, undo.rows_name, sizeof rows_name);
  host->store_put(host->ctx, str("text"), str(text));
  for (i = 1; i < 100; i++) keep(i);
  return CWMP_OK;
}

static cwmp_status finish(void *self, cwmp_req req, uint64_t txn) {
  (void)self; (void)req;
  if (undo.txn == txn) undo.txn = 0;
  return CWMP_OK;
}

static cwmp_status apply(void *self, cwmp_req req, uint64_t txn) {
  (void)self; (void)req; (void)txn;
  host->log(host->ctx, 5, str("good"), str("applied"));
  return CWMP_OK;
}

static cwmp_status watch(void *self, const cwmp_str *paths, size_t n, uint32_t on) {
  (void)self;
  if (on && n) host->changed(host->ctx, paths, n);
  return CWMP_OK;
}

static cwmp_status notice(void *self, cwmp_req req, uint32_t what) {
  (void)self; (void)req;
  if (what == CWMP_NOTICE_SESSION_START) {
    cwmp_kv args[] = { { S("Reason"), S("test") } };
    return host->event(host->ctx, str("X 00D09E Started"), args, 1);
  }
  if (what == CWMP_NOTICE_CLOCK_TRUSTED) host->instances_changed(host->ctx, str("Device.X_T.Host."));
  return CWMP_OK;
}

static void stop(void *self) { (void)self; host->log(host->ctx, 5, str("good"), str("stopped")); }

const cwmp_plugin cwmp_plugin_v1 = {
  CWMP_ABI_MAGIC, sizeof(cwmp_plugin), CWMP_ABI_MAJOR, CWMP_ABI_MINOR, CWMP_THREADS_ONE,
  sizeof(cwmp_node), sizeof(cwmp_kv), sizeof(cwmp_str), 0,
  S("good"), S("1.0"), S("build 1"), nodes, sizeof nodes / sizeof *nodes,
  create, NULL, NULL, stop, NULL, get, instances, prepare, commit, rollback, finish, apply, watch, notice,
  NULL, NULL, NULL, NULL,
};
