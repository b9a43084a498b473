/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_AGENT_H
#define CYPHERLOG_DB_SYNC_AGENT_H

/* db_sync/agent.h: `db_sync run`: the one place that starts and stops everything. */

#include "db_sync/options.h"

/* Runs until a stop (0) or until it cannot go on (-1, err). Threads: this one applies; `prepare`
 * reads the log; `report` sends the status; `signals` waits for a stop. */
MUST_CHECK int agent_run(struct options *options, struct err *err);

#endif
