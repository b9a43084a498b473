/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_PACE_H
#define CYPHERLOG_DB_SYNC_PACE_H

/* db_sync/pace.h: how many commands come next in one transaction, and in which form: as many as end
 * in time, in the form in which the last ones were quickest, and fewer for a while after a failure.
 * Pure. */

#include "db_sync/rewrite.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACE_CAREFUL 400 /* commands in the first transaction after one that failed */

struct pace {
    enum rewrite_form widest; /* no form beyond it */
    size_t most;
    int64_t time_ms;
    size_t limit;                   /* commands a transaction; follows time_ms */
    size_t careful;                 /* the same for a while after a failure; 0: no longer */
    int64_t cost_us[REWRITE_FORMS]; /* of a command, smoothed; 0: not measured */
    unsigned turn;
};

/* Transactions of at most `most` commands that take time_ms at most. */
void pace_init(struct pace *p, enum rewrite_form widest, size_t most, int64_t time_ms);

size_t pace_count(const struct pace *p);
enum rewrite_form pace_form(const struct pace *p);

/* k commands took effect in took_ms; telling: that time was theirs, not a compilation's. */
void pace_done(struct pace *p, size_t k, enum rewrite_form form, int64_t took_ms, bool telling);

/* A transaction failed; count commands are to come next. */
void pace_narrow(struct pace *p, size_t count);

/* A transaction of k was too large for this server. */
void pace_shrink(struct pace *p, size_t k);

#endif
