/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <string.h>

static size_t skip_space(cwmp_str text, size_t at) {
  while (at < text.len && strchr(" \t\r\n", text.ptr[at])) at++;
  return at;
}

/* The position behind the string that begins at this quotation mark, or 0 if it has no end. */
static size_t skip_string(cwmp_str text, size_t at) {
  for (at++; at < text.len; at++) {
    if (text.ptr[at] == '\\')
      at++;
    else if (text.ptr[at] == '"')
      return at + 1;
  }
  return 0;
}

/* The position of the value of a key, or 0. A string counts as a key if a colon follows it. */
static size_t find(cwmp_str config, const char *key) {
  size_t length = strlen(key), at = 0;
  while (at < config.len) {
    size_t end, colon;
    if (config.ptr[at] != '"') {
      at++;
      continue;
    }
    if (!(end = skip_string(config, at))) return 0;
    colon = skip_space(config, end);
    if (end - at == length + 2 && !memcmp(config.ptr + at + 1, key, length) && colon < config.len &&
        config.ptr[colon] == ':')
      return skip_space(config, colon + 1);
    at = end;
  }
  return 0;
}

int config_text(cwmp_str config, const char *key, char *out, size_t size) {
  size_t at = find(config, key), end, n = 0;
  if (!at) return 0;
  if (at >= config.len || config.ptr[at] != '"' || !(end = skip_string(config, at))) return -1;
  for (at++; at < end - 1; at++) {
    if (config.ptr[at] == '\\' && !strchr("\"\\/", config.ptr[++at])) return -1;
    if (n + 1 >= size) return -1;
    out[n++] = config.ptr[at];
  }
  out[n] = '\0';
  return 1;
}

int config_is_true(cwmp_str config, const char *key) {
  size_t at = find(config, key);
  return at && config.len - at >= 4 && !memcmp(config.ptr + at, "true", 4);
}
