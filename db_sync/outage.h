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
    bool refused;               /* it was logged that a person must act */
    bool strict;                /* wrong settings do not heal: the start is not over */
};

void outage_init(struct outage *o, struct setup *setup, struct tx *tx, struct report *report);

/* True for what time may heal: Neo4j away, busy or changing its mind, an answer lost, and, once the
 * start is over, a refused login or a missing database, which somebody may put right. */
bool outage_heals(const struct outage *o, const struct err *why);

/* Waits before the next try: backoff, after a refused login until its *_FILE has changed (or
 * SETUP_LOGIN_AGAIN_MS). 0; -1 with ERR_STOPPING when asked to stop. */
MUST_CHECK int outage_wait(struct outage *o, const struct err *why, struct err *err);

/* After a failed try of something that is no command, so that a limit it met is no verdict either:
 * 0 when it heals, after the wait and with *why cleared, so try again; -1 with *why in *err when it
 * does not heal, or ERR_STOPPING. */
MUST_CHECK int outage_again(struct outage *o, struct err *why, struct err *err);

/* Neo4j answered. */
void outage_over(struct outage *o);

#endif
