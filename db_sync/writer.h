/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_WRITER_H
#define CYPHERLOG_DB_SYNC_WRITER_H

/* db_sync/writer.h: the one who writes to this replica: holds its position and epoch, and commits
 * commands together with the position that follows from them. Whatever happens to a request, it
 * comes back only when it is known whether it took effect. */

#include "db_sync/outage.h"
#include "db_sync/rewrite.h"

struct writer {
    struct tx *tx;            /* borrowed */
    char *topic;              /* full name of the command topic */
    char owner[HASH_ID_SIZE]; /* of this process; every epoch of ours begins with it */
    int64_t serial;           /* of the next epoch */
    int64_t timeout_ms;       /* TRANSACTION_TIMEOUT */
    struct position position; /* what the replica holds */
    struct outage outage;
    struct report *report;
    struct buf head, tail; /* first and last statement of the transaction in hand */
    struct tx_stmt *stmts;
    size_t stmt_room;
    bool held;  /* the last commit waited for a snapshot */
    bool which; /* ask which statement fails */
};

/* topic is copied; report and tx are borrowed. */
void writer_init(struct writer *w, const struct options *options, struct setup *setup,
                 struct tx *tx, struct report *report);
void writer_fini(struct writer *w);

/* Takes the replica over: every earlier writer is shut out. Waits for outages and for lost
 * transactions. ERR_GUARD: no position node; ERR_STOPPING. */
MUST_CHECK int writer_seize(struct writer *w, struct err *err);

/* Reads the position again under its lock, as its owner. ERR_FENCED: a newer db_sync has it. */
MUST_CHECK int writer_settle(struct writer *w, struct err *err);

/* While there is nothing to write: is it still ours? Reads without a lock, settles only in doubt.
 * Waits for outages. ERR_FENCED, ERR_GUARD, ERR_STOPPING. */
MUST_CHECK int writer_check(struct writer *w, struct err *err);

/* What was at fault in a transaction. */
struct writer_fault {
    enum {
        WRITER_UNKNOWN,  /* not known while w->which is not set */
        WRITER_COMMIT,   /* the commit itself */
        WRITER_COMMANDS, /* one of these */
    } what;
    struct rewrite_range commands;
};

/* Commits the statements of batch, NULL for none, and target, in one transaction; waits out what
 * heals. 0: committed, w->position is target. -1: nothing of it took effect, and ERR_POISON or
 * ERR_SHRINK, with *fault; ERR_FENCED, ERR_GUARD, ERR_STOPPING (then it may have taken effect: the
 * next start knows).
 */
MUST_CHECK int writer_commit(struct writer *w, const struct rewrite_batch *batch,
                             const struct position *target, struct writer_fault *fault,
                             struct err *err);

#endif
