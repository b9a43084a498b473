/* SPDX-License-Identifier: Apache-2.0 */

/* db_sync/peers.c: two outcome hashes tell that replicas differ, not which of them is wrong. The
 * majority of those that have passed the command is right; where there is none, the one that failed
 * is wrong: it lacks something that the other had. A command that failed here and there with two
 * codes has changed neither graph: that is told, no more. */
#include "db_sync/peers.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"
#include "kafka/tail.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS 200
#define OPEN_MS 5000
#define RETRY_MS 5000
#define PEERS_MAX 64
/* Older statuses are of replicas that are gone, or of another log. */
#define FRESH_MS 600000

struct peer {
    char name[256];
    char surroundings[200];
    struct compare_side side;
    int64_t told; /* the difference that was logged: its offset, or before; -1: none */
};

struct peers {
    const struct options *options;
    struct report *report;
    char *topic;
    pthread_t thread;
    struct peer *list; /* of the thread */
    size_t count;
    int64_t started_ms;      /* wall */
    struct compare_side own; /* what this replica told, up to the topic's end */
    bool has_own;
    bool recalled;
    char blamed_by[256]; /* the peer whose status says that this replica diverged; "": none */
    pthread_mutex_t lock;
    struct err diverged; /* under the lock */
};

static struct peer *find(struct peers *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->list[i].name, name) == 0)
            return &p->list[i];
    if (p->count == PEERS_MAX)
        return NULL;
    struct peer *peer = &p->list[p->count++];
    *peer = (struct peer){.told = -1};
    snprintf(peer->name, sizeof peer->name, "%s", name);
    return peer;
}

static bool applied(const char *code)
{
    return *code == '\0';
}

/* Is what this replica did with the command at offset a minority's doing? */
static bool is_minority(const struct peers *p, int64_t offset, const char *mine)
{
    int with_me = 1, against = 0;

    for (size_t i = 0; i < p->count; i++) {
        const char *code = compare_outcome_of(&p->list[i].side, offset);
        if (code != NULL && applied(code) == applied(mine))
            with_me++;
        else if (code != NULL)
            against++;
    }
    return with_me < against || (with_me == against && !applied(mine));
}

static void blame(struct peers *p, const struct peer *peer, int64_t offset, const char *mine,
                  const char *theirs)
{
    char here[200];
    struct err why = {0};

    report_surroundings_text(p->report, here, sizeof here);
    err_set(&why, ERR_DIFFERS, "replica.diverged",
            "this replica has diverged: the command at offset %" PRId64 " %s%s here (%s), and %s%s "
            "on %s (%s); repair it from a good replica, or wipe it and start anew",
            offset, applied(mine) ? "was applied" : "failed with ", mine, here,
            applied(theirs) ? "was applied" : "failed with ", theirs, peer->name,
            peer->surroundings);
    log_error(log_event("diverged"), log_int("offset", offset), log_str("peer", peer->name),
              log_err(&why));
    report_diverged(p->report, why.text);
    snprintf(p->blamed_by, sizeof p->blamed_by, "%s", peer->name);
    if (p->options->divergence == DIVERGENCE_HALT) {
        pthread_mutex_lock(&p->lock);
        if (!err_is_set(&p->diverged))
            p->diverged = why;
        pthread_mutex_unlock(&p->lock);
    }
}

static void judge(struct peers *p, struct peer *peer, const struct compare_side *here,
                  int64_t offset, int64_t before)
{
    const char *mine = offset >= 0 ? compare_outcome_of(here, offset) : NULL;
    const char *theirs = offset >= 0 ? compare_outcome_of(&peer->side, offset) : NULL;
    int64_t key = offset >= 0 ? offset : before;

    if (peer->told == key)
        return;
    peer->told = key;
    if (mine == NULL || theirs == NULL)
        log_warn(log_event("outcomes_differ"), log_int("before", before),
                 log_str("peer", peer->name),
                 log_str("why", "the lists of failures do not reach back to the first difference"));
    else if (applied(mine) == applied(theirs))
        log_warn(log_event("outcomes_differ"), log_int("offset", offset),
                 log_str("peer", peer->name), log_str("code", mine), log_str("peer_code", theirs));
    else if (is_minority(p, offset, mine))
        blame(p, peer, offset, mine, theirs);
    else
        log_warn(log_event("peer_diverged"), log_int("offset", offset), log_str("peer", peer->name),
                 log_str("code", mine), log_str("peer_code", theirs));
}

static void compare(struct peers *p, struct peer *peer)
{
    struct compare_side here;
    int64_t offset = -1, before = -1;

    report_side(p->report, &here);
    switch (compare_sides(&here, &peer->side, &offset, &before)) {
    case COMPARE_DIFFERENT:
        judge(p, peer, &here, offset, before);
        break;
    case COMPARE_EQUAL:
        if (strcmp(p->blamed_by, peer->name) == 0) { /* it was that one, and it was made anew */
            report_diverged(p->report, NULL);
            p->blamed_by[0] = '\0';
        }
        peer->told = -1;
        break;
    case COMPARE_NOTHING:
        break;
    }
}

/* Statuses of this run may be among them already, which know no checkpoint of earlier ones: those
 * stay, unless the replica was wiped in between. */
static void take_own(struct peers *p, const struct compare_side *side)
{
    if (!p->has_own || side->since != p->own.since || side->offset < p->own.offset)
        p->own = (struct compare_side){.since = side->since};
    p->has_own = true;
    p->own.offset = side->offset;
    for (size_t i = 0; i < side->point_count; i++)
        if (side->points[i].offset % COMPARE_EVERY == 0)
            compare_add_point(&p->own, side->points[i].offset, side->points[i].outcome);
}

static void take_status(struct peers *p, const struct record *record)
{
    json_t *status =
        record->value_len > 0 ? json_parse(record->value, record->value_len, NULL) : NULL;
    const char *name = json_text(status, "replica"), *program = json_text(status, "program");
    const char *parts[] = {json_text(status, "server"), json_text(status, "jvm"),
                           json_text(status, "language"), json_text(status, "time_zone")};
    struct compare_side side;

    if (name == NULL || program == NULL || strcmp(program, "db_sync") != 0 ||
        !compare_read(&side, status))
        goto out;
    if (strcmp(name, options_replica(p->options)) == 0) {
        if (!p->recalled)
            take_own(p, &side);
        goto out;
    }
    struct peer *peer = record->timestamp_ms >= p->started_ms - FRESH_MS ? find(p, name) : NULL;
    if (peer == NULL)
        goto out;
    peer->side = side;
    snprintf(peer->surroundings, sizeof peer->surroundings, "Neo4j %s, JVM %s, %s, time zone %s",
             parts[0] != NULL ? parts[0] : "", parts[1] != NULL ? parts[1] : "",
             parts[2] != NULL ? parts[2] : "", parts[3] != NULL ? parts[3] : "");
    if (p->recalled)
        compare(p, peer);
out:
    json_decref(status);
}

/* What an earlier run of this replica told is true of this one unless it was wiped meanwhile. */
static void recall(struct peers *p)
{
    struct compare_side here;

    report_side(p->report, &here);
    if (p->has_own && p->own.since == here.since && p->own.offset <= here.offset)
        report_recall(p->report, &p->own);
    p->recalled = true;
    for (size_t i = 0; i < p->count; i++)
        compare(p, &p->list[i]);
}

static void read_statuses(struct peers *p, struct tail *tail)
{
    struct err why = {0};

    while (!stop_requested()) {
        struct record record = {0};
        switch (tail_next(tail, TURN_MS, &record, &why)) {
        case TAIL_RECORD:
            take_status(p, &record);
            record_fini(&record);
            break;
        case TAIL_END:
            if (!p->recalled)
                recall(p);
            break;
        case TAIL_FAILED:
            log_warn(log_event("peers_unread"), log_err(&why));
            return;
        case TAIL_NOTHING:
            break;
        }
    }
}

static void *peers_main(void *arg)
{
    struct peers *p = arg;
    struct kafka_conf kafka = setup_kafka(&p->options->setup, "db_sync-peers");

    while (!stop_requested()) {
        struct tail *tail = NULL;
        struct err why = {0};
        if (tail_open(&tail, &kafka, p->topic, TAIL_FROM_START, clock_mono_ms() + OPEN_MS, &why) ==
            0)
            read_statuses(p, tail);
        else
            log_debug(log_event("peers_unread"), log_err(&why));
        tail_close(tail);
        stop_wait(RETRY_MS);
    }
    return NULL;
}

int peers_start(struct peers **out, const struct options *options, struct report *report,
                struct err *err)
{
    struct peers *p = mem_alloc(1, sizeof *p);

    p->options = options;
    p->report = report;
    p->topic = setup_topic(&options->setup, options->status_topic);
    p->list = mem_alloc(PEERS_MAX, sizeof *p->list);
    p->started_ms = clock_wall_ms();
    pthread_mutex_init(&p->lock, NULL);
    if (pthread_create(&p->thread, NULL, peers_main, p) != 0) {
        pthread_mutex_destroy(&p->lock);
        free(p->list);
        free(p->topic);
        free(p);
        return err_set(err, ERR_FATAL, "thread", "the thread `peers` cannot be started");
    }
    *out = p;
    return 0;
}

void peers_finish(struct peers *p)
{
    if (p == NULL)
        return;
    pthread_join(p->thread, NULL);
    pthread_mutex_destroy(&p->lock);
    free(p->list);
    free(p->topic);
    free(p);
}

int peers_check(struct peers *p, struct err *err)
{
    if (p == NULL)
        return 0;
    pthread_mutex_lock(&p->lock);
    struct err why = p->diverged;
    pthread_mutex_unlock(&p->lock);
    if (!err_is_set(&why))
        return 0;
    *err = why;
    return -1;
}
