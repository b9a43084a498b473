/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_AGE_H
#define GLOBAL_SERVER_AGE_H

/* global_server/age.h: how old a state is: now minus the timestamp of the first command that it
 * does not contain. A thread of its own reads the command topic beside the replica; it keeps
 * offsets and timestamps only, and of those a bounded number from the asked offsets on. */

#include "base/err.h"
#include "kafka/client.h"

#include <stdbool.h>
#include <stdint.h>

struct age; /* opaque */

struct age_conf {
    const struct kafka_conf *kafka; /* borrowed */
    const char *topic;              /* full name; copied */
    const char *group_id;           /* only a name for the client: nothing is committed */
};

MUST_CHECK int age_start(struct age **out, const struct age_conf *conf, struct err *err);

/* Ends the thread and frees age: true. False when Kafka keeps the thread waiting: the program must
 * _exit. */
bool age_stop(struct age *age);

/* The age of the state whose first missing command is at next_offset: 0 when there is none yet; -1
 * when the topic does not tell within wait_ms. Any thread. */
int64_t age_of(struct age *age, int64_t next_offset, int64_t wait_ms);

/* Whether Kafka answered last time; while nothing comes of it, it is asked twice a second. Any
 * thread. */
bool age_kafka_is_up(struct age *age);

#endif
