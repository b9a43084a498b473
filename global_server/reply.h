/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_REPLY_H
#define GLOBAL_SERVER_REPLY_H

/* global_server/reply.h: the thread that owns the transactional producer: replies and the offsets
 * of their requests become visible together. It alone knows what is settled of a claim. */

#include "base/queue.h"
#include "global_server/delivery.h"

struct reply; /* opaque */

struct reply_conf {
    struct delivery_conf delivery;
    size_t queue_count; /* more jobs and claims than can exist at once: nobody waits to push */
    struct queue *reports;
};

/* Shuts out earlier users of the transactional id, which may wait for Kafka until a stop; then
 * starts the thread. */
MUST_CHECK int reply_start(struct reply **out, const struct reply_conf *conf, struct err *err);

/* Any thread. The job has an answer. */
void reply_send_take(struct reply *r, struct job *job);

/* Intake alone: a claim begins; jobs of it come after. */
void reply_claim_take(struct reply *r, struct group_claim *claim);

/* Intake alone: the claim ends. Waits at most wait_ms until what was sent before is committed; what
 * comes later is dropped. */
void reply_release(struct reply *r, int64_t wait_ms);

/* Sends what is there, ends the thread and frees r: true. False when flight->give_up_ms came first,
 * since Kafka does not answer: the thread may still run, and the program must _exit. */
bool reply_stop(struct reply *r);

#endif
