/* SPDX-License-Identifier: Apache-2.0 */
/* Failures on command, so that everything around a plugin can be shown to survive them. A plugin of yours has none. */
#ifndef DEMO_C_FAILURE_H
#define DEMO_C_FAILURE_H
#include <cwmp_plugin.h>

enum failure {
  FAIL_NONE,
  FAIL_PREPARE,
  FAIL_COMMIT,
  FAIL_COMMIT_TIMEOUT,
  FAIL_CRASH_IN_PREPARE,
  FAIL_CRASH_IN_COMMIT,
  FAIL_CRASH,
  FAIL_HANG,
  FAIL_SLOW,
  FAILURES
};

#define FAILURE_FACETS \
  "enum=none|prepare|commit|commit-timeout|crash-in-prepare|crash-in-commit|crash|hang|slow;default=none"

/* By the name in the facets; FAILURES if it is none. */
enum failure failure_of(cwmp_str name);
const char *failure_name(enum failure failure);

/* Each happens once: *next is FAIL_NONE afterwards. CWMP_OK means go on. */
cwmp_status failure_in_get(enum failure *next);
cwmp_status failure_in_prepare(enum failure *next);
cwmp_status failure_in_commit(enum failure *next, const cwmp_host *host, cwmp_req req);

#endif
