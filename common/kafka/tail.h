/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_TAIL_H
#define CYPHERLOG_KAFKA_TAIL_H

/* kafka/tail.h: reads all partitions of one topic, from their start or their end on, committed
 * records only, without a group. A tail belongs to one thread. */

#include "kafka/record.h"

struct tail; /* opaque */

enum tail_from {
    TAIL_FROM_START,
    TAIL_FROM_END,
    TAIL_HELD, /* from the end on, but nothing is fetched before tail_begin */
};

/* Waits for a broker, then for the ends of all partitions: what is written after this returned will
 * be read. topic: full name, copied. Blocks up to deadline_ms (monotonic). ERR_RETRY: no answer in
 * time; ERR_CONFIG: no such topic, login refused; ERR_STOPPING. */
MUST_CHECK int tail_open(struct tail **out, const struct kafka_conf *kafka, const char *topic,
                         enum tail_from from, int64_t deadline_ms, struct err *err);
void tail_close(struct tail *t);

/* Of a held tail, once: what was written since it was opened will be read. TAIL_END then says that
 * all that is there now has been. Blocks up to deadline_ms. ERR_RETRY, ERR_CONFIG, ERR_STOPPING. */
MUST_CHECK int tail_begin(struct tail *t, int64_t deadline_ms, struct err *err);

enum tail_event {
    TAIL_NOTHING, /* wait_ms is over, or a trouble that librdkafka mends */
    TAIL_RECORD,  /* *record is the caller's: record_fini */
    TAIL_END,     /* once: all that was there when the tail was opened, or begun, has been read */
    TAIL_FAILED,  /* *err: ERR_CONFIG or ERR_GUARD */
};

/* Blocks up to wait_ms. */
enum tail_event tail_next(struct tail *t, int64_t wait_ms, struct record *record, struct err *err);

#endif
