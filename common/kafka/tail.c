/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/tail.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"

#include <stdlib.h>

#define ASK_MS 5000

struct tail {
    struct kafka_health health;
    rd_kafka_t *rk;
    char *topic;
    struct part {
        int64_t low, start;
        int64_t end; /* as it was when the tail was opened or begun; -1: read so far */
    } * parts;
    int partition_count, behind_count;
    bool end_told;
};

/* How many partitions the topic has: they are numbered from 0. -1 with err. */
static int ask_partitions(struct tail *t, struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(t->rk, t->topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    int count = -1;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(t->rk, 0, handle, &metadata, ASK_MS);

    if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
        rc = metadata->topics[0].err;
    if (rc == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        err_set(err, ERR_CONFIG, "topic.missing",
                "topic %s does not exist; make it with: db_sync topics create", t->topic);
    else if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        client_err(err, rc, t->topic);
    else
        count = metadata->topics[0].partition_cnt;
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return count;
}

/* Offsets are asked for here: librdkafka's own "end" is looked up when the first fetch is made,
 * which may be after the reply that is waited for. A broker answers on one connection in order, so
 * beside a fetch that waits for records each question would take as long: none is made meanwhile.
 */
static int ask_offsets(struct tail *t, int64_t deadline_ms, struct err *err)
{
    for (int i = 0; i < t->partition_count;) {
        int64_t low = 0, high = 0; /* librdkafka leaves them unset on failure */
        rd_kafka_resp_err_t rc =
            rd_kafka_query_watermark_offsets(t->rk, t->topic, i, &low, &high, ASK_MS);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR) {
            t->parts[i].low = low;
            t->parts[i++].end = high;
        } else if (client_class(rc) != ERR_RETRY || clock_mono_ms() >= deadline_ms) {
            return client_err(err, rc, t->topic);
        }
        if (stop_check(err) < 0)
            return -1;
    }
    return 0;
}

static int assign(struct tail *t, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(t->partition_count);

    for (int i = 0; i < t->partition_count; i++) {
        struct part *part = &t->parts[i];
        rd_kafka_topic_partition_list_add(list, t->topic, i)->offset = part->start;
        if (part->start < part->end)
            t->behind_count++;
        else
            part->end = -1;
    }
    rd_kafka_resp_err_t rc = rd_kafka_assign(t->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : client_err(err, rc, t->topic);
}

int tail_begin(struct tail *t, int64_t deadline_ms, struct err *err)
{
    return ask_offsets(t, deadline_ms, err) < 0 ? -1 : assign(t, err);
}

static int prepare(struct tail *t, enum tail_from from, int64_t deadline_ms, struct err *err)
{
    t->partition_count = ask_partitions(t, err);
    if (t->partition_count < 0)
        return -1;
    t->parts = mem_alloc((size_t)t->partition_count + 1, sizeof *t->parts);
    if (ask_offsets(t, deadline_ms, err) < 0)
        return -1;
    for (int i = 0; i < t->partition_count; i++)
        t->parts[i].start = from == TAIL_FROM_START ? t->parts[i].low : t->parts[i].end;
    return from == TAIL_HELD ? 0 : assign(t, err);
}

int tail_open(struct tail **out, const struct kafka_conf *kafka, const char *topic,
              enum tail_from from, int64_t deadline_ms, struct err *err)
{
    const struct kafka_setting owned[] = {
        {"group.id", "cypherlog-tail"}, /* wanted, not used */
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"},
        {"check.crcs", "true"},
        {"fetch.wait.max.ms", "100"},
        /* as much as librdkafka may hold ready: by default 64 MB, and 50 MB a fetch */
        {"queued.max.messages.kbytes", "8192"},
        {"queued.min.messages", "20000"},
        {"fetch.max.bytes", "4194304"},
        {NULL, NULL}};
    const struct kafka_preset presets[] = {{"fetch.queue.backoff.ms", "10", CLIENT_FETCH_BACKOFF},
                                           {NULL, NULL, 0}};
    struct tail *t = mem_alloc(1, sizeof *t);
    rd_kafka_conf_t *conf = client_conf(kafka, owned, presets, &t->health, err);

    t->topic = mem_strdup(topic);
    if (conf == NULL || (t->rk = client_new_take(RD_KAFKA_CONSUMER, conf, err)) == NULL ||
        client_wait_broker(t->rk, &t->health, kafka->brokers, deadline_ms, err) < 0)
        goto fail;
    rd_kafka_poll_set_consumer(t->rk);
    if (prepare(t, from, deadline_ms, err) < 0)
        goto fail;
    *out = t;
    return 0;
fail:
    tail_close(t);
    return -1;
}

void tail_close(struct tail *t)
{
    if (t == NULL)
        return;
    if (t->rk != NULL) {
        rd_kafka_consumer_close(t->rk); /* no group: takes no time */
        rd_kafka_destroy(t->rk);
    }
    free(t->topic);
    free(t->parts);
    free(t);
}

/* All before next was read. Control records lie between the records, so both count: a record's
 * offset, and the end of its partition. */
static void advance(struct tail *t, int32_t partition, int64_t next)
{
    if (partition >= t->partition_count || t->parts[partition].end < 0 ||
        next < t->parts[partition].end)
        return;
    t->parts[partition].end = -1;
    t->behind_count--;
}

enum tail_event tail_next(struct tail *t, int64_t wait_ms, struct record *record, struct err *err)
{
    enum tail_event event = TAIL_NOTHING;

    if (t->behind_count == 0 && !t->end_told) {
        t->end_told = true;
        return TAIL_END;
    }
    rd_kafka_message_t *message = rd_kafka_consumer_poll(t->rk, (int)wait_ms);
    if (message == NULL)
        return TAIL_NOTHING;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        advance(t, message->partition, message->offset + 1);
        record_init_take(record, message);
        return TAIL_RECORD;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        advance(t, message->partition, message->offset);
    } else if (message->err != RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED && /* not used */
               (client_class(message->err) == ERR_CONFIG ||
                client_class(message->err) == ERR_GUARD)) {
        client_err_text(err, message->err, t->topic, rd_kafka_message_errstr(message));
        event = TAIL_FAILED;
    }
    rd_kafka_message_destroy(message);
    return event;
}
