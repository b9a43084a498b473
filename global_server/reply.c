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
#define STOP_GRACE_MS 2000
#define PUSH_MAX 64
#define LARGE_BYTES ((size_t)1 << 20)  /* an answer with more goes with the large ones */
#define SMALL_QUEUE ((int64_t)4 << 20) /* bytes that librdkafka holds of the small ones */
#define LARGE_QUEUE ((int64_t)8 << 20) /* and of the others */

/* Among the jobs: all before it are to be committed, then released is told. */
static struct job release;

enum { SMALL, LARGE, CARRIERS };

static const char *const names[CARRIERS] = {"reply", "reply-large"};

/* A thread with its producer. */
struct carrier {
    pthread_t thread;
    const struct reply_conf *conf;
    bool started;
    struct queue *jobs;
    struct queue *released; /* answers to reply_release */
    struct queue *ended;    /* closed when the thread ends */
    char *transactional_id;
    /* the thread's */
    struct delivery *delivery;
    struct job **ready; /* not yet sent */
    size_t ready_count;
    bool lingers;            /* for those that are about to come */
    bool more;               /* ready than went with the last transaction */
    int64_t linger_until_ms; /* monotonic; 0: nothing is ready */
};

struct reply {
    struct reply_conf conf;
    struct holding *holding;
    struct carrier carriers[CARRIERS];
};

static void drop(void *job)
{
    if (job != &release)
        job_free(job);
}

static void push_take(struct carrier *c, void *const *jobs, size_t n)
{
    if (n > 0 && queue_push_many_take(c->jobs, jobs, n, NULL) < 0)
        return; /* closed: they are freed, their requests stay for the next owner */
}

void reply_send_take(struct reply *r, struct job *const *jobs, size_t n)
{
    void *some[PUSH_MAX];

    for (size_t i = 0; i < n; i++)
        request_forget_query(&jobs[i]->request);
    for (size_t begin = 0; begin < n; begin += PUSH_MAX) {
        size_t end = n - begin < PUSH_MAX ? n : begin + PUSH_MAX, small = 0;
        for (size_t i = begin; i < end; i++)
            if (answer_bytes(jobs[i]->answer) > LARGE_BYTES)
                push_take(&r->carriers[LARGE], &(void *){jobs[i]}, 1);
            else
                some[small++] = jobs[i];
        push_take(&r->carriers[SMALL], some, small);
    }
}

void reply_claim_take(struct reply *r, struct group_claim *claim)
{
    holding_begin_take(r->holding, claim);
}

void reply_renew_take(struct reply *r, struct group_claim *renewal)
{
    holding_renew_take(r->holding, renewal);
}

bool reply_is_quiet(struct reply *r)
{
    return holding_is_free(r->holding);
}

void reply_release(struct reply *r, int64_t wait_ms)
{
    int64_t deadline_ms = clock_mono_ms() + wait_ms;
    bool closed;

    for (size_t i = 0; i < CARRIERS; i++) {
        struct carrier *c = &r->carriers[i];
        while (queue_count(c->released) > 0) /* of a release that was not waited for */
            free(queue_pop(c->released, 0, &closed));
        push_take(c, &(void *){&release}, 1);
    }
    for (size_t i = 0; i < CARRIERS; i++) {
        int64_t left_ms = deadline_ms - clock_mono_ms();
        free(queue_pop(r->carriers[i].released, left_ms > 0 ? left_ms : 0, &closed));
    }
}

/* Sends what can be sent. *sent: something was. */
static int send_group(struct carrier *c, bool *sent, struct err *err)
{
    struct job *jobs[DELIVERY_JOBS];
    size_t n = 0;

    if (c->ready_count > 0)
        n = delivery_choose(c->delivery, c->ready, &c->ready_count, jobs);
    *sent = n > 0;
    return n > 0 ? delivery_send_take(c->delivery, jobs, n, err) : 0;
}

static int send_all(struct carrier *c, struct err *err)
{
    bool sent = true;

    while (sent)
        if (send_group(c, &sent, err) < 0)
            return -1;
    return 0;
}

static void keep_ready(struct carrier *c, struct job *job)
{
    c->ready = mem_realloc(c->ready, c->ready_count + 1, sizeof(struct job *));
    c->ready[c->ready_count++] = job;
}

static int take_job(struct carrier *c, struct job *job, struct err *err)
{
    if (job != &release) {
        keep_ready(c, job);
        return 0;
    }
    int rc = send_all(c, err);
    if (queue_push_take(c->released, mem_alloc(1, 1), 1, NULL) < 0)
        rc = -1;
    return rc;
}

/* How long the first answer of a transaction waits for so many that come soon: not long for a few,
 * which a transaction of their own would not delay by more. */
static int64_t linger_ms(int64_t soon)
{
    return soon < 16 ? 2 : soon < 256 ? 10 : soon < 1024 ? 30 : 60;
}

/* A transaction costs Kafka the same with one reply or many. So those that are about to be answered
 * go with those that are; one request alone waits for nobody. */
static bool lingers(struct carrier *c)
{
    int64_t now = clock_mono_ms(), soon = atomic_load(&c->conf->delivery.flight->soon);

    if (!c->lingers || c->ready_count == 0 || c->ready_count >= DELIVERY_JOBS || soon <= 0) {
        c->linger_until_ms = 0;
        return false;
    }
    if (c->linger_until_ms == 0)
        c->linger_until_ms = now + linger_ms(soon);
    if (now < c->linger_until_ms)
        return true;
    c->linger_until_ms = 0;
    return false;
}

/* *ended: no more jobs will come, all are sent. */
static int turn(struct carrier *c, bool *ended, struct err *err)
{
    void *jobs[DELIVERY_JOBS];
    bool closed;
    int64_t wait_ms = c->more ? 0 : c->linger_until_ms > 0 ? 1 : IDLE_MS; /* soon may become 0 */
    size_t n = queue_pop_many(c->jobs, jobs, DELIVERY_JOBS, wait_ms, &closed);

    for (size_t i = 0; i < n; i++)
        if (take_job(c, jobs[i], err) < 0) {
            while (++i < n)
                drop(jobs[i]);
            return -1;
        }
    *ended = closed;
    if (closed)
        return send_all(c, err);
    c->more = false;
    if (lingers(c))
        return 0;
    int rc = send_group(c, &c->more, err);
    c->more = c->more && c->ready_count > 0;
    return rc;
}

static void *carrier_main(void *arg) /* threads `reply`: each owns a delivery, finished jobs */
{
    struct carrier *c = arg;
    struct err why = {0};
    bool ended = false;

    while (!ended)
        if (turn(c, &ended, &why) < 0)
            break;
    if (err_is_set(&why) && why.class != ERR_STOPPING)
        report_send(c->conf->reports, REPORT_ENDED, &why);
    queue_close(c->jobs);
    for (size_t i = 0; i < c->ready_count; i++)
        job_free(c->ready[i]);
    delivery_close(c->delivery);
    queue_close(c->released);
    queue_close(c->ended);
    return NULL;
}

static void carrier_fini(struct carrier *c)
{
    queue_free(c->jobs);
    queue_free(c->released);
    queue_free(c->ended);
    free(c->transactional_id);
    free(c->ready);
}

static void reply_free(struct reply *r)
{
    for (size_t i = 0; i < CARRIERS; i++)
        carrier_fini(&r->carriers[i]);
    holding_free(r->holding);
    free(r);
}

static int carrier_start(struct reply *r, size_t which, struct err *err)
{
    struct carrier *c = &r->carriers[which];
    struct delivery_conf conf = r->conf.delivery;
    bool large = which == LARGE;
    struct buf id = {0};

    buf_addf(&id, "%s%s", conf.txn.transactional_id, large ? "-large" : "");
    c->transactional_id = buf_take(&id);
    conf.txn.transactional_id = c->transactional_id;
    conf.txn.queue_bytes = large ? LARGE_QUEUE : SMALL_QUEUE;
    conf.holding = r->holding;
    conf.large = large;
    c->conf = &r->conf;
    c->lingers = !large;
    c->jobs = queue_new(SIZE_MAX, r->conf.queue_count, drop);
    c->released = queue_new(SIZE_MAX, r->conf.queue_count, free);
    c->ended = queue_new(1, 1, free);
    if (delivery_open(&c->delivery, &conf, err) < 0)
        return -1;
    int rc = pthread_create(&c->thread, NULL, carrier_main, c);
    if (rc != 0) {
        delivery_close(c->delivery);
        return err_set(err, ERR_FATAL, "thread.start", "thread %s: %s", names[which], strerror(rc));
    }
    c->started = true;
    return 0;
}

int reply_start(struct reply **out, const struct reply_conf *conf, struct err *err)
{
    struct reply *r = mem_alloc(1, sizeof *r);
    int rc = 0;

    r->conf = *conf;
    r->holding = holding_new();
    for (size_t i = 0; rc == 0 && i < CARRIERS; i++)
        rc = carrier_start(r, i, err);
    if (rc == 0) {
        *out = r;
        return 0;
    }
    if (r->carriers[SMALL].started) { /* which has nothing in hand */
        queue_close(r->carriers[SMALL].jobs);
        pthread_join(r->carriers[SMALL].thread, NULL);
    }
    reply_free(r);
    return -1;
}

/* The thread sees give_up_ms too, between two calls of librdkafka: it gets a moment more. */
static bool wait_for_end(struct carrier *c)
{
    int64_t deadline_ms = atomic_load(&c->conf->delivery.flight->give_up_ms) + STOP_GRACE_MS;
    bool closed = false;

    while (!closed && clock_mono_ms() < deadline_ms)
        free(queue_pop(c->ended, 100, &closed));
    return closed;
}

bool reply_stop(struct reply *r)
{
    bool ended = true;

    if (r == NULL)
        return true;
    for (size_t i = 0; i < CARRIERS; i++)
        queue_close(r->carriers[i].jobs);
    for (size_t i = 0; i < CARRIERS; i++)
        ended = wait_for_end(&r->carriers[i]) && ended;
    if (!ended)
        return false;
    for (size_t i = 0; i < CARRIERS; i++)
        pthread_join(r->carriers[i].thread, NULL);
    reply_free(r);
    return true;
}
