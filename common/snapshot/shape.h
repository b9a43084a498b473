/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_SHAPE_H
#define CYPHERLOG_SNAPSHOT_SHAPE_H

/* snapshot/shape.h: an entity as a parameter and the Cypher that makes it again. Parameters of the
 * transaction API are plain JSON, so temporal values and points are built in the text, which
 * depends on names and types alone: entities of one shape share a text, and go to Neo4j many at
 * once. Every value comes back exactly but BYTES, which Cypher cannot express. Pure. */

#include "snapshot/entity.h"

/* Appends the text for entities like e, to be run with a list of rows as $rows. Of nodes it
 * returns, for each row, its first element and the node's id(); of relationships it returns how
 * many it made. Equal texts mean equal shapes. prefix: tx_cypher_5. */
void shape_add_text(struct buf *out, const struct entity *e, const char *prefix);

/* Appends the row for that text: of a node [n, values…]; of a relationship [start, end, values…],
 * the ids being those of the database. What cannot be carried is left out of both, and counted in
 * *lost (properties). */
void shape_add_row(struct buf *out, const struct entity *e, int64_t first, int64_t second,
                   int64_t *lost);

#endif
