/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_SENDER_H
#define CYPHERLOG_DB_SYNC_SENDER_H

/* db_sync/sender.h: brings commands to the command topic, for `db_sync send`. */

#include "base/json.h"
#include "db_sync/options.h"
#include "kafka/producer.h"

struct sender; /* opaque; one thread */

/* Checks that the topic is there and has one partition; with --wait begins to listen for what
 * becomes of the commands. Borrows options. ERR_CONFIG, ERR_GUARD, ERR_RETRY. */
MUST_CHECK int sender_open(struct sender **out, const struct options *options, struct err *err);

/* Queues one command, Cypher or a JSON object; headers may be NULL. What sender_check refuses is
 * refused; a line of blanks and comments is passed over. ERR_USAGE, ERR_POISON, ERR_RETRY,
 * ERR_STOPPING. */
MUST_CHECK int sender_send(struct sender *s, const char *line, size_t len, const json_t *params,
                           const struct producer_header *headers, struct err *err);

/* Judges a line without sending it: ERR_USAGE when it is no message and no Cypher text, ERR_POISON
 * when every db_sync would refuse it. With --unchecked only what is no message. *empty: it has
 * nothing to send. */
MUST_CHECK int sender_check(const struct options *options, const char *line, size_t len,
                            const json_t *params, bool *empty, struct err *err);

/* How many were queued. */
int64_t sender_count(const struct sender *s);

/* Waits until Kafka has what was queued, and, if all was and with --wait, until a replica has
 * applied it; prints how many, which offsets, and the token, and frees s (NULL: does nothing). What
 * was taken before a mistake (all is false) is in the log: so it is said in any case. ERR_RETRY,
 * ERR_POISON: as await_applied. */
MUST_CHECK int sender_finish(struct sender *s, bool all, struct err *err);

/* Appends the message for one command without blanks around it: a JSON object as it stands,
 * Cypher wrapped into {"command",…}; with_key and params are added where it lacks them and they are
 * not NULL, params not to a list of commands. *message_key is the record's key, for free(), NULL
 * when there is none. ERR_POISON: not valid. Pure. */
MUST_CHECK int sender_message(struct buf *out, char **message_key, const char *line, size_t len,
                              const char *key, const json_t *params, struct err *err);

#endif
