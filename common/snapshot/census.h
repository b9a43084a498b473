/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_CENSUS_H
#define CYPHERLOG_SNAPSHOT_CENSUS_H

/* snapshot/census.h: a graph summed up while its entities pass by, nodes before relationships: how
 * many there are, of which label sets and types, and the digest. What must be known of each node
 * lies in a working file (idmap.h). Belongs to one thread. */

#include "snapshot/digest.h"
#include "snapshot/entity.h"
#include "snapshot/tally.h"

struct census; /* opaque */

struct census_sums {
    int64_t nodes, relationships;
    struct tally *label_sets, *types;
    struct digest digest;
};

/* The working file is made in folder, with room for so many nodes; it grows. ERR_FATAL: "io". */
MUST_CHECK int census_open(struct census **out, const char *folder, size_t nodes, struct err *err);
void census_close(struct census *c);

/* 0: counted, and *set, if set is not NULL, is its label set; 1: a node with its id was counted
 * before, and this one is not; -1: ERR_FATAL, "io". */
MUST_CHECK int census_add_node(struct census *c, const struct entity *e, struct tally_set **set,
                               struct err *err);

/* The label sets of a relationship's nodes; NULL: that node is not known. Borrowed. */
struct census_ends {
    const struct tally_set *start, *end;
};

/* Whether it was counted: both its nodes are known. ends, if it is not NULL, is filled anyway. */
MUST_CHECK bool census_add_relationship(struct census *c, const struct entity *e,
                                        struct census_ends *ends);

/* Borrowed; changes with what is added. */
const struct census_sums *census_sums(const struct census *c);

#endif
