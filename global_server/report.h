/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_REPORT_H
#define GLOBAL_SERVER_REPORT_H

/* global_server/report.h: what a thread tells the agent, which decides. */

#include "base/err.h"
#include "base/queue.h"

#include <stdint.h>

enum report_kind {
    REPORT_ILL,   /* Neo4j does not serve: leave the group */
    REPORT_ENDED, /* the thread cannot go on: end the program by this error */
};

struct report {
    enum report_kind kind;
    int64_t at_ms; /* monotonic */
    struct err err;
};

/* Never waits for long: the queue of reports is short, and a full one holds the same news. */
void report_send(struct queue *reports, enum report_kind kind, const struct err *err);

#endif
