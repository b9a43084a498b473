/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_CACHE_H
#define GLOBAL_SERVER_CACHE_H

/* global_server/cache.h: answers that are still true: of the same question, read at the position
 * that the replica still has. The position moves with each command that db_sync applies, so an
 * answer is forgotten by the first command after it. Bounded in bytes; what was not used for the
 * longest time goes first. Any thread. */

#include "base/hash.h"
#include "base/json.h"
#include "global_server/answer.h"

struct cache; /* opaque */

/* Of all that makes the answer of a query, but for the state of the graph. */
struct cache_key {
    unsigned char bytes[HASH_SIZE];
};

struct cache *cache_new(size_t most_bytes);
void cache_free(struct cache *c);

/* params: an object, or NULL. */
void cache_key_make(struct cache_key *key, const char *text, size_t len, const json_t *params);

/* An answer of this question is there, read at this position or later; one that is older goes. */
bool cache_has(struct cache *c, const struct cache_key *key, int64_t position);

/* Fills an empty answer with what the replica of this name answered at exactly this position.
 * False: it did not, or the answer does not fit into a message with this head. */
bool cache_get(struct cache *c, const struct cache_key *key, const char *replica, int64_t position,
               size_t head_bytes, struct answer *answer);

/* Keeps a copy of a finished answer that has one page at most, and is no error. */
void cache_put(struct cache *c, const struct cache_key *key, const char *replica, int64_t position,
               const struct answer *answer);

struct cache_counts {
    int64_t entries, bytes, evicted; /* evicted: for want of room, since the start */
};

void cache_count(struct cache *c, struct cache_counts *out);

#endif
