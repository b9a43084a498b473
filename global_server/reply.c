/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/reply.c: one transaction for all answers that were finished while the last one ran:
 * one request alone is answered at once, many share the costs. */
#include "global_server/reply.h"

#include "base/clock.h"
#include "base/mem.h"
#include "global_server/report.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS 500
#define LINGER_MS                                                                                  \
    10 /* that the first answer of a transaction waits for others, if they come soon */
#define STOP_GRACE_MS 2000

enum item_kind { ITEM_JOB, ITEM_CLAIM, ITEM_RELEASE };

struct item {
    enum item_kind kind;
    struct job *job;
    struct group_claim *claim;
};

struct reply {
    pthread_t thread;
    struct reply_conf conf;
    struct queue *items;
    struct queue *released; /* answers to reply_release */
    struct queue *ended;    /* closed when the thread ends */
    /* the thread's */
    struct delivery *delivery;
    struct job **ready; /* not yet sent */
    size_t ready_count;
    int64_t linger_until_ms; /* monotonic; 0: nothing is ready */
};

static void item_free(void *arg)
{
    struct item *item = arg;

    job_free(item->job);
    group_claim_free(item->claim);
    free(item);
}

static void push(struct reply *r, enum item_kind kind, struct job *job, struct group_claim *claim)
{
    struct item *item = mem_alloc(1, sizeof *item);

    *item = (struct item){.kind = kind, .job = job, .claim = claim};
    if (queue_push_take(r->items, item, 0, NULL) < 0)
        return; /* closed: the item is freed, its request stays unanswered for the next owner */
}

void reply_send_take(struct reply *r, struct job *job)
{
    push(r, ITEM_JOB, job, NULL);
}

void reply_claim_take(struct reply *r, struct group_claim *claim)
{
    push(r, ITEM_CLAIM, NULL, claim);
}

void reply_release(struct reply *r, int64_t wait_ms)
{
    bool closed;

    while (queue_count(r->released) > 0) /* of a release that was not waited for */
        free(queue_pop(r->released, 0, &closed));
    push(r, ITEM_RELEASE, NULL, NULL);
    free(queue_pop(r->released, wait_ms, &closed));
}

static void drop_stale(struct reply *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->ready_count; i++)
        if (delivery_counts(r->delivery, r->ready[i]))
            r->ready[kept++] = r->ready[i];
        else
            job_free(r->ready[i]);
    r->ready_count = kept;
}

/* Sends what can be sent. *sent: something was. */
static int send_group(struct reply *r, bool *sent, struct err *err)
{
    struct job *jobs[DELIVERY_JOBS];
    size_t n = 0;

    drop_stale(r);
    if (r->ready_count > 0)
        n = delivery_choose(r->delivery, r->ready, &r->ready_count, jobs);
    *sent = n > 0;
    return n > 0 ? delivery_send_take(r->delivery, jobs, n, err) : 0;
}

static int send_all(struct reply *r, struct err *err)
{
    bool sent = true;

    while (sent)
        if (send_group(r, &sent, err) < 0)
            return -1;
    return 0;
}

static void keep_ready(struct reply *r, struct job *job)
{
    r->ready = mem_realloc(r->ready, r->ready_count + 1, sizeof(struct job *));
    r->ready[r->ready_count++] = job;
}

static int take_item(struct reply *r, struct item *item, struct err *err)
{
    int rc = 0;

    switch (item->kind) {
    case ITEM_JOB:
        keep_ready(r, item->job);
        item->job = NULL;
        break;
    case ITEM_CLAIM:
        delivery_claim_take(r->delivery, item->claim);
        item->claim = NULL;
        break;
    case ITEM_RELEASE:
        rc = send_all(r, err);
        delivery_forget_claim(r->delivery);
        if (queue_push_take(r->released, mem_alloc(1, 1), 1, NULL) < 0)
            rc = -1;
        break;
    }
    item_free(item);
    return rc;
}

/* A transaction costs Kafka the same with one reply or many. So those that are about to be answered
 * go with those that are; one request alone waits for nobody. */
static bool lingers(struct reply *r)
{
    int64_t now = clock_mono_ms();

    if (r->ready_count == 0 || r->ready_count >= DELIVERY_JOBS ||
        atomic_load(&r->conf.delivery.flight->soon) <= 0) {
        r->linger_until_ms = 0;
        return false;
    }
    if (r->linger_until_ms == 0)
        r->linger_until_ms = now + LINGER_MS;
    if (now < r->linger_until_ms)
        return true;
    r->linger_until_ms = 0;
    return false;
}

/* *ended: no more items will come, all are sent. */
static int turn(struct reply *r, bool *ended, struct err *err)
{
    void *items[DELIVERY_JOBS];
    bool closed, sent;
    int64_t wait_ms = r->linger_until_ms > 0 ? 1 : IDLE_MS; /* soon may become 0 meanwhile */
    size_t n = queue_pop_many(r->items, items, DELIVERY_JOBS, wait_ms, &closed);

    for (size_t i = 0; i < n; i++)
        if (take_item(r, items[i], err) < 0) {
            while (++i < n)
                item_free(items[i]);
            return -1;
        }
    *ended = closed;
    if (closed)
        return send_all(r, err);
    return lingers(r) ? 0 : send_group(r, &sent, err);
}

static void *reply_main(void *arg) /* thread `reply`: owns delivery, finished jobs */
{
    struct reply *r = arg;
    struct err why = {0};
    bool ended = false;

    while (!ended)
        if (turn(r, &ended, &why) < 0)
            break;
    if (err_is_set(&why) && why.class != ERR_STOPPING)
        report_send(r->conf.reports, REPORT_ENDED, &why);
    queue_close(r->items);
    for (size_t i = 0; i < r->ready_count; i++)
        job_free(r->ready[i]);
    delivery_close(r->delivery);
    queue_close(r->released);
    queue_close(r->ended);
    return NULL;
}

static void reply_free(struct reply *r)
{
    queue_free(r->items);
    queue_free(r->released);
    queue_free(r->ended);
    free(r->ready);
    free(r);
}

int reply_start(struct reply **out, const struct reply_conf *conf, struct err *err)
{
    struct reply *r = mem_alloc(1, sizeof *r);

    r->conf = *conf;
    r->items = queue_new(SIZE_MAX, conf->queue_count, item_free);
    r->released = queue_new(SIZE_MAX, conf->queue_count, free);
    r->ended = queue_new(1, 1, free);
    if (delivery_open(&r->delivery, &conf->delivery, err) < 0) {
        reply_free(r);
        return -1;
    }
    int rc = pthread_create(&r->thread, NULL, reply_main, r);
    if (rc != 0) {
        delivery_close(r->delivery);
        reply_free(r);
        return err_set(err, ERR_FATAL, "thread.start", "thread reply: %s", strerror(rc));
    }
    *out = r;
    return 0;
}

bool reply_stop(struct reply *r)
{
    bool closed = false;

    if (r == NULL)
        return true;
    queue_close(r->items);
    /* The thread sees give_up_ms too, between two calls of librdkafka: it gets a moment more. */
    int64_t deadline_ms = atomic_load(&r->conf.delivery.flight->give_up_ms) + STOP_GRACE_MS;
    while (!closed && clock_mono_ms() < deadline_ms)
        free(queue_pop(r->ended, 100, &closed));
    if (!closed)
        return false;
    pthread_join(r->thread, NULL);
    reply_free(r);
    return true;
}
