/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_SCAN_H
#define CYPHERLOG_SNAPSHOT_SCAN_H

/* snapshot/scan.h: reads a graph from Neo4j as it streams it, one query for all nodes and one for
 * all relationships, and gives each entity on. The position node is left out. */

#include "neo4j/tx.h"
#include "snapshot/entity.h"

#include <stdbool.h>
#include <stdint.h>

struct scan_conf {
    struct tx *tx;
    const char *prefix; /* of texts: tx_cypher_5 */
    int64_t limit_ms;
    /* Gets each entity; valid during the call. -1 ends the scan. */
    int (*on_entity)(void *arg, const struct entity *e, struct err *err);
    void *arg;
};

/* All nodes that have one of labels, a NULL-terminated list; NULL: all nodes. Blocks. */
MUST_CHECK int scan_nodes(const struct scan_conf *conf, const char *const *labels, struct err *err);

/* The same of relationships of one of types. */
MUST_CHECK int scan_relationships(const struct scan_conf *conf, const char *const *types,
                                  struct err *err);

/* How many there are, whatever the labels or types: Neo4j keeps these numbers. */
MUST_CHECK int scan_counts(struct tx *tx, int64_t *nodes, int64_t *relationships, struct err *err);

#endif
