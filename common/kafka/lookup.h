/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_LOOKUP_H
#define CYPHERLOG_KAFKA_LOOKUP_H

/* kafka/lookup.h: what a producer should know of a topic before it sends to it; answers are kept
 * for a while. Belongs to one thread. */

#include "kafka/client.h"

#include <stdbool.h>
#include <stdint.h>

struct lookup; /* opaque */

/* rk: any handle; borrowed, outlives the lookup. */
struct lookup *lookup_new(rd_kafka_t *rk);
void lookup_free(struct lookup *l);

struct lookup_topic {
    bool exists;
    int64_t message_max_bytes; /* the topic's max.message.bytes; Kafka's default if not allowed */
};

#define LOOKUP_KEEP_MS 30000

/* Blocks up to 10 s when the answer is not at hand. ERR_RETRY: Kafka does not answer; ERR_CONFIG:
 * it refuses to tell. */
MUST_CHECK int lookup_ask(struct lookup *l, const char *topic, struct lookup_topic *out,
                          struct err *err);

/* Forgets all answers, after a failure that a change may have caused. */
void lookup_forget(struct lookup *l);

#endif
