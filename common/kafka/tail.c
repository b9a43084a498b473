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
    int64_t *ends; /* by partition, as they were when it was opened; -1: read so far */
    int partition_count, behind_count;
    bool end_told;
};

/* The topic's partitions. The caller destroys the list; NULL with err. */
static rd_kafka_topic_partition_list_t *ask_partitions(struct tail *t, struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(t->rk, t->topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(t->rk, 0, handle, &metadata, ASK_MS);

    if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
        rc = metadata->topics[0].err;
    if (rc == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        err_set(err, ERR_CONFIG, "topic.missing",
                "topic %s does not exist; make it with: db_sync topics create", t->topic);
    } else if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) {
        client_err(err, rc, t->topic);
    } else {
        list = rd_kafka_topic_partition_list_new(metadata->topics[0].partition_cnt);
        for (int i = 0; i < metadata->topics[0].partition_cnt; i++)
            rd_kafka_topic_partition_list_add(list, t->topic, metadata->topics[0].partitions[i].id);
    }
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return list;
}

/* Offsets are asked for here: librdkafka's own "end" is looked up when the first fetch is made,
 * which may be after the reply that is waited for. */
static int set_offsets(struct tail *t, rd_kafka_topic_partition_list_t *list, enum tail_from from,
                       int64_t deadline_ms, struct err *err)
{
    t->partition_count = list->cnt;
    t->ends = mem_alloc((size_t)list->cnt + 1, sizeof *t->ends);
    for (int i = 0; i < list->cnt;) {
        int64_t low = 0, high = 0; /* librdkafka leaves them unset on failure */
        int32_t partition = list->elems[i].partition;
        rd_kafka_resp_err_t rc =
            rd_kafka_query_watermark_offsets(t->rk, t->topic, partition, &low, &high, ASK_MS);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR) {
            bool behind = from == TAIL_FROM_START && low < high;
            if (partition < list->cnt)
                t->ends[partition] = behind ? high : -1;
            t->behind_count += behind && partition < list->cnt;
            list->elems[i++].offset = from == TAIL_FROM_START ? low : high;
        } else if (client_class(rc) != ERR_RETRY || clock_mono_ms() >= deadline_ms) {
            return client_err(err, rc, t->topic);
        }
        if (stop_check(err) < 0)
            return -1;
    }
    return 0;
}

static int assign(struct tail *t, enum tail_from from, int64_t deadline_ms, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = ask_partitions(t, err);
    int rc = -1;

    if (list == NULL)
        return -1;
    if (set_offsets(t, list, from, deadline_ms, err) == 0) {
        rd_kafka_resp_err_t code = rd_kafka_assign(t->rk, list);
        rc = code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : client_err(err, code, t->topic);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

int tail_open(struct tail **out, const struct kafka_conf *kafka, const char *topic,
              enum tail_from from, int64_t deadline_ms, struct err *err)
{
    const struct kafka_setting owned[] = {
        {"group.id", "cypherlog-tail"}, /* wanted, not used */
        {"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},   {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"}, {"check.crcs", "true"},
        {"fetch.wait.max.ms", "100"},     {NULL, NULL}};
    struct tail *t = mem_alloc(1, sizeof *t);
    rd_kafka_conf_t *conf = client_conf(kafka, owned, &t->health, err);

    t->topic = mem_strdup(topic);
    if (conf == NULL || (t->rk = client_new_take(RD_KAFKA_CONSUMER, conf, err)) == NULL ||
        client_wait_broker(t->rk, &t->health, kafka->brokers, deadline_ms, err) < 0)
        goto fail;
    rd_kafka_poll_set_consumer(t->rk);
    if (assign(t, from, deadline_ms, err) < 0)
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
    free(t->ends);
    free(t);
}

/* All before next was read. Control records lie between the records, so both count: a record's
 * offset, and the end of its partition. */
static void advance(struct tail *t, int32_t partition, int64_t next)
{
    if (partition >= t->partition_count || t->ends[partition] < 0 || next < t->ends[partition])
        return;
    t->ends[partition] = -1;
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
