/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/record.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>

void record_init_take(struct record *record, rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;

    *record = (struct record){.message = message,
                              .partition = message->partition,
                              .offset = message->offset,
                              .timestamp_ms = rd_kafka_message_timestamp(message, &type),
                              .key = message->key,
                              .key_len = message->key_len,
                              .value = message->payload,
                              .value_len = message->len};
}

void record_fini(struct record *record)
{
    if (record->message != NULL)
        rd_kafka_message_destroy(record->message);
    *record = (struct record){0};
}

void record_fingerprint(const struct record *record, struct hash *hash,
                        char out[static HASH_HEX_SIZE])
{
    char time[24];
    int len = snprintf(time, sizeof time, "%" PRId64, record->timestamp_ms);

    hash_add_field(hash, time, (size_t)len);
    hash_add_field(hash, record->key, record->key_len);
    hash_add_field(hash, record->value, record->value_len);
    hash_finish(hash, out);
}

char *record_header(const struct record *record, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;

    if (rd_kafka_message_headers(record->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        value == NULL)
        return NULL;
    return mem_strndup(value, len);
}
