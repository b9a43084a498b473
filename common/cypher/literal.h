/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_LITERAL_H
#define CYPHERLOG_CYPHER_LITERAL_H

/* cypher/literal.h: texts as literals of Cypher, whatever they hold. Pure. */

#include "base/buf.h"

#include <stddef.h>

/* Appends p[0..len-1], UTF-8, as it stands between the quotes of a "literal", on one line: a
 * backslash is doubled, so that no \uXXXX arises from it (cypher/lexer.h); control characters
 * are escapes; everything else is as it is. */
void literal_add_part(struct buf *out, const char *p, size_t len);

/* The same with its quotes. */
void literal_add_string(struct buf *out, const char *p, size_t len);

/* Appends a text of Cypher, UTF-8, in ASCII alone: other characters as \uXXXX, beyond U+FFFF as a
 * surrogate pair, which the servers decode before they look at anything else. A backslash in front
 * of such a character must be part of an escape that ends before it. */
void literal_add_ascii(struct buf *out, const char *text, size_t len);

#endif
