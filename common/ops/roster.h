/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_OPS_ROSTER_H
#define CYPHERLOG_OPS_ROSTER_H

/* ops/roster.h: who tells on the status topic, how each stands, and how it got there in the last
 * quarter of an hour. Pure: it is given records and the time. What comes from outside is bounded in
 * number and bytes, and never trusted. All times are wall time, ms. Belongs to one thread. */

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* History is kept at moments that are multiples of a step since 1970: so those who read it from
 * several servers, or from one before and after a restart, can put it together. */
#define ROSTER_STEP_MS 5000
#define ROSTER_STEPS 180

#define ROSTER_MAX 256                /* programs; more are left out, and that is told */
#define ROSTER_STATUS_BYTES_MAX 65536 /* a longer one is none */

struct roster; /* opaque */

/* Whoever has told nothing for silent_after_ms is silent, unless its last word was an end. */
struct roster *roster_new(int64_t silent_after_ms);
void roster_free(struct roster *r);

/* A record of the topic; len 0: the key is forgotten. at_ms: when it was told. What is no status
 * is counted, no more. Programs with one key and several instances, servers of one replica, are
 * kept apart; those that do not own the key's last record are forgotten when their history is. */
void roster_take(struct roster *r, const char *key, size_t key_len, const char *value, size_t len,
                 int64_t at_ms);

/* All that was told before now_ms has been taken. Silence is measured up to here, not up to now: if
 * Kafka is away, nobody is silent. */
void roster_see(struct roster *r, int64_t now_ms);

/* Appends `"statuses":[…]` and what goes with it, as README ("Operate it") has it. Of the
 * histories only what is later than the step since; -1: all. */
void roster_add(struct roster *r, int64_t now_ms, int64_t since, struct buf *out);

#endif
