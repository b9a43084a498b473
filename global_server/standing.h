/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_STANDING_H
#define GLOBAL_SERVER_STANDING_H

/* global_server/standing.h: how this server stands: what the status topic and STATUS_LISTEN tell.
 * Any thread. */

#include "global_server/age.h"
#include "global_server/job.h"
#include "global_server/options.h"

struct standing; /* opaque */

/* Begins with the state `starting`. Borrows all. */
struct standing *standing_new(const struct server_conf *conf, const char *instance,
                              const struct flight *flight);
void standing_free(struct standing *s);

/* From here on age tells how old the replica is, and whether Kafka answers; NULL: no longer. */
void standing_set_age(struct standing *s, struct age *age);

/* The replica is known, by its name and its Neo4j's version, both copied. The state is `serving`.
 */
void standing_serves(struct standing *s, const char *replica, const char *server);

/* `waiting-neo4j`, or `waiting-replica` when Neo4j is there without a database to serve from; why
 * NULL: `serving`, or `starting` before standing_serves. */
void standing_waits(struct standing *s, const struct err *why);

/* `lagging`, when nothing else keeps it from serving; why NULL: it does not lag. */
void standing_lags(struct standing *s, const struct err *why);

/* The last state, `stopped`, or `halted` with the reason when why holds an error that a person must
 * look at. */
void standing_ends(struct standing *s, const struct err *why);

/* The state alone, which costs less than a look; lasts. */
const char *standing_state(struct standing *s);

struct standing_view {
    const char *state; /* lasts */
    char reason[512];  /* "" while all is well */
    char replica[REPLICA_SIZE], server[32];
    int64_t offset, age_ms; /* -1: not known */
    bool serves;            /* it would answer a request */
    bool replica_is_well;   /* Neo4j answers, and is no more than behind */
    bool kafka_is_up;       /* it answers */
};

void standing_look(struct standing *s, struct standing_view *out);

/* The status as it is sent, JSON; free() it. NULL: memory is exhausted. */
char *standing_status(struct standing *s);

#endif
