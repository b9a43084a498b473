/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_CMD_SEND_H
#define CYPHERLOG_DB_SYNC_CMD_SEND_H

/* db_sync/cmd_send.h: `db_sync send`. */

#include "base/json.h"
#include "db_sync/options.h"

/* Sends words[0..n-1], or the lines of --file or standard input, and waits until Kafka has them.
 * Prints how many and which offsets. ERR_USAGE, ERR_POISON (with its line), ERR_RETRY. */
MUST_CHECK int cmd_send(const struct options *options, char *const *words, int n, struct err *err);

/* Appends the message for one line of input: a JSON object as it stands, with_key added where it
 * lacks one and key is not NULL; Cypher wrapped into {"command",…}. *message_key is the record's
 * key, for free(), NULL when there is none. ERR_POISON: not valid. Pure. */
MUST_CHECK int cmd_send_message(struct buf *out, char **message_key, const char *line, size_t len,
                                const char *key, const json_t *params, struct err *err);

#endif
