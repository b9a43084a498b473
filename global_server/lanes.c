/* SPDX-License-Identifier: Apache-2.0 */
#include "global_server/lanes.h"

#include "base/clock.h"
#include "base/mem.h"
#include "global_server/habit.h"

#include <pthread.h>
#include <stdlib.h>
/* uthash asks how to end when memory is exhausted; mem_alloc has done so by then. */
#define uthash_malloc(size) mem_alloc(1, size)
#include <uthash.h>

#define TURN_BYTES ((size_t)256 << 10) /* of requests: all are written before they are sent */
#define PATIENCE_LEAST_MS 500
#define PATIENCE_MOST_MS 5000

struct list {
    struct job *first, **last;
};

/* Whoever has something in a lane, or a worker at work on it alone. */
struct client {
    uint64_t id;
    struct list waiting[LANES];
    struct client *next[LANES]; /* in the ring of a lane */
    size_t alone;               /* workers */
    UT_hash_handle hh;
};

/* Clients with something in the lane, in the order of their turns. */
struct ring {
    struct client *first, **last;
    size_t jobs;
};

struct lanes {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct client *clients;
    struct ring rings[LANES];
    struct habits *habits;
    struct lanes_conf conf;
    size_t quick, quick_max;               /* workers */
    size_t trials, trials_max;             /* of these */
    size_t alone, alone_max, alone_of_one; /* the same; of one client */
    size_t together;
    int64_t took_us; /* a question of the quick lane, on the average of the last few */
    bool closed;
};

struct lanes *lanes_new(const struct lanes_conf *conf)
{
    struct lanes *l = mem_alloc(1, sizeof *l);
    size_t workers = conf->workers;
    pthread_condattr_t attr;

    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &attr);
    pthread_condattr_destroy(&attr);
    for (size_t i = 0; i < LANES; i++)
        l->rings[i].last = &l->rings[i].first;
    l->habits = habits_new();
    l->conf = *conf;
    l->quick_max = workers / 3 > 0 ? workers / 3 : 1;
    l->trials_max = l->quick_max / 2; /* none, where a quick one would have to wait for it */
    l->alone_max = workers > 1 ? workers - l->quick_max : 1;
    l->alone_of_one = l->alone_max > 1 ? l->alone_max / 2 : 1;
    l->together = LANES_TOGETHER;
    return l;
}

/* ---- lists and rings, under the lock ---- */

static void append(struct list *list, struct job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static struct job *take_first(struct list *list)
{
    struct job *job = list->first;

    list->first = job->next;
    if (list->first == NULL)
        list->last = &list->first;
    return job;
}

static void ring_append(struct ring *ring, enum lane lane, struct client *c)
{
    c->next[lane] = NULL;
    *ring->last = c;
    ring->last = &c->next[lane];
}

static void ring_remove(struct ring *ring, enum lane lane, struct client **at)
{
    struct client *c = *at;

    *at = c->next[lane];
    if (ring->last == &c->next[lane])
        ring->last = at;
}

static struct client *find_client(struct lanes *l, uint64_t id)
{
    struct client *c;

    HASH_FIND(hh, l->clients, &id, sizeof id, c);
    return c;
}

static struct client *make_client(struct lanes *l, uint64_t id)
{
    struct client *c = find_client(l, id);

    if (c != NULL)
        return c;
    c = mem_alloc(1, sizeof *c);
    c->id = id;
    for (size_t i = 0; i < LANES; i++)
        c->waiting[i].last = &c->waiting[i].first;
    HASH_ADD(hh, l->clients, id, sizeof c->id, c);
    return c;
}

static void forget_if_idle(struct lanes *l, struct client *c)
{
    if (c->alone > 0 || c->waiting[LANE_QUICK].first != NULL || c->waiting[LANE_SOLO].first != NULL)
        return;
    HASH_DELETE(hh, l->clients, c);
    free(c);
}

static void add(struct lanes *l, struct job *job)
{
    struct client *c = make_client(l, job->client);
    struct list *list = &c->waiting[job->lane];

    if (list->first == NULL)
        ring_append(&l->rings[job->lane], job->lane, c);
    append(list, job);
    l->rings[job->lane].jobs++;
    if (job->lane == LANE_QUICK)
        atomic_fetch_add(&l->conf.flight->soon, 1);
}

/* The first job of the client at *at, who goes to the end of the ring if there are more. */
static struct job *take_from(struct lanes *l, enum lane lane, struct client **at)
{
    struct ring *ring = &l->rings[lane];
    struct client *c = *at;
    struct job *job = take_first(&c->waiting[lane]);

    ring_remove(ring, lane, at);
    if (c->waiting[lane].first != NULL)
        ring_append(ring, lane, c);
    ring->jobs--;
    return job;
}

void lanes_free(struct lanes *l)
{
    struct client *c, *next;

    if (l == NULL)
        return;
    atomic_fetch_sub(&l->conf.flight->soon, (long long)l->rings[LANE_QUICK].jobs);
    HASH_ITER(hh, l->clients, c, next)
    {
        for (size_t i = 0; i < LANES; i++)
            while (c->waiting[i].first != NULL)
                job_free(take_first(&c->waiting[i]));
        HASH_DELETE(hh, l->clients, c);
        free(c);
    }
    habits_free(l->habits);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* ---- in and out ---- */

/* Wakes as many workers as may have some. Where as many ask as may, the first to end takes them. */
static void wake(struct lanes *l, size_t quick, size_t solo)
{
    size_t idle = l->quick_max - l->quick, most = solo + (quick < idle ? quick : idle);

    for (size_t i = 0; i < most && i < l->conf.workers; i++)
        pthread_cond_signal(&l->changed);
}

void lanes_push_take(struct lanes *l, struct job *const *jobs, size_t n)
{
    size_t quick = 0;

    pthread_mutex_lock(&l->lock);
    bool closed = l->closed;
    for (size_t i = 0; !closed && i < n; i++) {
        quick += jobs[i]->lane == LANE_QUICK ? 1 : 0;
        add(l, jobs[i]);
    }
    if (!closed)
        wake(l, quick, n - quick);
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; closed && i < n; i++)
        job_free(jobs[i]);
}

/* The next one that goes alone, if a worker may be spared for it and its client has not enough of
 * them at work. */
static bool take_solo(struct lanes *l, struct turn *turn)
{
    struct client **at = &l->rings[LANE_SOLO].first;

    if (l->alone >= l->alone_max || atomic_load(&l->conf.stock->bytes) > l->conf.stock_bytes)
        return false;
    while (*at != NULL && (*at)->alone >= l->alone_of_one)
        at = &(*at)->next[LANE_SOLO];
    if (*at == NULL)
        return false;
    struct client *c = *at;
    turn->lane = LANE_SOLO;
    turn->client = c->id;
    turn->jobs[0] = take_from(l, LANE_SOLO, at);
    turn->count = 1;
    c->alone++;
    l->alone++;
    return true;
}

/* A share of what waits, so that each worker that may have some has. */
static bool take_quick(struct lanes *l, struct turn *turn)
{
    struct ring *ring = &l->rings[LANE_QUICK];
    size_t share = (ring->jobs + l->quick_max - 1) / l->quick_max;
    size_t room = l->conf.many ? LANES_TURN : l->together, most = share < room ? share : room;

    if (most == 0 || l->quick == l->quick_max)
        return false;
    turn->lane = LANE_QUICK;
    turn->together = l->together;
    size_t bytes = 0;
    while (turn->count < most) {
        struct client *c = ring->first;
        const struct job *job = c->waiting[LANE_QUICK].first;
        bytes += job->bytes;
        if (turn->count > 0 && (bytes > TURN_BYTES || job->apart || turn->jobs[0]->apart))
            break;
        turn->jobs[turn->count++] = take_from(l, LANE_QUICK, &ring->first);
        forget_if_idle(l, c);
    }
    l->quick++;
    return true;
}

static bool is_empty(const struct lanes *l)
{
    return l->rings[LANE_QUICK].jobs == 0 && l->rings[LANE_SOLO].jobs == 0;
}

/* One that waits for others to end which go alone, and may turn out to be quick. */
static bool take_trial(struct lanes *l, struct turn *turn)
{
    struct client **at = &l->rings[LANE_SOLO].first;

    if (l->quick == l->quick_max || l->trials == l->trials_max)
        return false;
    for (; *at != NULL; at = &(*at)->next[LANE_SOLO]) {
        const struct job *job = (*at)->waiting[LANE_SOLO].first;
        if (!job->alone && habits_hopeful(l->habits, job->form))
            break;
    }
    if (*at == NULL)
        return false;
    struct client *c = *at;
    turn->lane = LANE_QUICK;
    turn->together = turn->count = 1;
    turn->is_trial = true;
    turn->jobs[0] = take_from(l, LANE_SOLO, at);
    forget_if_idle(l, c);
    atomic_fetch_add(&l->conf.flight->soon, 1);
    l->quick++;
    l->trials++;
    return true;
}

static bool take_any(struct lanes *l, struct turn *turn)
{
    return take_solo(l, turn) || take_quick(l, turn) || take_trial(l, turn);
}

void lanes_take(struct lanes *l, int64_t wait_ms, struct turn *turn, bool *closed)
{
    struct timespec until = clock_deadline(wait_ms);
    int rc = 0;

    turn->count = turn->released = 0;
    turn->is_trial = false;
    pthread_mutex_lock(&l->lock);
    while (!take_any(l, turn) && rc == 0 && !(l->closed && is_empty(l)))
        rc = pthread_cond_timedwait(&l->changed, &l->lock, &until);
    *closed = l->closed && turn->count == 0 && is_empty(l);
    pthread_mutex_unlock(&l->lock);
}

void lanes_release(struct lanes *l, struct turn *turn, size_t count)
{
    turn->released += count;
    atomic_fetch_sub(&l->conf.flight->soon, (long long)count);
}

void lanes_end(struct lanes *l, struct turn *turn)
{
    pthread_mutex_lock(&l->lock);
    if (turn->lane == LANE_SOLO) {
        struct client *c = find_client(l, turn->client);
        c->alone--;
        l->alone--;
        forget_if_idle(l, c);
    } else {
        lanes_release(l, turn, turn->count - turn->released);
        l->quick--;
        l->trials -= turn->is_trial ? 1 : 0;
    }
    if (!is_empty(l)) /* the caller takes one, and one more may be taken now */
        pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

void lanes_close(struct lanes *l)
{
    pthread_mutex_lock(&l->lock);
    l->closed = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

size_t lanes_count(struct lanes *l, enum lane lane)
{
    pthread_mutex_lock(&l->lock);
    size_t count = l->rings[lane].jobs;
    pthread_mutex_unlock(&l->lock);
    return count;
}

/* ---- which lane ---- */

static enum lane lane_of(const struct lanes *l, struct job *job)
{
    job->expected_us = 0;
    return !job->alone && habits_quick(l->habits, job->form, &job->expected_us) ? LANE_QUICK
                                                                                : LANE_SOLO;
}

void lanes_judge(struct lanes *l, struct job *job)
{
    if (job->form == 0) /* the habits' seed never changes */
        job->form = habits_form(l->habits, job->request.text, job->request.text_len);
    pthread_mutex_lock(&l->lock);
    job->lane = lane_of(l, job);
    pthread_mutex_unlock(&l->lock);
}

/* Those that wait for one of their form to be the first. */
static void move_quick(struct lanes *l)
{
    struct ring *ring = &l->rings[LANE_SOLO];
    struct client *c = ring->first, *next;

    *ring = (struct ring){.last = &ring->first};
    for (; c != NULL; c = next) {
        struct list *list = &c->waiting[LANE_SOLO];
        struct job *job = list->first, *rest;
        next = c->next[LANE_SOLO];
        *list = (struct list){.last = &list->first};
        for (; job != NULL; job = rest) {
            rest = job->next;
            job->lane = lane_of(l, job);
            add(l, job);
        }
    }
    pthread_cond_broadcast(&l->changed);
}

void lanes_note(struct lanes *l, uint64_t form, int64_t us, size_t bytes)
{
    pthread_mutex_lock(&l->lock);
    if (habits_note(l->habits, form, us, bytes) && l->rings[LANE_SOLO].jobs > 0)
        move_quick(l);
    pthread_mutex_unlock(&l->lock);
}

void lanes_late(struct lanes *l, uint64_t form)
{
    pthread_mutex_lock(&l->lock);
    habits_late(l->habits, form);
    pthread_mutex_unlock(&l->lock);
}

void lanes_asked(struct lanes *l, bool whole, int64_t us)
{
    pthread_mutex_lock(&l->lock);
    l->took_us = (3 * l->took_us + us) / 4;
    if (!whole)
        l->together = l->together > 1 ? l->together / 2 : 1;
    else if (l->together < LANES_TOGETHER)
        l->together++;
    pthread_mutex_unlock(&l->lock);
}

int64_t lanes_patience_ms(struct lanes *l)
{
    pthread_mutex_lock(&l->lock);
    int64_t ms = 8 * l->took_us / 1000;
    pthread_mutex_unlock(&l->lock);
    if (ms < PATIENCE_LEAST_MS)
        return PATIENCE_LEAST_MS;
    return ms < PATIENCE_MOST_MS ? ms : PATIENCE_MOST_MS;
}
