/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_DELIVERY_H
#define GLOBAL_SERVER_DELIVERY_H

/* global_server/delivery.h: finished answers into Kafka, with the offsets of their requests,
 * whatever happens to a transaction. Owns the producer, the claim and its ledger. Belongs to one
 * thread. */

#include "global_server/job.h"
#include "kafka/txn.h"

struct delivery; /* opaque */

struct delivery_conf {
    struct txn_conf txn; /* borrowed, as all that it points to */
    const struct request_rules *rules;
    enum answer_format format;
    struct flight *flight;
};

#define DELIVERY_JOBS 256 /* most answers of one transaction */

/* Shuts out earlier users of the transactional id; repeats until Kafka answers or a stop. */
MUST_CHECK int delivery_open(struct delivery **out, const struct delivery_conf *conf,
                             struct err *err);
void delivery_close(struct delivery *d);

/* A claim begins; it ends by the next one, by delivery_forget_claim, or by itself when Kafka says
 * so. Without one nothing is delivered. */
void delivery_claim_take(struct delivery *d, struct group_claim *claim);
void delivery_forget_claim(struct delivery *d);

/* Its claim has not ended. */
bool delivery_counts(const struct delivery *d, const struct job *job);

/* Moves the next transaction's jobs from ready[0..*count-1] to out (DELIVERY_JOBS): those that may
 * be settled now, a large one alone. Returns how many. All in ready must count. */
size_t delivery_choose(struct delivery *d, struct job **ready, size_t *count, struct job **out);

/* Sends the chosen jobs and frees them: each is committed, as it is or as an error reply, or its
 * claim has ended. Blocks while Kafka does not answer, until flight->give_up_ms. -1: ERR_FENCED,
 * ERR_FATAL or ERR_STOPPING, and nothing more can be sent. */
MUST_CHECK int delivery_send_take(struct delivery *d, struct job **jobs, size_t n, struct err *err);

/* The end of the program is due. */
bool delivery_gives_up(const struct delivery *d);

#endif
