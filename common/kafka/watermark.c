/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/watermark.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

#define ANSWER_MS 5000
#define NUDGE_MS 50
#define NUDGE_LEAST 1000 /* records that are still to come: fewer are in the queue already */

struct watermark {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    pthread_t thread;
    rd_kafka_t *rk;
    char *topic;
    int32_t partition;
    bool done;
    int64_t low, high;
    rd_kafka_resp_err_t rc;
};

static void *watermark_main(void *arg) /* thread `watermark`: owns nothing, fills the answer */
{
    struct watermark *q = arg;
    int64_t low = 0, high = 0; /* librdkafka leaves them unset on failure */
    rd_kafka_resp_err_t rc =
        rd_kafka_query_watermark_offsets(q->rk, q->topic, q->partition, &low, &high, ANSWER_MS);

    pthread_mutex_lock(&q->lock);
    q->low = low;
    q->high = high;
    q->rc = rc;
    q->done = true;
    pthread_cond_signal(&q->answered);
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

static void watermark_free(struct watermark *q)
{
    pthread_cond_destroy(&q->answered);
    pthread_mutex_destroy(&q->lock);
    free(q->topic);
    free(q);
}

struct watermark *watermark_ask(rd_kafka_t *rk, const char *topic, int32_t partition,
                                struct err *err)
{
    struct watermark *q = mem_alloc(1, sizeof *q);
    pthread_condattr_t attr;

    q->rk = rk;
    q->topic = mem_strdup(topic);
    q->partition = partition;
    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->answered, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&q->thread, NULL, watermark_main, q) != 0) {
        watermark_free(q);
        err_set(err, ERR_FATAL, "thread", "a thread cannot be started");
        return NULL;
    }
    return q;
}

bool watermark_wait(struct watermark *q, int64_t wait_ms)
{
    struct timespec until = clock_deadline(wait_ms);
    int rc = 0;

    pthread_mutex_lock(&q->lock);
    while (!q->done && rc == 0)
        rc = pthread_cond_timedwait(&q->answered, &q->lock, &until);
    bool done = q->done;
    pthread_mutex_unlock(&q->lock);
    return done;
}

rd_kafka_resp_err_t watermark_end(struct watermark *q, int64_t *low, int64_t *high)
{
    if (q == NULL)
        return RD_KAFKA_RESP_ERR__NOENT;
    pthread_join(q->thread, NULL);
    rd_kafka_resp_err_t rc = q->rc;
    if (low != NULL)
        *low = q->low;
    if (high != NULL)
        *high = q->high;
    watermark_free(q);
    return rc;
}

void nudge_after(struct nudge *n, rd_kafka_t *rk, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    int64_t now = clock_mono_ms(), low, high;
    struct err ignored = {0};

    if (now < n->at_ms)
        return;
    n->at_ms = now + NUDGE_MS;
    if (n->question != NULL && !watermark_wait(n->question, 0))
        return;
    watermark_end(n->question, NULL, NULL);
    n->question = NULL;
    if (rd_kafka_get_watermark_offsets(rk, topic, message->partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high - message->offset > NUDGE_LEAST)
        n->question = watermark_ask(rk, topic, message->partition, &ignored);
}

bool nudge_end(struct nudge *n)
{
    if (n->question != NULL && !watermark_wait(n->question, NUDGE_END_MS))
        return false;
    watermark_end(n->question, NULL, NULL);
    n->question = NULL;
    return true;
}
