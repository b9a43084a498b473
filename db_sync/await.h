/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_AWAIT_H
#define CYPHERLOG_DB_SYNC_AWAIT_H

/* db_sync/await.h: what became of commands after they were sent, for `db_sync send --wait`: which
 * replica has applied them, by the status topic, and which of them became dead letters. */

#include "base/json.h"
#include "db_sync/options.h"

struct await; /* opaque; one thread */

/* Before anything is sent, so that nothing is missed. Borrows options. Blocks up to --timeout.
 * ERR_CONFIG: no such topic, or it may not be read; ERR_RETRY, ERR_STOPPING. */
MUST_CHECK int await_open(struct await **out, const struct options *options, struct err *err);
void await_close(struct await *a);

/* A command of ours is in the log at this offset; in order. */
void await_add(struct await *a, int64_t offset);

/* Blocks until some replica has applied all that was added, at most --timeout, then asks for dead
 * letters. 0: applied. ERR_POISON: some became dead letters; ERR_RETRY: not applied in time, the
 * text says where the replicas are; ERR_CONFIG, ERR_STOPPING. */
MUST_CHECK int await_applied(struct await *a, struct err *err);

/* The replica that has applied them; NULL before await_applied, and when none has. */
const char *await_replica(const struct await *a);

/* How many became dead letters, as far as it is known, and the first AWAIT_LETTERS_MAX of them, in
 * the order of the log: [{"offset","replica","code","message","command"?}], borrowed. */
int64_t await_letter_count(const struct await *a);
const json_t *await_letters(const struct await *a);

#define AWAIT_LETTERS_MAX 100

#endif
