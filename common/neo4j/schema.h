/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_NEO4J_SCHEMA_H
#define CYPHERLOG_NEO4J_SCHEMA_H

/* neo4j/schema.h: what indexes and constraints a database has, ours (`__db_sync…`) and the token
 * lookup indexes that every database is born with left out. */

#include "base/hash.h"
#include "neo4j/tx.h"

/* Hash of name, type, labels and properties of every index and constraint. Two databases with the
 * same schema have the same hash; a schema command that did something changes it. */
MUST_CHECK int schema_hash(struct tx *tx, char out[static HASH_HEX_SIZE], struct err *err);

/* What there is, as the caller's {"indexes": […], "constraints": […]}, each with name, type, entity
 * ("NODE", "RELATIONSHIP"), labels (or types), properties, and of an index its options; sorted by
 * name. The index that a constraint has of its own is left out. */
MUST_CHECK int schema_read(struct tx *tx, json_t **out, struct err *err);

/* Waits until new indexes are usable, at most timeout_ms. */
MUST_CHECK int schema_await(struct tx *tx, int64_t timeout_ms, struct err *err);

/* *empty: no nodes but __db_sync and no schema; what says what was found otherwise. */
MUST_CHECK int schema_database_empty(struct tx *tx, bool *empty, char *what, size_t size,
                                     struct err *err);

#endif
