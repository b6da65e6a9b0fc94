/* SPDX-License-Identifier: Apache-2.0 */
/* How much entropy the kernel has, as Device.X_ACME_Entropy.Available. */
#include <cwmp_plugin.h>
#include <stdio.h>
#include <string.h>

#define TEXT(literal) {literal, sizeof(literal) - 1}

static const cwmp_node nodes[] = {
    {TEXT("Device.X_ACME_Entropy."), 0, CWMP_NODE_OBJECT, TEXT("")},
    {TEXT("Device.X_ACME_Entropy.Available"), CWMP_UNSIGNED_INT, 0, TEXT("")},
};

static const cwmp_host *host;

static cwmp_status create(const cwmp_host *given, cwmp_str config, void **self) {
  (void)config;
  host = given;
  *self = NULL;
  return CWMP_OK;
}

static cwmp_status get(void *self, cwmp_req req, const cwmp_str *names, size_t n) {
  char bits[16] = "";
  cwmp_str value = {bits, 0};
  FILE *file = fopen("/proc/sys/kernel/random/entropy_avail", "r");
  size_t i;
  (void)self;
  if (file) {
    if (fscanf(file, "%15[0-9]", bits) == 1) value.len = strlen(bits);
    fclose(file);
  }
  for (i = 0; i < n; i++) {
    /* Arrays are stepped through by the size that their owner states. */
    const cwmp_str *name = (const cwmp_str *)((const char *)names + i * host->str_size);
    cwmp_str known = nodes[1].path, why = TEXT("no such parameter"), unread = TEXT("the kernel does not tell its entropy");
    if (name->len != known.len || memcmp(name->ptr, known.ptr, known.len))
      host->put_fault_at(host->ctx, req, i, CWMP_E_NAME, why);
    else if (!value.len)
      host->put_fault_at(host->ctx, req, i, CWMP_E_INTERNAL, unread);
    else
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
    .name = TEXT("acme_entropy"),
    .version = TEXT("1.0.0"),
    .build = TEXT("1"),
    .nodes = nodes,
    .nodes_len = sizeof nodes / sizeof *nodes,
    .create = create,
    .get = get,
};
