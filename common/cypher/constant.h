/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_CONSTANT_H
#define CYPHERLOG_CYPHER_CONSTANT_H

/* cypher/constant.h: literals of a Cypher text as JSON values, which Neo4j reads back as the same
 * value of the same type. Pure.
 *
 * The type is told in letters: I INTEGER, F FLOAT, S STRING, B BOOLEAN, N NULL, [..] a LIST of the
 * types that are in it, {name:type,} a MAP. Equal letters, equal types. */

#include "base/buf.h"
#include "base/json.h"
#include "cypher/view.h"

/* How many of tokens[0..n-1], which lie in text, are a literal: a string, a number with or without
 * its sign, true, false, null, or a list of such, or of maps of such. Its value is appended to
 * json, its type to type. 0, and nothing appended: they are none, or one that has no exact JSON,
 * that versions read differently, or that the server refuses. tokens[n-1] is LEXER_END. */
size_t constant_read(const char *text, const struct view_item *tokens, struct buf *json,
                     struct buf *type);

/* Appends the type of a parameter's value. */
void constant_add_type(struct buf *out, const json_t *value);

#endif
