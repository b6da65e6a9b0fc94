/* SPDX-License-Identifier: Apache-2.0 */
/* What the plugin keeps: a plain struct without pointers, so that a transaction is a copy of it, and taking it back is
   another copy. */
#ifndef DEMO_C_STATE_H
#define DEMO_C_STATE_H
#include <cwmp_plugin.h>

#define BASE "Device.X_CWMPD_DemoC."
#define VALUE_SIZE 257 /* 64 characters of UTF-8 and the end */
#define MAX_SENSORS 16

enum { LABEL, LEVEL, ENABLE, MODE, SCALARS };
enum { NAME, THRESHOLD, ARMED, SENSOR_FIELDS };

/* A parameter: what the table of nodes says to the host, this says to us. */
struct field {
  const char *name;
  cwmp_type type;
  long low, high;      /* of numbers */
  const char *choices; /* "|Eco|Normal|", or NULL */
  const char *initial;
};

extern const struct field scalar_fields[SCALARS];
extern const struct field sensor_fields[SENSOR_FIELDS];

/* Values are kept in the form in which they travel. */
struct sensor {
  uint32_t number;
  char value[SENSOR_FIELDS][VALUE_SIZE];
};

struct state {
  char value[SCALARS][VALUE_SIZE];
  size_t sensors;
  struct sensor sensor[MAX_SENSORS];
};

/* A literal as a text of the ABI: in a table, and in an expression. */
#define TEXT(literal) {literal, sizeof(literal) - 1}
#define STR(literal) ((cwmp_str)TEXT(literal))

cwmp_str str_of(const char *text);
int str_is(cwmp_str text, const char *other);
/* Takes a beginning off a text, if it has it. */
int str_skip(cwmp_str *text, const char *beginning);
/* Takes a number and the dot behind it off a text. 0 if there is none. */
uint32_t str_skip_number(cwmp_str *text);

/* As delivered. */
void state_init(struct state *state);

/* The value of a parameter and its type; the name follows BASE. NULL if there is none. */
const char *state_get(const struct state *state, cwmp_str name, cwmp_type *type);

/* Makes one change. The path is full; on an error nothing changes and *why says what is wrong. */
cwmp_status state_change(struct state *state, const cwmp_change *change, const char **why);

/* Everything as text, to be freed; NULL without memory. */
char *state_write(const struct state *state);

/* The other direction; 0 if the text is none of ours. What this version does not have is passed over. */
int state_read(struct state *state, cwmp_str text);

#endif
