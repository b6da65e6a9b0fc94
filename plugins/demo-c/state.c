/* SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct field scalar_fields[SCALARS] = {
    [LABEL] = {"Label", CWMP_STRING, 0, 0, NULL, "Demo in C"},
    [LEVEL] = {"Level", CWMP_UNSIGNED_INT, 0, 100, NULL, "50"},
    [ENABLE] = {"Enable", CWMP_BOOLEAN, 0, 0, NULL, "true"},
    [MODE] = {"Mode", CWMP_STRING, 0, 0, "|Eco|Normal|Boost|", "Normal"},
};

const struct field sensor_fields[SENSOR_FIELDS] = {
    [NAME] = {"Name", CWMP_STRING, 0, 0, NULL, ""},
    [THRESHOLD] = {"Threshold", CWMP_INT, -40, 125, NULL, "25"},
    [ARMED] = {"Armed", CWMP_BOOLEAN, 0, 0, NULL, "false"},
};

cwmp_str str_of(const char *text) {
  return (cwmp_str){text, strlen(text)};
}

int str_is(cwmp_str text, const char *other) {
  return text.len == strlen(other) && !memcmp(text.ptr, other, text.len);
}

int str_skip(cwmp_str *text, const char *beginning) {
  size_t n = strlen(beginning);
  if (text->len < n || memcmp(text->ptr, beginning, n)) return 0;
  text->ptr += n;
  text->len -= n;
  return 1;
}

uint32_t str_skip_number(cwmp_str *text) {
  uint32_t number = 0;
  size_t i;
  for (i = 0; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9' && i < 9; i++)
    number = number * 10 + (uint32_t)(text->ptr[i] - '0');
  if (i == 0 || i == text->len || text->ptr[i] != '.') return 0;
  text->ptr += i + 1;
  text->len -= i + 1;
  return number;
}

void state_init(struct state *state) {
  size_t i;
  memset(state, 0, sizeof *state);
  for (i = 0; i < SCALARS; i++) strcpy(state->value[i], scalar_fields[i].initial);
}

static struct sensor *find_sensor(struct state *state, uint32_t number) {
  size_t i;
  for (i = 0; i < state->sensors; i++)
    if (state->sensor[i].number == number) return &state->sensor[i];
  return NULL;
}

/* The place of a value and its field, by the name that follows BASE. */
static char *find_value(struct state *state, cwmp_str name, const struct field **field) {
  struct sensor *sensor;
  size_t i;
  if (str_skip(&name, "Sensor.")) {
    if (!(sensor = find_sensor(state, str_skip_number(&name)))) return NULL;
    for (i = 0; i < SENSOR_FIELDS; i++) {
      *field = &sensor_fields[i];
      if (str_is(name, (*field)->name)) return sensor->value[i];
    }
    return NULL;
  }
  for (i = 0; i < SCALARS; i++) {
    *field = &scalar_fields[i];
    if (str_is(name, (*field)->name)) return state->value[i];
  }
  return NULL;
}

const char *state_get(const struct state *state, cwmp_str name, cwmp_type *type) {
  const struct field *field = NULL;
  /* find_value() only looks. */
  const char *value = find_value((struct state *)state, name, &field);
  if (value) *type = field->type;
  return value;
}

/* The host has checked types and facets already. A plugin that is called by anybody else too does well to look again. */
static cwmp_status check(const struct field *field, const char *value, const char **why) {
  char *end;
  long number;
  switch (field->type) {
    case CWMP_INT:
    case CWMP_UNSIGNED_INT:
      errno = 0;
      number = strtol(value, &end, 10);
      if (errno || end == value || *end) {
        *why = "not a number";
        return CWMP_E_TYPE;
      }
      if (number < field->low || number > field->high) {
        *why = "out of range";
        return CWMP_E_VALUE;
      }
      break;
    case CWMP_BOOLEAN:
      if (strcmp(value, "true") && strcmp(value, "false")) {
        *why = "neither true nor false";
        return CWMP_E_TYPE;
      }
      break;
    default:
      if (field->choices) {
        char choice[VALUE_SIZE + 2];
        snprintf(choice, sizeof choice, "|%s|", value);
        if (strchr(value, '|') || !strstr(field->choices, choice)) {
          *why = "not one of the choices";
          return CWMP_E_VALUE;
        }
      }
  }
  return CWMP_OK;
}

static cwmp_status set(struct state *state, cwmp_str name, cwmp_str text, const char **why) {
  const struct field *field;
  char value[VALUE_SIZE], *place = find_value(state, name, &field);
  cwmp_status status;
  if (!place) {
    *why = "no such parameter";
    return CWMP_E_NAME;
  }
  if (text.len >= sizeof value || (text.len && memchr(text.ptr, '\0', text.len))) {
    *why = "too long";
    return CWMP_E_VALUE;
  }
  if (text.len) memcpy(value, text.ptr, text.len);
  value[text.len] = '\0';
  if ((status = check(field, value, why)) == CWMP_OK) strcpy(place, value);
  return status;
}

static cwmp_status add(struct state *state, uint32_t number, const char **why) {
  struct sensor *sensor;
  size_t i;
  if (state->sensors == MAX_SENSORS || find_sensor(state, number)) {
    *why = state->sensors == MAX_SENSORS ? "there is room for 16 sensors" : "there is such a row";
    return CWMP_E_RESOURCES;
  }
  sensor = &state->sensor[state->sensors++];
  memset(sensor, 0, sizeof *sensor);
  sensor->number = number;
  for (i = 0; i < SENSOR_FIELDS; i++) strcpy(sensor->value[i], sensor_fields[i].initial);
  return CWMP_OK;
}

cwmp_status state_change(struct state *state, const cwmp_change *change, const char **why) {
  cwmp_str name = change->path, row;
  uint32_t number = 0;
  struct sensor *sensor;
  *why = "no such row";
  if (!str_skip(&name, BASE)) return CWMP_E_NAME;
  if (change->op == CWMP_SET) return set(state, name, change->value, why);
  row = name;
  if (!str_skip(&row, "Sensor.") || !(number = str_skip_number(&row)) || row.len) return CWMP_E_NAME;
  if (change->op == CWMP_ADD) return add(state, number, why);
  if (change->op != CWMP_DELETE || !(sensor = find_sensor(state, number))) return CWMP_E_NAME;
  *sensor = state->sensor[--state->sensors]; /* the last one fills the gap */
  return CWMP_OK;
}

/* In the store there is a line for each row and value, as a change that makes it: "Sensor.3.", "Sensor.3.Name=Door". */
static char *write_line(char *out, const char *path, const char *value) {
  out += sprintf(out, "%s=", path);
  for (; *value; value++) {
    if (*value == '\n' || *value == '\\') *out++ = '\\';
    *out++ = *value == '\n' ? 'n' : *value;
  }
  *out++ = '\n';
  return out;
}

char *state_write(const struct state *state) {
  /* Every value may double, and has a path and the end of its line. */
  size_t values = SCALARS + state->sensors * SENSOR_FIELDS, i, k;
  char path[64], *text = malloc(values * (2 * VALUE_SIZE + sizeof path + 2) + state->sensors * sizeof path + 1), *out = text;
  if (!text) return NULL;
  for (i = 0; i < SCALARS; i++) out = write_line(out, scalar_fields[i].name, state->value[i]);
  for (i = 0; i < state->sensors; i++) {
    const struct sensor *sensor = &state->sensor[i];
    out += sprintf(out, "Sensor.%u.\n", sensor->number);
    for (k = 0; k < SENSOR_FIELDS; k++) {
      snprintf(path, sizeof path, "Sensor.%u.%s", sensor->number, sensor_fields[k].name);
      out = write_line(out, path, sensor->value[k]);
    }
  }
  *out = '\0';
  return text;
}

int state_read(struct state *state, cwmp_str text) {
  const char *why;
  state_init(state);
  while (text.len) {
    char path[96] = BASE, value[VALUE_SIZE];
    size_t n = strlen(path), v = 0, i = 0;
    cwmp_change change = {CWMP_ADD, 0, {path, 0}, {value, 0}};
    for (; i < text.len && text.ptr[i] != '=' && text.ptr[i] != '\n' && n < sizeof path; i++) path[n++] = text.ptr[i];
    if (i < text.len && text.ptr[i] == '=') {
      change.op = CWMP_SET;
      for (i++; i < text.len && text.ptr[i] != '\n' && v < sizeof value; i++) {
        int escaped = text.ptr[i] == '\\' && i + 1 < text.len;
        if (escaped) i++;
        value[v++] = escaped && text.ptr[i] == 'n' ? '\n' : text.ptr[i];
      }
    }
    if (i == text.len || text.ptr[i] != '\n') return 0;
    change.path.len = n;
    change.value.len = v;
    /* What another version of this plugin has more, or allows more: firmware is updated, and rolls back. */
    if (state_change(state, &change, &why) == CWMP_E_RESOURCES) return 0;
    text.ptr += i + 1;
    text.len -= i + 1;
  }
  return 1;
}
