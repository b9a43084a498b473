/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_INTAKE_H
#define GLOBAL_SERVER_INTAKE_H

/* global_server/intake.h: the thread that owns the membership in the request group and polls it. It
 * only passes requests on. While too much is in flight it pauses its partitions, and while the
 * replica is ill it is no member. */

#include "base/queue.h"
#include "global_server/lanes.h"
#include "global_server/reply.h"
#include "kafka/group.h"

struct intake; /* opaque */

struct intake_conf {
    const struct kafka_conf *kafka; /* borrowed */
    const char *topic, *group_id;
    const char *instance_id;     /* of a static member; NULL: a dynamic one */
    bool cooperative;            /* the rebalance protocol; else eager */
    int64_t max_jobs, max_bytes; /* in flight; above, the partitions are paused */
    int64_t max_key_rate;        /* requests a second of one record key; 0: any */
    struct lanes *lanes;
    struct queue *reports;
    struct reply *reply;
    struct flight *flight; /* serve and rewind are asked here, claim is set here */
};

MUST_CHECK int intake_start(struct intake **out, const struct intake_conf *conf, struct err *err);

/* Takes no more requests, but stays a member, so that what is in flight can be committed. */
void intake_hold(struct intake *in);

/* Ends the thread; the membership stays until intake_close. After this reply is not called. */
void intake_halt(struct intake *in);

/* Ends the membership and frees in. intake_halt came before, and no record is alive any more.
 * False: librdkafka hangs, and the program must _exit. */
bool intake_close(struct intake *in);

#endif
