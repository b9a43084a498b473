/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_STATUS_H
#define GLOBAL_SERVER_STATUS_H

/* global_server/status.h: how this server stands, kept up to date on the status topic by the thread
 * `status`. */

#include "global_server/age.h"
#include "global_server/job.h"
#include "global_server/options.h"

struct status; /* opaque */

struct status_conf {
    const struct server_conf *conf;
    const char *replica, *instance;
    const char *server; /* Neo4j's version; copied */
    struct age *age;
    const struct flight *flight;
};

/* Begins with the state `serving`. Borrows what else conf points to. */
MUST_CHECK int status_start(struct status **out, const struct status_conf *conf, struct err *err);

/* `waiting-neo4j`, or `waiting-replica` when Neo4j is there without a database to serve from; why
 * NULL: `serving`. Any thread. */
void status_waits(struct status *s, const struct err *why);

/* Tells the last one, `stopped`, or `halted` with the reason when why holds an error that a person
 * must look at; ends the thread and frees s. NULL does nothing. age must still live. */
void status_stop(struct status *s, const struct err *why);

#endif
