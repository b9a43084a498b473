/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/cmd_topics.h"

#include "base/buf.h"
#include "base/clock.h"
#include "kafka/topics.h"
#include "ops/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC_COUNT 5

struct plan {
    char *names[TOPIC_COUNT];
    struct topic_want wants[TOPIC_COUNT];
    char max_bytes[24];
    int replicas;
};

static void add_setting(struct topic_want *want, const char *name, const char *value)
{
    size_t n = 0;

    while (want->settings[n].name != NULL)
        n++;
    want->settings[n] = (struct kafka_setting){name, value};
}

/* What each topic should be: README, "Topics". */
static void make_plan(struct plan *plan, const struct options *o)
{
    const char *const names[TOPIC_COUNT] = {o->command_topic, o->request_topic, o->response_topic,
                                            o->fail_topic, o->status_topic};
    int many = (int)o->request_partitions;

    snprintf(plan->max_bytes, sizeof plan->max_bytes, "%" PRId64, options_record_bytes(o));
    for (int i = 0; i < TOPIC_COUNT; i++) {
        plan->names[i] = setup_topic(&o->setup, names[i]);
        plan->wants[i] = (struct topic_want){.name = plan->names[i], .partitions = many};
    }
    struct topic_want *command = &plan->wants[0], *fail = &plan->wants[3],
                      *status = &plan->wants[4];
    command->partitions = status->partitions = 1;
    command->partitions_exact = status->partitions_exact = true;
    plan->wants[1].partitions_least = 2;
    add_setting(command, "cleanup.policy", "delete");
    add_setting(command, "retention.ms", "-1");
    add_setting(command, "retention.bytes", "-1");
    add_setting(command, "message.timestamp.type", "LogAppendTime");
    add_setting(command, "unclean.leader.election.enable", "false");
    add_setting(command, "max.message.bytes", plan->max_bytes);
    add_setting(fail, "cleanup.policy", "delete");
    add_setting(fail, "retention.ms", "-1");
    add_setting(fail, "max.message.bytes", plan->max_bytes);
    add_setting(status, "cleanup.policy", "compact");
    /* Kafka compacts what is not the active segment: readers begin at the topic's start */
    add_setting(status, "segment.bytes", "1048576");
    if (plan->replicas >= 3)
        add_setting(command, "min.insync.replicas", "2");
}

static void show_row(struct table *table, bool json, const char *topic, const char *outcome,
                     const char *detail)
{
    if (json) {
        struct buf line = {0};
        buf_adds(&line, "{\"topic\":");
        buf_add_json(&line, topic, strlen(topic));
        buf_addf(&line, ",\"outcome\":\"%s\",\"detail\":", outcome);
        buf_add_json(&line, detail, strlen(detail));
        buf_addc(&line, '}');
        puts(buf_str(&line));
        buf_fini(&line);
        return;
    }
    table_add_row(table);
    table_set(table, 0, topic);
    table_set(table, 1, outcome);
    table_set(table, 2, detail);
}

static int each_topic(const struct options *o, struct topics *topics, const struct plan *plan,
                      bool create, struct table *table, struct err *err)
{
    static const char *const outcomes[] = {[TOPIC_MADE] = "created",
                                           [TOPIC_THERE] = "exists",
                                           [TOPIC_GOOD] = "good",
                                           [TOPIC_DIFFERS] = "differs",
                                           [TOPIC_MISSING] = "missing"};
    int wrong = 0;

    for (int i = 0; i < TOPIC_COUNT; i++) {
        struct topic_result result;
        int rc = create ? topics_create(topics, &plan->wants[i], plan->replicas, &result, err)
                        : topics_check(topics, &plan->wants[i], &result, err);
        if (rc < 0)
            return -1;
        wrong += result.outcome == TOPIC_DIFFERS || result.outcome == TOPIC_MISSING;
        show_row(table, o->json, plan->names[i], outcomes[result.outcome], result.detail);
    }
    if (wrong > 0)
        return err_set(
            err, ERR_DIFFERS, "topics.differ",
            "%d of %d topics are not as they should be; missing ones are made by db_sync "
            "topics create, settings are changed with Kafka's own tools",
            wrong, TOPIC_COUNT);
    return 0;
}

int cmd_topics(const struct options *o, char *const *words, int n, struct err *err)
{
    struct kafka_conf kafka = setup_kafka(&o->setup, "db_sync-topics");
    struct plan plan = {0};
    struct topics *topics = NULL;
    struct table *table = NULL;
    int brokers, rc = -1;

    if (n != 1 || (strcmp(words[0], "create") != 0 && strcmp(words[0], "check") != 0))
        return err_set(err, ERR_USAGE, "usage.words",
                       "say db_sync topics create, or db_sync topics check");
    if (topics_open(&topics, &kafka, clock_mono_ms() + o->timeout_ms, err) < 0 ||
        topics_broker_count(topics, &brokers, err) < 0)
        goto out;
    plan.replicas = o->replication_factor > 0 ? (int)o->replication_factor
                    : brokers < 3             ? brokers
                                              : 3;
    make_plan(&plan, o);
    table = table_new();
    table_add_column(table, "TOPIC", false);
    table_add_column(table, "STATE", false);
    table_add_column(table, "DETAIL", false);
    rc = each_topic(o, topics, &plan, strcmp(words[0], "create") == 0, table, err);
    if (!o->json && (rc == 0 || err->class == ERR_DIFFERS))
        table_print(table, stdout);
out:
    for (int i = 0; i < TOPIC_COUNT; i++)
        free(plan.names[i]);
    table_free(table);
    topics_close(topics);
    return rc;
}
