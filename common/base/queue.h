/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CYPHERLOG_BASE_QUEUE_H
#define CYPHERLOG_BASE_QUEUE_H

/* base/queue.h: a bounded first-in first-out queue between threads. Bounded by bytes and count; a
 * full one makes the giver wait, which is the back-pressure. One item over the byte limit passes
 * when the queue is empty, or a single large command would wait for ever. */

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct queue;

/* free_item releases an item that nobody took. Limits are at least 1. */
struct queue *queue_new(size_t limit_bytes, size_t limit_count, void (*free_item)(void *item));

/* Frees what is inside; no thread may be using it. */
void queue_free(struct queue *q);

/* Waits for room. 0, or -1 with ERR_STOPPING once closed. The item is gone either way: a refused
 * one goes to the free function that queue_new was given. Any thread. */
MUST_CHECK int queue_push_take(struct queue *q, void *item, size_t bytes, struct err *err);

/* The same for items[0..n-1] in this order, of no bytes each. They stay together unless it has to
 * wait for room in between. -1: some of them went in and the others were freed. */
MUST_CHECK int queue_push_many_take(struct queue *q, void *const *items, size_t n, struct err *err);

/* The next item, now the caller's. Waits until wait_ms is over: NULL and *closed false; or until
 * the queue is closed and empty: NULL and *closed true. Any thread. */
void *queue_pop(struct queue *q, int64_t wait_ms, bool *closed);

/* The same for several items at once: fills items[0..max-1] with what is there, at least one unless
 * the wait ended; returns how many. */
size_t queue_pop_many(struct queue *q, void **items, size_t max, int64_t wait_ms, bool *closed);

/* No more items go in; those inside can still be taken. Any thread, any number of times. */
void queue_close(struct queue *q);

/* Items inside now, and their bytes. */
size_t queue_count(struct queue *q);
size_t queue_bytes(struct queue *q);

#endif
