/* SPDX-License-Identifier: Apache-2.0 */
#include "base/queue.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
    struct entry *next;
    void *item;
    size_t bytes;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct entry *first, **last;
    size_t bytes, count, limit_bytes, limit_count;
    bool closed;
    void (*free_item)(void *item);
};

struct queue *queue_new(size_t limit_bytes, size_t limit_count, void (*free_item)(void *item))
{
    struct queue *q = mem_alloc(1, sizeof *q);
    pthread_condattr_t attr;

    pthread_mutex_init(&q->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->changed, &attr);
    pthread_condattr_destroy(&attr);
    q->last = &q->first;
    q->limit_bytes = limit_bytes;
    q->limit_count = limit_count;
    q->free_item = free_item;
    return q;
}

void queue_free(struct queue *q)
{
    if (q == NULL)
        return;
    for (struct entry *e = q->first, *next; e != NULL; e = next) {
        next = e->next;
        q->free_item(e->item);
        free(e);
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static bool has_room(const struct queue *q, size_t bytes)
{
    if (q->count == 0)
        return true;
    return q->count < q->limit_count && bytes <= q->limit_bytes &&
           q->bytes <= q->limit_bytes - bytes;
}

/* Under the lock. Waits for room; false once closed. */
static bool append(struct queue *q, void *item, size_t bytes)
{
    if (!has_room(q, bytes))
        pthread_cond_broadcast(&q->changed); /* for what went in before it */
    while (!q->closed && !has_room(q, bytes))
        pthread_cond_wait(&q->changed, &q->lock);
    if (q->closed)
        return false;
    struct entry *e = mem_alloc(1, sizeof *e);
    *e = (struct entry){.item = item, .bytes = bytes};
    *q->last = e;
    q->last = &e->next;
    q->bytes += bytes;
    q->count++;
    return true;
}

static int push(struct queue *q, void *const *items, size_t n, size_t bytes, struct err *err)
{
    size_t in = 0;

    pthread_mutex_lock(&q->lock);
    while (in < n && append(q, items[in], bytes))
        in++;
    if (in > 0)
        pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    if (in == n)
        return 0;
    for (; in < n; in++)
        q->free_item(items[in]);
    return err_set(err, ERR_STOPPING, "stopping", "the queue is closed");
}

int queue_push_take(struct queue *q, void *item, size_t bytes, struct err *err)
{
    return push(q, &item, 1, bytes, err);
}

int queue_push_many_take(struct queue *q, void *const *items, size_t n, struct err *err)
{
    return push(q, items, n, 0, err);
}

static void *take_first(struct queue *q)
{
    struct entry *e = q->first;
    void *item = e->item;

    q->first = e->next;
    if (q->first == NULL)
        q->last = &q->first;
    q->bytes -= e->bytes;
    q->count--;
    free(e);
    return item;
}

size_t queue_pop_many(struct queue *q, void **items, size_t max, int64_t wait_ms, bool *closed)
{
    struct timespec until = clock_deadline(wait_ms);
    size_t n = 0;
    int rc = 0;

    pthread_mutex_lock(&q->lock);
    while (q->first == NULL && !q->closed && wait_ms > 0 && rc == 0)
        rc = pthread_cond_timedwait(&q->changed, &q->lock, &until);
    *closed = q->first == NULL && q->closed;
    while (n < max && q->first != NULL)
        items[n++] = take_first(q);
    if (n > 0)
        pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return n;
}

void *queue_pop(struct queue *q, int64_t wait_ms, bool *closed)
{
    void *item = NULL;

    return queue_pop_many(q, &item, 1, wait_ms, closed) == 1 ? item : NULL;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

size_t queue_count(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t count = q->count;
    pthread_mutex_unlock(&q->lock);
    return count;
}

size_t queue_bytes(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t bytes = q->bytes;
    pthread_mutex_unlock(&q->lock);
    return bytes;
}
