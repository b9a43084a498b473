/* SPDX-License-Identifier: Apache-2.0 */
#include "db_sync/pace.h"

#include "unit.h"

#define MOST 2000
#define TIME_MS 2000

static struct pace paced(enum rewrite_form widest)
{
    struct pace p;

    pace_init(&p, widest, MOST, TIME_MS);
    return p;
}

static void size_follows_the_time(void **state)
{
    struct pace p = paced(REWRITE_TOGETHER);

    (void)state;
    assert_int_equal(pace_count(&p), MOST / 4); /* nothing is known yet */
    pace_done(&p, MOST / 4, REWRITE_TEXTS, 1, true);
    pace_done(&p, MOST / 2, REWRITE_TEXTS, 1, true);
    assert_int_equal(pace_count(&p), MOST);
    pace_done(&p, MOST, REWRITE_TEXTS, TIME_MS * 3 / 2, true);
    assert_int_equal(pace_count(&p), MOST / 2);
    pace_done(&p, MOST / 2, REWRITE_TEXTS, TIME_MS - 1, true);
    assert_int_equal(pace_count(&p), MOST / 2);
    pace_done(&p, MOST / 4, REWRITE_TEXTS, 1, true); /* it was not full: that says nothing */
    assert_int_equal(pace_count(&p), MOST / 2);
    pace_done(&p, MOST / 2, REWRITE_TEXTS, TIME_MS * 3 / 4 - 1, true); /* some more have room */
    assert_int_equal(pace_count(&p), MOST / 2 + MOST / 8);
    pace_done(&p, MOST / 2 + MOST / 8, REWRITE_TEXTS, TIME_MS / 2 - 1, true);
    assert_int_equal(pace_count(&p), MOST);
    pace_done(&p, 1, REWRITE_TEXTS, 10 * TIME_MS, true); /* one command cannot be less */
    assert_int_equal(pace_count(&p), MOST);
    pace_done(&p, MOST, REWRITE_TEXTS, 100 * TIME_MS, true); /* a hiccup? */
    assert_int_equal(pace_count(&p), MOST / 16);
    pace_done(&p, 2, REWRITE_TEXTS, 2 * TIME_MS, true);
    assert_int_equal(pace_count(&p), 1);
    pace_shrink(&p, 100);
    assert_int_equal(pace_count(&p), 50);
}

static void a_failure_makes_it_careful_for_a_while(void **state)
{
    struct pace p = paced(REWRITE_TOGETHER);
    int turns = 0;

    (void)state;
    pace_narrow(&p, 100);
    assert_int_equal(pace_count(&p), 100);
    for (size_t last = 99; pace_count(&p) < MOST; turns++) {
        assert_true(pace_count(&p) > last);
        last = pace_count(&p);
        pace_done(&p, last, REWRITE_TOGETHER, 5, true);
        assert_int_equal(pace_form(&p), REWRITE_TOGETHER);
    }
    assert_in_range(turns, 8, 20);
    pace_narrow(&p, 0);
    assert_int_equal(pace_count(&p), 1);
}

/* One transaction of MOST commands; its form. */
static enum rewrite_form turn(struct pace *p, const int64_t *took_ms)
{
    enum rewrite_form form = pace_form(p);

    pace_done(p, MOST, form, took_ms[form], true);
    return form;
}

static void the_faster_form_wins(void **state)
{
    static const int64_t slow_together[] = {0, 200, 800}, slow_singly[] = {0, 800, 200};
    struct pace p = paced(REWRITE_TOGETHER);
    int singly = 0, together = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        turn(&p, slow_together);
    for (int i = 0; i < 1000; i++)
        singly += turn(&p, slow_together) == REWRITE_SINGLY;
    assert_in_range(singly, 970, 999); /* now and then it looks at the other */
    for (int i = 0; i < 1000; i++)
        turn(&p, slow_singly);
    for (int i = 0; i < 1000; i++)
        together += turn(&p, slow_singly) == REWRITE_TOGETHER;
    assert_in_range(together, 970, 999);
}

static void what_is_quick_is_left_alone(void **state)
{
    static const int64_t quick[] = {0, 1000, 60};
    struct pace p = paced(REWRITE_TOGETHER);

    (void)state;
    for (int i = 0; i < 300; i++)
        assert_int_equal(turn(&p, quick), REWRITE_TOGETHER);
}

static void no_form_beyond_the_one_that_is_allowed(void **state)
{
    struct pace p = paced(REWRITE_TEXTS);

    (void)state;
    assert_int_equal(pace_form(&p), REWRITE_TEXTS);
    p = paced(REWRITE_SINGLY);
    assert_int_equal(pace_form(&p), REWRITE_SINGLY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_follows_the_time),
        cmocka_unit_test(a_failure_makes_it_careful_for_a_while),
        cmocka_unit_test(the_faster_form_wins),
        cmocka_unit_test(what_is_quick_is_left_alone),
        cmocka_unit_test(no_form_beyond_the_one_that_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
