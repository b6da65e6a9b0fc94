/* SPDX-License-Identifier: Apache-2.0 */
#include "failure.h"

#include <stdlib.h>
#include <unistd.h>

#include "state.h"

static const char *const names[FAILURES] = {
    "none", "prepare", "commit", "commit-timeout", "crash-in-prepare", "crash-in-commit", "crash", "hang", "slow",
};

enum failure failure_of(cwmp_str name) {
  int i = 0;
  while (i < FAILURES && !str_is(name, names[i])) i++;
  return (enum failure)i;
}

const char *failure_name(enum failure failure) {
  return names[failure];
}

static int take(enum failure *next, enum failure failure) {
  if (*next != failure) return 0;
  *next = FAIL_NONE;
  return 1;
}

cwmp_status failure_in_get(enum failure *next) {
  if (take(next, FAIL_CRASH)) abort();
  if (take(next, FAIL_HANG))
    for (;;) pause();
  if (take(next, FAIL_SLOW)) usleep(1500 * 1000);
  return CWMP_OK;
}

cwmp_status failure_in_prepare(enum failure *next) {
  if (take(next, FAIL_CRASH_IN_PREPARE)) abort();
  return take(next, FAIL_PREPARE) ? CWMP_E_RESOURCES : CWMP_OK;
}

cwmp_status failure_in_commit(enum failure *next, const cwmp_host *host, cwmp_req req) {
  if (take(next, FAIL_CRASH_IN_COMMIT)) abort();
  if (take(next, FAIL_COMMIT_TIMEOUT)) {
    cwmp_req_info info = {.struct_size = sizeof info};
    unsigned wait = 10000;
    if (CWMP_HAS(host, req_info) && host->req_info(host->ctx, req, &info) == CWMP_OK) wait = info.deadline_ms;
    /* The answer comes when nobody waits for it any more, and it is "done". */
    usleep((wait + 500) * 1000);
  }
  return take(next, FAIL_COMMIT) ? CWMP_E_INTERNAL : CWMP_OK;
}
