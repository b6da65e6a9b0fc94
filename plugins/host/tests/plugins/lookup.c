/* A plugin whose rows have keys and no numbers, and that asks the host for the numbers: in create(), in start(), in a
   thread of its own, in get() and in instances(). */
#include <cwmp_plugin.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define S(text) { text, sizeof(text) - 1 }
#define TABLE "Device.X_B.Host."

static const cwmp_node nodes[] = {
  { S("Device.X_B.Host.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE, S("") },
  { S("Device.X_B.Host.{i}.Key"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.Guest.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE, S("") },
  { S("Device.X_B.Guest.{i}.Host"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.Router"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.Stranger"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.AtStart"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.Mistakes"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.Thread"), CWMP_STRING, CWMP_NODE_PUSHED, S("") },
};

static const cwmp_host *host;
static const cwmp_lookup *lookup;
static cwmp_status at_create, at_start;
static uint32_t from_thread, guest_host;
static pthread_t thread;
static int with_thread;

static cwmp_str str(const char *s) { cwmp_str out = { s, strlen(s) }; return out; }

static cwmp_status number_of(const char *table, const char *key, uint32_t *number) {
  return lookup->number_of(host->ctx, str(table), str(key), number);
}

static cwmp_status create(const cwmp_host *h, cwmp_str config, void **self) {
  uint32_t number = 0;
  with_thread = config.len > 2;
  *self = &host;
  host = h;
  if (h->extension(h->ctx, str("lookup/2"))) return CWMP_E_INTERNAL;
  lookup = h->extension(h->ctx, str(CWMP_LOOKUP_1));
  if (!lookup || !CWMP_HAS(lookup, key_of)) return CWMP_E_UNSUPPORTED;
  at_create = number_of(TABLE, "mac-a", &number);
  return number ? CWMP_E_INTERNAL : CWMP_OK;
}

/* Asks until there is an answer, as a plugin does that is told of devices by somebody else. */
static void *ask(void *arg) {
  struct timespec pause = { 0, 10000000 };
  cwmp_str path = str("Device.X_B.Thread");
  (void)arg;
  while (number_of(TABLE, "mac-thread", &from_thread) == CWMP_E_BUSY) nanosleep(&pause, NULL);
  host->changed(host->ctx, &path, 1);
  return NULL;
}

static cwmp_status start(void *self) {
  uint32_t number = 0;
  (void)self;
  if (!with_thread) return CWMP_OK;
  at_start = number_of(TABLE, "mac-a", &number);
  return pthread_create(&thread, NULL, ask, NULL) ? CWMP_E_INTERNAL : CWMP_OK;
}

static void stop(void *self) { (void)self; if (with_thread) pthread_detach(thread); }

static void copy(void *arg, cwmp_str key) { snprintf(arg, 64, "%.*s", (int)key.len, key.ptr); }

static cwmp_status get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  size_t i;
  (void)self;
  for (i = 0; i < n; i++) {
    char name[128], out[128] = "";
    uint32_t number = 0;
    unsigned row;
    cwmp_status status = CWMP_OK;
    copy(name, names[i]);
    if (sscanf(name, "Device.X_B.Host.%u.", &row) == 1) status = lookup->key_of(host->ctx, str(TABLE), row, copy, out);
    else if (!strcmp(name, "Device.X_B.Guest.1.Host")) snprintf(out, sizeof out, TABLE "%u.", guest_host);
    else if (!strcmp(name, "Device.X_B.Router")) {
      status = number_of(TABLE, "mac-a", &number);
      snprintf(out, sizeof out, TABLE "%u.", number);
    } else if (!strcmp(name, "Device.X_B.Stranger")) {
      status = number_of(TABLE, "mac-stranger", &number);
      snprintf(out, sizeof out, TABLE "%u.", number);
    } else if (!strcmp(name, "Device.X_B.AtStart")) snprintf(out, sizeof out, "%d %d", at_create, at_start);
    else if (!strcmp(name, "Device.X_B.Thread")) snprintf(out, sizeof out, "%u", from_thread);
    else if (strcmp(name, "Device.X_B.Mistakes")) status = CWMP_E_NAME;
    else snprintf(out, sizeof out, "%d %d %d %d %d %d",
      number_of("Device.X_B.Nothing.", "a", &number), number_of("Device.X_B.Host.1.", "a", &number),
      number_of(TABLE, "", &number), number_of(TABLE, "a", NULL),
      lookup->key_of(host->ctx, str(TABLE), 999, copy, out), lookup->key_of(host->ctx, str(TABLE), 1, NULL, out));
    if (status) host->put_fault_at(host->ctx, req, i, status, str("not found"));
    else host->put_value_at(host->ctx, req, i, CWMP_STRING, str(out));
  }
  return CWMP_OK;
}

static cwmp_status instances(void *self, cwmp_req req, const cwmp_str *tables, size_t n) {
  size_t i;
  (void)self;
  for (i = 0; i < n; i++) {
    cwmp_row row = { 0, 0, { NULL, 0 }, { NULL, 0 } };
    if (tables[i].len == strlen(TABLE) && !memcmp(tables[i].ptr, TABLE, strlen(TABLE))) {
      row.key = str("mac-b"); host->put_row(host->ctx, req, i, &row);
      row.key = str("mac-a"); host->put_row(host->ctx, req, i, &row);
    } else {
      /* A row that knows its number and refers to another table's row. */
      number_of(TABLE, "mac-a", &guest_host);
      row.number = 1;
      row.key = str("guest");
      host->put_row(host->ctx, req, i, &row);
    }
  }
  return CWMP_OK;
}

const cwmp_plugin cwmp_plugin_v1 = {
  CWMP_ABI_MAGIC, sizeof(cwmp_plugin), CWMP_ABI_MAJOR, CWMP_ABI_MINOR, CWMP_THREADS_ONE,
  sizeof(cwmp_node), sizeof(cwmp_kv), sizeof(cwmp_str), 0,
  S("lookup"), S("1.0"), S("1"), nodes, sizeof nodes / sizeof *nodes,
  create, NULL, start, stop, NULL, get, instances, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
};
