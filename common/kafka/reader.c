/* SPDX-License-Identifier: Apache-2.0 */

/* kafka/reader.c: manual assignment, no subscription: no rebalance and no max.poll.interval.
 * `auto.offset.reset=error`: an offset that the log does not hold ends in an error, never in a
 * jump over lost records. */
#include "kafka/reader.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "kafka/watermark.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATERMARK_TIMEOUT_MS 5000

struct reader {
    rd_kafka_t *rk;
    struct kafka_health health;
    char *topic, *brokers, *group;
    bool consuming;             /* rd_kafka_poll_set_consumer was called */
    int64_t next_offset;        /* behind the last record that was given, or as assigned */
    int64_t end_offset;         /* at the last READER_END; -1: none yet */
    bool group_refused;         /* an ACL keeps us from the group, and so from committing */
    struct watermark *question; /* NULL, or one that is not answered yet */
    struct nudge nudge;
};

/* A topic that is deleted and made anew between two fetches shows in no error and no message, only
 * in this debug line: librdkafka 2.0.2 retries, and goes on at the old offset of the new log. */
static int listen_for_moves(struct reader *r, rd_kafka_conf_t *conf, struct err *err)
{
    char asked[256] = "", debug[300], why[128];
    size_t size = sizeof asked;

    rd_kafka_conf_get(conf, "debug", asked, &size); /* what a person asked for */
    r->health.quiet = asked[0] == '\0';
    snprintf(debug, sizeof debug, "%s%stopic", asked, r->health.quiet ? "" : ",");
    if (rd_kafka_conf_set(conf, "debug", debug, why, sizeof why) != RD_KAFKA_CONF_OK)
        return err_set(err, ERR_CONFIG, "config.kafka-value", "--kafka debug: %s", why);
    return 0;
}

int reader_open(struct reader **out, const struct reader_conf *conf, struct err *err)
{
    char kbytes[24], fetch[24];
    const struct kafka_setting owned[] = {{"group.id", conf->group_id},
                                          {"enable.auto.commit", "false"},
                                          {"enable.auto.offset.store", "false"},
                                          {"auto.offset.reset", "error"},
                                          {"isolation.level", "read_committed"},
                                          {"enable.partition.eof", "true"},
                                          {"check.crcs", "true"},
                                          {"queued.max.messages.kbytes", kbytes},
                                          {"queued.min.messages", "20000"},
                                          {"fetch.message.max.bytes", fetch},
                                          {NULL, NULL}};
    /* A commit waits so long for its coordinator (default 45 s), and the program's end for the
     * commit. */
    const struct kafka_preset presets[] = {{"session.timeout.ms", "3000", 0},
                                           {"fetch.queue.backoff.ms", "10", CLIENT_FETCH_BACKOFF},
                                           {NULL, NULL, 0}};
    struct reader *r = mem_alloc(1, sizeof *r);

    snprintf(kbytes, sizeof kbytes, "%" PRId64, conf->queue_bytes / 1024);
    snprintf(fetch, sizeof fetch, "%" PRId64,
             conf->queue_bytes < 1048576 ? conf->queue_bytes : 1048576);
    r->topic = mem_strdup(conf->topic);
    r->brokers = mem_strdup(conf->kafka->brokers);
    r->group = mem_strdup(conf->group_id);
    rd_kafka_conf_t *rk_conf = client_conf(conf->kafka, owned, presets, &r->health, err);
    if (rk_conf != NULL && listen_for_moves(r, rk_conf, err) < 0) {
        rd_kafka_conf_destroy(rk_conf);
        rk_conf = NULL;
    }
    if (rk_conf == NULL || (r->rk = client_new_take(RD_KAFKA_CONSUMER, rk_conf, err)) == NULL) {
        reader_close(r);
        return -1;
    }
    *out = r;
    return 0;
}

/* Throws away the answer of one that was given up before, which is old. False: it is not answered
 * yet. */
static bool question_drop(struct reader *r)
{
    if (r->question != NULL && !watermark_wait(r->question, 0))
        return false;
    watermark_end(r->question, NULL, NULL);
    r->question = NULL;
    return true;
}

void reader_close(struct reader *r)
{
    if (r == NULL)
        return;
    if (!question_drop(r) || !nudge_end(&r->nudge))
        return; /* it uses the handle, and the process is about to end */
    if (r->rk != NULL) {
        rd_kafka_consumer_close(r->rk); /* no group: takes no time */
        rd_kafka_destroy(r->rk);
    }
    free(r->topic);
    free(r->brokers);
    free(r->group);
    free(r);
}

static int judge_topic(const struct reader *r, const rd_kafka_metadata_t *metadata, struct err *err)
{
    const rd_kafka_metadata_topic_t *topic = &metadata->topics[0];

    if (topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return err_set(err, ERR_CONFIG, "topic.missing",
                       "topic %s does not exist; make it with: db_sync topics create", r->topic);
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return client_err(err, topic->err, r->topic);
    if (topic->partition_cnt != 1)
        return err_set(err, ERR_GUARD, "topic.partitions",
                       "topic %s has %d partitions, and a log of commands must have exactly one: "
                       "order across partitions is not defined; use another COMMAND_TOPIC",
                       r->topic, topic->partition_cnt);
    return 0;
}

int reader_check_topic(struct reader *r, int64_t deadline_ms, struct err *err)
{
    if (!r->consuming && client_wait_broker(r->rk, &r->health, r->brokers, deadline_ms, err) < 0)
        return -1;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(r->rk, r->topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(r->rk, 0, handle, &metadata, 5000);
    int result = rc != RD_KAFKA_RESP_ERR_NO_ERROR ? client_err(err, rc, r->topic)
                                                  : judge_topic(r, metadata, err);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return result;
}

void reader_cluster_id(struct reader *r, char *out, size_t size, int64_t wait_ms)
{
    char *id = rd_kafka_clusterid(r->rk, (int)wait_ms);

    snprintf(out, size, "%s", id != NULL ? id : "");
    if (id != NULL)
        rd_kafka_mem_free(r->rk, id);
}

int reader_watermarks(struct reader *r, int64_t *low, int64_t *high, struct err *err)
{
    int64_t deadline = clock_mono_ms() + WATERMARK_TIMEOUT_MS;

    if (question_drop(r)) /* else the answer to come is as good */
        r->question = watermark_ask(r->rk, r->topic, 0, err);
    if (r->question == NULL)
        return -1;
    while (!watermark_wait(r->question, 200)) {
        if (stop_check(err) < 0)
            return -1;
        if (clock_mono_ms() >= deadline)
            return client_err(err, RD_KAFKA_RESP_ERR__TIMED_OUT, r->topic);
    }
    rd_kafka_resp_err_t rc = watermark_end(r->question, low, high);
    r->question = NULL;
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : client_err(err, rc, r->topic);
}

int reader_assign(struct reader *r, int64_t offset, struct err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    if (!r->consuming)
        rd_kafka_poll_set_consumer(r->rk);
    r->consuming = true;
    r->next_offset = offset;
    r->end_offset = -1;
    rd_kafka_topic_partition_list_add(list, r->topic, 0)->offset = offset;
    rd_kafka_resp_err_t rc = rd_kafka_assign(r->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : client_err(err, rc, r->topic);
}

static enum reader_event on_error_message(struct reader *r, const rd_kafka_message_t *message,
                                          struct err *err)
{
    const char *text = message->payload != NULL ? (const char *)message->payload : NULL;

    switch (message->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        err_set(err, ERR_GUARD, "log.out-of-range",
                "%s[0]: offset %" PRId64
                " is not in the log any more: it was truncated, or deleted "
                "and made anew; restore a snapshot, or restart to see where the log stands",
                r->topic, message->offset);
        return READER_FAILED;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        break; /* perhaps it comes back; what comes then is checked */
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        r->group_refused = true; /* reading needs no group */
        return READER_NOTHING;
    default: /* an authorization that was taken away may be given back */
        break;
    }
    client_err_text(err, message->err, r->topic, text);
    return READER_OUTAGE;
}

/* librdkafka may tell of lost connections by its callback alone. */
static enum reader_event on_silence(struct reader *r, struct err *err)
{
    if (r->health.code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return READER_NOTHING;
    client_err_text(err, r->health.code, r->topic, r->health.text);
    r->health.code = RD_KAFKA_RESP_ERR_NO_ERROR;
    return READER_OUTAGE;
}

enum reader_event reader_next(struct reader *r, int64_t wait_ms, struct record *record,
                              struct err *err)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(r->rk, (int)wait_ms);

    if (atomic_exchange(&r->health.moved, false)) {
        if (message != NULL)
            rd_kafka_message_destroy(message);
        err_set(err, ERR_RETRY, "kafka.moved", "%s: the topic's leader changed, or it went away",
                r->topic);
        return READER_OUTAGE;
    }
    if (message == NULL)
        return on_silence(r, err);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        r->next_offset = message->offset + 1;
        nudge_after(&r->nudge, r->rk, message);
        record_init_take(record, message);
        return READER_RECORD;
    }
    enum reader_event event = READER_END;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        r->end_offset = message->offset;
    else
        event = on_error_message(r, message, err);
    rd_kafka_message_destroy(message);
    return event;
}

enum reader_event reader_await(struct reader *r, int64_t deadline_ms, struct record *record,
                               struct err *err)
{
    struct err why = {0}, last = {0}; /* the reason of the newest outage */

    for (;;) {
        enum reader_event event = reader_next(r, 200, record, &why);
        switch (event) {
        case READER_RECORD:
        case READER_END:
            return event;
        case READER_FAILED:
            *err = why;
            return event;
        case READER_OUTAGE: /* what was on its way may be lost */
            if (reader_assign(r, r->next_offset, err) < 0)
                return READER_FAILED;
            last = why;
            err_clear(&why);
            break;
        case READER_NOTHING:
            break;
        }
        if (stop_check(err) < 0)
            return READER_FAILED;
        if (clock_mono_ms() >= deadline_ms) {
            if (err_is_set(&last))
                *err = last;
            else
                err_set(err, ERR_RETRY, "kafka.timeout", "topic %s could not be read in time",
                        r->topic);
            return READER_FAILED;
        }
    }
}

static int read_at(struct reader *r, int64_t offset, int64_t deadline_ms, struct record *record,
                   bool *found, struct err *err)
{
    *found = false;
    if (reader_assign(r, offset, err) < 0)
        return -1;
    enum reader_event event = reader_await(r, deadline_ms, record, err);
    if (event == READER_RECORD && !(*found = record->offset == offset))
        record_fini(record);
    return event == READER_FAILED ? -1 : 0;
}

int reader_look_at(struct reader *r, int64_t offset, int64_t deadline_ms, struct reader_look *look,
                   struct err *err)
{
    struct record record;
    struct hash *hash;

    *look = (struct reader_look){.timestamp_ms = -1};
    if (read_at(r, offset, deadline_ms, &record, &look->found, err) < 0)
        return -1;
    if (!look->found)
        return 0;
    look->timestamp_ms = record.timestamp_ms;
    hash = hash_new();
    record_fingerprint(&record, hash, look->fingerprint);
    hash_free(hash);
    record_fini(&record);
    return 0;
}

int64_t reader_end_offset(const struct reader *r)
{
    return r->end_offset;
}

int64_t reader_log_end(struct reader *r)
{
    int64_t low = -1, high = -1;

    rd_kafka_get_watermark_offsets(r->rk, r->topic, 0, &low, &high);
    return high >= 0 ? high : -1;
}

void reader_commit(struct reader *r, int64_t next_offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    if (r->group_refused)
        log_warn(log_event("group_refused"), log_str("group", r->group),
                 log_str("why", "lag tools will not see this replica: its user at Kafka may not "
                                "Read the group (ACL)"));
    r->group_refused = false; /* told once; librdkafka asks for the group again by itself */
    rd_kafka_topic_partition_list_add(list, r->topic, 0)->offset = next_offset;
    rd_kafka_commit(r->rk, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
}
