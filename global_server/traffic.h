/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_TRAFFIC_H
#define GLOBAL_SERVER_TRAFFIC_H

/* global_server/traffic.h: what this run of global_server has done, counted. Any thread counts,
 * without a lock; lookout.h shows it. */

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct traffic; /* opaque */

struct traffic *traffic_new(void);
void traffic_free(struct traffic *t);

/* A request was answered, and Kafka has the reply: an error or not, so many rows, so long after the
 * request was read. */
void traffic_answered(struct traffic *t, bool is_error, int64_t rows, int64_t took_ms);

/* A request is refused since its key asks too often. */
void traffic_rate_limited(struct traffic *t);

/* Neo4j was asked once, for so many requests. */
void traffic_asked(struct traffic *t, size_t requests);

/* So many of them went in statements for several (bundle.h), and were answered so. */
void traffic_bundled(struct traffic *t, size_t requests);

/* A request whose answer may be kept was answered by such a one, or by Neo4j. */
void traffic_recalled(struct traffic *t, bool hit);

/* A transaction at Kafka with so many replies was committed, or it left nothing. */
void traffic_transaction(struct traffic *t, bool committed, size_t replies, int64_t took_us);

/* Neo4j or Kafka failed; whether it is tried again, the class says. */
void traffic_error(struct traffic *t, enum err_class class);

/* All of them as metrics. */
void traffic_add(struct traffic *t, struct buf *out);

#endif
