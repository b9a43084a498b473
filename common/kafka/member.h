/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_MEMBER_H
#define CYPHERLOG_KAFKA_MEMBER_H

/* kafka/member.h: who commits: group, generation and member id, which Kafka fences by (KIP-447). */

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* What consumer rk is within the group just now; the caller's. NULL: no member. instance_id is its
 * static member's, or NULL. Never blocks. */
rd_kafka_consumer_group_metadata_t *member_read(rd_kafka_t *rk, const char *group_id,
                                                const char *instance_id);

/* A copy, the caller's. */
rd_kafka_consumer_group_metadata_t *member_dup(const rd_kafka_consumer_group_metadata_t *member);

/* Kafka takes one for the other. Neither is NULL. */
bool member_is_same(const rd_kafka_consumer_group_metadata_t *a,
                    const rd_kafka_consumer_group_metadata_t *b);

/* member may be NULL. */
void member_free(rd_kafka_consumer_group_metadata_t *member);

#endif
