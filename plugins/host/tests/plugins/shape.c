/* Plugins of other shapes than the header's: WRONG_MAGIC, WRONG_MAJOR, OLDER (a smaller struct), NEWER (a larger struct
   with larger nodes), TINY, HUGE, NO_GET, NO_NODES, WRONG_NODES, DESCRIBES. */
#include <cwmp_plugin.h>
#include <string.h>

#define S(text) { text, sizeof(text) - 1 }

#ifdef NEWER
struct node { cwmp_node node; const char *more[3]; };
static const struct node __attribute__((unused)) nodes[] = {
  { { S("Device.X_S.One"), CWMP_STRING, 0, S("") }, { "a", "b", "c" } },
  { { S("Device.X_S.Two"), CWMP_STRING, 0, S("") }, { "a", "b", "c" } },
};
#else
struct node { cwmp_node node; };
static const struct node __attribute__((unused)) nodes[] = {
  { { S("Device.X_S.One"), CWMP_STRING, 0, S("") } },
#ifdef WRONG_NODES
  { { S("Device.X_S.One"), CWMP_STRING, 0, S("") } },
  { { S("Device.X_S.Bad"), 99, 0, S("") } },
  { { S("Device.X_S.Facets"), CWMP_STRING, 0, S("nosuch=1") } },
#endif
  { { S("Device.X_S.Two"), CWMP_STRING, 0, S("") } },
};
#endif
#define COUNT (sizeof nodes / sizeof *nodes)

static const cwmp_host *host;

static cwmp_status create(const cwmp_host *h, cwmp_str config, void **self) {
  (void)config; (void)self;
  host = h;
  return CWMP_OK;
}

static cwmp_status __attribute__((unused)) get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  size_t i;
  (void)self;
  for (i = 0; i < n; i++) host->put_value_at(host->ctx, req, i, CWMP_STRING, names[i]);
  return CWMP_OK;
}

#ifdef DESCRIBES
static cwmp_status describe(void *self, const cwmp_node **out, size_t *n) {
  (void)self;
  *out = &nodes[1].node;
  *n = 1;
  return CWMP_OK;
}
#else
#define describe NULL
#endif

#if defined OLDER
/* Everything behind get() would be garbage. */
#define SIZE (offsetof(cwmp_plugin, get) + sizeof(void *))
#define REST (void *)1, (void *)1
#elif defined TINY
#define SIZE 64
#define REST NULL, NULL
#elif defined HUGE
#define SIZE 0x7fffffff
#define REST NULL, NULL
#elif defined NEWER
#define SIZE sizeof(struct newer)
#define REST NULL, NULL
#else
#define SIZE sizeof(cwmp_plugin)
#define REST NULL, NULL
#endif

#define HEAD(magic, major, nodes, count, get) { \
  magic, SIZE, major, CWMP_ABI_MINOR, CWMP_THREADS_ONE, \
  sizeof(struct node), sizeof(cwmp_kv), sizeof(cwmp_str), 0, \
  S("shape"), S("1"), S("1"), nodes, count, create, describe, NULL, NULL, NULL, get, NULL, REST, \
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

#if defined NEWER
struct newer { cwmp_plugin plugin; void *more[4]; };
__attribute__((visibility("default"))) const struct newer newer __asm__("cwmp_plugin_v1") =
  { HEAD(CWMP_ABI_MAGIC, CWMP_ABI_MAJOR, &nodes->node, COUNT, get), { (void *)1, (void *)1, NULL, NULL } };
#else
const cwmp_plugin cwmp_plugin_v1 =
#if defined WRONG_MAGIC
  HEAD(0x12345678, CWMP_ABI_MAJOR, &nodes->node, COUNT, get);
#elif defined WRONG_MAJOR
  HEAD(CWMP_ABI_MAGIC, 2, &nodes->node, COUNT, get);
#elif defined NO_GET
  HEAD(CWMP_ABI_MAGIC, CWMP_ABI_MAJOR, &nodes->node, COUNT, NULL);
#elif defined NO_NODES
  HEAD(CWMP_ABI_MAGIC, CWMP_ABI_MAJOR, NULL, (size_t)-1, get);
#else
  HEAD(CWMP_ABI_MAGIC, CWMP_ABI_MAJOR, &nodes->node, COUNT, get);
#endif
#endif
