/* SPDX-License-Identifier: Apache-2.0 */

/* snapshot/pool.c: two maps: from a hash's lower half to the last node with it, and from each node
 * to the one before. Two hashes that share their lower half, one pair in 2^64, count as none. */
#include "snapshot/pool.h"

#include "base/mem.h"
#include "snapshot/idmap.h"

#include <stdlib.h>

#define NONE UINT64_MAX /* no id() is that large */

struct pool {
    struct idmap *heads, *befores;
};

int pool_open(struct pool **out, const char *folder, struct err *err)
{
    struct pool *p = mem_alloc(1, sizeof *p);

    if (idmap_open(&p->heads, folder, 0, err) < 0 || idmap_open(&p->befores, folder, 0, err) < 0) {
        pool_close(p);
        return -1;
    }
    *out = p;
    return 0;
}

void pool_close(struct pool *p)
{
    if (p == NULL)
        return;
    idmap_close(p->heads);
    idmap_close(p->befores);
    free(p);
}

int pool_put(struct pool *p, const struct digest *hash, int64_t id, struct err *err)
{
    struct idmap_node head = {.hash = *hash, .tag = NONE};

    if (idmap_add(p->heads, (int64_t)hash->low, &head, err) < 0)
        return -1;
    struct idmap_node *found = idmap_find(p->heads, (int64_t)hash->low);
    if (!digest_equal(&found->hash, hash))
        return 0;
    struct idmap_node before = {.tag = found->tag};
    found->tag = (uint64_t)id;
    return idmap_add(p->befores, id, &before, err) < 0 ? -1 : 0;
}

bool pool_take(struct pool *p, const struct digest *hash, int64_t *id)
{
    struct idmap_node *head = idmap_find(p->heads, (int64_t)hash->low);

    if (head == NULL || head->tag == NONE || !digest_equal(&head->hash, hash))
        return false;
    *id = (int64_t)head->tag;
    head->tag = idmap_find(p->befores, *id)->tag;
    return true;
}
