/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_COLUMNS_H
#define CYPHERLOG_CYPHER_COLUMNS_H

/* cypher/columns.h: a query alone names a column of `RETURN n.x` by the text of its expression; in
 * a subquery the same has to say `n.x AS ``n.x```. Pure. */

#include "base/buf.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends text[0..len-1], a query that lift let pass (so that words of clauses are clauses), with a
 * name for each item of its RETURN that is an expression without one: names is the array of the
 * columns' names, as Neo4j tells them. False, and out is as it was: it has not one RETURN outside
 * of brackets, or that has another number of items, or returns *. */
MUST_CHECK bool columns_add_named(const char *text, size_t len, const json_t *names,
                                  struct buf *out);

#endif
