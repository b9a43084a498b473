/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_READER_H
#define CYPHERLOG_KAFKA_READER_H

/* kafka/reader.h: reads partition 0 of one topic from an offset on, in order, committed records
 * only, without a group. A reader belongs to one thread. */

#include "kafka/record.h"

#include <stdbool.h>

struct reader; /* opaque */

struct reader_conf {
    const struct kafka_conf *kafka;
    const char *topic;    /* full name; copied */
    const char *group_id; /* for reader_commit; copied */
    int64_t queue_bytes;  /* how much librdkafka may hold ready */
};

MUST_CHECK int reader_open(struct reader **out, const struct reader_conf *conf, struct err *err);
void reader_close(struct reader *r);

/* Waits for a broker, then checks that the topic exists and has exactly one partition. Blocks up to
 * deadline_ms (monotonic). ERR_RETRY: no broker; ERR_CONFIG: no such topic, login refused;
 * ERR_GUARD: more than one partition. */
MUST_CHECK int reader_check_topic(struct reader *r, int64_t deadline_ms, struct err *err);

/* Kafka's name of its cluster into out[0..size-1]; "" when it did not tell within wait_ms. After
 * reader_check_topic. */
void reader_cluster_id(struct reader *r, char *out, size_t size, int64_t wait_ms);

/* First offset that is there, and the one that the next record will get. Blocks up to 5 s. */
MUST_CHECK int reader_watermarks(struct reader *r, int64_t *low, int64_t *high, struct err *err);

/* The next reader_next gives the first record at or after offset. */
MUST_CHECK int reader_assign(struct reader *r, int64_t offset, struct err *err);

enum reader_event {
    READER_NOTHING, /* wait_ms is over */
    READER_RECORD,  /* *record is the caller's: record_fini */
    READER_END,     /* all committed records up to now were given */
    READER_OUTAGE,  /* *err: brokers or topic went away. librdkafka tries on, but when it is back
                       the log may be another one, and an end may never be told: check, assign */
    READER_FAILED,  /* *err: ERR_GUARD, the offset is not in the log any more; or ERR_CONFIG */
};

/* Blocks up to wait_ms. */
enum reader_event reader_next(struct reader *r, int64_t wait_ms, struct record *record,
                              struct err *err);

/* Blocks until a record comes, the end of the log is seen, or it fails (ERR_RETRY: not by
 * deadline_ms, monotonic; ERR_STOPPING): READER_RECORD, READER_END or READER_FAILED, no other. */
enum reader_event reader_await(struct reader *r, int64_t deadline_ms, struct record *record,
                               struct err *err);

/* What tells a record from another one at the same offset. */
struct reader_look {
    bool found;
    int64_t timestamp_ms;            /* -1: not found, or it has none */
    char fingerprint[HASH_HEX_SIZE]; /* "": not found */
};

/* Looks at the record at exactly that offset; look->found is false when the log holds none there.
 * Moves the assignment; blocks up to deadline_ms (monotonic). */
MUST_CHECK int reader_look_at(struct reader *r, int64_t offset, int64_t deadline_ms,
                              struct reader_look *look, struct err *err);

/* Where the log ended at the last READER_END since reader_assign, behind control records too; -1:
 * there was none. */
int64_t reader_end_offset(const struct reader *r);

/* Where the log ended when librdkafka last heard of it; -1: not yet. Does not block. */
int64_t reader_log_end(struct reader *r);

/* Tells Kafka's group offset, for lag tools only: best effort, does not block. */
void reader_commit(struct reader *r, int64_t next_offset);

#endif
