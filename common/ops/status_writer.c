/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/status_writer.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/producer.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX_BYTES 1000000
#define DELIVERY_MS 60000

struct status_writer {
    const struct setup *setup;
    char *topic, *key, *client_id;
    struct producer *producer; /* NULL until it is needed, and after a failure */
    bool refused;              /* Kafka takes no status, which was told */
};

struct status_writer *status_writer_new(const struct setup *setup, const char *topic,
                                        const char *replica, const char *program)
{
    struct status_writer *w = mem_alloc(1, sizeof *w);
    struct buf key = {0}, client_id = {0};

    w->setup = setup;
    w->topic = mem_strdup(topic);
    buf_addf(&key, "%s/%s", replica, program);
    w->key = buf_take(&key);
    buf_addf(&client_id, "%s-status", program);
    w->client_id = buf_take(&client_id);
    return w;
}

static int open_producer(struct status_writer *w, struct err *err)
{
    struct kafka_conf kafka = setup_kafka(w->setup, w->client_id);
    struct producer_conf conf = {
        .kafka = &kafka, .message_max_bytes = MESSAGE_MAX_BYTES, .timeout_ms = DELIVERY_MS};

    return w->producer != NULL ? 0 : producer_open(&w->producer, &conf, err);
}

void status_writer_send(struct status_writer *w, const char *text)
{
    struct err err = {0};
    struct producer_record record = {.topic = w->topic,
                                     .key = w->key,
                                     .key_len = strlen(w->key),
                                     .value = text,
                                     .value_len = strlen(text)};

    if (open_producer(w, &err) < 0 || producer_send(w->producer, &record, &err) < 0)
        log_debug(log_event("status_not_sent"), log_err(&err));
}

/* A record that was given up makes librdkafka 2.0.2's idempotent producer doubtful: a new one. */
void status_writer_serve(struct status_writer *w)
{
    struct producer_totals totals;

    if (w->producer == NULL)
        return;
    producer_poll(w->producer);
    producer_totals(w->producer, &totals);
    if (totals.failed > 0) {
        struct err why = {0};
        if (producer_flush(w->producer, clock_mono_ms(), &why) < 0 && why.class == ERR_CONFIG &&
            !w->refused) {
            log_warn(log_event("status_refused"), log_str("topic", w->topic), log_err(&why));
            w->refused = true;
        }
        producer_close(w->producer);
        w->producer = NULL;
    }
}

void status_writer_close(struct status_writer *w, int64_t flush_ms)
{
    struct err err = {0};

    if (w == NULL)
        return;
    if (w->producer != NULL && producer_flush(w->producer, clock_mono_ms() + flush_ms, &err) < 0)
        log_debug(log_event("status_not_sent"), log_err(&err));
    producer_close(w->producer);
    free(w->topic);
    free(w->key);
    free(w->client_id);
    free(w);
}
