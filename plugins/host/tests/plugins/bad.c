/* A plugin that does everything wrong, one thing for each parameter. */
#include <cwmp_plugin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S(text) { text, sizeof(text) - 1 }
#define PARAMETER(name) { S("Device.X_B." name), CWMP_STRING, CWMP_NODE_PUSHED, S("") }

static const cwmp_node nodes[] = {
  PARAMETER("Fine"),
  PARAMETER("Hang"),
  PARAMETER("Crash"),
  { S("Device.X_B.WrongType"), CWMP_UNSIGNED_INT, 0, S("") },
  { S("Device.X_B.NoNumber"), CWMP_UNSIGNED_INT, 0, S("") },
  { S("Device.X_B.OutOfFacets"), CWMP_STRING, 0, S("enum=A|B") },
  PARAMETER("NotUtf8"),
  PARAMETER("NullText"),
  PARAMETER("Control"),
  PARAMETER("Missing"),
  PARAMETER("Twice"),
  PARAMETER("Nowhere"),
  PARAMETER("BothWays"),
  PARAMETER("Early"),
  PARAMETER("Later"),
  PARAMETER("Trigger"),
  PARAMETER("Never"),
  PARAMETER("Endless"),
  PARAMETER("TooLarge"),
  PARAMETER("Flood"),
  PARAMETER("Chatter"),
  PARAMETER("Garbage"),
  PARAMETER("OddStatus"),
  { S("Device.X_B.Setting"), CWMP_STRING, CWMP_NODE_WRITABLE, S("") },
  { S("Device.X_B.Big.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE, S("") },
  { S("Device.X_B.Big.{i}.Value"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.Lies.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE, S("") },
  { S("Device.X_B.Lies.{i}.Value"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.Rows.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE, S("") },
  { S("Device.X_B.Rows.{i}.Value"), CWMP_STRING, 0, S("") },
};

static const cwmp_host *host;
static int self_value;
static cwmp_req waiting;
static char how[80];

static cwmp_str str(const char *s) { cwmp_str out = { s, strlen(s) }; return out; }

static void say(const char *text) { host->log(host->ctx, 5, str("bad"), str(text)); }

static void value(cwmp_req req, size_t i, const char *v) { host->put_value_at(host->ctx, req, i, CWMP_STRING, str(v)); }

static int is(cwmp_str name, const char *last) {
  char full[300];
  snprintf(full, sizeof full, "Device.X_B.%s", last);
  return name.len == strlen(full) && !memcmp(name.ptr, full, name.len);
}

static cwmp_status create(const cwmp_host *h, cwmp_str config, void **self) {
  host = h;
  *self = &self_value;
  if (strstr(config.ptr, "crash at start")) abort();
  if (strstr(config.ptr, "hang at start")) { say("hangs"); for (;;) pause(); }
  if (strstr(config.ptr, "refuse to start")) return CWMP_E_RESOURCES;
  return CWMP_OK;
}

static void *answer_late(void *arg) {
  cwmp_req req = *(cwmp_req *)arg;
  value(req, 0, "late");
  host->req_done(host->ctx, req, CWMP_OK, str(""));
  say("answered from another thread");
  value(req, 0, "after the end");
  host->req_done(host->ctx, req, CWMP_OK, str(""));
  return NULL;
}

static void *flood(void *arg) {
  char path[80];
  unsigned n;
  cwmp_str one;
  (void)arg;
  for (n = 1; n <= 200000; n++) {
    snprintf(path, sizeof path, "Device.X_B.Big.%u.Value", n);
    one = str(path);
    host->changed(host->ctx, &one, 1);
  }
  say("flooded");
  return NULL;
}

static void thread(void *(*run)(void *), void *arg) {
  pthread_t t;
  if (pthread_create(&t, NULL, run, arg)) abort();
  pthread_detach(t);
}

static cwmp_status get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  static char large[1 << 20];
  static cwmp_req triggered;
  size_t i;
  cwmp_str broken;
  (void)self;
  for (i = 0; i < n; i++) {
    cwmp_str name = names[i];
    if (is(name, "Hang")) for (;;) pause();
    else if (is(name, "Crash")) abort();
    else if (is(name, "NotUtf8")) { broken.ptr = "\xff\xfe"; broken.len = 2; host->put_value_at(host->ctx, req, i, CWMP_STRING, broken); }
    else if (is(name, "NullText")) { broken.ptr = NULL; broken.len = 5; host->put_value_at(host->ctx, req, i, CWMP_STRING, broken); }
    else if (is(name, "Control")) value(req, i, "bell \a");
    else if (is(name, "Missing")) {}
    else if (is(name, "Twice")) { value(req, i, "first"); value(req, i, "second"); }
    else if (is(name, "Nowhere")) { value(req, i, "here"); value(req, 4711, "nowhere"); }
    else if (is(name, "BothWays")) { value(req, i, "both"); host->req_done(host->ctx, req, CWMP_OK, str("")); return CWMP_OK; }
    else if (is(name, "Early")) { value(req, i, "early"); host->req_done(host->ctx, req, CWMP_OK, str("")); return CWMP_PENDING; }
    else if (is(name, "Later")) { waiting = req; say("waits"); return CWMP_PENDING; }
    else if (is(name, "Trigger")) { value(req, i, "pulled"); triggered = waiting; thread(answer_late, &triggered); }
    else if (is(name, "Never")) return CWMP_PENDING;
    else if (is(name, "Endless")) { while (!host->cancelled(host->ctx, req)) value(req, i, "piece"); say("stopped when cancelled"); return CWMP_OK; }
    else if (is(name, "TooLarge")) { broken.ptr = large; broken.len = (1 << 20) + 1; host->put_value_at(host->ctx, req, i, CWMP_STRING, broken); }
    else if (is(name, "Flood")) { value(req, i, "started"); thread(flood, NULL); }
    else if (is(name, "Chatter")) { int k; for (k = 0; k < 10000; k++) say("line\nERROR forged"); value(req, i, "said"); }
    else if (is(name, "Garbage")) {
      host->put_value_at(host->ctx, 0, 0, 1, str("x"));
      host->put_value_at(host->ctx, ~0ull, 0, 1, str("x"));
      host->put_row(host->ctx, req, 0, NULL);
      host->changed(host->ctx, NULL, 3);
      host->changed(host->ctx, &name, (size_t)-1);
      host->instances_changed(host->ctx, str("no table"));
      host->req_done(host->ctx, req + 1, 99, str("x"));
      host->event(host->ctx, str("not an event code"), NULL, 0);
      host->event(host->ctx, str("X 00D09E Event"), NULL, 5);
      host->store_put(host->ctx, str(""), str("x"));
      host->store_get(host->ctx, str("x"), NULL, NULL);
      host->req_info(host->ctx, req, NULL);
      value(req, i, "survived");
    }
    else if (is(name, "OddStatus")) return 4711;
    else if (name.len > 16 && !memcmp(name.ptr, "Device.X_B.Big.", 15)) {
      memset(large, 'x', sizeof large);
      broken.ptr = large; broken.len = sizeof large;
      host->put_value_at(host->ctx, req, i, CWMP_STRING, broken);
    }
    else if (is(name, "NoNumber")) host->put_value_at(host->ctx, req, i, CWMP_UNSIGNED_INT, str("x"));
    else value(req, i, is(name, "WrongType") ? "1" : "fine");
  }
  return CWMP_OK;
}

static cwmp_status instances(void *self, cwmp_req req, const cwmp_str *tables, size_t n) {
  size_t i;
  uint32_t r;
  (void)self;
  for (i = 0; i < n; i++) {
    cwmp_row row = { 0, 0, { NULL, 0 }, { NULL, 0 } };
    if (is(tables[i], "Big.")) for (r = 1; r <= 50; r++) { row.number = r; host->put_row(host->ctx, req, i, &row); }
    if (is(tables[i], "Rows.")) while (!host->cancelled(host->ctx, req)) { row.number++; host->put_row(host->ctx, req, i, &row); }
    if (is(tables[i], "Lies.")) {
      row.number = 1; host->put_row(host->ctx, req, i, &row); host->put_row(host->ctx, req, i, &row);
      row.number = 0; host->put_row(host->ctx, req, i, &row);
      row.number = 2; host->put_row(host->ctx, req, 99, &row);
      host->put_row(host->ctx, req, i, &row);
    }
  }
  return CWMP_OK;
}

static cwmp_status prepare(void *self, cwmp_req req, uint64_t txn, const cwmp_change *changes, size_t n) {
  (void)self; (void)txn;
  if (n) { size_t len = changes->value.len < 79 ? changes->value.len : 79; memcpy(how, changes->value.ptr, len); how[len] = 0; }
  say("prepares");
  if (!strcmp(how, "hang in prepare")) for (;;) pause();
  if (!strcmp(how, "late prepare")) { waiting = req; return CWMP_PENDING; }
  if (!strcmp(how, "fault and OK")) host->put_fault_at(host->ctx, req, 0, CWMP_E_VALUE, str("no"));
  if (!strcmp(how, "busy")) return CWMP_E_BUSY;
  return CWMP_OK;
}

static void *commit_late(void *arg) {
  cwmp_req req = *(cwmp_req *)arg;
  host->store_put(host->ctx, str("setting"), str(how));
  host->req_done(host->ctx, req, strcmp(how, "later fail") ? CWMP_OK : CWMP_E_RESOURCES, str("late"));
  return NULL;
}

static cwmp_status commit(void *self, cwmp_req req, uint64_t txn) {
  static cwmp_req late;
  (void)self; (void)txn; (void)req;
  say("commits");
  if (!strncmp(how, "later", 5)) { late = req; thread(commit_late, &late); return CWMP_PENDING; }
  host->store_put(host->ctx, str("setting"), str(how));
  if (!strcmp(how, "crash in commit")) abort();
  if (!strcmp(how, "hang in commit")) for (;;) pause();
  if (!strcmp(how, "never commit")) return CWMP_PENDING;
  if (!strcmp(how, "fail")) return CWMP_E_RESOURCES;
  return CWMP_OK;
}

static cwmp_status rollback(void *self, cwmp_req req, uint64_t txn) {
  (void)self; (void)txn; (void)req;
  say("rolls back");
  return CWMP_OK;
}

static void *finish_late(void *arg) {
  host->store_put(host->ctx, str("setting"), str("finished"));
  host->req_done(host->ctx, *(cwmp_req *)arg, CWMP_OK, str(""));
  return NULL;
}

static cwmp_status finish(void *self, cwmp_req req, uint64_t txn) {
  static cwmp_req late;
  (void)self; (void)txn;
  if (strncmp(how, "later", 5)) return CWMP_OK;
  late = req;
  thread(finish_late, &late);
  return CWMP_PENDING;
}

static void print(void *arg, cwmp_str value) { (void)arg; host->log(host->ctx, 5, str("stored"), value); }

static cwmp_status notice(void *self, cwmp_req req, uint32_t what) {
  (void)self; (void)req; (void)what;
  if (host->store_get(host->ctx, str("setting"), print, NULL) == CWMP_E_NAME) say("stored nothing");
  return CWMP_OK;
}

static void cancel(void *self, cwmp_req req) { (void)self; (void)req; say("hears of the end"); }

const cwmp_plugin cwmp_plugin_v1 = {
  CWMP_ABI_MAGIC, sizeof(cwmp_plugin), CWMP_ABI_MAJOR, CWMP_ABI_MINOR, CWMP_THREADS_ONE,
  sizeof(cwmp_node), sizeof(cwmp_kv), sizeof(cwmp_str), 0,
  S("bad"), S("1.0"), S("build 1"), nodes, sizeof nodes / sizeof *nodes,
  create, NULL, NULL, NULL, NULL, get, instances, prepare, commit, rollback, finish, finish, NULL, notice,
  NULL, cancel, NULL, NULL,
};
