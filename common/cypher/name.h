/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_NAME_H
#define CYPHERLOG_CYPHER_NAME_H

/* cypher/name.h: names of labels, types, properties, indexes as Cypher takes them, whatever they
 * hold. Pure. */

#include "base/buf.h"

#include <stddef.h>

/* Appends name[0..len-1], UTF-8, in backticks, those within doubled. A backslash goes as \u005c:
 * the servers decode \uXXXX before they look at anything else, in names too (cypher/lexer.h). */
void name_add_quoted(struct buf *out, const char *name, size_t len);

#endif
