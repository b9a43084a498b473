/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_APPLY_H
#define CYPHERLOG_DB_SYNC_APPLY_H

/* db_sync/apply.h: takes commands from the queue and brings them into the replica, in order, in
 * transactions as large as they may be. Runs on one thread. */

#include "base/queue.h"
#include "db_sync/letter.h"
#include "db_sync/options.h"
#include "db_sync/writer.h"

/* Applies until the queue is closed and empty, or until a stop: 0. -1: it cannot go on, err says
 * why: ERR_FENCED, ERR_GUARD, ERR_SHRINK (a command alone exceeds a limit of this replica). */
MUST_CHECK int apply_run(struct queue *queue, const struct options *options, struct writer *writer,
                         struct letters *letters, struct report *report, struct err *err);

/* How many of commands[0..n-1] may share a transaction: at most count and bytes, but at least one;
 * what ends a transaction ends it, what stands alone stands alone. Pure. */
size_t apply_cut(struct command *const *commands, size_t n, size_t count, size_t bytes);

#endif
