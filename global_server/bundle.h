/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GLOBAL_SERVER_BUNDLE_H
#define GLOBAL_SERVER_BUNDLE_H

/* global_server/bundle.h: many queries of one template as one statement, which costs Neo4j less
 * than half of what they cost one by one. Belongs to one thread.
 *
 *   CYPHER runtime=slotted UNWIND $__clr.rows AS __clr CALL (__clr) { <template> }
 *   RETURN `name`, `age`, __clr[0] AS __cln
 *
 * A row of $__clr.rows is a query: its number, then what stands in its template's holes. Each row
 * that comes back ends with the number of the query whose answer it is a part of; a query to which
 * none comes back has an answer without rows. The runtime is named because with it the rows of a
 * query keep their order on every edition; the rows are in a map because Neo4j compiles a text
 * anew for a list whose length has another power of ten.
 *
 * A template becomes a bundle when Neo4j, asked by EXPLAIN, compiles both its first query and the
 * statement for many, names the same columns for them, and does the same for both: the same
 * operators in the same order, so that also what sorts and what limits is there. What fails, or is
 * too large, in a bundle is asked again query by query. */

#include "cypher/lift.h"
#include "neo4j/tx.h"

#define BUNDLE_NUMBER "__cln" /* the last column */

struct bundles; /* opaque: the templates of a worker's queries, and what was learnt about them */
struct bundle;  /* opaque: one of them; valid until the next bundles_learn */

struct bundles *bundles_new(void);
void bundles_free(struct bundles *b);

/* The bundle for text[0..len-1], a query of which lift holds the template and its parameters'
 * types, counted as one more use; params as of lift_bind. NULL: it goes by itself. */
struct bundle *bundles_find(struct bundles *b, struct lift *lift, const char *text, size_t len,
                            const json_t *params);

/* Appends what stands in the holes of a query, for bundle_add_row. */
void bundle_add_values(const struct lift *lift, const char *text, const json_t *params,
                       struct buf *out);

/* Appends the statement, as struct tx_stmt has it: its beginning; for each query, from number 0 on,
 * its row; the end. */
void bundle_begin(const struct bundle *bundle, struct buf *out);
void bundle_add_row(struct buf *out, size_t number, const char *values, size_t len);
void bundle_end(struct buf *out);

/* It was answered, or it failed: then its queries go by themselves for a while, which is the longer
 * the more often it fails. */
void bundle_note(struct bundle *bundle, bool failed);

/* Asks Neo4j about one template that was used often enough, if there is such a one. For when nobody
 * waits for an answer: blocks for some seconds at most. */
void bundles_learn(struct bundles *b, struct tx *tx);

#endif
