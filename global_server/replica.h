/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_REPLICA_H
#define GLOBAL_SERVER_REPLICA_H

/* global_server/replica.h: a thread's connection to the replica, and whether it serves. */

#include "base/json.h"
#include "global_server/job.h"
#include "ops/setup.h"

struct replica; /* opaque; belongs to one thread */

/* topic: full name of the command topic. Borrows setup; keeps a copy of the password. */
MUST_CHECK int replica_open(struct replica **out, const struct setup *setup, const char *topic,
                            struct err *err);
void replica_close(struct replica *r);
struct tx *replica_tx(struct replica *r);

/* Version of Neo4j at the last replica_probe; "" before. */
const char *replica_server(const struct replica *r);

/* Reads the password's file again. Whoever has a replica does so at each new claim, which is what
 * follows an outage: else each thread would try the old password, and three lock the user out. */
void replica_refresh(struct replica *r);

/* Waits as setup_await_password does, and takes what came. */
void replica_await_password(struct replica *r);

/* Reads the password's file again. Neo4j answers, login and database are right, and db_sync has
 * made this database a replica: fills name (REPLICA_SIZE bytes) and *position. -1: ERR_RETRY,
 * ERR_CONFIG (login, database), or ERR_GUARD "replica.none" or "replica.restoring": wait for
 * db_sync. */
MUST_CHECK int replica_probe(struct replica *r, char *name, int64_t *position, struct err *err);

/* Reads the position alone, within a second. */
MUST_CHECK int replica_position(struct replica *r, int64_t *position, struct err *err);

/* The statement that reads the position, for the start of a transaction; free with buf_fini. */
void replica_add_position(struct buf *out, const char *topic);

/* A row of it. ERR_GUARD as above. */
MUST_CHECK int replica_read_row(const json_t *row, char *name, int64_t *position, struct err *err);

#endif
