/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_CMD_STATUS_H
#define CYPHERLOG_DB_SYNC_CMD_STATUS_H

/* db_sync/cmd_status.h: `db_sync status`. */

#include "db_sync/options.h"

/* Reads the status topic to its end and prints a row a program, the newest status of each.
 * ERR_CONFIG: no such topic; ERR_RETRY: Kafka does not answer. */
MUST_CHECK int cmd_status(const struct options *options, struct err *err);

#endif
