/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_RECORD_H
#define CYPHERLOG_KAFKA_RECORD_H

/* kafka/record.h: a record as it came. It owns librdkafka's message and lends key and value. */

#include "base/hash.h"
#include "kafka/client.h"

#include <stddef.h>
#include <stdint.h>

struct record {
    rd_kafka_message_t *message;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* wall time; -1: none */
    const char *key;      /* NULL: none */
    size_t key_len;
    const char *value; /* NULL: none */
    size_t value_len;
};

/* Views message, which the record then owns. */
void record_init_take(struct record *record, rd_kafka_message_t *message);
void record_fini(struct record *record);

/* The last header of that name, as text for free(); NULL when there is none. */
char *record_header(const struct record *record, const char *name);

/* SHA-256 of timestamp, key and value: tells a record from the one that a recreated topic holds at
 * the same offset. */
void record_fingerprint(const struct record *record, struct hash *hash,
                        char out[static HASH_HEX_SIZE]);

#endif
