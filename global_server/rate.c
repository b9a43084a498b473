/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/rate.c: a bucket is the moment at which it will be full: a token more or less moves
 * it (the generic cell rate algorithm, ITU-T I.371, annex A.2: its theoretical arrival time). */
#include "global_server/rate.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 8 /* where a key's bucket may be */
#define NS_A_MS 1000000

struct bucket {
    uint64_t key;    /* its hash */
    int64_t full_ns; /* in the past: full, so nobody's */
};

struct rate {
    uint64_t seed;
    int64_t token_ns; /* from one to the next */
    int64_t burst_ns; /* from an empty bucket to one with all but one */
    struct bucket buckets[RATE_KEYS / PLACES][PLACES];
};

struct rate *rate_new(int64_t per_second, uint64_t seed)
{
    struct rate *r = mem_alloc(1, sizeof *r);

    r->seed = seed;
    r->token_ns = 1000000000 / per_second;
    r->burst_ns = (per_second - 1) * r->token_ns;
    return r;
}

void rate_free(struct rate *r)
{
    free(r);
}

/* The key's bucket; else the one that is full, or will be first. */
static struct bucket *find(struct rate *r, uint64_t key)
{
    struct bucket *places = r->buckets[key % (RATE_KEYS / PLACES)], *first = places;

    for (struct bucket *b = places; b < places + PLACES; b++) {
        if (b->key == key)
            return b;
        if (b->full_ns < first->full_ns)
            first = b;
    }
    *first = (struct bucket){.key = key};
    return first;
}

int64_t rate_ask(struct rate *r, const char *key, size_t key_len, int64_t now_us)
{
    struct bucket *b = find(r, hash_quick(r->seed, key, key_len));
    int64_t now_ns = now_us * 1000;
    int64_t wait_ns = b->full_ns - r->burst_ns - now_ns;

    if (wait_ns > 0)
        return (wait_ns + NS_A_MS - 1) / NS_A_MS;
    b->full_ns = (b->full_ns > now_ns ? b->full_ns : now_ns) + r->token_ns;
    return 0;
}

void rate_forget(struct rate *r)
{
    memset(r->buckets, 0, sizeof r->buckets);
}
