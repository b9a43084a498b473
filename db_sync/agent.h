/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_AGENT_H
#define CYPHERLOG_DB_SYNC_AGENT_H

/* db_sync/agent.h: the one place that starts and stops what applies commands. */

#include "db_sync/options.h"

/* `db_sync run`. Runs until a stop (0) or until it cannot go on (-1, err). Threads: this one
 * applies; `prepare` reads the log; `peers` reads the statuses of other replicas; `watch` sees
 * whether a snapshot is what a commit waits for; `report` sends our status; libmicrohttpd's serves
 * STATUS_LISTEN; `signals` waits for a stop. */
MUST_CHECK int agent_run(struct options *options, struct err *err);

/* `db_sync skip OFFSET`, on one thread; words are the command line's. ERR_USAGE: no offset;
 * ERR_RETRY: Kafka or Neo4j cannot be reached by --timeout; or as skip_command. */
MUST_CHECK int agent_skip(struct options *options, char *const *words, int n, struct err *err);

#endif
