/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_TARGET_H
#define CYPHERLOG_SNAPSHOT_TARGET_H

/* snapshot/target.h: the database that a snapshot goes into: whether it may, what must leave it
 * first, and its position, which says "restoring" until all is there. */

#include "neo4j/position.h"
#include "snapshot/phase.h"

#include <stdbool.h>

#define TARGET_RESTORING "restoring"

struct target {
    struct tx *tx;
    const char *topic;   /* of commands, whose position it has or gets */
    const char *replica; /* its name */
    int64_t limit_ms;    /* of a transaction */
    struct phase_sink sink;
};

/* What is there. */
struct target_state {
    bool found; /* a position, which follows */
    struct position position;
    bool restoring; /* it is one of a restore that did not end */
    bool empty;     /* but for positions: no nodes, no schema */
};

/* Looks. ERR_GUARD: a restore may not go there: it follows another log; or, unless it may be wiped,
 * it is a replica or holds anything that no interrupted restore left. */
MUST_CHECK int target_look(const struct target *t, bool may_wipe, struct target_state *out,
                           struct err *err);

/* Puts its position, which must be as was says, at "restoring"; without one (was NULL) makes it.
 * mark: what is being restored; token: who does it. */
MUST_CHECK int target_begin(const struct target *t, const struct position *was, const char *mark,
                            const char *token, struct position *now, struct err *err);

/* Removes all data and schema, but not the nodes `__db_sync`. */
MUST_CHECK int target_wipe(const struct target *t, struct err *err);

MUST_CHECK int target_remove_relationships(const struct target *t, struct err *err);

/* Removes what a restore kept in the database and puts the position at now; NULL: no position, and
 * its constraint goes too. */
MUST_CHECK int target_end(const struct target *t, const struct position *was,
                          const struct position *now, struct err *err);

#endif
