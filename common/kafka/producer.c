/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/producer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define QUEUE_KBYTES 16384
#define STOP_GRACE_MS 5000
#define ASK_MS 1000

struct producer {
    struct kafka_health health; /* first: librdkafka's opaque points to it and so to all of this */
    rd_kafka_t *rk;
    char *brokers;
    struct producer_totals totals;
    void (*on_delivered)(void *arg, int64_t offset);
    void *arg;
    struct err failure; /* of the first record that was not delivered */
};

/* Runs inside our polls. */
static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *arg)
{
    struct producer *p = arg;

    (void)rk;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->totals.failed++;
        client_err(&p->failure, message->err, rd_kafka_topic_name(message->rkt));
        return;
    }
    p->totals.delivered++;
    if (p->totals.first_offset < 0)
        p->totals.first_offset = message->offset;
    p->totals.last_offset = message->offset;
    if (p->on_delivered != NULL)
        p->on_delivered(p->arg, message->offset);
}

int producer_open(struct producer **out, const struct producer_conf *conf, struct err *err)
{
    char max_bytes[24], timeout[24], queue[24];
    const struct kafka_setting owned[] = {{"enable.idempotence", "true"},
                                          {"message.max.bytes", max_bytes},
                                          {"message.timeout.ms", timeout},
                                          {"queue.buffering.max.kbytes", queue},
                                          {NULL, NULL}};
    struct producer *p = mem_alloc(1, sizeof *p);

    snprintf(max_bytes, sizeof max_bytes, "%" PRId64, conf->message_max_bytes);
    /* A record above this never fits: librdkafka says that the queue is full, for ever. */
    int64_t kbytes = 2 * conf->message_max_bytes / 1024;
    snprintf(queue, sizeof queue, "%" PRId64, kbytes > QUEUE_KBYTES ? kbytes : QUEUE_KBYTES);
    snprintf(timeout, sizeof timeout, "%" PRId64, conf->timeout_ms);
    p->brokers = mem_strdup(conf->kafka->brokers);
    p->on_delivered = conf->on_delivered;
    p->arg = conf->arg;
    p->totals.first_offset = p->totals.last_offset = -1;
    rd_kafka_conf_t *rk_conf = client_conf(conf->kafka, owned, NULL, &p->health, err);
    if (rk_conf != NULL) {
        rd_kafka_conf_set_dr_msg_cb(rk_conf, on_report);
        p->rk = client_new_take(RD_KAFKA_PRODUCER, rk_conf, err);
    }
    if (p->rk == NULL) {
        producer_close(p);
        return -1;
    }
    *out = p;
    return 0;
}

void producer_close(struct producer *p)
{
    if (p == NULL)
        return;
    if (p->rk != NULL) {
        rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_poll(p->rk, 0);
        rd_kafka_destroy(p->rk);
    }
    free(p->brokers);
    free(p);
}

int producer_wait_broker(struct producer *p, int64_t deadline_ms, struct err *err)
{
    return client_wait_broker(p->rk, &p->health, p->brokers, deadline_ms, err);
}

int producer_check_topic(struct producer *p, const char *topic, int64_t deadline_ms,
                         struct err *err)
{
    if (producer_wait_broker(p, deadline_ms, err) < 0)
        return -1;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(p->rk, topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(p->rk, 0, handle, &metadata, ASK_MS);

    rd_kafka_topic_destroy(handle);
    if (rc == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = metadata->topics[0].err;
        rd_kafka_metadata_destroy(metadata);
    }
    if (rc == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return err_set(err, ERR_CONFIG, "topic.missing",
                       "topic %s does not exist; make it with: db_sync topics create", topic);
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : client_err(err, rc, topic);
}

static rd_kafka_resp_err_t enqueue(struct producer *p, const struct producer_record *r)
{
    rd_kafka_headers_t *headers = NULL;

    if (r->headers != NULL) {
        headers = rd_kafka_headers_new(8);
        for (const struct producer_header *h = r->headers; h->name != NULL; h++)
            rd_kafka_header_add(headers, h->name, -1, h->value, -1);
    }
    /* librdkafka wants non-const pointers and copies. */
    rd_kafka_resp_err_t rc = rd_kafka_producev(
        p->rk, RD_KAFKA_V_TOPIC(r->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY((void *)(uintptr_t)r->key, r->key_len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)r->value, r->value_len), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_END);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL)
        rd_kafka_headers_destroy(headers);
    return rc;
}

int producer_send(struct producer *p, const struct producer_record *record, struct err *err)
{
    for (;;) {
        rd_kafka_resp_err_t rc = enqueue(p, record);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
            return 0;
        if (rc != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return client_err(err, rc, record->topic);
        if (stop_check(err) < 0)
            return -1;
        rd_kafka_poll(p->rk, 100);
    }
}

int producer_flush(struct producer *p, int64_t deadline_ms, struct err *err)
{
    int64_t stop_ms = INT64_MAX;

    while (rd_kafka_outq_len(p->rk) > 0) {
        int64_t now = clock_mono_ms();
        if (stop_requested() && stop_ms == INT64_MAX)
            stop_ms = now + STOP_GRACE_MS;
        if ((now >= deadline_ms || now >= stop_ms) && err_is_set(&p->failure))
            break; /* it says why */
        if (now >= deadline_ms || now >= stop_ms)
            return err_set(err, ERR_RETRY, "kafka.timeout",
                           "Kafka at %s did not acknowledge in time%s%s", p->brokers,
                           p->health.code != 0 ? ": " : "", p->health.text);
        rd_kafka_flush(p->rk, 200);
    }
    if (!err_is_set(&p->failure))
        return 0;
    *err = p->failure;
    err_clear(&p->failure);
    return -1;
}

void producer_poll(struct producer *p)
{
    rd_kafka_poll(p->rk, 0);
}

void producer_totals(const struct producer *p, struct producer_totals *out)
{
    *out = p->totals;
}
