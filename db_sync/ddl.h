/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_DDL_H
#define CYPHERLOG_DB_SYNC_DDL_H

/* db_sync/ddl.h: schema commands. Neo4j does not let them share a transaction with writes, so the
 * position cannot be part of it: an intent is committed first, then the command, then the position.
 * After a crash the schema's hash that the intent holds tells whether the command ran. */

#include "db_sync/writer.h"

/* Applies one schema command and moves the position to target. 0; -1 with ERR_POISON: it failed and
 * changed nothing; or as writer_commit. Waits out what heals. */
MUST_CHECK int ddl_apply(struct writer *w, struct command *command, const struct position *target,
                         struct err *err);

#endif
