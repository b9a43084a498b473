/* SPDX-License-Identifier: Apache-2.0 */

/* global_server/glance: whoever asks gets a look that began afterwards; one look serves many. */
#include "global_server/glance.h"

#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 8
#define TIMES 2000

/* A replica that moves on with each look: it was there when the look began. */
struct world {
    struct glance *glance;
    atomic_llong position; /* where it is */
    atomic_int asked;      /* that have said so, and ask now */
    atomic_int looks;
    atomic_int wrong;
    int waits_for; /* a look lasts until so many have asked */
    bool fails;
};

static int look(void *arg, struct glance_seen *seen, struct err *err)
{
    struct world *w = arg;

    atomic_fetch_add(&w->looks, 1);
    snprintf(seen->name, sizeof seen->name, "a");
    seen->position = atomic_load(&w->position);
    while (atomic_load(&w->asked) < w->waits_for)
        sched_yield();
    return w->fails ? err_set(err, ERR_RETRY, "neo4j.connect", "nobody is there") : 0;
}

/* Each moves the replica on, and is to see that. */
static void *ask(void *arg)
{
    struct world *w = arg;
    struct glance_seen seen;
    struct err err = {0};

    for (int i = 0; i < TIMES; i++) {
        int64_t least = atomic_fetch_add(&w->position, 1) + 1;
        if (glance_share(w->glance, look, w, &seen, &err) < 0 || seen.position < least ||
            strcmp(seen.name, "a") != 0)
            atomic_fetch_add(&w->wrong, 1);
    }
    return NULL;
}

/* One that asks once. */
static void *ask_once(void *arg)
{
    struct world *w = arg;
    struct glance_seen seen;
    struct err err = {0};

    atomic_fetch_add(&w->asked, 1);
    int rc = glance_share(w->glance, look, w, &seen, &err);
    if (rc != (w->fails ? -1 : 0) || (w->fails && strcmp(err.code, "neo4j.connect") != 0))
        atomic_fetch_add(&w->wrong, 1);
    return NULL;
}

static void run(struct world *w, void *(*work)(void *), int threads)
{
    pthread_t thread[THREADS];

    w->glance = glance_new();
    for (int i = 0; i < threads; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, work, w), 0);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    glance_free(w->glance);
    assert_int_equal(atomic_load(&w->wrong), 0);
}

static void what_is_seen_is_no_older_than_the_question(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, ask, THREADS);
    assert_in_range(atomic_load(&w.looks), 1, THREADS * TIMES);
}

/* The first look lasts until all have come; those that came during it need one more, and who is
 * held up on the way in another one. */
static void one_look_serves_many(void **state)
{
    struct world w = {.waits_for = THREADS};

    (void)state;
    run(&w, ask_once, THREADS);
    assert_in_range(atomic_load(&w.looks), 1, THREADS - 1);
}

static void all_are_told_what_it_failed_with(void **state)
{
    struct world w = {.waits_for = THREADS, .fails = true};

    (void)state;
    run(&w, ask_once, THREADS);
    assert_in_range(atomic_load(&w.looks), 1, THREADS - 1);
}

static void one_alone_looks_itself(void **state)
{
    struct world w = {0};

    (void)state;
    run(&w, ask, 1);
    assert_int_equal(atomic_load(&w.looks), TIMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_seen_is_no_older_than_the_question),
        cmocka_unit_test(one_look_serves_many),
        cmocka_unit_test(all_are_told_what_it_failed_with),
        cmocka_unit_test(one_alone_looks_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
