/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_APPLY_H
#define CYPHERLOG_DB_SYNC_APPLY_H

/* db_sync/apply.h: takes commands from the queue and brings them into the replica, in order, in
 * transactions as large as they may be. Runs on one thread. */

#include "base/queue.h"
#include "db_sync/letter.h"
#include "db_sync/notice.h"
#include "db_sync/options.h"
#include "db_sync/peers.h"
#include "db_sync/writer.h"

/* What applying works with; all borrowed. */
struct apply_parts {
    struct queue *queue; /* of struct command */
    const struct options *options;
    struct writer *writer;
    struct letters *letters;
    struct notices *notices; /* NULL: none are wanted */
    struct peers *peers;     /* NULL: nobody to compare with */
    struct report *report;
};

/* Applies until the queue is closed and empty, or until a stop: 0. -1: it cannot go on, err says
 * why: ERR_FENCED, ERR_GUARD, ERR_SHRINK (a command alone exceeds a limit of this replica),
 * ERR_POISON (POISON_POLICY=halt), ERR_DIFFERS (DIVERGENCE=halt). */
MUST_CHECK int apply_run(const struct apply_parts *parts, struct err *err);

/* Sends the dead letters among commands[0..k-1], and waits until Kafka has them: for ever, since
 * the position must not pass them. ERR_STOPPING. */
MUST_CHECK int apply_letters(const struct apply_parts *parts, struct command **commands, size_t k,
                             struct err *err);

/* An orderly end: waits a little for the last notices and tells the position, so that the next
 * start need not send them again. */
MUST_CHECK int apply_settle_notices(const struct apply_parts *parts, struct err *err);

/* The position once commands[0..k-1], k > 0, are settled from `from` on; with notices their
 * failures are kept in it. Pure. */
struct position apply_target(const struct position *from, struct command *const *commands, size_t k,
                             const struct notices *notices);

/* How many of commands[0..n-1] may share a transaction: at most count and bytes, but at least one;
 * what starts a transaction starts it, what ends one ends it, what stands alone stands alone. Pure.
 */
size_t apply_cut(struct command *const *commands, size_t n, size_t count, size_t bytes);

#endif
