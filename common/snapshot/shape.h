/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_SHAPE_H
#define CYPHERLOG_SNAPSHOT_SHAPE_H

/* snapshot/shape.h: an entity as a parameter and the Cypher that makes it again. Parameters of the
 * transaction API are plain JSON, so temporal values and points are built in the text, which
 * depends on names and types alone: entities of one shape share a text, and go to Neo4j many at
 * once. Every value comes back exactly; but BYTES have no form in plain JSON, only in the typed
 * JSON of the Query API. Pure. */

#include "snapshot/entity.h"

/* How many of its properties are BYTES. */
size_t shape_bytes_count(const struct entity *e);

/* Appends the text for entities like e, to be run with a list of rows as $rows. Of nodes it
 * returns, for each row, its first element and the node's id(); of relationships it returns how
 * many it made. Equal texts mean equal shapes. typed: the rows are typed JSON, and BYTES are in
 * them; else they are left out. */
void shape_add_text(struct buf *out, const struct entity *e, bool typed);

/* Appends the row for that text: of a node [n, values…]; of a relationship [start, end, values…],
 * the ids being those of the database. */
void shape_add_row(struct buf *out, const struct entity *e, int64_t first, int64_t second,
                   bool typed);

#endif
