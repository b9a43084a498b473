/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_TRACK_H
#define CYPHERLOG_SNAPSHOT_TRACK_H

/* snapshot/track.h: how far a restore has come, kept in the database itself and changed by the
 * transactions that load: so each batch is there once, whatever ended the program, the server or
 * the connection between. Each connection that loads, a lane, has a node of its own beside the
 * position's: `__db_sync` with partition -1 - lane. Batches are numbered; lane l of n gets those
 * with number % n == l, in order. */

#include "neo4j/tx.h"

#include <stdbool.h>
#include <stdint.h>

#define TRACK_LANES_MAX 8

struct track_lane {
    int64_t batches;      /* committed by this lane */
    int64_t node_batches; /* those of them that made nodes */
    int64_t nodes;        /* that they made */
};

struct track {
    const char *topic; /* of the position; borrowed */
    const char *token; /* of this restore: another one's batches are refused; borrowed */
    size_t lanes;
};

/* Makes the nodes, at nothing. */
MUST_CHECK int track_create(struct tx *tx, const struct track *t, struct err *err);

/* Removes all lanes' nodes, of any restore. Waits for transactions that still load; none can begin
 * after it. */
MUST_CHECK int track_remove(struct tx *tx, const struct track *t, struct err *err);

/* How far the lane is. Waits for its last transaction, which may still run when nobody waits for
 * its answer any more. *found: the node is there, and of this token. */
MUST_CHECK int track_read(struct tx *tx, const struct track *t, size_t lane, struct track_lane *out,
                          bool *found, struct err *err);

/* All relationships were removed: only batches of nodes count as committed from now on. */
MUST_CHECK int track_forget_relationships(struct tx *tx, const struct track *t, struct err *err);

/* Appends the first and the last statement of a batch's transaction: fails unless the lane is at
 * was; it is at now. */
void track_add_lock(struct buf *out, const struct track *t, size_t lane,
                    const struct track_lane *was);
void track_add_advance(struct buf *out, const struct track *t, size_t lane,
                       const struct track_lane *now);

/* The same in one text, for the Query API: what follows it gets no row unless the lane was at was.
 * Its parameters in typed JSON, without braces, are appended to params. */
void track_add_typed(struct buf *text, struct buf *params, const struct track *t, size_t lane,
                     const struct track_lane *was, const struct track_lane *now);

/* Appends the statement of track_remove. */
void track_add_remove(struct buf *out, const struct track *t);

#endif
