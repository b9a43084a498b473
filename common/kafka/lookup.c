/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/lookup.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define LOOKUP_TIMEOUT_MS 5000
#define ABSENT_KEEP_MS 1000           /* a topic may be made at any moment */
#define TOPICS_MAX 256                /* names that are remembered */
#define DEFAULT_MESSAGE_BYTES 1048588 /* Kafka's message.max.bytes */

struct known_topic {
    char *name;
    struct lookup_topic topic;
    int64_t until_ms; /* monotonic */
};

struct lookup {
    rd_kafka_t *rk; /* borrowed */
    struct known_topic topics[TOPICS_MAX];
    size_t topic_count;
};

struct lookup *lookup_new(rd_kafka_t *rk)
{
    struct lookup *l = mem_alloc(1, sizeof *l);

    l->rk = rk;
    return l;
}

void lookup_forget(struct lookup *l)
{
    for (size_t i = 0; i < l->topic_count; i++)
        free(l->topics[i].name);
    l->topic_count = 0;
}

void lookup_free(struct lookup *l)
{
    if (l == NULL)
        return;
    lookup_forget(l);
    free(l);
}

static int ask_exists(struct lookup *l, const char *topic, struct lookup_topic *out,
                      struct err *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(l->rk, topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t rc = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (handle != NULL)
        rc = rd_kafka_metadata(l->rk, 0, handle, &metadata, LOOKUP_TIMEOUT_MS);
    out->exists = handle != NULL && rc == RD_KAFKA_RESP_ERR_NO_ERROR &&
                  metadata->topics[0].err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
                  metadata->topics[0].err != RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
    if (rc == RD_KAFKA_RESP_ERR_NO_ERROR && out->exists)
        rc = metadata->topics[0].err;
    if (metadata != NULL)
        rd_kafka_metadata_destroy(metadata);
    if (handle != NULL)
        rd_kafka_topic_destroy(handle);
    if (rc == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) /* it is there; librdkafka waits for it */
        rc = RD_KAFKA_RESP_ERR_NO_ERROR;
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : client_err(err, rc, topic);
}

static void take_limit(rd_kafka_event_t *event, struct lookup_topic *out)
{
    size_t n = 0, m = 0;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
    const rd_kafka_ConfigEntry_t **entries =
        n == 1 ? rd_kafka_ConfigResource_configs(resources[0], &m) : NULL;

    for (size_t i = 0; i < m; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "max.message.bytes") == 0 &&
            value != NULL)
            out->message_max_bytes = strtoll(value, NULL, 10);
    }
}

/* Best effort: who may not describe a topic's settings finds out by an abort. */
static void ask_limit(struct lookup *l, const char *topic, struct lookup_topic *out)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(l->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(l->rk);

    out->message_max_bytes = DEFAULT_MESSAGE_BYTES;
    rd_kafka_AdminOptions_set_request_timeout(options, LOOKUP_TIMEOUT_MS, NULL, 0);
    rd_kafka_DescribeConfigs(l->rk, &resource, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LOOKUP_TIMEOUT_MS);
    if (event != NULL && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR)
        take_limit(event, out);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
}

/* The place for a name: its own, a new one, or the one that would expire first. */
static struct known_topic *place(struct lookup *l, const char *name)
{
    struct known_topic *oldest = &l->topics[0];

    for (size_t i = 0; i < l->topic_count; i++) {
        struct known_topic *known = &l->topics[i];
        if (strcmp(known->name, name) == 0)
            return known;
        if (known->until_ms < oldest->until_ms)
            oldest = known;
    }
    if (l->topic_count < TOPICS_MAX)
        oldest = &l->topics[l->topic_count++];
    else
        free(oldest->name);
    *oldest = (struct known_topic){.name = mem_strdup(name)};
    return oldest;
}

int lookup_ask(struct lookup *l, const char *topic, struct lookup_topic *out, struct err *err)
{
    struct known_topic *known = place(l, topic);
    int64_t now = clock_mono_ms();

    if (known->until_ms <= now) {
        if (ask_exists(l, topic, &known->topic, err) < 0)
            return -1;
        if (known->topic.exists)
            ask_limit(l, topic, &known->topic);
        known->until_ms = now + (known->topic.exists ? LOOKUP_KEEP_MS : ABSENT_KEEP_MS);
    }
    *out = known->topic;
    return 0;
}
