/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_SEED_H
#define CYPHERLOG_DB_SYNC_SEED_H

/* db_sync/seed.h: SEED_FROM: an empty replica begins with a snapshot instead of the log's start. */

#include "db_sync/writer.h"
#include "kafka/reader.h"

/* Before start_position. An empty database, or one whose restore was cut short, is restored from
 * options->seed_from, a snapshot or a folder of snapshots: then from the newest whole one that the
 * log still continues and that is not beyond --to-offset or --to-time. One with a position, or
 * with data, is left to start_position. Waits for outages. Before anything is written: ERR_GUARD,
 * with the offsets: the log does not continue the snapshot, or there is none; ERR_DAMAGED: it is;
 * ERR_CONFIG: SEED_FROM is not there. Later the errors of restore_snapshot; ERR_STOPPING. */
MUST_CHECK int seed_replica(struct writer *writer, struct reader *reader,
                            const struct options *options, struct err *err);

#endif
