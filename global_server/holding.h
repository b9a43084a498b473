/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_HOLDING_H
#define GLOBAL_SERVER_HOLDING_H

/* global_server/holding.h: the claim in hand and what is settled of it. Several producers commit
 * for one claim, each in transactions of its own, but Kafka keeps one offset and one metadata for a
 * partition, those that were sent last. So whoever commits holds the lock from before he looks at
 * the ledger until the outcome is known: each commit contains those before it. Only records are
 * sent without it. Any thread. */

#include "global_server/job.h"
#include "global_server/ledger.h"
#include "kafka/group.h"

struct holding; /* opaque */

struct holding *holding_new(void);
void holding_free(struct holding *h);

/* A claim begins, which ends the one before. Never waits; jobs of it come after. */
void holding_begin_take(struct holding *h, struct group_claim *claim);

/* The claim goes on with another member, or has ended: what was begun with the former one fails.
 * Never waits. */
void holding_renew_take(struct holding *h, struct group_claim *renewal);

/* Nobody has the lock just now. After the claim has ended, nothing of it is committed any more once
 * this was true. */
bool holding_is_free(struct holding *h);

/* The job's claim has ended neither at Kafka nor here. */
bool holding_counts(const struct holding *h, const struct job *job);

/* ---- under the lock ---- */

/* Waits for a commit that is under way, which may take as long as Kafka does. */
void holding_lock(struct holding *h);
void holding_unlock(struct holding *h);

/* NULL: none. Borrowed, as the ledger, until holding_unlock. */
const struct group_claim *holding_claim(const struct holding *h);
const struct ledger *holding_ledger(const struct holding *h);

/* What ledger says is committed. */
void holding_settle_take(struct holding *h, struct ledger *ledger);

/* Nobody knows what is committed, or nothing can be any more: the claim ends here, whatever Kafka
 * thinks. */
void holding_forget(struct holding *h);

#endif
