/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/cache.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* uthash asks how to end when memory is exhausted; mem_alloc has done so by then. */
#define uthash_malloc(size) mem_alloc(1, size)
#include <uthash.h>
#include <utlist.h>

#define ENTRY_PART 16      /* an answer may take this part of the cache at most */
#define ENTRY_OVERHEAD 256 /* of an entry, its place in the table and its allocations */

struct entry {
    struct cache_key key;
    UT_hash_handle hh;
    struct entry *prev, *next; /* by use */
    char *replica;
    int64_t position;
    struct buf answer;
    size_t bytes;
};

struct cache {
    pthread_mutex_t lock;
    size_t most_bytes, bytes;
    struct entry *table;
    struct entry *by_use; /* the first was not used for the longest time */
    int64_t evicted;
};

struct cache *cache_new(size_t most_bytes)
{
    struct cache *c = mem_alloc(1, sizeof *c);

    pthread_mutex_init(&c->lock, NULL);
    c->most_bytes = most_bytes;
    return c;
}

static void drop(struct cache *c, struct entry *e)
{
    HASH_DEL(c->table, e);
    DL_DELETE(c->by_use, e);
    c->bytes -= e->bytes;
    buf_fini(&e->answer);
    free(e->replica);
    free(e);
}

void cache_free(struct cache *c)
{
    if (c == NULL)
        return;
    while (c->by_use != NULL)
        drop(c, c->by_use);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void cache_key_make(struct cache_key *key, const char *text, size_t len, const json_t *params)
{
    struct hash *h = hash_new();
    char *dump = params != NULL ? json_dumps(params, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

    hash_add_field(h, text, len);
    if (dump != NULL)
        hash_add_field(h, dump, strlen(dump));
    hash_finish_bytes(h, key->bytes);
    hash_free(h);
    free(dump);
}

static struct entry *find(struct cache *c, const struct cache_key *key)
{
    struct entry *e;

    HASH_FIND(hh, c->table, key->bytes, sizeof key->bytes, e);
    return e;
}

bool cache_has(struct cache *c, const struct cache_key *key, int64_t position)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, key);
    bool has = e != NULL && e->position >= position;
    if (e != NULL && !has)
        drop(c, e);
    pthread_mutex_unlock(&c->lock);
    return has;
}

bool cache_get(struct cache *c, const struct cache_key *key, const char *replica, int64_t position,
               size_t head_bytes, struct answer *answer)
{
    bool got = false;

    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, key);
    if (e != NULL && e->position == position && strcmp(e->replica, replica) == 0 &&
        answer_read_copy(answer, &e->answer, head_bytes)) {
        DL_DELETE(c->by_use, e);
        DL_APPEND(c->by_use, e);
        got = true;
    }
    pthread_mutex_unlock(&c->lock);
    return got;
}

static void insert_take(struct cache *c, struct entry *e)
{
    struct entry *before = find(c, &e->key);

    if (before != NULL)
        drop(c, before);
    while (c->by_use != NULL && c->bytes + e->bytes > c->most_bytes) {
        drop(c, c->by_use);
        c->evicted++;
    }
    HASH_ADD(hh, c->table, key, sizeof e->key, e);
    DL_APPEND(c->by_use, e);
    c->bytes += e->bytes;
}

void cache_put(struct cache *c, const struct cache_key *key, const char *replica, int64_t position,
               const struct answer *answer)
{
    struct buf copy = {0};
    size_t most = c->most_bytes / ENTRY_PART;

    if (!answer_add_copy(answer, most, &copy))
        return;
    struct entry *e = mem_alloc(1, sizeof *e);
    e->key = *key;
    e->replica = mem_strdup(replica);
    e->position = position;
    e->bytes = sizeof *e + ENTRY_OVERHEAD + copy.len + strlen(replica);
    e->answer = copy;
    pthread_mutex_lock(&c->lock);
    insert_take(c, e);
    pthread_mutex_unlock(&c->lock);
}

void cache_count(struct cache *c, struct cache_counts *out)
{
    pthread_mutex_lock(&c->lock);
    *out = (struct cache_counts){
        .entries = HASH_COUNT(c->table), .bytes = (int64_t)c->bytes, .evicted = c->evicted};
    pthread_mutex_unlock(&c->lock);
}
