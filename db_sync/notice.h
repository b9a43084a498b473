/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_DB_SYNC_NOTICE_H
#define CYPHERLOG_DB_SYNC_NOTICE_H

/* db_sync/notice.h: notices: what became of each command on this replica, on RESPONSE_TOPIC, when
 * that is set. Sent after the commit, in order, and at least once: the position tells up to where
 * Kafka has them, so a start sends again what a crash may have lost. */

#include "db_sync/command.h"
#include "db_sync/options.h"
#include "db_sync/report.h"
#include "kafka/reader.h"
#include "neo4j/position.h"

#define NOTICE_FAILURES 8                /* most commands of a batch with a verdict */
#define NOTICE_SKIPPED "command.skipped" /* verdict of `db_sync skip` */

struct notices; /* opaque: the producer of the notices; one thread */

/* NULL when no notices are wanted: every function below then does nothing. Borrows options and
 * report. */
struct notices *notices_new(const struct options *options, struct report *report);
void notices_free(struct notices *n);

/* At a start: sends what the position says may be lost, read from the log, and waits until Kafka
 * has it. Sets *noticed of the position. Moves the reader's assignment. ERR_RETRY: Kafka is away,
 * call again; ERR_STOPPING. */
MUST_CHECK int notices_resume(struct notices *n, struct reader *reader, struct position *position,
                              struct err *err);

/* Tells of commands[0..k-1], which are settled: waits until Kafka has the notices of the call
 * before, however long, then sends these. ERR_STOPPING: some may not be sent; the position says so.
 */
MUST_CHECK int notices_send(struct notices *n, struct command *const *commands, size_t k,
                            struct err *err);

/* Waits until Kafka has all, at most deadline_ms (monotonic); the position is to be asked with
 * notices_done. */
void notices_flush(struct notices *n, int64_t deadline_ms);

/* Kafka has the notices of all commands before this offset; -1 when no notices are wanted. */
int64_t notices_done(const struct notices *n);

/* Appends a notice's body for a record: {"with_key","id","offset","replica","status","error"?};
 * code and text say why it was not applied, NULL: it was. Pure. */
void notice_add_body(struct buf *out, const struct record *record,
                     const struct command_names *names, const char *replica, const char *code,
                     const char *text);

#endif
