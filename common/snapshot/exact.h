/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_EXACT_H
#define CYPHERLOG_SNAPSHOT_EXACT_H

/* snapshot/exact.h: a value as JSON that loses nothing, in the notation of our replies: plain where
 * JSON tells the type, else {"$type":…,"_value":…} (neo4j/jolt.h has the table). Pure. */

#include "base/tape.h"
#include "neo4j/value.h"

/* Takes the value at *p, a list with its elements, and appends it in ASCII. */
void exact_write(struct buf *out, const char **p);

/* Appends the value at index at of the tape to out, as value.h has it. ERR_DAMAGED: it is not in
 * the notation, or no property can hold it. */
MUST_CHECK int exact_read(const struct tape *tape, size_t at, struct buf *out, struct err *err);

#endif
