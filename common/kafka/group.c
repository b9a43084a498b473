/* SPDX-License-Identifier: Apache-2.0 */

/* kafka/group.c: eager rebalances: all partitions are revoked, then assigned anew; so a claim is
 * whole or gone. Offsets are read here and not by librdkafka, since the metadata beside them tells
 * what is settled beyond them. With read_committed the coordinator answers only when no transaction
 * is pending on them (KIP-447), which is what makes a killed member's last commit count. */
#include "kafka/group.h"

#include "base/clock.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct group {
    struct kafka_health health; /* first: librdkafka's opaque points to it and so to all of this */
    rd_kafka_t *rk;
    struct group_conf conf;
    char *topic;
    bool joined, paused;
    bool claimed; /* on_claim was called, on_revoke not yet */
    int64_t claims;
    rd_kafka_topic_partition_list_t *pending; /* assigned by the group, offsets not yet known */
};

void group_claim_free(struct group_claim *claim)
{
    if (claim == NULL)
        return;
    for (size_t i = 0; i < claim->count; i++)
        free(claim->partitions[i].metadata);
    free(claim->partitions);
    free(claim->topic);
    if (claim->member != NULL)
        rd_kafka_consumer_group_metadata_destroy(claim->member);
    free(claim);
}

static void drop_pending(struct group *g)
{
    if (g->pending != NULL)
        rd_kafka_topic_partition_list_destroy(g->pending);
    g->pending = NULL;
}

static void end_claim(struct group *g, bool lost)
{
    drop_pending(g);
    if (g->claimed)
        g->conf.on_revoke(g->conf.arg, lost);
    g->claimed = false;
}

/* Runs inside our polls. The answer to an assignment is given later, by begin_claim. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct group *g = opaque;

    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        drop_pending(g);
        g->pending = rd_kafka_topic_partition_list_copy(partitions);
        return;
    }
    end_claim(g, code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(rk));
    rd_kafka_assign(rk, NULL);
}

int group_open(struct group **out, const struct group_conf *conf, struct err *err)
{
    char kbytes[24];
    const struct kafka_setting owned[] = {
        {"group.id", conf->group_id},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"},
        {"isolation.level", "read_committed"},
        {"partition.assignment.strategy", "range,roundrobin"},
        {"check.crcs", "true"},
        {"queued.max.messages.kbytes", kbytes},
        {"queued.min.messages", "20000"}, /* when so many are there a fetch waits: below */
        {"fetch.max.bytes", "4194304"},   /* the default of 50 MB would be held whole */
        {NULL, NULL}};
    const struct kafka_preset presets[] = {
        {"session.timeout.ms", "10000", 0},   /* a killed member holds its partitions that long */
        {"heartbeat.interval.ms", "1000", 0}, /* and the others hear so late of a rebalance */
        {"fetch.queue.backoff.ms", "10", CLIENT_FETCH_BACKOFF},
        {NULL, NULL, 0}};
    struct group *g = mem_alloc(1, sizeof *g);

    snprintf(kbytes, sizeof kbytes, "%" PRId64, conf->queue_bytes / 1024);
    g->conf = *conf;
    g->topic = mem_strdup(conf->topic);
    rd_kafka_conf_t *rk_conf = client_conf(conf->kafka, owned, presets, &g->health, err);
    if (rk_conf != NULL) {
        rd_kafka_conf_set_rebalance_cb(rk_conf, on_rebalance);
        g->rk = client_new_take(RD_KAFKA_CONSUMER, rk_conf, err);
    }
    if (g->rk == NULL) {
        group_close(g);
        return -1;
    }
    rd_kafka_poll_set_consumer(g->rk);
    *out = g;
    return 0;
}

/* Serves the last revocation. A close that hangs (librdkafka 2.0.2 knows some ways) must not hold
 * up the end of the program. */
static bool close_consumer(struct group *g)
{
    int64_t deadline = clock_mono_ms() + GROUP_CLOSE_MS;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(g->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(g->rk, queue);

    if (error != NULL)
        rd_kafka_error_destroy(error);
    /* Records that were on their way come out of it too; they are for the next owner. */
    while (!rd_kafka_consumer_closed(g->rk) && clock_mono_ms() < deadline) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, 100);
        if (message != NULL)
            rd_kafka_message_destroy(message);
    }
    rd_kafka_queue_destroy(queue);
    return rd_kafka_consumer_closed(g->rk);
}

void group_close(struct group *g)
{
    if (g == NULL)
        return;
    if (g->rk != NULL) {
        bool closed = close_consumer(g);
        end_claim(g, true); /* if the revocation was never served */
        rd_kafka_destroy_flags(g->rk, closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    drop_pending(g);
    free(g->topic);
    free(g);
}

int group_join(struct group *g, struct err *err)
{
    rd_kafka_topic_partition_list_t *topics;

    if (g->joined)
        return 0;
    topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, g->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t rc = rd_kafka_subscribe(g->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        return client_err(err, rc, g->topic);
    g->joined = true;
    return 0;
}

int group_leave(struct group *g, struct err *err)
{
    if (!g->joined)
        return 0;
    rd_kafka_resp_err_t rc = rd_kafka_unsubscribe(g->rk);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        return client_err(err, rc, g->topic);
    g->joined = false;
    return 0;
}

static struct group_claim *make_claim(struct group *g)
{
    struct group_claim *claim = mem_alloc(1, sizeof *claim);

    claim->number = ++g->claims;
    claim->topic = mem_strdup(g->topic);
    claim->member = rd_kafka_consumer_group_metadata(g->rk);
    claim->count = (size_t)g->pending->cnt;
    claim->partitions = mem_alloc(claim->count + 1, sizeof *claim->partitions);
    for (size_t i = 0; i < claim->count; i++) {
        const rd_kafka_topic_partition_t *part = &g->pending->elems[i];
        const char *metadata = part->metadata != NULL ? part->metadata : "";
        claim->partitions[i] = (struct group_partition){
            .partition = part->partition,
            .offset = part->offset >= 0 ? part->offset : -1,
            .metadata = mem_strndup(metadata, part->metadata != NULL ? part->metadata_size : 0)};
    }
    return claim;
}

static void pause_now(struct group *g)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;

    if (rd_kafka_assignment(g->rk, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    if (g->paused)
        rd_kafka_pause_partitions(g->rk, assigned);
    else
        rd_kafka_resume_partitions(g->rk, assigned);
    rd_kafka_topic_partition_list_destroy(assigned);
}

/* Asks for the committed offsets of what the group assigned, then lets records flow. Asked again at
 * the next poll when the coordinator does not answer, or waits for a transaction to end. */
static int begin_claim(struct group *g, struct err *err)
{
    rd_kafka_resp_err_t rc = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (g->pending->cnt > 0)
        rc = rd_kafka_committed(g->rk, g->pending, GROUP_LOOKUP_MS);
    for (int i = 0; rc == RD_KAFKA_RESP_ERR_NO_ERROR && i < g->pending->cnt; i++)
        rc = g->pending->elems[i].err;
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        return client_err(err, rc, g->topic);
    g->conf.on_claim(g->conf.arg, make_claim(g));
    g->claimed = true;
    rc = rd_kafka_assign(g->rk, g->pending);
    drop_pending(g);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        return client_err(err, rc, g->topic);
    /* Either way: a partition that was paused when it was taken away comes back paused (2.0.2). */
    pause_now(g);
    return 0;
}

static enum group_event on_error_message(struct group *g, const rd_kafka_message_t *message,
                                         struct err *err)
{
    char why[256];

    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t code = rd_kafka_fatal_error(g->rk, why, sizeof why);
        client_err_text(err, code, g->topic, why);
        err->class = ERR_FATAL;
        return GROUP_FAILED;
    }
    client_err_text(err, message->err,
                    message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ? g->conf.group_id
                                                                                 : g->topic,
                    rd_kafka_message_errstr(message));
    return GROUP_TROUBLE;
}

enum group_event group_poll(struct group *g, int64_t wait_ms, struct record *record,
                            struct err *err)
{
    struct err why = {0};
    enum group_event event;
    bool refused = g->pending != NULL && begin_claim(g, &why) < 0 && why.class != ERR_RETRY;

    rd_kafka_message_t *message = rd_kafka_consumer_poll(g->rk, (int)wait_ms);
    if (message == NULL && refused) {
        *err = why;
        return GROUP_TROUBLE;
    }
    if (message == NULL) {
        if (g->health.code == RD_KAFKA_RESP_ERR_NO_ERROR)
            return GROUP_NOTHING;
        client_err_text(err, g->health.code, "request group", g->health.text);
        g->health = (struct kafka_health){0};
        return GROUP_TROUBLE;
    }
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        record_init_take(record, message);
        return GROUP_RECORD;
    }
    event = on_error_message(g, message, err);
    rd_kafka_message_destroy(message);
    return event;
}

void group_pause(struct group *g, bool pause)
{
    if (g->paused == pause)
        return;
    g->paused = pause;
    pause_now(g);
}

void group_pause_partition(struct group *g, int32_t partition, bool pause)
{
    rd_kafka_topic_partition_list_t *one = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(one, g->topic, partition);
    if (pause)
        rd_kafka_pause_partitions(g->rk, one);
    else
        rd_kafka_resume_partitions(g->rk, one);
    rd_kafka_topic_partition_list_destroy(one);
}

void group_rewind(struct group *g)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;

    if (!g->claimed || rd_kafka_assignment(g->rk, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    end_claim(g, true);
    rd_kafka_assign(g->rk, NULL);
    g->pending = assigned;
}
