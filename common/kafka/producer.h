/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_PRODUCER_H
#define CYPHERLOG_KAFKA_PRODUCER_H

/* kafka/producer.h: an idempotent producer (acks=all) for what is not part of a Kafka transaction:
 * commands, dead letters, status. A record counts as written only when its delivery report says
 * so. A producer belongs to one thread. */

#include "kafka/client.h"

#include <stddef.h>
#include <stdint.h>

struct producer; /* opaque */

struct producer_conf {
    const struct kafka_conf *kafka;
    int64_t message_max_bytes; /* as the topics allow */
    int64_t timeout_ms;        /* a record not acknowledged by then has failed */
    /* Told where each record is, from inside send, poll and flush; NULL: nobody asks. */
    void (*on_delivered)(void *arg, int64_t offset);
    void *arg;
};

struct producer_header {
    const char *name; /* NULL ends a list */
    const char *value;
};

struct producer_record {
    const char *topic;
    const char *key; /* NULL: none */
    size_t key_len;
    const char *value;
    size_t value_len;
    const struct producer_header *headers; /* NULL: none */
};

struct producer_totals {
    int64_t delivered, failed;
    int64_t first_offset, last_offset; /* -1: none; of delivered records, one partition */
};

MUST_CHECK int producer_open(struct producer **out, const struct producer_conf *conf,
                             struct err *err);

/* Gives up what was not delivered; producer_flush comes before. */
void producer_close(struct producer *p);

/* Waits for a broker: as client_wait_broker. */
MUST_CHECK int producer_wait_broker(struct producer *p, int64_t deadline_ms, struct err *err);

/* Asks for the topic: records to a missing one would wait for message_timeout_ms before they fail.
 * ERR_CONFIG: it is not there, and the text says how to make it; ERR_RETRY; ERR_STOPPING. */
MUST_CHECK int producer_check_topic(struct producer *p, const char *topic, int64_t deadline_ms,
                                    struct err *err);

/* Queues a copy; blocks while the queue is full, at most until stop. What becomes of it is told by
 * producer_flush. ERR_POISON: larger than message_max_bytes. */
MUST_CHECK int producer_send(struct producer *p, const struct producer_record *record,
                             struct err *err);

/* Waits until every record has its report, at most deadline_ms (monotonic), or some seconds once a
 * stop is requested. 0: all were delivered.
 * -1: the reason of the first that was not; open the producer anew and send again, doubles are
 * possible (librdkafka 2.0.2 may give up a record that was written). */
MUST_CHECK int producer_flush(struct producer *p, int64_t deadline_ms, struct err *err);

/* Serves delivery reports without waiting; for progress. */
void producer_poll(struct producer *p);

void producer_totals(const struct producer *p, struct producer_totals *out);

#endif
