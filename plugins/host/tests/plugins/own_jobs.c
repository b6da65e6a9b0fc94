/* A plugin that begins jobs by itself: when something is set, and when a command tells it to. */
#include <cwmp_plugin.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define S(text) { text, sizeof(text) - 1 }
#define COMMAND(name) { S("Device.X_B." name "()"), 0, CWMP_NODE_COMMAND, S("") }

static const cwmp_node nodes[] = {
  { S("Device.X_B.State"), CWMP_STRING, 0, S("") },
  { S("Device.X_B.Want"), CWMP_STRING, CWMP_NODE_WRITABLE, S("") },
  COMMAND("Progress"), COMMAND("Done"), COMMAND("Fail"), COMMAND("Many"), COMMAND("Lie"),
};

static const cwmp_host *host;
/* The newest job. job_cancel() comes from another thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cwmp_job job;
static int cancels;

static cwmp_str str(const char *s) { cwmp_str out = { s, strlen(s) }; return out; }

static int is(cwmp_str s, const char *end) {
  return s.len >= strlen(end) && !memcmp(s.ptr + s.len - strlen(end), end, strlen(end));
}

static cwmp_status create(const cwmp_host *h, cwmp_str config, void **self) {
  (void)config;
  host = h;
  if (!CWMP_HAS(host, job_end)) return CWMP_E_UNSUPPORTED;
  *self = &host;
  return CWMP_OK;
}

static cwmp_status get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  size_t i;
  char text[64];
  (void)self; (void)names;
  pthread_mutex_lock(&lock);
  snprintf(text, sizeof text, "%d %d", cancels, host->job_cancelled(host->ctx, job));
  pthread_mutex_unlock(&lock);
  for (i = 0; i < n; i++) host->put_value_at(host->ctx, req, i, CWMP_STRING, str(text));
  return CWMP_OK;
}

static void begin(const char *what) { job = host->job_begin(host->ctx, str("Device.X_B."), str(what)); }

static cwmp_status invoke(void *self, cwmp_req req, cwmp_str command, const cwmp_arg *args, size_t n) {
  int i;
  (void)self; (void)req; (void)args; (void)n;
  if (is(command, "Progress()")) {
    for (i = 0; i <= 300; i++) host->job_progress(host->ctx, job, i, str("at\nwork"));
    return CWMP_OK;
  }
  if (is(command, "Done()")) {
    host->job_put(host->ctx, job, str("Blocks"), str("7"));
    host->job_end(host->ctx, job, CWMP_OK, str(""));
    return CWMP_OK;
  }
  if (is(command, "Fail()")) {
    host->job_end(host->ctx, job, CWMP_E_DENIED, str("the disk is write-protected"));
    return CWMP_OK;
  }
  if (is(command, "Many()")) {
    for (i = 0; i < 40; i++) begin("one of many");
    return job ? CWMP_E_INTERNAL : CWMP_OK;
  }
  if (is(command, "Lie()")) {
    if (host->job_begin(host->ctx, str("Device.X_B.State"), str("a parameter"))) return CWMP_E_INTERNAL;
    if (host->job_begin(host->ctx, str("no path"), str(""))) return CWMP_E_INTERNAL;
    host->job_progress(host->ctx, 77, 1, str("of nothing"));
    host->job_end(host->ctx, 77, CWMP_OK, str(""));
    /* 0 is work that is not shown: fine. */
    host->job_progress(host->ctx, 0, 1, str(""));
    host->job_put(host->ctx, 0, str("k"), str("v"));
    host->job_end(host->ctx, 0, CWMP_OK, str(""));
    return host->job_cancelled(host->ctx, 0) ? CWMP_E_INTERNAL : CWMP_OK;
  }
  return CWMP_E_NAME;
}

static cwmp_status prepare(void *self, cwmp_req req, uint64_t txn, const cwmp_change *changes, size_t n) {
  (void)self; (void)req; (void)txn; (void)changes; (void)n;
  return CWMP_OK;
}

static cwmp_status commit(void *self, cwmp_req req, uint64_t txn) {
  (void)self; (void)req; (void)txn;
  begin("formats");
  return CWMP_OK;
}

static cwmp_status step(void *self, cwmp_req req, uint64_t txn) {
  (void)self; (void)req; (void)txn;
  return CWMP_OK;
}

static void job_cancel(void *self, cwmp_job which) {
  (void)self;
  pthread_mutex_lock(&lock);
  cancels += which == job ? 1 : 100;
  pthread_mutex_unlock(&lock);
  host->job_end(host->ctx, which, CWMP_E_CANCELLED, str(""));
}

const cwmp_plugin cwmp_plugin_v1 = {
  .magic = CWMP_ABI_MAGIC,
  .struct_size = sizeof(cwmp_plugin),
  .abi_major = CWMP_ABI_MAJOR,
  .abi_minor = CWMP_ABI_MINOR,
  .threads = CWMP_THREADS_ONE,
  .node_size = sizeof(cwmp_node),
  .kv_size = sizeof(cwmp_kv),
  .str_size = sizeof(cwmp_str),
  .name = S("own_jobs"),
  .version = S("1.0"),
  .build = S("1"),
  .nodes = nodes,
  .nodes_len = sizeof nodes / sizeof *nodes,
  .create = create,
  .get = get,
  .prepare = prepare,
  .commit = commit,
  .rollback = step,
  .finish = step,
  .invoke = invoke,
  .job_cancel = job_cancel,
};
