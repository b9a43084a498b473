/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_GROUP_H
#define CYPHERLOG_KAFKA_GROUP_H

/* kafka/group.h: a member of a consumer group that reads one topic, committed records only. It
 * never commits: offsets travel in the transaction of txn.h, fenced by the claim. A group belongs
 * to one thread, which polls it and does nothing else; only a claim goes to another one.
 *
 * A claim is one assignment, from the moment that its committed offsets were read until it is
 * revoked. Work of a claim that has ended is worth nothing: the next owner does it again. */

#include "kafka/record.h"

#include <stdbool.h>

struct group; /* opaque */

struct group_partition {
    int32_t partition;
    int64_t offset; /* committed; -1: none yet, the log is read from its start */
    char *metadata; /* committed beside it; "" when none */
};

struct group_claim {
    int64_t number; /* 1, 2, …: of this process */
    struct group_partition *partitions;
    size_t count;
    char *topic;
    rd_kafka_consumer_group_metadata_t *member; /* generation and member id, for the transaction */
};

void group_claim_free(struct group_claim *claim);

struct group_conf {
    const struct kafka_conf *kafka;
    const char *topic;    /* full name; copied */
    const char *group_id; /* borrowed, must outlive the group */
    int64_t queue_bytes;  /* how much librdkafka may hold ready */
    /* Called inside group_poll, group_leave's polls and group_close, on the owner's thread. */
    void (*on_claim)(void *arg, struct group_claim *claim); /* takes it; records come after */
    void (*on_revoke)(void *arg, bool lost); /* the claim ends when this returns; lost: it has */
    void *arg;
};

MUST_CHECK int group_open(struct group **out, const struct group_conf *conf, struct err *err);

/* Leaves and closes; blocks at most GROUP_CLOSE_MS. Every record must have been freed before. */
void group_close(struct group *g);

#define GROUP_CLOSE_MS 5000

/* Subscribes, or unsubscribes so that others get the partitions. Neither blocks: the assignment
 * comes and goes inside later polls. Safe to repeat. */
MUST_CHECK int group_join(struct group *g, struct err *err);
MUST_CHECK int group_leave(struct group *g, struct err *err);

enum group_event {
    GROUP_NOTHING, /* wait_ms is over, or only group matters happened */
    GROUP_RECORD,  /* *record is the caller's: record_fini */
    GROUP_TROUBLE, /* *err says what; librdkafka tries on */
    GROUP_FAILED,  /* *err: ERR_FATAL, the handle is of no use any more */
};

/* Blocks up to wait_ms, up to GROUP_LOOKUP_MS more while it asks for committed offsets. */
enum group_event group_poll(struct group *g, int64_t wait_ms, struct record *record,
                            struct err *err);

#define GROUP_LOOKUP_MS 1000

/* Stops and starts the flow of records; polling goes on. What librdkafka held ready is read again
 * afterwards, so pause rarely. Safe to repeat; a later claim begins paused too. */
void group_pause(struct group *g, bool pause);

/* The same of one partition of the claim. group_pause(false) and a new claim set all in motion. */
void group_pause_partition(struct group *g, int32_t partition, bool pause);

/* Ends the claim and begins a new one of the same partitions at the committed offsets, as after a
 * rebalance. */
void group_rewind(struct group *g);

#endif
