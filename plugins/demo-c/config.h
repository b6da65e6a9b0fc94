/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: a flat JSON object with texts, and true or false. */
#ifndef DEMO_C_CONFIG_H
#define DEMO_C_CONFIG_H
#include <cwmp_plugin.h>

/* Copies the text behind a key, terminated. 1: found; 0: not there; -1: no text, or longer than size allows. */
int config_text(cwmp_str config, const char *key, char *out, size_t size);

/* Whether the key says true. */
int config_is_true(cwmp_str config, const char *key);

#endif
