/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_OUTAGE_H
#define CYPHERLOG_DB_SYNC_OUTAGE_H

/* db_sync/outage.h: waiting out what will heal, for ever: one log line when it begins, one with a
 * count when it ends, the state in the report meanwhile. */

#include "base/backoff.h"
#include "db_sync/options.h"
#include "db_sync/report.h"

struct outage {
    struct setup *setup; /* its secrets are read again */
    struct tx *tx;       /* gets a new password */
    struct report *report;
    struct backoff backoff;
    int64_t since_ms, attempts; /* 0 attempts: no outage */
    bool answers;               /* it began with an error that Neo4j itself told */
};

void outage_init(struct outage *o, struct setup *setup, struct tx *tx, struct report *report);

/* Waits before the next try. 0; -1 with ERR_STOPPING when asked to stop. A refused login or a
 * missing database counts as an outage too, and *_FILE is read again. */
MUST_CHECK int outage_wait(struct outage *o, const struct err *why, struct err *err);

/* Neo4j answered. */
void outage_over(struct outage *o);

#endif
