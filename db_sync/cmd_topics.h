/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_CMD_TOPICS_H
#define CYPHERLOG_DB_SYNC_CMD_TOPICS_H

/* db_sync/cmd_topics.h: `db_sync topics create|check`. */

#include "db_sync/options.h"

/* Prints a table, a row a topic. ERR_USAGE; ERR_DIFFERS: check found differences; ERR_RETRY. */
MUST_CHECK int cmd_topics(const struct options *options, char *const *words, int n,
                          struct err *err);

#endif
