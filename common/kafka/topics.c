/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/topics.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 15000

bool topic_name_is_legal(const char *name, size_t len)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return len > 0 && len <= TOPIC_NAME_MAX && strspn(name, letters) == len &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

struct topics {
    struct kafka_health health;
    rd_kafka_t *rk;
};

int topics_open(struct topics **out, const struct kafka_conf *kafka, int64_t deadline_ms,
                struct err *err)
{
    struct topics *t = mem_alloc(1, sizeof *t);
    rd_kafka_conf_t *conf = client_conf(kafka, NULL, NULL, &t->health, err);

    if (conf == NULL || (t->rk = client_new_take(RD_KAFKA_PRODUCER, conf, err)) == NULL ||
        client_wait_broker(t->rk, &t->health, kafka->brokers, deadline_ms, err) < 0) {
        topics_close(t);
        return -1;
    }
    *out = t;
    return 0;
}

void topics_close(struct topics *t)
{
    if (t == NULL)
        return;
    if (t->rk != NULL)
        rd_kafka_destroy(t->rk);
    free(t);
}

int topics_broker_count(struct topics *t, int *count, struct err *err)
{
    const rd_kafka_metadata_t *metadata;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(t->rk, 0, NULL, &metadata, TIMEOUT_MS);

    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        return client_err(err, rc, "brokers");
    *count = metadata->broker_cnt;
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

static int create_result(rd_kafka_event_t *event, const char *name, struct topic_result *result,
                         struct err *err)
{
    size_t n = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);

    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return client_err_text(err, rd_kafka_event_error(event), name,
                               rd_kafka_event_error_string(event));
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t rc = rd_kafka_topic_result_error(results[i]);
        if (rc == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            result->outcome = TOPIC_THERE;
        else if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
            return client_err_text(err, rc, name, rd_kafka_topic_result_error_string(results[i]));
    }
    return 0;
}

/* A new topic is usable once the brokers' metadata knows it. */
static int wait_known(struct topics *t, const char *name, struct err *err)
{
    int64_t deadline = clock_mono_ms() + TIMEOUT_MS;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(t->rk, name, NULL);
    rd_kafka_resp_err_t rc;

    do {
        const rd_kafka_metadata_t *metadata;
        rc = rd_kafka_metadata(t->rk, 0, handle, &metadata, TIMEOUT_MS);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR) {
            rc = metadata->topics[0].err;
            rd_kafka_metadata_destroy(metadata);
        }
    } while (rc != RD_KAFKA_RESP_ERR_NO_ERROR && clock_mono_ms() < deadline && !stop_wait(50));
    rd_kafka_topic_destroy(handle);
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : client_err(err, rc, name);
}

int topics_create(struct topics *t, const struct topic_want *want, int replication_factor,
                  struct topic_result *result, struct err *err)
{
    char why[256];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(want->name, want->partitions, replication_factor, why, sizeof why);
    int rc = -1;

    *result = (struct topic_result){.outcome = TOPIC_MADE};
    if (topic == NULL)
        return err_set(err, ERR_CONFIG, "topic.name", "topic %s: %s", want->name, why);
    for (const struct kafka_setting *s = want->settings; s->name != NULL; s++)
        rd_kafka_NewTopic_set_config(topic, s->name, s->value);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(t->rk);
    rd_kafka_CreateTopics(t->rk, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (event == NULL)
        err_set(err, ERR_RETRY, "kafka.timeout", "topic %s: Kafka did not answer in time",
                want->name);
    else
        rc = create_result(event, want->name, result, err);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return rc == 0 && result->outcome == TOPIC_MADE ? wait_known(t, want->name, err) : rc;
}

static void add_detail(struct topic_result *result, const char *name, const char *is,
                       const char *want)
{
    size_t len = strlen(result->detail);

    result->outcome = TOPIC_DIFFERS;
    snprintf(result->detail + len, sizeof result->detail - len, "%s%s is %s, should be %s",
             len > 0 ? "; " : "", name, is, want);
}

static void compare_settings(const rd_kafka_ConfigResource_t *resource,
                             const struct topic_want *want, struct topic_result *result)
{
    size_t n;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);

    for (const struct kafka_setting *s = want->settings; s->name != NULL; s++)
        for (size_t i = 0; i < n; i++) {
            const char *name = rd_kafka_ConfigEntry_name(entries[i]);
            const char *value = rd_kafka_ConfigEntry_value(entries[i]);
            if (strcmp(name, s->name) != 0 || value == NULL || strcmp(value, s->value) == 0)
                continue;
            /* A topic may take larger records than it must. */
            if (strcmp(name, "max.message.bytes") == 0 &&
                strtoll(value, NULL, 10) >= strtoll(s->value, NULL, 10))
                continue;
            add_detail(result, name, value, s->value);
        }
}

static int check_settings(struct topics *t, const struct topic_want *want,
                          struct topic_result *result, struct err *err)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, want->name);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(t->rk);
    int rc = -1;

    rd_kafka_DescribeConfigs(t->rk, &resource, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (event == NULL) {
        err_set(err, ERR_RETRY, "kafka.timeout", "topic %s: Kafka did not answer in time",
                want->name);
    } else if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        client_err_text(err, rd_kafka_event_error(event), want->name,
                        rd_kafka_event_error_string(event));
    } else {
        size_t n;
        const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &n);
        rd_kafka_resp_err_t refused =
            n == 1 ? rd_kafka_ConfigResource_error(found[0]) : RD_KAFKA_RESP_ERR_NO_ERROR;
        if (refused != RD_KAFKA_RESP_ERR_NO_ERROR) {
            client_err(err, refused, want->name);
        } else {
            if (n == 1)
                compare_settings(found[0], want, result);
            rc = 0;
        }
    }
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    return rc;
}

static void compare_partitions(const struct topic_want *want, int count,
                               struct topic_result *result)
{
    char is[16], should[32];

    snprintf(is, sizeof is, "%d", count);
    if (want->partitions_exact && count != want->partitions) {
        snprintf(should, sizeof should, "exactly %d", want->partitions);
        add_detail(result, "number of partitions", is, should);
    } else if (count < want->partitions_least) {
        snprintf(should, sizeof should, "at least %d", want->partitions_least);
        add_detail(result, "number of partitions", is, should);
    }
}

int topics_check(struct topics *t, const struct topic_want *want, struct topic_result *result,
                 struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(t->rk, want->name, NULL);
    const rd_kafka_metadata_t *metadata;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(t->rk, 0, handle, &metadata, TIMEOUT_MS);

    *result = (struct topic_result){.outcome = TOPIC_GOOD};
    rd_kafka_topic_destroy(handle);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        return client_err(err, rc, want->name);
    rc = metadata->topics[0].err;
    int partitions = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    if (rc == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        result->outcome = TOPIC_MISSING;
        return 0;
    }
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        return client_err(err, rc, want->name);
    compare_partitions(want, partitions, result);
    /* Only who wants to know them needs the right to read them. */
    return want->settings[0].name != NULL ? check_settings(t, want, result, err) : 0;
}
