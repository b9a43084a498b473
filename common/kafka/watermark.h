/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_KAFKA_WATERMARK_H
#define CYPHERLOG_KAFKA_WATERMARK_H

/* kafka/watermark.h: where a partition begins and ends, asked on a thread of its own: librdkafka
 * 2.0.2 may stay in this question for minutes while the broker is away, whatever time-out it was
 * given. */

#include "base/err.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

struct watermark; /* opaque; belongs to one thread */

/* rk and topic are borrowed and outlive it. NULL with ERR_FATAL: no thread can be started. */
struct watermark *watermark_ask(rd_kafka_t *rk, const char *topic, int32_t partition,
                                struct err *err);

/* Waits for the answer. False: it has not come; ask again, but do not free it. */
bool watermark_wait(struct watermark *q, int64_t wait_ms);

/* Frees one that is answered (or NULL). low and high, which may be NULL, are the partition's when
 * it returns RD_KAFKA_RESP_ERR_NO_ERROR. */
rd_kafka_resp_err_t watermark_end(struct watermark *q, int64_t *low, int64_t *high);

/* A full queue makes librdkafka before 2.2 look again after a second, however soon it is empty
 * (fetch.queue.backoff.ms came then). Whatever the thread of the partition's broker is asked wakes
 * it. {0} is ready. */
struct nudge {
    struct watermark *question; /* nobody wants the answer */
    int64_t at_ms;              /* monotonic: when librdkafka may be woken next */
};

/* After a record was taken: wakes it now and then while many more are to come. Never blocks. */
void nudge_after(struct nudge *n, rd_kafka_t *rk, const rd_kafka_message_t *message);

/* Ends one that is under way. False, after NUDGE_END_MS: the broker is away, and rk is in use. */
MUST_CHECK bool nudge_end(struct nudge *n);

#define NUDGE_END_MS 2000

#endif
