/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_START_H
#define CYPHERLOG_DB_SYNC_START_H

/* db_sync/start.h: where a start begins in the log, or why it may not. */

#include "db_sync/writer.h"
#include "kafka/reader.h"

/* Waits for Kafka, then checks the topics. ERR_CONFIG: one is missing; ERR_GUARD: the command topic
 * has not exactly one partition; ERR_STOPPING. */
MUST_CHECK int start_kafka(struct reader *reader, const struct options *options,
                           struct report *report, struct err *err);

/* Waits for Neo4j. ERR_CONFIG: address, login or database is wrong; ERR_STOPPING. */
MUST_CHECK int start_neo4j(struct writer *writer, const struct options *options, struct err *err);

/* Exactly one of: resume at the position; an empty database and a log from 0 on: start at 0; data
 * without a position and --adopt: start there; refuse with ERR_GUARD and what to do. A refusal
 * leaves the replica as it was. Then the replica is ours: writer->position says where to go on. */
MUST_CHECK int start_position(struct writer *writer, struct reader *reader,
                              const struct options *options, struct err *err);

#endif
