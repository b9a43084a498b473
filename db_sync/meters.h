/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_METERS_H
#define CYPHERLOG_DB_SYNC_METERS_H

/* db_sync/meters.h: what this run of db_sync has done, counted. Any thread counts, without a lock;
 * observe.h shows it. */

#include "base/buf.h"
#include "base/err.h"
#include "db_sync/rewrite.h"

#include <stddef.h>
#include <stdint.h>

struct meters; /* opaque */

struct meters *meters_new(void);
void meters_free(struct meters *m);

/* A transaction of so many commands took effect after took_ms, most of them in this form; letters
 * of them can never succeed and became dead letters. */
void meters_transaction(struct meters *m, enum rewrite_form form, size_t commands, size_t letters,
                        int64_t took_ms);

/* A request to Neo4j failed, or Kafka did; whether it is tried again, its class says. */
void meters_error(struct meters *m, enum err_class class);

/* All of them as metrics. */
void meters_add(struct meters *m, struct buf *out);

#endif
