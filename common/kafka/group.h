/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_GROUP_H
#define CYPHERLOG_KAFKA_GROUP_H

/* kafka/group.h: a member of a consumer group that reads one topic, committed records only. It
 * never commits: offsets travel in the transaction of txn.h, fenced by the claim. A group belongs
 * to one thread, which polls it and does nothing else; only a claim goes to another one.
 *
 * A claim is one assignment, from the moment that its committed offsets were read until any of it
 * is revoked. Work of a claim that has ended is worth nothing: the next owner does it again. With
 * the cooperative protocol a claim outlives rebalances that take nothing from it: it is renewed.
 *
 * A static member (instance_id) that closes keeps its partitions until its session times out, or
 * until a process with the same id takes its place; group_leave gives them up at once all the same
 * (so librdkafka 2.0.2: LeaveGroup goes out on an unsubscription, not on a close). */

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

/* Takes renewal, which holds nothing but number and member: member becomes the claim's, if the
 * number is. */
void group_claim_renew_take(struct group_claim *claim, struct group_claim *renewal);

struct group_conf {
    const struct kafka_conf *kafka;
    const char *topic;       /* full name; copied */
    const char *group_id;    /* borrowed, must outlive the group */
    const char *instance_id; /* of a static member, the same; NULL: a dynamic one */
    const char *id_setting;  /* names it in the error of a member that was fenced */
    bool cooperative;        /* all members of a group alike */
    int64_t queue_bytes;     /* how much librdkafka may hold ready */
    /* Called inside group_poll, group_leave's polls and group_close, on the owner's thread. */
    /* False: a commit for a claim that has ended is still under way, which Kafka would take, if the
     * generation is the same: offsets are not read before it has ended. Asked again. */
    bool (*is_quiet)(void *arg);
    void (*on_claim)(void *arg, struct group_claim *claim); /* takes it; records come after */
    /* Takes it. The claim goes on in another generation: Kafka refuses the former member by now. */
    void (*on_renew)(void *arg, struct group_claim *renewal);
    void (*on_revoke)(void *arg, bool lost); /* the claim ends when this returns; lost: it has */
    void *arg;
};

MUST_CHECK int group_open(struct group **out, const struct group_conf *conf, struct err *err);

/* Closes, and leaves unless it is static; blocks at most GROUP_CLOSE_MS, and NUDGE_END_MS
 * (watermark.h) while the broker is away. Every record must have been freed before. False:
 * librdkafka did not end in time, or would not survive its end; the handle is left as it is, and
 * the program must _exit. */
MUST_CHECK bool group_close(struct group *g);

#define GROUP_CLOSE_MS 5000

/* Subscribes, or unsubscribes so that others get the partitions. Neither blocks: the assignment
 * comes and goes inside later polls. Safe to repeat. */
MUST_CHECK int group_join(struct group *g, struct err *err);
MUST_CHECK int group_leave(struct group *g, struct err *err);

enum group_event {
    GROUP_NOTHING, /* wait_ms is over, or only group matters happened */
    GROUP_RECORD,  /* *record is the caller's: record_fini */
    GROUP_TROUBLE, /* *err says what; librdkafka tries on */
    GROUP_FAILED,  /* *err: ERR_FATAL, ERR_FENCED; the handle is of no use any more */
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
