/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_REBUILD_H
#define CYPHERLOG_SNAPSHOT_REBUILD_H

/* snapshot/rebuild.h: indexes and constraints made again as schema.json tells them. */

#include "base/buf.h"
#include "base/json.h"
#include "neo4j/tx.h"

/* Makes all that schema ({"indexes", "constraints"}, neo4j/schema.h) names, then waits until they
 * are usable. What is there already, with the same name, stays. Blocks. An error names the index or
 * constraint that could not be made, ERR_DAMAGED where schema itself is at fault. */
MUST_CHECK int rebuild_schema(struct tx *tx, const json_t *schema, int64_t limit_ms,
                              struct err *err);

/* Gives on_text the command for each of them, constraints first, without ";", that makes it unless
 * it is there. -1 of on_text ends it. ERR_DAMAGED: schema itself is at fault. */
MUST_CHECK int rebuild_each(const json_t *schema,
                            int (*on_text)(void *arg, const json_t *item, const struct buf *text,
                                           struct err *err),
                            void *arg, struct err *err);

#endif
