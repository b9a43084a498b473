/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_SKIP_H
#define CYPHERLOG_DB_SYNC_SKIP_H

/* db_sync/skip.h: passing by one command by hand. */

#include "db_sync/apply.h"
#include "kafka/reader.h"

/* Passes by the command that comes next on this replica, which must stand at offset: dead letter,
 * notice, position. ERR_GUARD: another one comes next, or none; ERR_FENCED, ERR_STOPPING. The
 * replica is ours (start_position). Prints what it did. */
MUST_CHECK int skip_command(const struct apply_parts *parts, struct reader *reader, int64_t offset,
                            struct err *err);

#endif
