/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_HOLD_H
#define CYPHERLOG_SNAPSHOT_HOLD_H

/* snapshot/hold.h: keeps a replica at one position for as long as its graph is read: a transaction
 * of its own keeps the position as it is (position_hold), and a thread asks in it every few
 * seconds, since Neo4j ends a transaction in which nothing is asked. The question is a read of the
 * node: an empty request would be answered even after the lock was lost (seen). */

#include "neo4j/position.h"

struct hold; /* opaque */

/* Locks the position of topic, then starts the thread. tx is the hold's own from here to
 * hold_close. Waits for the transaction of commands that runs, and until no schema command is under
 * way. *found is false when the database has no position: nothing is held then, and hold_check is
 * content. ERR_GUARD: the replica is being restored, or follows another topic. ERR_RETRY: the lock
 * could not be had for ten minutes, and why, such as a limit that an operator set. */
MUST_CHECK int hold_open(struct hold **out, struct tx *tx, const char *topic, int64_t limit_ms,
                         struct position *position, bool *found, struct err *err);

/* Whether some snapshot holds the replica of tx's database now, told by what its transaction says
 * of itself; one that only waits for the lock does not count. A question to the server, which may
 * be asked beside the hold. */
MUST_CHECK int hold_seen(struct tx *tx, bool *held, struct err *err);

/* Where err is of a transaction that a limit ended: names its setting and what to do. Always -1. */
int hold_explain(struct err *err);

/* Ends the transaction and the thread. */
void hold_close(struct hold *hold);

/* Whether the lock was lost: for the one who reads, every now and then. Does not block. */
bool hold_is_lost(const struct hold *hold);

/* After the last row: ends the thread and proves that the node is still locked and as it was; after
 * this only hold_close. ERR_GUARD, "snapshot.lock-lost": it is not, what was read is no one moment.
 */
MUST_CHECK int hold_check(struct hold *hold, struct err *err);

#endif
