/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_REPLY_H
#define GLOBAL_SERVER_REPLY_H

/* global_server/reply.h: the threads that own the transactional producers: replies and the offsets
 * of their requests become visible together. Large answers have a producer of their own, so that
 * the others do not wait until one has been written. */

#include "base/queue.h"
#include "global_server/delivery.h"

struct reply; /* opaque */

struct reply_conf {
    struct delivery_conf delivery; /* its id is for the small ones, with "-large" for the others */
    size_t queue_count; /* more jobs and claims than can exist at once: nobody waits to push */
    struct queue *reports;
};

/* Shuts out earlier users of the transactional ids, which may wait for Kafka until a stop; then
 * starts the threads. */
MUST_CHECK int reply_start(struct reply **out, const struct reply_conf *conf, struct err *err);

/* Any thread. Each of jobs[0..n-1] has an answer, and is asked nothing more: its query is freed. */
void reply_send_take(struct reply *r, struct job *const *jobs, size_t n);

/* Intake alone: a claim begins, before anybody else knows of it. */
void reply_claim_take(struct reply *r, struct group_claim *claim);

/* Intake alone: the claim goes on with another member. */
void reply_renew_take(struct reply *r, struct group_claim *renewal);

/* Intake alone, after a claim has ended: nothing of it is committed any more. */
bool reply_is_quiet(struct reply *r);

/* Intake alone: the claim ends. Waits at most wait_ms until what was sent before is committed; what
 * comes later is dropped. */
void reply_release(struct reply *r, int64_t wait_ms);

/* Sends what is there, ends the threads and frees r: true. False when flight->give_up_ms came
 * first, since Kafka does not answer: they may still run, and the program must _exit. */
bool reply_stop(struct reply *r);

#endif
