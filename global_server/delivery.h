/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_DELIVERY_H
#define GLOBAL_SERVER_DELIVERY_H

/* global_server/delivery.h: finished answers into Kafka, with the offsets of their requests,
 * whatever happens to a transaction. Owns a producer; belongs to one thread. */

#include "global_server/holding.h"
#include "kafka/txn.h"

struct delivery; /* opaque */

struct delivery_conf {
    struct txn_conf txn; /* borrowed, as all that it points to */
    const struct request_rules *rules;
    enum answer_format format;
    struct flight *flight;
    struct holding *holding;
    bool large; /* its answers are large: one a transaction, and nobody waits while it is sent */
};

#define DELIVERY_JOBS 1024 /* most answers of one transaction */

/* Shuts out earlier users of the transactional id; repeats until Kafka answers or a stop. */
MUST_CHECK int delivery_open(struct delivery **out, const struct delivery_conf *conf,
                             struct err *err);
void delivery_close(struct delivery *d);

/* Moves the next transaction's jobs from ready[0..*count-1] to out (DELIVERY_JOBS): those that may
 * be settled now, a large one alone. Returns how many. Frees those whose claim has ended. */
size_t delivery_choose(struct delivery *d, struct job **ready, size_t *count, struct job **out);

/* Sends the chosen jobs and frees them: each is committed, as it is or as an error reply, or its
 * claim has ended. Blocks while Kafka does not answer, until flight->give_up_ms. -1: ERR_FENCED,
 * ERR_FATAL or ERR_STOPPING, and nothing more can be sent. */
MUST_CHECK int delivery_send_take(struct delivery *d, struct job **jobs, size_t n, struct err *err);

/* The end of the program is due. */
bool delivery_gives_up(const struct delivery *d);

#endif
