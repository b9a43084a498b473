/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_TOPICS_H
#define CYPHERLOG_KAFKA_TOPICS_H

/* kafka/topics.h: makes topics and compares them with what they should be. Blocks; any thread. */

#include "kafka/client.h"

#include <stddef.h>
#include <stdint.h>

#define TOPIC_SETTINGS_MAX 8
#define TOPIC_NAME_MAX 249

/* Can a topic be called so (name[0..len-1])? Kafka: clients/…/common/internals/Topic.java. */
bool topic_name_is_legal(const char *name, size_t len);

struct topic_want {
    const char *name;                                      /* full name */
    int partitions;                                        /* for topics_create */
    bool partitions_exact;                                 /* another number is a difference */
    int partitions_least;                                  /* fewer is a difference; 0: any */
    struct kafka_setting settings[TOPIC_SETTINGS_MAX + 1]; /* name NULL ends it */
};

enum topic_outcome { TOPIC_MADE, TOPIC_THERE, TOPIC_GOOD, TOPIC_DIFFERS, TOPIC_MISSING };

struct topic_result {
    enum topic_outcome outcome;
    char detail[512]; /* every difference, for a person */
};

struct topics; /* opaque: a connection */

MUST_CHECK int topics_open(struct topics **out, const struct kafka_conf *kafka, int64_t deadline_ms,
                           struct err *err);
void topics_close(struct topics *t);

/* Brokers that are there now: replication_factor's default is the smaller of 3 and this. */
MUST_CHECK int topics_broker_count(struct topics *t, int *count, struct err *err);

/* Makes what is missing: TOPIC_MADE, or TOPIC_THERE (then unchanged). */
MUST_CHECK int topics_create(struct topics *t, const struct topic_want *want,
                             int replication_factor, struct topic_result *result, struct err *err);

/* TOPIC_GOOD, TOPIC_DIFFERS with every difference in detail, or TOPIC_MISSING. */
MUST_CHECK int topics_check(struct topics *t, const struct topic_want *want,
                            struct topic_result *result, struct err *err);

#endif
