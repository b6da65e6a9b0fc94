/* A small plugin, built as often as the benchmark wants plugins: NAME is its name, BASE what it serves. */
#include <cwmp_plugin.h>
#include <stdio.h>
#include <string.h>

#define TEXT(literal) {literal, sizeof(literal) - 1}
#define PARAMETER(number) {TEXT(BASE "P" number), CWMP_UNSIGNED_INT, 0, TEXT("range=0:1000000")}

static const cwmp_node nodes[] = {
    {TEXT(BASE), 0, CWMP_NODE_OBJECT, TEXT("")},
    PARAMETER("0"), PARAMETER("1"), PARAMETER("2"), PARAMETER("3"), PARAMETER("4"), PARAMETER("5"), PARAMETER("6"),
    PARAMETER("7"), PARAMETER("8"), PARAMETER("9"), PARAMETER("10"), PARAMETER("11"), PARAMETER("12"), PARAMETER("13"),
    PARAMETER("14"), PARAMETER("15"), PARAMETER("16"), PARAMETER("17"), PARAMETER("18"), PARAMETER("19"),
};

static const cwmp_host *host;

static cwmp_status create(const cwmp_host *given, cwmp_str config, void **self) {
  (void)config;
  host = given;
  *self = NULL;
  return CWMP_OK;
}

static cwmp_status get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  size_t i;
  (void)self;
  (void)names;
  for (i = 0; i < n; i++) {
    char text[24];
    cwmp_str value = {text, 0};
    value.len = (size_t)snprintf(text, sizeof text, "%zu", i * 1000);
    host->put_value_at(host->ctx, req, i, CWMP_UNSIGNED_INT, value);
  }
  return CWMP_OK;
}

__attribute__((visibility("default"))) const cwmp_plugin cwmp_plugin_v1 = {
    .magic = CWMP_ABI_MAGIC,
    .struct_size = sizeof(cwmp_plugin),
    .abi_major = CWMP_ABI_MAJOR,
    .abi_minor = CWMP_ABI_MINOR,
    .threads = CWMP_THREADS_ONE,
    .node_size = sizeof(cwmp_node),
    .kv_size = sizeof(cwmp_kv),
    .str_size = sizeof(cwmp_str),
    .name = TEXT(NAME),
    .version = TEXT("1"),
    .build = TEXT("1"),
    .nodes = nodes,
    .nodes_len = sizeof nodes / sizeof *nodes,
    .create = create,
    .get = get,
};
