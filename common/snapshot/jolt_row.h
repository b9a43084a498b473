/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_JOLT_ROW_H
#define CYPHERLOG_SNAPSHOT_JOLT_ROW_H

/* snapshot/jolt_row.h: a line of Neo4j's answer to `MATCH (n) RETURN n` or `MATCH ()-[r]->() RETURN
 * r`, in sparse or strict Jolt (forms: neo4j/jolt.h), as an entity. Pure. */

#include "base/tape.h"
#include "snapshot/entity.h"

/* Reads the line {"data":[…]}. 0; 1: sparse Jolt does not tell whether a list holds texts or
 * numbers
 * ("NaN", "Infinity" and nothing else), only out->id can be relied on, and the entity is to be
 * asked for again in strict Jolt; or -1: ERR_DAMAGED, the line is not what was asked for. */
MUST_CHECK int jolt_row_read(struct tape *tape, const char *p, size_t len, bool strict,
                             struct entity *out, struct err *err);

#endif
