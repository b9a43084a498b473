/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_LOADER_H
#define CYPHERLOG_SNAPSHOT_LOADER_H

/* snapshot/loader.h: makes a snapshot's entities in a database: cuts them into batches, always the
 * same ones, and gives these to lanes, but for those that are there already. Belongs to one thread.
 */

#include "neo4j/tx.h"
#include "snapshot/entity.h"
#include "snapshot/idmap.h"
#include "snapshot/pool.h"
#include "snapshot/track.h"

struct loader; /* opaque */

/* What decides how entities are cut into batches. Another number here, another track. */
#define LOADER_ROWS 5000
#define LOADER_BYTES ((size_t)2 << 20)

struct loader_conf {
    struct tx *const *txs; /* one a lane */
    const struct track *track;
    const struct track_lane *was; /* of each lane: how far it is */
    const char *prefix;           /* of texts: tx_cypher_5 */
    int64_t limit_ms;             /* of a transaction */
    bool typed;                   /* the server has the Query API: BYTES can be carried */
    struct idmap *ids;            /* gets each node: tag is its id() */
    struct pool *pool; /* where the ids of nodes that are there already come from; NULL: from ids */
};

MUST_CHECK int loader_open(struct loader **out, const struct loader_conf *conf, struct err *err);

/* Ends the lanes; what they have in hand is waited for, what waits is dropped. */
void loader_close(struct loader *l);

/* Takes a node. May wait for a lane; an error may be that of a batch before. ERR_RETRY,
 * LANE_IDS_LOST: to be opened anew with a pool. ERR_GUARD, "restore.mismatch": what should be there
 * already is not. */
MUST_CHECK int loader_add_node(struct loader *l, const struct entity *e, const struct digest *hash,
                               struct err *err);

/* Takes a relationship between the nodes with these id(). */
MUST_CHECK int loader_add_relationship(struct loader *l, const struct entity *e, int64_t start,
                                       int64_t end, struct err *err);

/* Waits until all is there: to be called between nodes and relationships, and at the end. */
MUST_CHECK int loader_flush(struct loader *l, struct err *err);

#endif
