/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_LETTER_H
#define CYPHERLOG_DB_SYNC_LETTER_H

/* db_sync/letter.h: dead letters: commands that can never succeed, with the reason, on the fail
 * topic. Acknowledged by Kafka before the position passes the command: a crash may repeat a letter
 * with the same replica, topic, partition and offset, never lose it. */

#include "db_sync/command.h"
#include "db_sync/options.h"
#include "kafka/producer.h"

struct letters; /* opaque: the producer of the fail topic; one thread */

/* Connects with the first letter, which most replicas never write. Borrows options. */
struct letters *letters_new(const struct options *options);
void letters_free(struct letters *l);

/* Sends the letters of those in commands[0..n-1] that have a verdict and none yet, and waits until
 * Kafka has them. One try: ERR_RETRY and the like mean call again, which sends all of them again.
 */
MUST_CHECK int letters_send(struct letters *l, struct command **commands, size_t n,
                            struct err *err);

/* Appends the letter's body for a record: the message with "error" added where it is a JSON object,
 * else {"raw_base64","error"}; above limit_bytes its size, SHA-256 and first 64 KiB. Pure. */
void letter_add_body(struct buf *out, const struct record *record, const struct err *why,
                     size_t limit_bytes);

#endif
