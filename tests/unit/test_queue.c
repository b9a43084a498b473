/* SPDX-License-Identifier: Apache-2.0 */
#include "base/queue.h"

#include "base/mem.h"

#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

static int freed;

static void free_item(void *item)
{
    freed++;
    free(item);
}

static int *number(int n)
{
    int *p = mem_alloc(1, sizeof *p);

    *p = n;
    return p;
}

static void order_and_closing(void **state)
{
    struct queue *q = queue_new(100, 10, free_item);
    struct err err = {0};
    bool closed;

    (void)state;
    freed = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(queue_push_take(q, number(i), 10, &err), 0);
    int *first = queue_pop(q, 0, &closed);
    assert_true(*first == 0 && !closed);
    free(first);
    void *items[5];
    assert_int_equal(queue_pop_many(q, items, 5, 1000, &closed), 2);
    assert_int_equal(*(int *)items[1], 2);
    free(items[0]);
    free(items[1]);
    assert_null(queue_pop(q, 1, &closed));
    assert_false(closed);
    assert_int_equal(queue_push_take(q, number(3), 10, &err), 0);
    queue_close(q);
    assert_int_equal(queue_push_take(q, number(4), 10, &err), -1);
    assert_int_equal(err.class, ERR_STOPPING);
    assert_int_equal(freed, 1); /* the refused one */
    assert_int_equal(queue_count(q), 1);
    queue_free(q);
    assert_int_equal(freed, 2);
}

static void one_item_over_the_limit_passes_when_empty(void **state)
{
    struct queue *q = queue_new(10, 10, free_item);
    struct err err = {0};

    (void)state;
    assert_int_equal(queue_push_take(q, number(1), 1000, &err), 0);
    queue_free(q);
}

static void *taker(void *arg)
{
    struct queue *q = arg;
    bool closed = false;
    long sum = 0;

    while (!closed) {
        int *item = queue_pop(q, 1000, &closed);
        if (item == NULL)
            continue;
        sum = sum * 31 % 1000003 + *item; /* depends on the order */
        free(item);
    }
    return (void *)sum;
}

static void *giver(void *arg)
{
    void *items[5];
    struct err err = {0};

    for (int i = 0; i < 5; i++)
        items[i] = number(i);
    assert_int_equal(queue_push_many_take(arg, items, 5, &err), -1);
    assert_int_equal(err.class, ERR_STOPPING);
    return NULL;
}

/* More than there is room for: in order, and what is not in when it is closed is freed. */
static void several_go_in_together(void **state)
{
    struct queue *q = queue_new(100, 3, free_item);
    void *items[2] = {number(0), number(1)};
    struct err err = {0};
    pthread_t thread;
    bool closed;

    (void)state;
    freed = 0;
    assert_int_equal(queue_push_many_take(q, items, 2, &err), 0);
    assert_int_equal(queue_count(q), 2);
    for (int i = 0; i < 2; i++) {
        int *n = queue_pop(q, 0, &closed);
        assert_int_equal(*n, i);
        free(n);
    }
    assert_int_equal(pthread_create(&thread, NULL, giver, q), 0);
    int *first = queue_pop(q, 10000, &closed);
    assert_int_equal(*first, 0);
    free(first);
    while (queue_count(q) < 3) /* then the giver waits with the fifth, or will */
        sched_yield();
    queue_close(q);
    pthread_join(thread, NULL);
    assert_int_equal(freed, 1);
    for (int i = 1; i < 4; i++) {
        int *n = queue_pop(q, 0, &closed);
        assert_int_equal(*n, i);
        free(n);
    }
    assert_null(queue_pop(q, 0, &closed));
    assert_true(closed);
    queue_free(q);
}

static void a_full_queue_makes_the_giver_wait(void **state)
{
    struct queue *q = queue_new(50, 3, free_item);
    struct err err = {0};
    pthread_t thread;
    void *result;
    long sum = 0;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, taker, q), 0);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(queue_push_take(q, number(i), (size_t)(i % 60), &err), 0);
        sum = sum * 31 % 1000003 + i;
    }
    queue_close(q);
    pthread_join(thread, &result);
    assert_int_equal((long)result, sum);
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_closing),
        cmocka_unit_test(one_item_over_the_limit_passes_when_empty),
        cmocka_unit_test(several_go_in_together),
        cmocka_unit_test(a_full_queue_makes_the_giver_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
