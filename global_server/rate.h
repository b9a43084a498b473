/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_RATE_H
#define GLOBAL_SERVER_RATE_H

/* global_server/rate.h: how often each key may ask: a bucket of tokens a key, that fills at the
 * rate and holds those of one second. Pure; a rate belongs to one thread.
 *
 * Memory is fixed. A bucket that is full again is forgotten, since a new one is full too. When very
 * many keys ask at once, that which is nearest to it is forgotten early, and its key gets more than
 * its due: no key is ever refused for what others did. */

#include <stddef.h>
#include <stdint.h>

struct rate; /* opaque */

#define RATE_MAX 100000
#define RATE_KEYS 16384 /* buckets that are kept */

/* per_second: 1 to RATE_MAX. seed: random, so that nobody can choose keys that meet in one place.
 */
struct rate *rate_new(int64_t per_second, uint64_t seed);
void rate_free(struct rate *r);

/* A request of this key came at now_us, monotonic. 0: it may be asked, and costs a token. Else it
 * may not, and the next token is there in so many ms. key_len 0: no key, which is one like others.
 */
int64_t rate_ask(struct rate *r, const char *key, size_t key_len, int64_t now_us);

/* All buckets are full. */
void rate_forget(struct rate *r);

#endif
