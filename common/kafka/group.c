/* SPDX-License-Identifier: Apache-2.0 */

/* kafka/group.c: offsets are read here and not by librdkafka, since the metadata beside them tells
 * what is settled beyond them. With read_committed the coordinator answers only when no transaction
 * is pending on them (KIP-447), which is what makes a killed member's last commit count.
 *
 * Eager: all partitions are revoked, then assigned anew; so a claim is whole or gone.
 *
 * Cooperative (KIP-429): a rebalance tells what is revoked, if anything, then what is new, if
 * anything, both within the new generation. Partitions that nobody revoked are ours in it too, so
 * the claim is renewed: those who commit get the new generation. Once any of it is revoked, or new
 * partitions can be read, it ends, what is finished being committed first, and another one of all
 * partitions begins. librdkafka takes an unassign for the answer to a revocation that it may just
 * be telling of, and others get the partitions then: so it is called inside the callback and
 * nowhere else, and kept partitions are set to their offsets by seeking. An assign may come later:
 * what is not revoked is nobody else's.
 *
 * Trap: each start is at an offset proper. While librdkafka 2.0.2 asks where a logical one
 * (earliest) is, the answer, though out of date, undoes a seek half a second after it. */
#include "kafka/group.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/member.h"
#include "kafka/watermark.h"

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
    bool entered, told; /* subscribed once; told of an assignment once */
    bool claimed;       /* on_claim was called, on_revoke not yet */
    int64_t claims;
    rd_kafka_consumer_group_metadata_t *member; /* of the claim; NULL: none */
    /* Assigned by the group, offsets not yet known; NULL: nothing to do. Cooperative: what is new,
     * perhaps nothing; the next claim is of all partitions. */
    rd_kafka_topic_partition_list_t *pending;
    struct nudge nudge;
    int64_t probe_ms; /* monotonic: the next look at the offsets of what is new beside a claim */
};

#define PROBE_MS 500      /* between two of them */
#define PROBE_WAIT_MS 100 /* records wait meanwhile */

void group_claim_free(struct group_claim *claim)
{
    if (claim == NULL)
        return;
    for (size_t i = 0; i < claim->count; i++)
        free(claim->partitions[i].metadata);
    free(claim->partitions);
    free(claim->topic);
    member_free(claim->member);
    free(claim);
}

void group_claim_renew_take(struct group_claim *claim, struct group_claim *renewal)
{
    if (claim != NULL && claim->number == renewal->number) {
        rd_kafka_consumer_group_metadata_t *former = claim->member;
        claim->member = renewal->member;
        renewal->member = former;
    }
    group_claim_free(renewal);
}

static void set_member_take(struct group *g, rd_kafka_consumer_group_metadata_t *member)
{
    member_free(g->member);
    g->member = member;
}

/* Inside a rebalance that has not taken the claim's partitions, or takes them now: until it is
 * answered this member cannot get any further, so no other one has them in this generation. */
static void renew_claim(struct group *g)
{
    rd_kafka_consumer_group_metadata_t *member =
        g->claimed ? member_read(g->rk, g->conf.group_id, g->conf.instance_id) : NULL;

    if (member == NULL || member_is_same(member, g->member)) {
        member_free(member);
        return;
    }
    struct group_claim *renewal = mem_alloc(1, sizeof *renewal);
    renewal->number = g->claims;
    renewal->member = member_dup(member);
    set_member_take(g, member);
    g->conf.on_renew(g->conf.arg, renewal);
}

/* ---- rebalances ---- */

static void drop_pending(struct group *g)
{
    if (g->pending != NULL)
        rd_kafka_topic_partition_list_destroy(g->pending);
    g->pending = NULL;
}

static void end_claim(struct group *g, bool lost)
{
    if (g->claimed)
        g->conf.on_revoke(g->conf.arg, lost);
    g->claimed = false;
    set_member_take(g, NULL);
}

static bool is_done(rd_kafka_error_t *error)
{
    if (error == NULL)
        return true;
    log_debug(log_event("kafka_assignment"), log_str("error", rd_kafka_error_string(error)));
    rd_kafka_error_destroy(error);
    return false;
}

static void append(rd_kafka_topic_partition_list_t *to, const rd_kafka_topic_partition_list_t *from)
{
    for (int i = 0; i < from->cnt; i++) {
        const rd_kafka_topic_partition_t *part = &from->elems[i];
        if (rd_kafka_topic_partition_list_find(to, part->topic, part->partition) == NULL)
            rd_kafka_topic_partition_list_add(to, part->topic, part->partition);
    }
}

/* What librdkafka reads now; the caller's. */
static rd_kafka_topic_partition_list_t *read_assigned(struct group *g)
{
    rd_kafka_topic_partition_list_t *list = NULL;

    if (rd_kafka_assignment(g->rk, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        list = rd_kafka_topic_partition_list_new(0);
    return list;
}

/* The rebalance is answered at once, so that what is kept goes on; where the others begin is not
 * known yet. */
static void on_added(struct group *g, const rd_kafka_topic_partition_list_t *added)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);

    g->told = true;
    is_done(rd_kafka_incremental_assign(g->rk, none));
    if (g->pending == NULL && (added->cnt > 0 || !g->claimed)) {
        g->pending = none;
        none = NULL;
    }
    if (g->pending != NULL)
        append(g->pending, added);
    g->probe_ms = 0;
    if (none != NULL)
        rd_kafka_topic_partition_list_destroy(none);
}

/* What is left, if anything, needs another claim. NULL: all are taken. */
static void on_taken(struct group *g, const rd_kafka_topic_partition_list_t *taken)
{
    rd_kafka_topic_partition_list_t *assigned = read_assigned(g);
    rd_kafka_topic_partition_list_t *read = rd_kafka_topic_partition_list_new(assigned->cnt);

    for (int i = 0; i < assigned->cnt; i++) {
        const char *topic = assigned->elems[i].topic;
        int32_t partition = assigned->elems[i].partition;
        if (taken == NULL || rd_kafka_topic_partition_list_find(taken, topic, partition) != NULL)
            rd_kafka_topic_partition_list_add(read, topic, partition);
    }
    int kept = assigned->cnt - read->cnt;
    is_done(rd_kafka_incremental_unassign(g->rk, read));
    if (taken == NULL)
        drop_pending(g);
    for (int i = 0; taken != NULL && g->pending != NULL && i < taken->cnt; i++)
        rd_kafka_topic_partition_list_del(g->pending, taken->elems[i].topic,
                                          taken->elems[i].partition);
    if (g->pending == NULL && kept > 0)
        g->pending = rd_kafka_topic_partition_list_new(0);
    else if (g->pending != NULL && g->pending->cnt == 0 && kept == 0)
        drop_pending(g);
    rd_kafka_topic_partition_list_destroy(read);
    rd_kafka_topic_partition_list_destroy(assigned);
}

static void on_increment(struct group *g, rd_kafka_resp_err_t code,
                         const rd_kafka_topic_partition_list_t *partitions)
{
    bool whole = code != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS &&
                 code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
    bool lost =
        whole || (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS && rd_kafka_assignment_lost(g->rk));

    if (!lost)
        renew_claim(g);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        on_added(g, partitions);
        return;
    }
    end_claim(g, lost);
    on_taken(g, whole ? NULL : partitions);
}

static void on_whole(struct group *g, rd_kafka_resp_err_t code,
                     const rd_kafka_topic_partition_list_t *partitions)
{
    drop_pending(g);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) { /* answered later, by begin_whole */
        end_claim(g, true); /* of an assignment that was out of date when its offsets came */
        g->pending = rd_kafka_topic_partition_list_copy(partitions);
        return;
    }
    end_claim(g, code != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS || rd_kafka_assignment_lost(g->rk));
    rd_kafka_assign(g->rk, NULL);
}

/* Runs inside our polls. */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct group *g = opaque;

    (void)rk;
    if (g->conf.cooperative)
        on_increment(g, code, partitions);
    else
        on_whole(g, code, partitions);
}

static void free_group(struct group *g)
{
    free(g->topic);
    free(g);
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
        {"partition.assignment.strategy",
         conf->cooperative ? "cooperative-sticky" : "range,roundrobin"},
        {"group.instance.id", conf->instance_id}, /* NULL: none */
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
        free_group(g);
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

bool group_close(struct group *g)
{
    char why[1];

    if (g == NULL)
        return true;
    /* One that was fenced has nothing to close, and a close would wait for it. */
    bool failed = rd_kafka_fatal_error(g->rk, why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR;
    bool closed = !failed && close_consumer(g);
    bool asks = !nudge_end(&g->nudge);
    /* Trap: librdkafka 2.0.2 aborts the process (sticky assignor's state) when a handle is
     * destroyed that has joined and got no assignment yet. */
    bool unripe = g->conf.cooperative && g->entered && !g->told;
    drop_pending(g);
    end_claim(g, true); /* if the revocation was never served */
    if (unripe || asks ||
        (!closed && !failed)) /* to destroy one that does not close may take for ever */
        return false;
    rd_kafka_destroy_flags(g->rk, closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free_group(g);
    return true;
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
    g->joined = g->entered = true;
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

/* A claim of these partitions at these offsets; takes member. */
static void make_claim(struct group *g, const rd_kafka_topic_partition_list_t *list,
                       rd_kafka_consumer_group_metadata_t *member)
{
    struct group_claim *claim = mem_alloc(1, sizeof *claim);

    claim->number = ++g->claims;
    claim->topic = mem_strdup(g->topic);
    claim->member = member_dup(member);
    claim->count = (size_t)list->cnt;
    claim->partitions = mem_alloc(claim->count + 1, sizeof *claim->partitions);
    for (size_t i = 0; i < claim->count; i++) {
        const rd_kafka_topic_partition_t *part = &list->elems[i];
        const char *metadata = part->metadata != NULL ? part->metadata : "";
        claim->partitions[i] = (struct group_partition){
            .partition = part->partition,
            .offset = part->offset >= 0 ? part->offset : -1,
            .metadata = mem_strndup(metadata, part->metadata != NULL ? part->metadata_size : 0)};
    }
    set_member_take(g, member);
    g->conf.on_claim(g->conf.arg, claim);
    g->claimed = true;
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

static int look_up(struct group *g, rd_kafka_topic_partition_list_t *list, int wait_ms,
                   struct err *err)
{
    rd_kafka_resp_err_t rc = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (list->cnt > 0)
        rc = rd_kafka_committed(g->rk, list, wait_ms);
    for (int i = 0; rc == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        rc = list->elems[i].err;
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : client_err(err, rc, g->topic);
}

/* Where each is to be read from; the caller's. NULL with err. */
static rd_kafka_topic_partition_list_t *
find_places(struct group *g, const rd_kafka_topic_partition_list_t *committed, struct err *err)
{
    rd_kafka_topic_partition_list_t *places = rd_kafka_topic_partition_list_copy(committed);

    for (int i = 0; i < places->cnt; i++) {
        rd_kafka_topic_partition_t *part = &places->elems[i];
        int64_t high;
        if (part->offset >= 0)
            continue;
        rd_kafka_resp_err_t rc = rd_kafka_query_watermark_offsets(
            g->rk, part->topic, part->partition, &part->offset, &high, GROUP_LOOKUP_MS);
        if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) {
            client_err(err, rc, g->topic);
            rd_kafka_topic_partition_list_destroy(places);
            return NULL;
        }
    }
    return places;
}

static int begin_whole(struct group *g, rd_kafka_consumer_group_metadata_t **member,
                       struct err *err)
{
    rd_kafka_topic_partition_list_t *places = NULL;

    if (look_up(g, g->pending, GROUP_LOOKUP_MS, err) < 0 ||
        (places = find_places(g, g->pending, err)) == NULL)
        return -1;
    make_claim(g, g->pending, *member);
    *member = NULL;
    rd_kafka_resp_err_t rc = rd_kafka_assign(g->rk, places);
    rd_kafka_topic_partition_list_destroy(places);
    drop_pending(g);
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : client_err(err, rc, g->topic);
}

/* Sets those that are read already to their places, and begins to read the others. */
static int read_from(struct group *g, const rd_kafka_topic_partition_list_t *places,
                     struct err *err)
{
    rd_kafka_topic_partition_list_t *assigned = read_assigned(g);
    rd_kafka_topic_partition_list_t *kept = rd_kafka_topic_partition_list_new(places->cnt);
    rd_kafka_topic_partition_list_t *added = rd_kafka_topic_partition_list_new(places->cnt);

    for (int i = 0; i < places->cnt; i++) {
        const rd_kafka_topic_partition_t *part = &places->elems[i];
        bool read =
            rd_kafka_topic_partition_list_find(assigned, part->topic, part->partition) != NULL;
        rd_kafka_topic_partition_list_add(read ? kept : added, part->topic, part->partition)
            ->offset = part->offset;
    }
    bool done = kept->cnt == 0 || is_done(rd_kafka_seek_partitions(g->rk, kept, GROUP_LOOKUP_MS));
    for (int i = 0; done && i < kept->cnt; i++) /* an error: its fetch has not started yet */
        done = kept->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
    done = done && (added->cnt == 0 || is_done(rd_kafka_incremental_assign(g->rk, added)));
    rd_kafka_topic_partition_list_destroy(added);
    rd_kafka_topic_partition_list_destroy(kept);
    rd_kafka_topic_partition_list_destroy(assigned);
    return done ? 0 : client_err(err, RD_KAFKA_RESP_ERR__TIMED_OUT, g->topic);
}

static int begin_all(struct group *g, rd_kafka_consumer_group_metadata_t **member, struct err *err)
{
    rd_kafka_topic_partition_list_t *all = read_assigned(g), *places = NULL;
    int rc = -1;

    append(all, g->pending);
    if (look_up(g, all, GROUP_LOOKUP_MS, err) < 0 || (places = find_places(g, all, err)) == NULL ||
        read_from(g, places, err) < 0)
        goto out;
    make_claim(g, all, *member);
    *member = NULL;
    drop_pending(g);
    rc = 0;
out:
    if (places != NULL)
        rd_kafka_topic_partition_list_destroy(places);
    rd_kafka_topic_partition_list_destroy(all);
    return rc;
}

/* Asks for the committed offsets of what the group assigned, then lets records flow. Asked again at
 * the next poll when the coordinator does not answer, or waits for a transaction to end. The member
 * is read before the offsets: if it is out of date by then, Kafka refuses what is committed. */
static int begin_claim(struct group *g, struct err *err)
{
    if (g->claimed) { /* cooperative: it goes on until what is new can be read too */
        if (clock_mono_ms() < g->probe_ms)
            return 0;
        g->probe_ms = clock_mono_ms() + PROBE_MS;
        if (look_up(g, g->pending, PROBE_WAIT_MS, err) < 0)
            return -1;
        end_claim(g, false);
    }
    if (!g->conf.is_quiet(g->conf.arg))
        return 0;
    rd_kafka_consumer_group_metadata_t *member =
        member_read(g->rk, g->conf.group_id, g->conf.instance_id);
    if (member == NULL)
        return 0;
    int rc = g->conf.cooperative ? begin_all(g, &member, err) : begin_whole(g, &member, err);
    member_free(member);
    /* Either way: a partition that was paused when it was taken away comes back paused (2.0.2). */
    if (rc == 0)
        pause_now(g);
    return rc;
}

static enum group_event on_error_message(struct group *g, const rd_kafka_message_t *message,
                                         struct err *err)
{
    char why[256];

    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t code = rd_kafka_fatal_error(g->rk, why, sizeof why);
        if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
            err_set(err, ERR_FENCED, "kafka.fenced",
                    "another process is the static member %s of the group, and the newest wins: "
                    "give each instance its own %s",
                    g->conf.instance_id, g->conf.id_setting);
            return GROUP_FAILED;
        }
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
        nudge_after(&g->nudge, g->rk, message);
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

    if (!g->claimed)
        return;
    if (g->conf.cooperative) {
        end_claim(g, true);
        if (g->pending == NULL)
            g->pending = rd_kafka_topic_partition_list_new(0);
        return;
    }
    if (rd_kafka_assignment(g->rk, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    drop_pending(g);
    end_claim(g, true);
    rd_kafka_assign(g->rk, NULL);
    g->pending = assigned;
}
