/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_CYPHER_LINE_H
#define CYPHERLOG_CYPHER_LINE_H

/* cypher/line.h: a line of input of `db_sync send` and `global_server ask`, which is Cypher, or a
 * message as a JSON object. Pure. */

#include "base/err.h"

#include <stddef.h>

enum line_kind {
    LINE_NOTHING, /* blanks and comments */
    LINE_CYPHER,
    LINE_JSON, /* begins like an object; it is not parsed yet */
};

/* Narrows text[0..len-1] to what counts, without blanks and byte order mark around it, and tells
 * its kind. ERR_USAGE: a JSON value that is no object. */
MUST_CHECK int line_read(const char **text, size_t *len, enum line_kind *kind, struct err *err);

/* Cypher that is a part of a text, as happens when a file writes one command in several lines, is
 * ERR_USAGE: something is left open, it ends in a clause that no text can end in, or begins with
 * what only continues one. Sent by itself each part would mean something else. In doubt the text
 * passes: the server knows. */
MUST_CHECK int line_check_whole(const char *text, size_t len, struct err *err);

#endif
