/* A plugin with commands: answered at once, later and never; with outputs, files, progress, faults, and without end. */
#include <cwmp_plugin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S(text) { text, sizeof(text) - 1 }
#define COMMAND(name) { S("Device.X_B." name "()"), 0, CWMP_NODE_COMMAND, S("") }

static const cwmp_node nodes[] = {
  { S("Device.X_B.State"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.Row.{i}."), 0, CWMP_NODE_OBJECT | CWMP_NODE_TABLE, S("") },
  COMMAND("Echo"), COMMAND("Row.{i}.Echo"), COMMAND("Fail"), COMMAND("Wait"), COMMAND("Stubborn"), COMMAND("Fill"),
  COMMAND("Flood"), COMMAND("Hang"), COMMAND("Crash"),
};

static const cwmp_host *host;
/* The command that waits. cancel() and stop() come from other threads than invoke(). */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cwmp_req waiting;
static int cancels;

static cwmp_str str(const char *s) { cwmp_str out = { s, strlen(s) }; return out; }

static int is(cwmp_str s, const char *end) {
  return s.len >= strlen(end) && !memcmp(s.ptr + s.len - strlen(end), end, strlen(end));
}

static const cwmp_arg *arg(const cwmp_arg *args, size_t i) {
  return (const cwmp_arg *)((const char *)args + i * host->arg_size);
}

static cwmp_status create(const cwmp_host *h, cwmp_str config, void **self) {
  (void)config;
  host = h;
  *self = &host;
  return CWMP_OK;
}

static cwmp_status get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  size_t i;
  char text[32];
  (void)self; (void)names;
  pthread_mutex_lock(&lock);
  snprintf(text, sizeof text, "%s %d", waiting ? "waits" : "idle", cancels);
  pthread_mutex_unlock(&lock);
  for (i = 0; i < n; i++) host->put_value_at(host->ctx, req, i, CWMP_STRING, str(text));
  return CWMP_OK;
}

static void *answer(void *arg) {
  cwmp_req req = (cwmp_req)(size_t)arg;
  host->progress(host->ctx, req, 400, str("almost\nhalf"));
  return NULL;
}

static cwmp_status invoke(void *self, cwmp_req req, cwmp_str command, const cwmp_arg *args, size_t n) {
  size_t i;
  (void)self;
  if (is(command, "Echo()")) {
    host->put_output(host->ctx, req, str("Command"), command);
    for (i = 0; i < n; i++) host->put_output(host->ctx, req, arg(args, i)->key, arg(args, i)->value);
    return CWMP_OK;
  }
  if (is(command, "Fail()")) {
    host->req_done(host->ctx, req, CWMP_E_RESOURCES, str("the lamp is broken"));
    return CWMP_PENDING;
  }
  if (is(command, "Wait()") || is(command, "Stubborn()")) {
    pthread_t thread;
    pthread_mutex_lock(&lock);
    waiting = req;
    pthread_mutex_unlock(&lock);
    if (pthread_create(&thread, NULL, answer, (void *)(size_t)req)) return CWMP_E_INTERNAL;
    pthread_detach(thread);
    return CWMP_PENDING;
  }
  if (is(command, "Fill()")) return n == 1 && write(arg(args, 0)->fd, "filled", 6) == 6 ? CWMP_OK : CWMP_E_ARGUMENTS;
  if (is(command, "Flood()")) {
    for (i = 0; i < 1000; i++) {
      char key[16];
      snprintf(key, sizeof key, "%zu", i);
      host->progress(host->ctx, req, (int)i, str("flood"));
      host->put_output(host->ctx, req, str(key), str("x"));
    }
    return CWMP_OK;
  }
  if (is(command, "Hang()")) for (;;) pause();
  if (is(command, "Crash()")) abort();
  return CWMP_E_NAME;
}

static void end(cwmp_status status) {
  cwmp_req req;
  pthread_mutex_lock(&lock);
  req = waiting;
  waiting = 0;
  pthread_mutex_unlock(&lock);
  if (req) host->req_done(host->ctx, req, status, str(""));
}

static void cancel(void *self, cwmp_req req) {
  (void)self;
  pthread_mutex_lock(&lock);
  cancels++;
  if (!host->cancelled(host->ctx, req)) cancels += 100;
  pthread_mutex_unlock(&lock);
#ifndef STUBBORN
  end(CWMP_E_CANCELLED);
#endif
}

/* The end of the wait, as the device itself would tell it. */
static cwmp_status notice(void *self, cwmp_req req, uint32_t what) {
  (void)self; (void)req;
  if (what == CWMP_NOTICE_CLOCK_TRUSTED) end(CWMP_OK);
  return CWMP_OK;
}

static cwmp_status instances(void *self, cwmp_req req, const cwmp_str *tables, size_t n) {
  (void)self; (void)req; (void)tables; (void)n;
  return CWMP_OK;
}

static void stop(void *self) { (void)self; end(CWMP_E_CANCELLED); }

const cwmp_plugin cwmp_plugin_v1 = {
  CWMP_ABI_MAGIC, sizeof(cwmp_plugin), CWMP_ABI_MAJOR, CWMP_ABI_MINOR, CWMP_THREADS_ONE,
  sizeof(cwmp_node), sizeof(cwmp_kv), sizeof(cwmp_str), 0,
  S("commands"), S("1.0"), S("1"), nodes, sizeof nodes / sizeof *nodes,
  create, NULL, NULL, stop, NULL, get, instances, NULL, NULL, NULL, NULL, NULL, NULL, notice, invoke, cancel, NULL, NULL,
};
