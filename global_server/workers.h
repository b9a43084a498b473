/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_WORKERS_H
#define GLOBAL_SERVER_WORKERS_H

/* global_server/workers.h: the threads that ask Neo4j, each on a connection of its own. */

#include "base/queue.h"
#include "global_server/age.h"
#include "global_server/cache.h"
#include "global_server/lanes.h"
#include "global_server/options.h"
#include "global_server/reply.h"

struct workers; /* opaque */

struct workers_conf {
    const struct server_conf *conf;
    const struct request_rules *rules;
    const struct answer_limits *limits;
    const char *replica_name;  /* for replies to requests that never reach it */
    const char *command_topic; /* full name: the position node's topic */
    struct lanes *lanes;       /* taken from */
    struct queue *waiting;     /* jobs whose min_offset the replica has not reached */
    struct queue *reports;
    struct reply *reply; /* gets the answered jobs */
    struct age *age;
    struct cache *cache; /* NULL: none */
    struct flight *flight;
};

/* What is in conf is borrowed and outlives the threads. */
MUST_CHECK int workers_start(struct workers **out, const struct workers_conf *conf,
                             struct err *err);

/* Waits for the threads, which end when the lanes are closed and empty; what they find in them
 * after a stop is given up, not asked. */
void workers_stop(struct workers *w);

#endif
