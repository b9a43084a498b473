/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_CMD_EXPLAIN_H
#define CYPHERLOG_DB_SYNC_CMD_EXPLAIN_H

/* db_sync/cmd_explain.h: `db_sync explain`: shows how commands would be sent, and why not
 * otherwise.
 */

#include "db_sync/options.h"

/* Prints it for each of the n words. With a password Neo4j is asked, which executes nothing.
 * ERR_USAGE, ERR_CONFIG, ERR_RETRY. A command that would be refused is no error. */
MUST_CHECK int cmd_explain(const struct options *options, char *const *words, int n,
                           struct err *err);

#endif
