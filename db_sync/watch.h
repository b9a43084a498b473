/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_WATCH_H
#define CYPHERLOG_DB_SYNC_WATCH_H

/* db_sync/watch.h: the thread `watch`: when a request to Neo4j takes long, asks the server on a
 * connection of its own whether a snapshot is the reason, and tells the report. The thread that
 * waits cannot ask. */

#include "db_sync/options.h"
#include "db_sync/report.h"

struct watch; /* opaque */

/* Starts the thread. ERR_FATAL: it cannot be started. */
MUST_CHECK int watch_start(struct watch **out, const struct options *options, struct report *report,
                           struct err *err);

/* After a stop was asked for: waits for the thread, and frees it. NULL is allowed. */
void watch_finish(struct watch *w);

#endif
