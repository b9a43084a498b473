/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_PREPARE_H
#define CYPHERLOG_DB_SYNC_PREPARE_H

/* db_sync/prepare.h: the thread `prepare`: reads the log, decodes each record and queues it, while
 * another thread has a transaction in flight. It owns the reader and the command in hand. */

#include "base/queue.h"
#include "db_sync/options.h"
#include "db_sync/report.h"
#include "kafka/reader.h"
#include "neo4j/position.h"

struct prepare; /* opaque */

/* Starts reading at from->next_offset; the reader is the thread's until prepare_finish. The queue's
 * items are struct command; it is closed when the thread ends. */
MUST_CHECK int prepare_start(struct prepare **out, struct reader *reader,
                             const struct options *options, const struct position *from,
                             struct queue *queue, struct report *report, struct err *err);

/* Waits for the thread to end, which a stop or the queue's closing brings about, frees it and
 * leaves in err why it ended, if it was not asked to. The reader may be closed once every command
 * is freed: librdkafka waits for its messages. */
void prepare_finish(struct prepare *p, struct err *err);

/* Once the queue is closed and empty: was all read that --to-offset or --to-time asks for? */
bool prepare_reached(const struct prepare *p);

/* A replica that contains more than --to-offset or --to-time asks for: ERR_GUARD. Its position
 * passed prepare_check_log. May read a record; moves the reader's assignment. */
MUST_CHECK int prepare_check_target(struct reader *reader, const char *topic,
                                    const struct options *options, const struct position *position,
                                    struct err *err);

/* The rules of a start, and of a return after an outage: does the log still continue what the
 * replica holds? Reads the record at position->last_offset; moves the reader's assignment. 0, or
 * -1 with ERR_GUARD that says what to do, or ERR_RETRY. */
MUST_CHECK int prepare_check_log(struct reader *reader, const char *topic,
                                 const struct position *position, struct err *err);

#endif
