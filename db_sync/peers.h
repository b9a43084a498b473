/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_PEERS_H
#define CYPHERLOG_DB_SYNC_PEERS_H

/* db_sync/peers.h: reads what other replicas tell on the status topic, on a thread of its own
 * (`peers`), and compares it with what this one did. */

#include "db_sync/options.h"
#include "db_sync/report.h"

struct peers; /* opaque */

/* Starts the thread, which waits for Kafka by itself. The position must be reported already.
 * Borrows options and report. ERR_FATAL: no thread. */
MUST_CHECK int peers_start(struct peers **out, const struct options *options, struct report *report,
                           struct err *err);

/* Ends the thread after a stop was requested (base/stop), and frees p. NULL: does nothing. */
void peers_finish(struct peers *p);

/* -1 with ERR_DIFFERS once this replica has diverged and DIVERGENCE is halt. Any thread; does not
 * block. NULL: 0. */
MUST_CHECK int peers_check(struct peers *p, struct err *err);

#endif
