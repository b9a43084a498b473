/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_BATCH_H
#define CYPHERLOG_SNAPSHOT_BATCH_H

/* snapshot/batch.h: nodes, or relationships, that go into a database in one transaction, those of
 * one shape together (shape.h): first filled, then sent, then read for what became of it. One
 * thread at a time. */

#include "base/json.h"
#include "snapshot/digest.h"
#include "snapshot/entity.h"

#include <stdbool.h>
#include <stdint.h>

struct batch; /* opaque */

/* Of a node: its id in the snapshot, its hash, and, once the batch is committed, its id(). */
struct batch_node {
    int64_t id, made_id;
    struct digest hash;
    bool made;
};

/* typed: its rows are typed JSON, for entities that hold BYTES; all must be of one shape. */
struct batch *batch_new(bool nodes, bool typed);
void batch_free(struct batch *b);

/* first: of a node the hash matters, of a relationship the id() of its ends. */
void batch_add_node(struct batch *b, const struct entity *e, const struct digest *hash);
void batch_add_relationship(struct batch *b, const struct entity *e, int64_t start, int64_t end);

/* Whether the entity may go into this batch: only a typed one says no. */
bool batch_takes(struct batch *b, const struct entity *e);

bool batch_has_nodes(const struct batch *b);
bool batch_is_typed(const struct batch *b);
size_t batch_rows(const struct batch *b);
size_t batch_bytes(const struct batch *b);
size_t batch_shapes(const struct batch *b);

/* Appends the i-th shape's statement: {"statement": prefix and text, "parameters": {…}}. Typed: the
 * text goes after guard, and guard_params, of typed JSON without braces, go with the rows. */
void batch_add_statement(struct buf *out, const struct batch *b, size_t i, const char *prefix);
void batch_add_typed_statement(struct buf *out, const struct batch *b, const char *prefix,
                               const char *guard, const char *guard_params);

/* Takes a row of the answer to the i-th shape's statement. ERR_FATAL: not what was asked for. */
MUST_CHECK int batch_take_row(struct batch *b, size_t i, const json_t *row, struct err *err);

/* All nodes have their id(); of relationships: as many were made as asked for. ERR_FATAL. */
MUST_CHECK int batch_check(const struct batch *b, struct err *err);

/* Nobody has answered: what batch_take_row took does not count. */
void batch_forget(struct batch *b);

/* The nodes, batch_rows of them, in the order they were added. Borrowed. */
struct batch_node *batch_nodes(struct batch *b);

#endif
