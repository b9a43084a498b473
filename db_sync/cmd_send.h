/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_CMD_SEND_H
#define CYPHERLOG_DB_SYNC_CMD_SEND_H

/* db_sync/cmd_send.h: `db_sync send`. */

#include "db_sync/options.h"

/* Sends words[0..n-1], or the lines of --file or standard input, and waits until Kafka has them.
 * Prints how many and which offsets. ERR_USAGE, ERR_POISON (with its line), ERR_RETRY. */
MUST_CHECK int cmd_send(const struct options *options, char *const *words, int n, struct err *err);

#endif
