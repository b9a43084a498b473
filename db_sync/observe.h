/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_OBSERVE_H
#define CYPHERLOG_DB_SYNC_OBSERVE_H

/* db_sync/observe.h: what STATUS_LISTEN serves of db_sync. */

#include "base/queue.h"
#include "db_sync/options.h"
#include "db_sync/report.h"
#include "ops/httpd.h"

struct observe {
    const struct options *options;
    struct report *report;
    struct queue *queue; /* commands between the log and a transaction */
};

/* httpd_stop ends it; observe and what it points to outlive it. *out is NULL without STATUS_LISTEN.
 * ERR_CONFIG as httpd_start. */
MUST_CHECK int observe_start(struct httpd **out, struct observe *observe, struct err *err);

#endif
