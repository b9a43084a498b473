/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot/census.h"

#include "base/mem.h"
#include "snapshot/idmap.h"

#include <stdlib.h>

struct census {
    struct idmap *ids; /* tag: the index of its label set */
    struct hash *hash;
    struct census_sums sums;
};

int census_open(struct census **out, const char *folder, size_t nodes, struct err *err)
{
    struct census *c = mem_alloc(1, sizeof *c);

    c->hash = hash_new();
    c->sums.label_sets = tally_new();
    c->sums.types = tally_new();
    *out = c;
    if (idmap_open(&c->ids, folder, nodes, err) == 0)
        return 0;
    census_close(c);
    *out = NULL;
    return -1;
}

void census_close(struct census *c)
{
    if (c == NULL)
        return;
    idmap_close(c->ids);
    hash_free(c->hash);
    tally_free(c->sums.label_sets);
    tally_free(c->sums.types);
    free(c);
}

int census_add_node(struct census *c, const struct entity *e, struct tally_set **set,
                    struct err *err)
{
    struct tally_set *found = tally_add(c->sums.label_sets, e);
    struct idmap_node node = {.hash = digest_entity(c->hash, e, NULL, NULL), .tag = found->index};
    int rc = idmap_add(c->ids, e->id, &node, err);

    if (rc != 0) {
        found->count--;
        return rc;
    }
    digest_add(&c->sums.digest, &node.hash);
    c->sums.nodes++;
    if (set != NULL)
        *set = found;
    return 0;
}

static const struct tally_set *label_set(const struct census *c, const struct idmap_node *node)
{
    return node != NULL ? tally_at(c->sums.label_sets, node->tag) : NULL;
}

bool census_add_relationship(struct census *c, const struct entity *e, struct census_ends *ends)
{
    const struct idmap_node *start = idmap_find(c->ids, e->start),
                            *end = idmap_find(c->ids, e->end);

    if (ends != NULL)
        *ends = (struct census_ends){label_set(c, start), label_set(c, end)};
    if (start == NULL || end == NULL)
        return false;
    struct digest hash = digest_entity(c->hash, e, &start->hash, &end->hash);
    digest_add(&c->sums.digest, &hash);
    tally_add(c->sums.types, e);
    c->sums.relationships++;
    return true;
}

const struct census_sums *census_sums(const struct census *c)
{
    return &c->sums;
}
