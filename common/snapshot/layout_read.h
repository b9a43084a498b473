/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_SNAPSHOT_LAYOUT_READ_H
#define CYPHERLOG_SNAPSHOT_LAYOUT_READ_H

/* snapshot/layout_read.h: the twin of layout.h: a row of a backup's data files as an entity, of
 * either layout, of ours or of the older tool. What a file says is never Cypher: only the exact
 * forms of the layouts are values, anything else is text. Pure. */

#include "base/tape.h"
#include "snapshot/entity.h"
#include "snapshot/layout.h"

/* Reads the row at index at of the tape (read with TAPE_NONFINITE). *layout says what it was in. An
 * id of a relationship is its rel_id, 0 where it has none. ERR_DAMAGED: it is no row, and why. */
MUST_CHECK int layout_read(const struct tape *tape, size_t at, struct entity *out,
                           enum layout *layout, struct err *err);

#endif
