/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_LOADER_H
#define CYPHERLOG_SNAPSHOT_LOADER_H

/* snapshot/loader.h: makes entities in a database, thousands a transaction, those of one shape
 * together (shape.h). Belongs to one thread. */

#include "neo4j/tx.h"
#include "snapshot/entity.h"
#include "snapshot/idmap.h"

struct loader; /* opaque */

struct loader_conf {
    struct tx *tx;
    const char *prefix; /* of texts: tx_cypher_5 */
    int64_t limit_ms;
    size_t batch_rows, batch_bytes; /* of a transaction */
};

struct loader *loader_new(const struct loader_conf *conf, struct idmap *ids);
void loader_free(struct loader *l);

/* Takes a node; its id and hash go into ids with the id() that it got as its tag, once it is
 * committed. May commit what is waiting: blocks then, and the error is of that transaction. An
 * entity is made once or not at all: after a lost answer (ERR_UNKNOWN) nobody knows which. */
MUST_CHECK int loader_add_node(struct loader *l, const struct entity *e, const struct digest *hash,
                               struct err *err);

/* Takes a relationship between the nodes with these id(). */
MUST_CHECK int loader_add_relationship(struct loader *l, const struct entity *e, int64_t start,
                                       int64_t end, struct err *err);

/* Commits what is waiting. */
MUST_CHECK int loader_flush(struct loader *l, struct err *err);

/* Properties that Cypher cannot express, and that were left out. */
int64_t loader_lost(const struct loader *l);

#endif
